"""The ``%%cloudops`` cell in a real JupyterLab: live, cancellable, and a record when it is over."""

import re
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.lab import LabPage
from tests.support import Gate, is_alive

LOAD = "%load_ext cloudops_nb"

# The texts of a record with their contrast (WCAG 2.2): translucent colours laid over one another
# from the page's ground up, as they are painted.
CONTRASTS = """(record) => {
    const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (color) => {
        context.clearRect(0, 0, 1, 1);
        context.fillStyle = color;
        context.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
        return { rgb: [r, g, b], alpha: a / 255 };
    };
    const over = (ground, { rgb, alpha }, opacity) =>
        ground.map((part, at) => part + (rgb[at] - part) * alpha * opacity);
    const luminance = (rgb) => {
        const [r, g, b] = rgb.map((byte) => {
            const part = byte / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (node) => {
        const chain = [];
        for (let at = node.parentElement; at; at = at.parentElement) chain.unshift(at);
        let ground = [255, 255, 255];
        let opacity = 1;
        for (const each of chain) {
            opacity *= getComputedStyle(each).opacity;
            ground = over(ground, rgba(getComputedStyle(each).backgroundColor), opacity);
        }
        const ink = over(ground, rgba(getComputedStyle(node.parentElement).color), opacity);
        const both = [luminance(ink), luminance(ground)];
        return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    };
    const texts = document.createTreeWalker(record, NodeFilter.SHOW_TEXT);
    const found = [];
    while (texts.nextNode()) {
        const node = texts.currentNode;
        if (node.data.trim() && node.parentElement.checkVisibility()) {
            found.push([node.data.trim(), contrast(node)]);
        }
    }
    return found;
}"""

OVERFLOWING = """(record) => [record, ...record.querySelectorAll("*")]
    .filter((each) => each.checkVisibility() && getComputedStyle(each).display !== "inline")
    .filter((each) => each.scrollWidth > each.clientWidth
        || each.getBoundingClientRect().right > record.getBoundingClientRect().right + 1)
    .map((each) => each.outerHTML.slice(0, 200))
"""


def start(lab: LabPage, *cells: str) -> Locator:
    """Starts the first of these cells in a notebook with the extension; gives what it shows."""
    lab.new_cells(LOAD, *cells)
    lab.run_cell(0)
    lab.start_cell(1)
    return lab.output(1)


def live(output: Locator) -> Locator:
    return output.locator(".cloudops-live")


def lines(output: Locator) -> Locator:
    return live(output).locator(".cloudops-line")


def record(output: Locator) -> Locator:
    return output.locator(".cloudops-record")


def cancel(output: Locator) -> None:
    output.get_by_role("button", name="Cancel", exact=True).click()


def row(output: Locator, name: str) -> Locator:
    """A command's line in the live view of a plan."""
    return output.get_by_role("row").filter(has=output.page.get_by_role("button", name=name))


def background(element: Locator) -> str:
    return element.evaluate("(element) => getComputedStyle(element).backgroundColor")


class Waiting:
    """A command that waits for ever, with a child in a session of its own."""

    def __init__(self, directory: Path) -> None:
        self._pids = directory / "pids"
        script = directory / "wait.sh"
        script.write_text(
            f"setsid sleep 600 &\necho $$ $! > {self._pids}\necho waiting\nsleep 600\n"
        )
        self.command = f"bash {script}"

    def processes(self) -> list[int]:
        """Both of them; known once ``waiting`` was printed."""
        return [int(pid) for pid in self._pids.read_text().split()]


@pytest.fixture
def waiting(tmp_path: Path) -> Waiting:
    return Waiting(tmp_path)


def started(output: Locator, waiting: Waiting) -> list[int]:
    """The processes, once the page shows that they run."""
    expect(lines(output).get_by_text("waiting", exact=True)).to_be_visible()
    processes = waiting.processes()
    assert [is_alive(pid) for pid in processes] == [True, True]
    return processes


def test_a_line_appears_before_its_command_has_ended(lab: LabPage, gate: Gate) -> None:
    output = start(lab, f"%%cloudops\necho first\n{gate}\necho second")
    expect(lines(output)).to_have_text(["first"])
    expect(lab.prompt(1)).to_have_text("[*]:")
    gate.open()

    expect(record(output)).to_contain_text("first\nsecond")
    expect(live(output)).to_have_count(0)


def test_cancel_ends_a_waiting_cell_and_all_its_processes(lab: LabPage, waiting: Waiting) -> None:
    output = start(lab, f"%%cloudops\n{waiting.command}")
    processes = started(output, waiting)
    cancel(output)
    lab.wait_idle()

    assert not any(map(is_alive, processes))
    expect(record(output)).to_contain_text("cancelled")
    expect(output).to_contain_text("ExecutionCancelled")


def test_the_stop_button_ends_a_waiting_cell_and_all_its_processes(
    lab: LabPage, waiting: Waiting
) -> None:
    output = start(lab, f"%%cloudops\n{waiting.command}")
    processes = started(output, waiting)
    lab.interrupt()
    lab.wait_idle()

    assert not any(map(is_alive, processes))
    expect(record(output)).to_contain_text("cancelled")
    expect(output).to_contain_text("ExecutionCancelled")


def test_cancel_works_inside_another_magic_which_blocks_the_kernel(
    lab: LabPage, waiting: Waiting
) -> None:
    output = start(lab, f"%%time\n%%cloudops\n{waiting.command}")
    processes = started(output, waiting)
    cancel(output)
    lab.wait_idle()

    assert not any(map(is_alive, processes))
    expect(record(output)).to_contain_text("cancelled")


def test_one_command_of_a_plan_is_cancelled_and_the_others_go_on(
    lab: LabPage, gate: Gate, waiting: Waiting
) -> None:
    output = start(lab, f"%%cloudops --parallel --no-raise\n{waiting.command}\necho other; {gate}")
    processes = started(output, waiting)
    output.get_by_role("button", name="Cancel bash").click()
    expect(row(output, "bash").get_by_role("img", name="cancelled")).to_be_visible()

    assert not any(map(is_alive, processes))
    expect(row(output, "echo other").get_by_role("img", name="running")).to_be_visible()
    gate.open()
    expect(record(output)).to_contain_text("1 of 2 completed · 1 cancelled")


def test_a_plan_counts_what_has_ended_and_shows_failures_in_another_colour(
    lab: LabPage, tmp_path: Path
) -> None:
    first, second, third = (Gate(tmp_path / name) for name in ("first", "second", "third"))
    output = start(lab, f"%%cloudops --parallel --no-raise\n{first}\n{second}; exit 3\n{third}")
    header = output.locator(".cloudops-header")
    good, both = (header.locator(f".progress-bar-{kind}") for kind in ("success", "danger"))
    expect(header).to_contain_text("0 of 3")
    first.open()
    expect(header).to_contain_text("1 of 3")
    second.open()
    expect(header).to_contain_text("2 of 3")
    expect(header).to_contain_text("1 failed")
    expect(good).to_have_attribute("style", re.compile(r"width: 33\.3"))
    expect(both).to_have_attribute("style", re.compile(r"width: 66\.6"))

    assert background(good) != background(both)
    third.open()
    expect(record(output)).to_contain_text("2 of 3 completed · 1 failed")


def test_a_background_cell_leaves_the_kernel_free_streams_and_becomes_its_record(
    lab: LabPage, tmp_path: Path
) -> None:
    gate, end = Gate(tmp_path / "gate"), Gate(tmp_path / "end")
    script = f"echo first\n{gate}\necho second\n{end}"
    output = start(lab, f"%%cloudops --bg\n{script}", "print('the kernel is free')")
    expect(lines(output)).to_have_text(["first"])
    lab.run_cell(2)
    expect(lab.output(2)).to_have_text("the kernel is free")
    gate.open()
    expect(lines(output)).to_have_text(["first", "second"])
    end.open()

    expect(record(output)).to_contain_text("first\nsecond")
    expect(live(output)).to_have_count(0)


def test_a_background_cell_does_the_same_in_a_page_that_is_loaded_again(
    lab: LabPage, tmp_path: Path
) -> None:
    gate, end = Gate(tmp_path / "gate"), Gate(tmp_path / "end")
    output = start(lab, f"%%cloudops --bg\necho first\n{gate}\necho second\n{end}")
    expect(lines(output)).to_have_text(["first"])
    lab.save()
    lab.reload()
    expect(lines(output)).to_have_text(["first"])
    gate.open()
    expect(lines(output)).to_have_text(["first", "second"])
    end.open()

    expect(record(output)).to_contain_text("first\nsecond")
    expect(live(output)).to_have_count(0)


def test_markup_in_a_title_a_command_and_its_output_is_shown_as_text(
    lab: LabPage, gate: Gate
) -> None:
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    output = start(
        lab,
        f"%%cloudops --parallel --no-raise --title '{evil}'\n"
        f"echo '{evil}'; echo '{evil}' >&2; {gate}; exit 3",
    )
    expect(lines(output)).to_have_text([evil, evil])
    expect(live(output).locator(".cloudops-title")).to_have_text(evil)
    expect(output.locator("img, script")).to_have_count(0)
    gate.open()

    expect(record(output).get_by_text(evil, exact=True)).not_to_have_count(0)
    expect(output.locator("img, script")).to_have_count(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_record_is_readable_when_the_view_has_left(
    lab: LabPage, theme: Literal["light", "dark"]
) -> None:
    colours = "".join(f"\\e[{code}m{code}\\e[0m " for code in (*range(30, 38), *range(90, 98)))
    long = "x" * 400
    command = f"printf '{colours}\\n'; echo {long}; echo 'quota exceeded' >&2; exit 3"
    lab.set_theme(theme)
    output = start(
        lab,
        f"%%cloudops --no-raise\n{command}",
        f"%%cloudops --parallel --no-raise\n{command}\nsleep 0",
    )
    lab.run_cell(2)
    for shown in (record(output), record(lab.output(2))):
        expect(shown).to_contain_text("quota exceeded")
        unreadable = {
            text: round(ratio, 1) for text, ratio in shown.evaluate(CONTRASTS) if ratio < 4.5
        }

        assert not unreadable
        assert shown.evaluate(OVERFLOWING) == []


def test_the_whole_log_of_a_run_is_copied_while_it_goes_on(lab: LabPage, gate: Gate) -> None:
    lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    output = start(lab, f"%%cloudops\nseq 1 3000\n{gate}")
    expect(lines(output).last).to_have_text("3000")
    output.get_by_role("button", name="Copy log").click()
    expect(output.get_by_text("Log copied")).to_be_visible()
    copied = lab.page.evaluate("() => navigator.clipboard.readText()")
    gate.open()
    lab.wait_idle()

    assert copied == "".join(f"{number}\n" for number in range(1, 3001))
