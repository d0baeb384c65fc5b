"""The harness itself: what the other browser tests build on."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.lab import LabPage

BUTTON = """\
import ipywidgets
button = ipywidgets.Button(description="Press")
label = ipywidgets.Label("not yet")
button.on_click(lambda _: setattr(label, "value", "pressed"))
display(button, label)
"""

ANYWIDGET = '''\
import anywidget, traitlets
class Greeting(anywidget.AnyWidget):
    _esm = """export default { render({ model, el }) { el.textContent = model.get("text"); } };"""
    text = traitlets.Unicode("drawn by the page").tag(sync=True)
Greeting()
'''


def test_a_cell_prints(lab: LabPage) -> None:
    lab.new_cells("print(6 * 7)")
    lab.run_cell(0)

    expect(lab.prompt(0)).to_have_text(re.compile(r"^\[\d+\]:$"))
    expect(lab.output(0)).to_have_text("42")


def test_a_click_is_handled_after_the_cell_has_ended(lab: LabPage) -> None:
    lab.new_cells(BUTTON)
    lab.run_cell(0)
    lab.output(0).get_by_role("button", name="Press").click()

    expect(lab.output(0).get_by_text("pressed", exact=True)).to_be_visible()


def test_the_stop_button_interrupts_a_cell(lab: LabPage) -> None:
    lab.new_cells("print('running')\nwhile True:\n    pass", "print('after')")
    lab.start_cell(0)
    expect(lab.output(0)).to_have_text("running")
    expect(lab.prompt(0)).to_have_text("[*]:")
    lab.interrupt()
    lab.wait_idle()

    expect(lab.output(0)).to_contain_text("KeyboardInterrupt")
    lab.run_cell(1)
    expect(lab.output(1)).to_have_text("after")


def test_the_theme_is_the_one_that_was_set(fresh_lab: LabPage) -> None:
    fresh_lab.set_theme("dark")
    fresh_lab.new_notebook("")

    expect(fresh_lab.page.locator("body")).to_have_attribute("data-jp-theme-light", "false")


def test_an_anywidget_is_drawn(lab: LabPage) -> None:
    lab.new_cells(ANYWIDGET)
    lab.run_cell(0)

    expect(lab.output(0).get_by_text("drawn by the page")).to_be_visible()


def test_a_saved_notebook_reopens_on_a_fresh_kernel(fresh_lab: LabPage) -> None:
    fresh_lab.new_notebook("x = 1\nprint('kept')", "print(globals().get('x'))")
    fresh_lab.run_all()
    expect(fresh_lab.output(1)).to_have_text("1")

    assert fresh_lab.save().cells[0].outputs[0].text == "kept\n"
    fresh_lab.reopen()
    expect(fresh_lab.output(0)).to_have_text("kept")
    fresh_lab.run_cell(1)
    expect(fresh_lab.output(1)).to_have_text("None")


def test_a_reload_keeps_the_kernel_and_a_restart_does_not(fresh_lab: LabPage) -> None:
    fresh_lab.new_notebook("x = 1", "print(globals().get('x'))")
    fresh_lab.run_cell(0)
    fresh_lab.reload()
    fresh_lab.run_cell(1)
    expect(fresh_lab.output(1)).to_have_text("1")
    fresh_lab.restart_kernel()
    fresh_lab.run_cell(1)
    expect(fresh_lab.output(1)).to_have_text("None")


@pytest.mark.parametrize("url", ["https://example.com/", "http://127.0.0.1:1/"])
def test_only_requests_that_leave_loopback_are_noted(lab: LabPage, url: str) -> None:
    lab.page.evaluate("url => fetch(url).catch(() => null)", url)

    assert lab.outside == [wanted for wanted in [url] if "example.com" in wanted]
    lab.outside.clear()
