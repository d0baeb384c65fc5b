"""Fixtures for tests that drive a real JupyterLab in a real Chromium.

Their scope is the package, not the session: Playwright's synchronous API keeps an event loop
running in this thread, and `asyncio.run` elsewhere in the suite would refuse to start beside it.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.lab import LabPage
from tests.browser.server import LabServer

WAIT_SECONDS = (
    20  # for a locator or an expectation; generous, since nothing waits longer than it must
)

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",  # loopback only, whatever the environment says,
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",  # and no names
    "--no-sandbox",  # CI runs as root, which Chromium's sandbox refuses
]


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The installed Chromium; without one a test is skipped, or fails where one is required."""
    named = os.environ.get("CLOUDOPS_CHROMIUM")
    names = [named] if named else CHROMIUM_NAMES
    found = next(filter(None, map(shutil.which, names)), None)
    if found:
        return found
    missing = (
        f"no Chromium: {', '.join(names)} not found. Install one (Debian: apt-get install "
        "chromium) or name it in CLOUDOPS_CHROMIUM"
    )
    if os.environ.get("CLOUDOPS_REQUIRE_BROWSER"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="package")
def browser(chromium_path: str) -> Iterator[Browser]:
    expect.set_options(timeout=WAIT_SECONDS * 1000)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=chromium_path, args=CHROMIUM_ARGUMENTS
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def lab_server(
    chromium_path: str,  # not started for tests that are skipped
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LabServer]:
    server = LabServer(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


@pytest.fixture
def lab(browser: Browser, lab_server: LabServer) -> Iterator[LabPage]:
    """A fresh page; a native dialog, an uncaught error or an outward request fails the test."""
    directory = Path(tempfile.mkdtemp(prefix="page-", dir=lab_server.root))
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(WAIT_SECONDS * 1000)
    lab = LabPage(page, lab_server, directory)
    yield lab
    lab.set_theme("light")
    context.close()
    lab_server.shut_kernels_down()
    assert not lab.dialogs
    assert not lab.page_errors
    assert not lab.outside
