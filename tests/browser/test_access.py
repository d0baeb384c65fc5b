"""Who uses no mouse, sees no colour or hears the page can work with a live view, too."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from tests.browser.lab import LabPage
from tests.browser.views import PLAN, SINGLE, open_lab

ENDED = "\nend(steps[0], 'failed', 'exit code 3'); end(steps[1])"
OUTPUT = (
    "\nout(one, 'plain \\x1b[31mred\\x1b[0m\\n'); out(one, 'oh\\n', 'stderr');"
    "view.notice('a notice')"
)

# One form of each kind.
FORMS = (
    PLAN
    + """
from cloudops_nb.aws.questions import *
from cloudops_nb.notebook.credential_form import CredentialForm
url = "https://device.sso.eu-west-1.amazonaws.com/"
for question in (
    MfaQuestion("prod", "arn:aws:iam::1:mfa/ada"),
    MfaQuestion("stage", "arn:aws:iam::2:mfa/ada", "that code was not accepted"),
    LoginQuestion("corp", "https://corp.awsapps.com/start"),
    DeviceQuestion("corp", "ABCD-EFGH", url, f"{url}?user_code=ABCD-EFGH"),
    RenewalQuestion("pasted", "ExpiredToken"),
):
    view.put(CredentialForm(question))
"""
)


def serious(lab: LabPage) -> list[str]:
    """What axe-core finds in the views, as text."""
    found = Axe().run(lab.page, context={"include": [[".cloudops-live"]]}).response
    assert any(each["id"] == "color-contrast" for each in found["passes"])  # it did look
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


def press_tab(lab: LabPage, output: Locator, until: str) -> list[str]:
    """What had the focus, from the Cancel button on, till something called ``until`` has it."""
    output.locator(".cloudops-cancel").focus()
    reached = []
    for _ in range(20):
        lab.page.keyboard.press("Tab")
        reached.append(
            lab.page.evaluate(
                "() => document.activeElement.getAttribute('aria-label')"
                " ?? document.activeElement.textContent"
            )
        )
        if reached[-1] == until:
            return reached
    raise AssertionError(reached)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("cell", [PLAN, PLAN + ENDED, SINGLE + OUTPUT], ids=["plan", "end", "one"])
def test_axe_finds_nothing_serious(lab: LabPage, theme: str, cell: str) -> None:
    lab.set_theme(theme)
    output = open_lab(lab, cell)
    expect(output.locator(".cloudops-line").last).to_be_visible()

    assert serious(lab) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_where_a_command_is_opened_and_searched(
    lab: LabPage, theme: str
) -> None:
    lab.set_theme(theme)
    output = open_lab(lab, PLAN + ENDED)
    output.get_by_role("button", name="step 1", exact=True).click()
    output.get_by_label("Find in output").fill("hello")
    expect(output.locator(".cloudops-is-found")).to_be_visible()
    output.get_by_label("Find in output").press("Enter")
    output.get_by_role("button", name="Times").click()
    expect(output.locator(".cloudops-is-match")).to_be_visible()

    assert serious(lab) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_forms_that_ask_for_credentials(
    lab: LabPage, theme: str
) -> None:
    lab.set_theme(theme)
    output = open_lab(lab, FORMS)
    expect(output.get_by_role("form", name="AWS credentials")).to_have_count(5)

    assert serious(lab) == []


def test_tab_reaches_the_field_and_the_buttons_of_a_form(lab: LabPage) -> None:
    output = open_lab(lab, FORMS)
    expect(output.get_by_role("form", name="AWS credentials")).to_have_count(5)

    assert press_tab(lab, output, "Decline") == [
        *("MFA code of arn:aws:iam::1:mfa/ada for AWS profile 'prod'", "Continue", "Decline")
    ]


def test_tab_reaches_every_part_and_one_row_stands_for_the_table(lab: LabPage) -> None:
    output = open_lab(lab, PLAN)
    expect(output.locator(".cloudops-row")).to_have_count(3)

    assert press_tab(lab, output, "Output") == [
        *("3 running", "Filter commands", "step 0", "Cancel step 0"),
        *("Find in output", "Wrap", "Times", "Output"),
    ]


def test_what_has_the_focus_shows_it(lab: LabPage) -> None:
    output = open_lab(lab, PLAN)
    for name in press_tab(lab, output, "Output"):
        outline = "() => getComputedStyle(document.activeElement).outlineStyle"
        assert lab.page.evaluate(outline) == "solid", name
        lab.page.keyboard.press("Shift+Tab")


def test_a_failed_command_is_announced(lab: LabPage) -> None:
    output = open_lab(lab, PLAN, "end(steps[1], 'failed')")
    lab.run_cell(2)

    expect(output.locator(".cloudops-status")).to_have_text("step 1: failed")


@pytest.mark.parametrize(("motion", "moves"), [("reduce", False), ("no-preference", True)])
def test_nothing_moves_where_motion_is_not_wanted(lab: LabPage, motion: str, moves: bool) -> None:
    lab.page.emulate_media(reduced_motion=motion)
    output = open_lab(lab, PLAN)
    expect(output.locator(".cloudops-state")).to_have_text("pending")
    lab.page.evaluate("() => document.fonts.ready")
    output.locator(".cloudops-live").evaluate(
        "(view) => { view.querySelector('.cloudops-state').dataset.state = 'running'; }"
    )
    moving = output.locator(".cloudops-live").evaluate(
        "(view) => view.getAnimations({ subtree: true }).map(({ animationName }) => animationName)"
    )

    assert moving == (["cloudops-turn"] if moves else [])
