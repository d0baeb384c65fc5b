"""The form that asks for an MFA code or a login, in a real JupyterLab."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.aws.accounts_server import MFA_CODE, Accounts, write_files
from tests.aws.faults import FaultServer
from tests.browser.lab import LabPage

LOAD = "%load_ext cloudops_nb"


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def cell(server: FaultServer, home: Path, profile: str) -> str:
    """A cell that calls AWS twice with a profile."""
    env = server.environ(**write_files(home))
    del env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]
    step = {"sdk": "dynamodb ListTables", "profile": profile}
    steps = [{"name": name, **step, "env": env} for name in ("one", "two")]
    return "%%cloudops --plan\n" + json.dumps({"strategy": "parallel", "steps": steps})


def test_a_code_is_typed_unseen_and_the_cell_goes_on(
    lab: LabPage, server: FaultServer, tmp_path: Path
) -> None:
    Accounts(server)
    lab.new_cells(LOAD, cell(server, tmp_path, "mfa"))
    lab.run_cell(0)
    lab.start_cell(1)
    form = lab.output(1).locator(".cloudops-ask")
    expect(form).to_have_count(1)
    field = form.get_by_label("MFA code of")
    expect(field).to_have_attribute("type", "password")
    field.fill(MFA_CODE)
    field.press("Enter")
    expect(lab.output(1).locator(".cloudops-record")).to_contain_text("completed · 2 commands")
    expect(form).to_have_count(0)
    assert MFA_CODE not in json.dumps(lab.save())


def test_a_login_shows_its_code_and_a_link_and_can_be_cancelled(
    lab: LabPage, server: FaultServer, tmp_path: Path
) -> None:
    accounts = Accounts(server)
    accounts.pending = 10**6
    lab.new_cells(LOAD, cell(server, tmp_path, "sso").replace("--plan", "--plan --no-raise"))
    lab.run_cell(0)
    lab.start_cell(1)
    form = lab.output(1).locator(".cloudops-ask")
    form.get_by_role("button", name="Log in").click()
    expect(form.locator("code")).to_have_text("ABCD-EFGH")
    link = form.get_by_role("link")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(link).to_have_attribute(
        "href", "https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH"
    )
    form.get_by_role("button", name="Cancel").click()
    expect(lab.output(1).locator(".cloudops-record")).to_contain_text("declined")
    expect(form).to_have_count(0)
