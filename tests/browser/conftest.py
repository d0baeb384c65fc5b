"""Fixtures for tests that drive a real JupyterLab in a real Chromium.

Their scope is the package, not the session: Playwright's synchronous API keeps an event loop
running in this thread, and `asyncio.run` elsewhere in the suite would refuse to start beside it.
"""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.aws.faults import FaultServer
from tests.browser.chromium import NoChromium, find_chromium, launched
from tests.browser.lab import LabPage, lab_page
from tests.browser.server import LabServer

# What Notebook 7 itself throws now and then as it starts, before any cell has run: it looks for a
# setting that is not read yet, or for a command of JupyterLab's that it lacks.
NOTEBOOKS_OWN = (
    "Cannot read properties of undefined (reading 'schema')",
    "Command 'filebrowser:open-path' not registered.",
)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The installed Chromium; without one a test is skipped, or fails where one is required."""
    try:
        return find_chromium()
    except NoChromium as missing:
        if os.environ.get("CLOUDOPS_REQUIRE_BROWSER"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="package")
def browser(chromium_path: str) -> Iterator[Browser]:
    with launched(chromium_path) as chromium:
        yield chromium


@pytest.fixture(scope="package")
def lab_server(
    chromium_path: str,  # not started for tests that are skipped
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LabServer]:
    server = LabServer(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


@pytest.fixture(scope="package")
def open_lab_page(browser: Browser, lab_server: LabServer) -> Iterator[LabPage]:
    """A page with a notebook, on a kernel: loading one takes longer than most tests."""
    with lab_page(browser, lab_server) as lab:
        lab.new_notebook()
        yield lab


@pytest.fixture
def lab(open_lab_page: LabPage) -> Iterator[LabPage]:
    """A page with a notebook that other tests use as well: each brings cells of its own.

    A native dialog, an uncaught error or an outward request fails the test.
    """
    lab = open_lab_page
    yield lab
    lab.set_theme("light")
    lab.page.emulate_media(reduced_motion="null")
    lab.page.context.clear_permissions()
    lab.page.mouse.move(0, 0)  # else it would point at what the next test shows
    leave(lab)


@pytest.fixture
def fresh_lab(browser: Browser, lab_server: LabServer) -> Iterator[LabPage]:
    """A page in which nothing is open yet, for what a load, a save or a new kernel changes."""
    with lab_page(browser, lab_server) as lab:
        yield lab
    check(lab)


@pytest.fixture(scope="package")
def open_notebook_page(browser: Browser, lab_server: LabServer) -> Iterator[LabPage]:
    """A page of Notebook 7, which shares JupyterLab's code and server."""
    with lab_page(browser, lab_server, start="notebooks") as notebook:
        notebook.new_notebook()
        yield notebook


@pytest.fixture
def notebook(open_notebook_page: LabPage) -> Iterator[LabPage]:
    """A page of Notebook 7 that other tests use as well: each brings cells of its own."""
    notebook = open_notebook_page
    yield notebook
    notebook.page_errors[:] = [
        error for error in notebook.page_errors if error not in NOTEBOOKS_OWN
    ]
    leave(notebook)


@pytest.fixture
def fault_server() -> Iterator[FaultServer]:
    """Plays AWS."""
    with FaultServer() as server:
        yield server


def leave(page: LabPage) -> None:
    """Makes it ready for the next test."""
    page.new_cells()
    if not page.is_idle():  # the test failed half-way
        page.restart_kernel()
    check(page)


def check(page: LabPage) -> None:
    """Whether nothing was noted that no test may cause; the next test begins with nothing noted."""
    noted = [[*each] for each in (page.dialogs, page.page_errors, page.outside)]
    for each in (page.dialogs, page.page_errors, page.outside, page.console_errors):
        each.clear()
    assert noted == [[], [], []]
