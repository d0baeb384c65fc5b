"""The live view in a real JupyterLab, driven by events made by hand: no engine, no process."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.lab import LabPage
from tests.browser.views import PLAN, SINGLE, lines, open_lab, row

CONTRAST = """(lines) => {
    const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const luminance = (color) => {
        context.fillStyle = color;
        context.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((byte) => {
            const part = byte / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const screen = getComputedStyle(lines[0].closest(".cloudops-output-frame")).backgroundColor;
    return lines.map((line) => {
        const span = line.querySelector("span");
        const own = getComputedStyle(span).backgroundColor;
        const paper = own === "rgba(0, 0, 0, 0)" ? screen : own;
        const both = [luminance(getComputedStyle(span).color), luminance(paper)];
        return [span.textContent, (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05)];
    });
}"""


def test_output_appears_before_the_command_has_ended(lab: LabPage) -> None:
    output = open_lab(lab, SINGLE, "out(one, 'first\\nPassword: ')", "end(one)")
    lab.run_cell(2)

    expect(lines(output)).to_have_text(["first", "Password: "])
    expect(output.get_by_text("running", exact=True)).to_be_visible()
    lab.run_cell(3)
    expect(output.locator(".cloudops-state")).to_have_text("completed")


def test_a_progress_line_is_overwritten(lab: LabPage) -> None:
    output = open_lab(lab, SINGLE, "out(one, ' 10%\\r')", "out(one, ' 99%\\r\\ndone\\n')")
    lab.run_cell(2)
    expect(lines(output)).to_have_text([" 10%"])
    lab.run_cell(3)
    expect(lines(output)).to_have_text([" 99%", "done"])


def test_what_was_printed_before_the_view_was_shown_is_there(lab: LabPage) -> None:
    early = "live(one); start(one); out(one, 'early\\n')\nimport time; time.sleep(0.3)\nshow()"
    output = open_lab(lab, early, "out(one, 'late\\n')")
    lab.run_cell(2)

    expect(lines(output)).to_have_text(["early", "late"])


def test_a_reloaded_page_shows_all_and_goes_on(lab: LabPage) -> None:
    output = open_lab(lab, SINGLE, "out(one, 'before\\n')", "out(one, 'after\\n')")
    lab.run_cell(2)
    expect(lines(output)).to_have_text(["before"])
    lab.save()
    lab.reload()
    expect(lines(output)).to_have_text(["before"])
    lab.run_cell(3)
    expect(lines(output)).to_have_text(["before", "after"])


def test_markup_is_shown_as_text(lab: LabPage) -> None:
    evil = "<img src=x onerror=alert(1)><b>bold</b>"
    cell = (
        f"evil = {evil!r}\n"
        "plan = ExecutionPlan(description=evil, strategy=Parallel(), commands=("
        "ExecutionRequest(command=Shell(command=evil), name=evil),))\n"
        "steps = plan.commands; live(plan); show(); view.notice(evil)\n"
        "start(*steps); out(steps[0], evil + '\\n', 'stderr'); end(steps[0], 'failed', evil)"
    )
    output = open_lab(lab, cell)

    expect(lines(output)).to_have_text([evil])
    expect(output.locator(".cloudops-title")).to_have_text(evil)
    expect(output.locator("img, b")).to_have_count(0)


def test_a_title_with_dollars_is_no_formula(lab: LabPage) -> None:
    output = open_lab(
        lab, "live(ExecutionRequest(command=Shell(command='PATH=$HOME:$PATH'))); show()"
    )

    expect(output.locator(".cloudops-title")).to_have_text("PATH=$HOME:$PATH")


def test_stderr_is_told_apart_without_colour(lab: LabPage) -> None:
    output = open_lab(lab, SINGLE, "out(one, 'fine\\n'); out(one, 'oh\\n', 'stderr')")
    lab.run_cell(2)

    expect(output.get_by_role("group", name="stderr")).to_have_text("oh")
    expect(output.get_by_role("group", name="stderr")).to_have_css("border-left-style", "solid")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_colour_can_be_read(lab: LabPage, theme: str) -> None:
    codes = [*range(30, 38), *range(40, 48), *range(90, 98), *range(100, 108)]
    sgr = [*codes, 7, "31;7", "41;37", "38;5;226", "38;5;17", "38;2;255;255;255", "38;2;0;0;0"]
    text = "".join(f"\x1b[{code}m{code}\x1b[0m\n" for code in sgr)
    lab.set_theme(theme)
    output = open_lab(lab, SINGLE, f"out(one, {text!r})")
    lab.run_cell(2)
    expect(lines(output)).to_have_count(len(sgr))
    ratios = lines(output).evaluate_all(CONTRAST)

    assert {name: round(ratio, 1) for name, ratio in ratios if ratio < 4.5} == {}


def test_cancel_works_while_a_cell_keeps_the_kernel_busy(lab: LabPage) -> None:
    output = open_lab(
        lab, SINGLE, "print('heard' if heard.wait(15) else 'deaf', cancelled == [one.id])"
    )
    lab.start_cell(2)
    expect(lab.prompt(2)).to_have_text("[*]:")
    output.get_by_role("button", name="Cancel").click()

    expect(output.get_by_role("button", name="Cancelling…")).to_be_disabled()
    expect(lab.output(2)).to_have_text("heard True")


def test_one_command_of_a_plan_is_cancelled_while_a_cell_keeps_the_kernel_busy(
    lab: LabPage,
) -> None:
    output = open_lab(lab, PLAN, "heard.wait(15); print(cancelled == [steps[1].id])")
    lab.start_cell(2)
    expect(lab.prompt(2)).to_have_text("[*]:")
    output.get_by_role("button", name="Cancel step 1").click()

    expect(output.get_by_role("button", name="Cancel step 1")).to_be_disabled()
    expect(output.get_by_role("button", name="Cancel step 2")).to_be_enabled()
    expect(lab.output(2)).to_have_text("True")


def test_a_plan_lists_its_commands_with_how_they_stand(lab: LabPage) -> None:
    output = open_lab(lab, PLAN, "end(steps[0]); end(steps[1], 'failed', 'exit code 3')")
    lab.run_cell(2)

    expect(row(output, "step 0").get_by_role("img", name="completed")).to_be_visible()
    expect(row(output, "step 1").get_by_role("img", name="failed")).to_be_visible()
    expect(row(output, "step 1")).to_contain_text("exit code 3")
    expect(row(output, "step 2").get_by_role("img", name="running")).to_be_visible()
    expect(row(output, "step 2")).to_contain_text("step 2 says hello")
    expect(output.locator(".cloudops-header")).to_contain_text("2 of 3")
    expect(output.locator(".cloudops-header")).to_contain_text("1 failed")
    expect(output.get_by_role("button", name="Cancel step 1")).to_be_hidden()


def test_a_click_on_a_command_shows_its_output_alone(lab: LabPage) -> None:
    output = open_lab(lab, PLAN, "out(steps[1], 'more\\n'); out(steps[2], 'else\\n')")
    expect(lines(output)).to_have_count(3)
    row(output, "step 1").click()
    expect(lines(output)).to_have_text(["step 1 says hello"])
    lab.run_cell(2)
    expect(lines(output)).to_have_text(["step 1 says hello", "more"])
    output.get_by_role("button", name="Show all output").click()
    expect(lines(output)).to_have_count(5)


def test_the_output_of_a_quiet_command_is_found_behind_a_flood(lab: LabPage) -> None:
    flood = "for n in range(5000): out(steps[2], f'{n}\\n')"
    output = open_lab(lab, PLAN, flood)
    lab.run_cell(2)
    expect(lines(output).last).to_have_text("4999")
    row(output, "step 0").click()

    expect(lines(output)).to_have_text(["step 0 says hello"])


def test_keys_on_a_command_pick_it_and_leave_the_notebook_alone(lab: LabPage) -> None:
    output = open_lab(lab, PLAN)
    name = output.get_by_role("button", name="step 1", exact=True)
    name.focus()
    for key in ("d", "d", "Enter"):
        lab.page.keyboard.press(key)

    expect(name).to_have_attribute("aria-pressed", "true")
    expect(lab.page.locator(".jp-Notebook .jp-Cell")).to_have_count(2)
    lab.page.keyboard.press("Escape")
    expect(name).to_have_attribute("aria-pressed", "false")


def test_the_page_holds_at_most_1000_lines_and_says_so(lab: LabPage) -> None:
    output = open_lab(
        lab, SINGLE, "out(one, ''.join(f'{n}\\n' for n in range(200_000)))", "out(one, 'x\\n'*600)"
    )
    lab.run_cell(2)
    expect(lines(output).last).to_have_text("199999")
    # How many depends on how long the flood lasted: fewer lines a message while it goes on.
    expect(output.get_by_text(re.compile(r"^199,\d00 earlier lines in the log$"))).to_be_visible()
    for _ in range(10):  # at least 100 lines each
        lab.run_cell(3)
    expect(lines(output).last).to_have_text("x")
    expect(lines(output)).to_have_count(1000)
    left_out = output.get_by_text(re.compile(r"^\d00 lines left out here, see the log$"))
    expect(left_out.last).to_be_attached()


def test_a_long_line_is_cut_with_a_mark(lab: LabPage) -> None:
    output = open_lab(lab, SINGLE, "out(one, 'x' * 2345 + '\\n')")
    lab.run_cell(2)

    expect(lines(output)).to_have_text(["x" * 2000 + " … 345 more characters in the log"])


def test_the_console_follows_until_somebody_scrolls_up(lab: LabPage) -> None:
    more = "for n in range(100): out(one, f'{n}\\n')"
    output = open_lab(lab, SINGLE, more, more)
    lab.run_cell(2)
    log = output.get_by_role("log")
    log.scroll_into_view_if_needed()
    expect(lines(output).last).to_be_in_viewport()
    log.hover()
    lab.page.mouse.wheel(0, -600)
    expect(lines(output).last).not_to_be_in_viewport()
    top = log.evaluate("(log) => log.scrollTop")
    lab.run_cell(3)
    jump = output.get_by_role("button", name="100 new lines")
    expect(jump).to_be_visible()

    assert log.evaluate("(log) => log.scrollTop") == top
    jump.click()
    expect(lines(output)).to_have_count(200)
    expect(lines(output).last).to_be_in_viewport()
    expect(jump).to_be_hidden()


def test_state_changes_are_announced_and_output_is_not(lab: LabPage) -> None:
    output = open_lab(lab, SINGLE, "out(one, 'hello\\n')", "end(one, 'failed', 'exit code 3')")
    lab.run_cell(2)
    expect(output.get_by_role("log")).to_have_attribute("aria-live", "off")
    lab.run_cell(3)

    expect(output.get_by_role("status")).to_have_text("echo one: failed · exit code 3")


def test_closing_takes_the_view_off_the_page(lab: LabPage) -> None:
    output = open_lab(lab, SINGLE, "view.close()")
    expect(output.locator(".cloudops-live")).to_be_visible()
    lab.run_cell(2)

    expect(output.locator(".cloudops-live")).to_have_count(0)
