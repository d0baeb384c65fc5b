"""A ``%%cloudops`` cell in Notebook 7: it streams, cancels, asks and leaves its record."""

from pathlib import Path

from playwright.sync_api import expect

from tests.aws.accounts_server import MFA_CODE, Accounts, cell
from tests.aws.faults import FaultServer
from tests.browser.lab import LabPage
from tests.support import Gate

LOAD = "%load_ext cloudops_nb"


def test_a_cell_streams_and_becomes_its_record(notebook: LabPage, gate: Gate) -> None:
    notebook.new_cells(LOAD, f"%%cloudops\necho first\n{gate}\necho second")
    notebook.run_cell(0)
    notebook.start_cell(1)
    output = notebook.output(1)
    expect(output.locator(".cloudops-line")).to_have_text(["first"])
    gate.open()
    expect(output.locator(".cloudops-record")).to_contain_text("first\nsecond")
    expect(output.locator(".cloudops-live")).to_have_count(0)


def test_cancel_ends_a_waiting_cell(notebook: LabPage) -> None:
    notebook.new_cells(LOAD, "%%cloudops\necho up; sleep 600")
    notebook.run_cell(0)
    notebook.start_cell(1)
    output = notebook.output(1)
    expect(output.locator(".cloudops-line")).to_have_text(["up"])
    output.get_by_role("button", name="Cancel", exact=True).click()
    notebook.wait_idle()
    expect(output.locator(".cloudops-record")).to_contain_text("cancelled")


def test_a_code_is_typed_and_the_cell_goes_on(
    notebook: LabPage, fault_server: FaultServer, tmp_path: Path
) -> None:
    Accounts(fault_server)
    notebook.new_cells(LOAD, cell(fault_server, tmp_path, "mfa"))
    notebook.run_cell(0)
    notebook.start_cell(1)
    output = notebook.output(1)
    output.get_by_label("MFA code of").focus()
    notebook.page.keyboard.type(MFA_CODE)
    notebook.page.keyboard.press("Enter")
    expect(output.locator(".cloudops-record")).to_contain_text("completed · 2 commands")
