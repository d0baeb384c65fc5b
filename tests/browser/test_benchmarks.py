"""What ``make bench-ui`` measures can be measured; the figures themselves are its own."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from benchmarks import ui
from benchmarks.measure import QUICK
from benchmarks.pages import Frames, Watched
from tests.browser.lab import LabPage, lab_page
from tests.browser.server import LabServer


@pytest.fixture(scope="module")
def page(browser: Browser, lab_server: LabServer) -> Iterator[LabPage]:
    """Not the page other tests use: one that is watched draws frames all the time."""
    with lab_page(browser, lab_server) as page:
        page.new_notebook()
        yield page


@pytest.mark.parametrize("name", ["flood", "flood-append", "yes", "cancel", "first-line", "plan"])
def test_each_figure_is_taken(page: LabPage, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(QUICK, "1")
    watched = Watched(page)
    rows = ui.BENCHMARKS[name](watched, watched)

    assert rows
    assert all(re.search(r"\d", row.ours + row.peer) for row in rows)


def test_the_page_says_which_benchmarks_there_are_and_no_more_of_the_machine() -> None:
    page = ui.report([])

    assert all(f"`{name}`" in page for name in ui.BENCHMARKS)
    assert "/" not in page.partition("| what")[0].replace("`", "")


def test_frames_are_judged_by_the_medians_of_their_rounds() -> None:
    rounds = [Frames(17, 20), Frames(50, 400), Frames(20, 60)]

    assert Frames.medians(rounds) == Frames(20, 60)
