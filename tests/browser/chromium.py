"""The Chromium that tests and screenshots drive: an installed one, found by name."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

WAIT_SECONDS = (
    20  # for a locator or an expectation; generous, since nothing waits longer than it must
)

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
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


class NoChromium(Exception):
    """None is installed; says what to do."""


def find_chromium() -> str:
    """Its path.

    Raises:
        NoChromium: there is none.
    """
    named = os.environ.get("CLOUDOPS_CHROMIUM")
    names = [named] if named else NAMES
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise NoChromium(
            f"no Chromium: {', '.join(names)} not found. Install one (Debian: apt-get install "
            "chromium) or name it in CLOUDOPS_CHROMIUM"
        )
    return found


@contextmanager
def launched(path: str) -> Iterator[Browser]:
    """A headless one, with our patience."""
    expect.set_options(timeout=WAIT_SECONDS * 1000)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()
