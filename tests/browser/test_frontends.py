"""Pages and kernels that can do less: an older kernel, and a page that has no widgets."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import check
from tests.browser.lab import LabPage, lab_page
from tests.browser.server import LabServer
from tests.kernels import installed
from tests.support import Gate

LOAD = "%load_ext cloudops_nb"
WIDGETS = "@jupyter-widgets/jupyterlab-manager"


@pytest.fixture(scope="module")
def old_server(
    chromium_path: str, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LabServer]:
    """A server whose kernels are ipykernel 6.29."""
    path = f"{installed('6.29.5', pytestconfig)}:{os.environ.get('PYTHONPATH', '')}"
    server = LabServer(tmp_path_factory.mktemp("lab"), PYTHONPATH=path)
    yield server
    server.stop()


@pytest.fixture
def old_lab(browser: Browser, old_server: LabServer) -> Iterator[LabPage]:
    with lab_page(browser, old_server) as lab:
        yield lab
    check(lab)


@pytest.fixture(scope="module")
def plain_server(
    chromium_path: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LabServer]:
    """A server whose pages have no widgets."""
    server = LabServer(tmp_path_factory.mktemp("lab"), WIDGETS)
    yield server
    server.stop()


@pytest.fixture
def plain_lab(browser: Browser, plain_server: LabServer) -> Iterator[LabPage]:
    with lab_page(browser, plain_server) as lab:
        yield lab
    check(lab)


def test_with_ipykernel_6_cancel_is_heard_while_a_cell_awaits_and_others_are_queued(
    old_lab: LabPage,
) -> None:
    cells = ("%%cloudops --no-raise\necho up; sleep 600", "print('the next cell')")
    version = "import ipykernel; print(ipykernel.__version__)"
    old_lab.new_notebook(f"{LOAD}\n{version}", *cells)
    old_lab.start_all()
    output = old_lab.output(1)
    expect(old_lab.output(0)).to_contain_text("6.29")
    expect(output.locator(".cloudops-line")).to_have_text(["up"])
    output.get_by_role("button", name="Cancel", exact=True).click()
    old_lab.wait_idle()
    expect(output.locator(".cloudops-record")).to_contain_text("cancelled")
    expect(old_lab.output(2)).to_have_text("the next cell")


def test_with_ipykernel_6_a_cell_that_blocks_says_how_to_stop_it(
    old_lab: LabPage, gate: Gate
) -> None:
    old_lab.new_notebook(LOAD, f"%%time\n%%cloudops\necho up; {gate}")
    old_lab.run_cell(0)
    old_lab.start_cell(1)
    expect(old_lab.output(1).locator(".cloudops-notice")).to_contain_text("■ cancels")
    gate.open()
    expect(old_lab.output(1).locator(".cloudops-record")).to_contain_text("completed")


def test_a_page_without_widgets_shows_text_and_then_the_record(
    plain_lab: LabPage, gate: Gate
) -> None:
    plain_lab.new_notebook(LOAD, f"%%cloudops --title Nightly\necho first; {gate}")
    plain_lab.run_cell(0)
    plain_lab.start_cell(1)
    output = plain_lab.output(1)
    expect(output).to_contain_text("▸ running · Nightly")
    expect(output).to_contain_text("■ cancels it")
    gate.open()
    expect(output.locator(".cloudops-record")).to_contain_text("first")
