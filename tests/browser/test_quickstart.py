"""The quickstart in a real JupyterLab: run from top to bottom, saved, and opened again."""

from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, expect

from scripts.demo import may_fail
from tests.browser.lab import LabPage, lab_page
from tests.browser.server import LabServer

QUICKSTART = Path(__file__).resolve().parents[2] / "notebooks" / "01_quickstart.ipynb"
RUN_SECONDS = 100
RECORD = ".cloudops-record"


@dataclass(frozen=True)
class Ran:
    """What came of a run from top to bottom, saved."""

    page: LabPage
    """Closed by now; what it has noted is there."""
    notebook: nbformat.NotebookNode
    path: Path
    shown: dict[int, str]
    """The text that the page showed below each code cell."""


@pytest.fixture(scope="module")
def ran(browser: Browser, lab_server: LabServer) -> Ran:
    """The notebook runs once for all tests: it starts a sandbox and asks it a lot."""
    with lab_page(browser, lab_server) as lab:
        lab.open_notebook(QUICKSTART)
        lab.run_all(RUN_SECONDS)
        expect(lab.page.locator(".cloudops-live")).to_have_count(0)  # that of the `--bg` cell, too
        notebook = lab.save()
        cells = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
        shown = {index: lab.output(index).inner_text() for index in cells}
    return Ran(lab, notebook, lab.path, shown)


def runs(notebook: nbformat.NotebookNode) -> set[int]:
    """The cells that run something."""
    return {
        index
        for index, cell in enumerate(notebook.cells)
        if cell.source.startswith("%%cloudops") and not may_fail(cell)
    }


def records(notebook: nbformat.NotebookNode) -> dict[int, str]:
    """The first line of each cell's record, by the cell's number."""
    return {
        index: output.data["text/plain"].splitlines()[0]
        for index, cell in enumerate(notebook.cells)
        for output in cell.get("outputs", [])
        if "cloudops-record" in output.get("data", {}).get("text/html", "")
    }


def test_every_cell_ends_well_but_for_the_one_that_says_it_will_not(ran: Ran) -> None:
    failed = {
        index: output
        for index, cell in enumerate(ran.notebook.cells)
        for output in cell.get("outputs", [])
        if output.output_type == "error" and not may_fail(cell)
    }
    counts = [ran.notebook.cells[index].execution_count for index in ran.shown]

    assert not failed
    assert counts == list(range(1, len(ran.shown) + 1))


def test_the_page_reports_no_error_no_dialog_and_no_request_that_leaves_loopback(ran: Ran) -> None:
    assert not ran.page.console_errors
    assert not ran.page.page_errors
    assert not ran.page.dialogs
    assert not ran.page.outside


def test_no_widget_is_saved(ran: Ran) -> None:
    kinds = {
        kind
        for cell in ran.notebook.cells
        for output in cell.get("outputs", [])
        for kind in output.get("data", {})
    }

    assert "text/html" in kinds
    assert not {kind for kind in kinds if "widget" in kind}


def test_the_saved_notebook_shows_the_same_on_a_fresh_kernel(fresh_lab: LabPage, ran: Ran) -> None:
    fresh_lab.open_notebook(ran.path)

    assert records(ran.notebook).keys() == runs(ran.notebook)
    for index in records(ran.notebook):
        expect(fresh_lab.output(index).locator(RECORD)).to_be_visible()
    for index, text in ran.shown.items():
        expect(fresh_lab.output(index)).to_have_text(text, use_inner_text=True)
    expect_no_lost_widget(fresh_lab)


def test_the_committed_notebook_shows_its_records_to_who_has_not_run_or_trusted_it(
    fresh_lab: LabPage,
) -> None:
    fresh_lab.open_notebook(QUICKSTART)
    committed = nbformat.read(QUICKSTART, as_version=4)

    assert records(committed).keys() == runs(committed)
    for index, first_line in records(committed).items():
        expect(fresh_lab.output(index).locator(RECORD)).to_contain_text(first_line)
        expect(fresh_lab.output(index).locator(RECORD)).to_be_visible()
    expect(fresh_lab.page.locator(".jp-RenderedHTMLCommon.jp-mod-trusted")).to_have_count(0)
    expect_no_lost_widget(fresh_lab)


def expect_no_lost_widget(lab: LabPage) -> None:
    expect(lab.page.get_by_text("model not found")).to_have_count(0)
    expect(lab.page.get_by_text("Error displaying widget")).to_have_count(0)
