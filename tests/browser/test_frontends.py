"""Pages and kernels that can do less: an older kernel, and a page that has no widgets."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.aws.accounts_server import MFA_CODE, Accounts, cell
from tests.aws.faults import FaultServer
from tests.browser.conftest import check, leave
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


@pytest.fixture(scope="module")
def open_old_page(browser: Browser, old_server: LabServer) -> Iterator[LabPage]:
    with lab_page(browser, old_server) as lab:
        lab.new_notebook()
        yield lab


@pytest.fixture
def old_lab(open_old_page: LabPage) -> Iterator[LabPage]:
    yield open_old_page
    leave(open_old_page)


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
    old_lab.new_cells(f"{LOAD}\n{version}", *cells)
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
    old_lab.new_cells(LOAD, f"%%time\n%%cloudops\necho up; {gate}")
    old_lab.run_cell(0)
    old_lab.start_cell(1)
    expect(old_lab.output(1).locator(".cloudops-notice")).to_contain_text("■ cancels")
    gate.open()
    expect(old_lab.output(1).locator(".cloudops-record")).to_contain_text("completed")


def test_with_ipykernel_6_a_code_is_typed_while_a_cell_awaits(
    old_lab: LabPage, fault_server: FaultServer, tmp_path: Path
) -> None:
    Accounts(fault_server)
    old_lab.new_cells(LOAD, cell(fault_server, tmp_path, "mfa"))
    old_lab.run_cell(0)
    old_lab.start_cell(1)
    field = old_lab.output(1).get_by_label("MFA code of")
    field.fill(MFA_CODE)
    field.press("Enter")
    expect(old_lab.output(1).locator(".cloudops-record")).to_contain_text("completed · 2 commands")


def test_with_ipykernel_6_the_form_says_that_another_cell_keeps_its_answer_from_being_heard(
    old_lab: LabPage, fault_server: FaultServer, tmp_path: Path, gate: Gate
) -> None:
    Accounts(fault_server)
    blocking = f"print('up')\nopen('{gate.path}').readline()"
    old_lab.new_cells(LOAD, cell(fault_server, tmp_path, "mfa", "--bg"), blocking)
    old_lab.run_cell(0)
    old_lab.run_cell(1)
    field = old_lab.output(1).get_by_label("MFA code of")
    expect(field).to_be_visible()
    old_lab.start_cell(2)
    expect(old_lab.output(2)).to_have_text("up")
    field.fill(MFA_CODE)
    field.press("Enter")
    expect(old_lab.output(1).get_by_role("alert").last).to_contain_text("has not heard it yet")
    gate.open()
    expect(old_lab.output(1).locator(".cloudops-record")).to_contain_text("completed · 2 commands")


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
