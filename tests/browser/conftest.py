"""Fixtures for tests that drive a real JupyterLab in a real Chromium.

Their scope is the package, not the session: Playwright's synchronous API keeps an event loop
running in this thread, and `asyncio.run` elsewhere in the suite would refuse to start beside it.
"""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.chromium import NoChromium, find_chromium, launched
from tests.browser.lab import LabPage, lab_page
from tests.browser.server import LabServer


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


@pytest.fixture
def lab(browser: Browser, lab_server: LabServer) -> Iterator[LabPage]:
    """A fresh page; a native dialog, an uncaught error or an outward request fails the test."""
    with lab_page(browser, lab_server) as lab:
        yield lab
    assert not lab.dialogs
    assert not lab.page_errors
    assert not lab.outside
