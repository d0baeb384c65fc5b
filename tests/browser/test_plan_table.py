"""The table of a plan: what of it is in the page, in which order, and what it answers."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.lab import LabPage
from tests.browser.views import PLAN, lines, open_lab, row

BIG = """
big = ExecutionPlan(description="Big", strategy=Parallel(), commands=tuple(
    ExecutionRequest(command=Exec(program="step", args=(str(number),)), name=f"step {number:04}")
    for number in range(5000)))
live(big); show()
"""
# What the page is told from now on, and what it holds.
COUNT = """() => {
    window.heard = { start: performance.now(), messages: 0 };
    const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
    kernel.iopubMessage.connect((_, { header }) => {
        if (header.msg_type === "comm_msg") window.heard.messages += 1;
    });
}"""
HEARD = """() => {
    const { start, messages } = window.heard;
    return { messages, seconds: (performance.now() - start) / 1000 };
}"""
ELEMENTS = "(view) => view.querySelectorAll('*').length"
LAID_OUT = """(lines) => lines
    .filter((line) => line.checkVisibility({ contentVisibilityAuto: true })).length"""


def names(output: Locator) -> Locator:
    return output.locator(".cloudops-name")


def test_failures_stand_first_then_what_runs_waits_and_is_done(lab: LabPage) -> None:
    cell = (
        "live(plan); show(); start(steps[0], steps[1]); end(steps[0]); start(steps[2]); "
        "end(steps[2], 'failed', 'exit code 3')"
    )
    output = open_lab(lab, cell, "end(steps[1])")

    expect(names(output)).to_have_text(["step 2", "step 1", "step 0"])
    lab.run_cell(2)
    expect(names(output)).to_have_text(["step 2", "step 0", "step 1"])


def test_rows_stay_in_their_places_while_somebody_points_at_them(lab: LabPage) -> None:
    output = open_lab(lab, PLAN, "end(steps[2], 'failed')")
    expect(names(output)).to_have_text(["step 0", "step 1", "step 2"])
    row(output, "step 1").hover()
    lab.run_cell(2)
    expect(row(output, "step 2").get_by_role("img", name="failed")).to_be_visible()
    expect(names(output)).to_have_text(["step 0", "step 1", "step 2"])
    lab.page.mouse.move(0, 0)
    expect(names(output)).to_have_text(["step 2", "step 0", "step 1"])


def test_states_are_counted_and_a_click_on_one_filters(lab: LabPage) -> None:
    output = open_lab(lab, PLAN + "\nend(steps[1], 'timeout')")
    failed = output.get_by_role("button", name="1 failed")
    expect(output.get_by_role("button", name="2 running")).to_be_visible()
    failed.click()
    expect(names(output)).to_have_text(["step 1"])
    expect(failed).to_have_attribute("aria-pressed", "true")
    failed.click()
    expect(names(output)).to_have_count(3)


@pytest.mark.parametrize(
    ("text", "found"), [("STEP 2", ["step 2"]), ("1 says", ["step 1"]), ("nothing", [])]
)
def test_text_filters_by_name_and_last_line(lab: LabPage, text: str, found: list[str]) -> None:
    output = open_lab(lab, PLAN)
    output.get_by_label("Filter commands").fill(text)

    expect(names(output)).to_have_text(found)
    expect(output.get_by_text(f"{len(found)} shown", exact=True)).to_be_visible()


def test_a_row_tells_region_profile_tags_and_attempts(lab: LabPage) -> None:
    cell = """\
from cloudops_nb.models.requests import ExecutionMetadata
tags = ExecutionMetadata(tags={"team": "web", "profile": "prod", "region": "eu-west-1"})
request = ExecutionRequest(command=Shell(command="true"), metadata=tags, name="list")
live(ExecutionPlan(description="x", strategy=Parallel(), commands=(request,))); show()
view.on_event(Started(execution_id=request.id, command="", attempt=3))"""
    output = open_lab(lab, cell)

    expect(row(output, "list")).to_contain_text("eu-west-1 · prod · team=web")
    expect(row(output, "list").get_by_title("3 attempts")).to_have_text("×3")


def test_arrow_keys_go_from_command_to_command_and_through_all_of_them(lab: LabPage) -> None:
    output = open_lab(lab, BIG)
    expect(output.get_by_role("table")).to_have_attribute("aria-rowcount", "5000")
    names(output).first.focus()
    lab.page.keyboard.press("ArrowDown")
    expect(output.get_by_role("button", name="step 0001", exact=True)).to_be_focused()
    lab.page.keyboard.press("End")
    last = output.get_by_role("button", name="step 4999", exact=True)
    expect(last).to_be_focused()
    expect(last).to_be_in_viewport()
    lab.page.keyboard.press("Enter")
    expect(last).to_have_attribute("aria-pressed", "true")
    lab.page.keyboard.press("Home")
    expect(output.get_by_role("button", name="step 0000", exact=True)).to_be_focused()


def test_of_5000_commands_only_those_in_sight_are_in_the_page(lab: LabPage) -> None:
    output = open_lab(lab, BIG)
    table = output.get_by_role("table", name="Commands")
    expect(table).to_have_attribute("aria-rowcount", "5000")
    expect(names(output).first).to_have_text("step 0000")
    assert names(output).count() < 30
    table.scroll_into_view_if_needed()
    table.evaluate("(table) => { table.scrollTop = 24 * 2500; }")
    expect(output.get_by_role("button", name="step 2501", exact=True)).to_be_in_viewport()
    assert names(output).count() < 30


def test_any_of_5000_commands_can_be_opened(lab: LabPage) -> None:
    output = open_lab(lab, BIG, "out(big.commands[4321], 'found it\\n')")
    lab.run_cell(2)
    output.get_by_label("Filter commands").fill("4321")
    row(output, "step 4321").click()

    expect(lines(output)).to_have_text(["found it"])
    expect(output.locator(".cloudops-picked-title")).to_have_text("step 4321")


def test_what_the_page_holds_and_is_told_does_not_grow_with_the_plan(lab: LabPage) -> None:
    run = "for c in big.commands: start(c); out(c, f'{c.name} hello\\n'); end(c)"
    output = open_lab(lab, BIG, run)
    expect(output.get_by_role("table", name="Commands")).to_have_attribute("aria-rowcount", "5000")
    expect(names(output).first).to_have_text("step 0000")
    lab.page.evaluate(COUNT)
    lab.run_cell(2)
    expect(output.get_by_role("button", name="5,000 done")).to_be_visible()
    expect(lines(output).last).to_have_text("step 4999 hello")
    heard = lab.page.evaluate(HEARD)

    assert heard["messages"] <= 20 * heard["seconds"] + 30  # 30: those under way, and the last
    assert names(output).count() < 30
    assert lines(output).count() <= 1000
    assert output.locator(".cloudops-live").evaluate(ELEMENTS) < 3500
    output.get_by_role("log").scroll_into_view_if_needed()
    expect(lines(output).last).to_be_in_viewport()
    assert 0 < lines(output).evaluate_all(LAID_OUT) <= 200
