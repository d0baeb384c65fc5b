"""The form that asks for an MFA code or a login, in a real JupyterLab."""

import json
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.aws.accounts_server import MFA_CODE, Accounts, cell
from tests.aws.faults import FaultServer
from tests.browser.lab import LabPage

LOAD = "%load_ext cloudops_nb"


def start(lab: LabPage, source: str) -> Locator:
    """Runs a cell that asks; gives the form."""
    lab.new_cells(LOAD, source)
    lab.run_cell(0)
    lab.start_cell(1)
    return lab.output(1).locator(".cloudops-ask")


def test_a_code_is_typed_unseen_and_the_cell_goes_on(
    lab: LabPage, fault_server: FaultServer, tmp_path: Path
) -> None:
    Accounts(fault_server)
    form = start(lab, cell(fault_server, tmp_path, "mfa"))
    expect(form).to_have_count(1)
    field = form.get_by_label("MFA code of")
    expect(field).to_have_attribute("type", "password")
    field.fill(MFA_CODE)
    field.press("Enter")
    expect(lab.output(1).locator(".cloudops-record")).to_contain_text("completed · 2 commands")
    expect(form).to_have_count(0)
    assert MFA_CODE not in json.dumps(lab.save())


def test_after_a_wrong_code_the_next_can_be_typed_at_once(
    lab: LabPage, fault_server: FaultServer, tmp_path: Path
) -> None:
    Accounts(fault_server)
    form = start(lab, cell(fault_server, tmp_path, "mfa"))
    form.get_by_label("MFA code of").press_sequentially("000000")
    lab.page.keyboard.press("Enter")
    expect(form.get_by_role("alert").last).to_have_text("that code was not accepted")
    expect(form.get_by_label("MFA code of")).to_be_focused()
    lab.page.keyboard.type(MFA_CODE)
    lab.page.keyboard.press("Enter")
    expect(lab.output(1).locator(".cloudops-record")).to_contain_text("completed · 2 commands")


def test_a_login_shows_its_code_and_a_link_and_can_be_declined(
    lab: LabPage, fault_server: FaultServer, tmp_path: Path
) -> None:
    accounts = Accounts(fault_server)
    accounts.pending = 10**6
    form = start(lab, cell(fault_server, tmp_path, "sso", "--no-raise"))
    form.get_by_role("button", name="Log in").click()
    expect(form.locator("code")).to_have_text("ABCD-EFGH")
    link = form.get_by_role("link")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(link).to_have_attribute(
        "href", "https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH"
    )
    form.get_by_role("button", name="Decline").click()
    expect(lab.output(1).locator(".cloudops-record")).to_contain_text("declined")
    expect(form).to_have_count(0)
