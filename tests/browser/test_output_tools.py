"""What can be done with the output that a view shows."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.lab import LabPage
from tests.browser.views import PLAN, SINGLE, lines, open_lab, row

# A view with a log of its own.
LOGGED = """\
import pathlib
log = pathlib.Path("one.log")
log.write_bytes(b"first\\n\\x1b[31msecond\\x1b[0m\\n")
view = LiveView(one, cancel=cancel, log=lambda id: log); show(); start(one)"""
CLIPBOARD = "() => navigator.clipboard.readText()"


@pytest.fixture
def clipboard(lab: LabPage) -> LabPage:
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    return lab


def test_find_counts_the_lines_and_goes_from_one_to_the_next(lab: LabPage) -> None:
    output = open_lab(lab, SINGLE, "for n in range(200): out(one, f'Line {n}\\n')")
    lab.run_cell(2)
    expect(lines(output).last).to_have_text("Line 199")
    find = output.get_by_label("Find in output")
    find.fill("LINE 10")
    expect(output.get_by_text("11 lines", exact=True)).to_be_visible()  # 10, 100 … 109
    find.press("Enter")
    expect(output.get_by_text("11 of 11 lines")).to_be_visible()
    expect(output.locator(".cloudops-is-match")).to_have_text("Line 109")
    find.press("Enter")
    expect(output.locator(".cloudops-is-match")).to_have_text("Line 10")
    expect(output.locator(".cloudops-is-match")).to_be_in_viewport()
    find.fill("nowhere")
    expect(output.get_by_text("not found in the lines here")).to_be_visible()


def test_lines_are_wrapped_or_not(lab: LabPage) -> None:
    output = open_lab(lab, SINGLE, "out(one, 'word ' * 300 + '\\n')")
    lab.run_cell(2)
    log = output.get_by_role("log")
    expect(lines(output)).to_have_count(1)
    tall = "(log) => log.clientHeight > 40"
    wide = "(log) => log.scrollWidth > log.clientWidth"
    assert log.evaluate(tall)
    output.get_by_role("button", name="Wrap").click()
    expect(output.get_by_role("button", name="Wrap")).to_have_attribute("aria-pressed", "false")
    assert log.evaluate(wide)
    assert not log.evaluate(tall)


def test_lines_tell_when_they_were_read_if_asked(lab: LabPage) -> None:
    output = open_lab(lab, SINGLE, "out(one, 'hello\\n')")
    lab.run_cell(2)
    shown = "(line) => getComputedStyle(line, '::after').content"
    expect(lines(output)).to_have_text(["hello"])
    assert lines(output).evaluate(shown) == "none"
    output.get_by_role("button", name="Times").click()
    assert re.fullmatch(r'"\d\d:\d\d:\d\d\.\d{3}"', lines(output).evaluate(shown))


def test_a_command_is_copied_as_a_line_for_the_shell(clipboard: LabPage) -> None:
    output = open_lab(clipboard, PLAN)
    row(output, "step 1").click()
    output.get_by_role("button", name="Copy command").click()

    expect(output.get_by_text("Command copied")).to_be_visible()
    assert clipboard.page.evaluate(CLIPBOARD) == "step 1"


def test_a_long_command_is_copied_whole(clipboard: LabPage) -> None:
    cell = "live(ExecutionRequest(command=Shell(command='echo ' + 'x' * 5000))); show()"
    output = open_lab(clipboard, cell)
    output.get_by_role("button", name="Copy command").click()

    expect(output.get_by_text("Command copied")).to_be_visible()
    assert clipboard.page.evaluate(CLIPBOARD) == "echo " + "x" * 5000


def test_a_log_is_copied_as_it_reads(clipboard: LabPage) -> None:
    output = open_lab(clipboard, LOGGED)
    output.get_by_role("button", name="Copy log").click()

    expect(output.get_by_text("Log copied")).to_be_visible()
    assert clipboard.page.evaluate(CLIPBOARD) == "first\nsecond\n"


def test_a_log_of_several_pieces_is_downloaded_byte_for_byte(lab: LabPage) -> None:
    output = open_lab(lab, LOGGED + "\nlog.write_bytes(bytes(range(256)) * 5000)")
    with lab.page.expect_download() as download:
        output.get_by_role("button", name="Download log").click()

    expect(output.get_by_text("Log downloaded")).to_be_visible()
    assert Path(download.value.path()).read_bytes() == bytes(range(256)) * 5000


@pytest.mark.parametrize("button", ["Copy log", "Download log"])
def test_a_log_too_large_for_the_page_is_named_by_its_path(lab: LabPage, button: str) -> None:
    output = open_lab(lab, LOGGED + "\nwith log.open('wb') as file: file.truncate(20 * 2**20)")
    output.get_by_role("button", name=button).click()

    expect(output.get_by_text(re.compile(r"Too large .*\(20\.0 MiB\): .*one\.log"))).to_be_visible()


def test_a_log_that_is_gone_says_so(lab: LabPage) -> None:
    output = open_lab(lab, LOGGED + "\nlog.unlink()")
    output.get_by_role("button", name="Copy log").click()

    expect(output.get_by_text("The log cannot be read")).to_be_visible()


def test_there_is_no_log_to_copy_of_many_commands_at_once(lab: LabPage) -> None:
    output = open_lab(lab, PLAN)

    expect(output.get_by_role("button", name="Copy log")).to_be_hidden()
    expect(output.get_by_role("button", name="Copy command")).to_be_hidden()
