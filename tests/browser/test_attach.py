"""``%cloudops attach`` in a real JupyterLab: a run seen again, in another cell, by any page."""

from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.browser.lab import LabPage
from tests.support import Gate

LOAD = "%load_ext cloudops_nb"
ATTACH = "%cloudops attach"


def lines(output: Locator) -> Locator:
    return output.locator(".cloudops-live .cloudops-line")


def record(output: Locator) -> Locator:
    return output.locator(".cloudops-record")


def test_two_more_views_of_a_run_whose_cell_has_returned_show_all_of_it(
    lab: LabPage, tmp_path: Path
) -> None:
    gate, last = Gate(tmp_path / "gate"), Gate(tmp_path / "last")
    script = f"echo first\n{gate}\necho second\n{last}"
    lab.new_cells(LOAD, f"%%cloudops --bg\n{script}", ATTACH, ATTACH)
    for cell in range(4):
        lab.run_cell(cell)
        if cell:
            expect(lines(lab.output(cell))).to_have_text(["first"])
    gate.open()
    for cell in (1, 2, 3):
        expect(lines(lab.output(cell))).to_have_text(["first", "second"])
    last.open()
    for cell in (1, 2, 3):
        expect(record(lab.output(cell))).to_contain_text("first\nsecond")
        expect(lines(lab.output(cell))).to_have_count(0)


def test_a_page_that_was_loaded_again_attaches_to_what_shows_nowhere(
    lab: LabPage, tmp_path: Path
) -> None:
    gate, last = Gate(tmp_path / "gate"), Gate(tmp_path / "last")
    script = f"echo first\n{gate}\necho second\n{last}"
    lab.new_cells(LOAD, f"%%cloudops --bg --quiet\n{script}", ATTACH)
    lab.run_cell(0)
    lab.run_cell(1)
    lab.save()
    lab.reload()
    lab.run_cell(2)
    expect(lines(lab.output(2))).to_have_text(["first"])
    gate.open()
    expect(lines(lab.output(2))).to_have_text(["first", "second"])
    last.open()
    expect(record(lab.output(2))).to_contain_text("first\nsecond")


def test_cancel_in_an_attached_view_ends_the_run_in_all_its_views(lab: LabPage) -> None:
    lab.new_cells(LOAD, "%%cloudops --bg --parallel\necho up; sleep 600\nsleep 600", ATTACH)
    for cell in range(3):
        lab.run_cell(cell)
    expect(lines(lab.output(2))).to_have_text(["up"])
    lab.output(2).get_by_role("button", name="Cancel", exact=True).click()
    for cell in (1, 2):
        expect(record(lab.output(cell))).to_contain_text("2 cancelled")


PLAN = """%%cloudops --parallel --no-raise --out plan
echo well
test -e GATE || (echo badly; false)"""
CLOSE = "from cloudops_nb import ExecutionEngine\nExecutionEngine.get_global().close()"


def failed_plan(lab: LabPage, gate: Path) -> Locator:
    """A plan of which one command failed, attached to after its end; the output of that cell."""
    lab.new_cells(LOAD, PLAN.replace("GATE", str(gate)), ATTACH, CLOSE)
    for cell in range(3):
        lab.run_cell(cell)
    expect(record(lab.output(2))).to_contain_text("1 of 2 completed")
    return lab.output(2)


def test_a_run_that_has_ended_is_shown_with_its_table_and_output_beside_its_record(
    lab: LabPage, tmp_path: Path
) -> None:
    output = failed_plan(lab, tmp_path / "gate")
    expect(output.locator(".cloudops-live .cloudops-state")).to_contain_text("failed")
    expect(output.locator(".cloudops-live")).to_contain_text("2 of 2")
    expect(lines(output)).to_contain_text(["badly"])


def test_what_failed_is_run_again_in_the_same_view_as_often_as_it_takes(
    lab: LabPage, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    output = failed_plan(lab, gate)
    again = output.get_by_role("button", name="Retry failed")
    state = output.locator(".cloudops-live .cloudops-state")
    before = output.locator(".cloudops-live").element_handle()
    again.click()
    before.wait_for_element_state("hidden")  # the resumed plan's view has taken its place
    expect(state).to_contain_text("failed")
    gate.touch()
    again.click()
    expect(state).to_contain_text("completed")
    expect(again).to_be_hidden()


def test_what_cannot_be_run_again_says_why(fresh_lab: LabPage, tmp_path: Path) -> None:
    fresh_lab.new_notebook("")
    output = failed_plan(fresh_lab, tmp_path / "gate")
    fresh_lab.run_cell(3)
    output.get_by_role("button", name="Retry failed").click()
    expect(output.locator(".cloudops-notice")).to_contain_text("not started again:")
