"""``%cloudops attach`` in a real kernel, as a page sees it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notebook.conftest import Cell, Kernel
from tests.support import Gate

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

SNAPSHOT = """\
from cloudops_nb.notebook.console import Console
import time

def captured(cell):
    frame = cell_widget(cell)
    return [console for console in walk(frame) if isinstance(console, Console)][0].capture()

def cell_widget(model_id):
    from ipywidgets.widgets.widget import _instances
    return _instances[model_id]

def walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)

def shown(model_id, line):
    "The texts of the lines, once there is this one."
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        lines = [each[4] for each in captured(model_id)["lines"]]
        if line in lines:
            return lines
        time.sleep(0.01)
    raise TimeoutError(lines)
"""


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    return Gate(tmp_path / "gate")


def model_of(cell: Cell) -> str:
    """The widget that a cell shows."""
    (view,) = [data[WIDGET_VIEW] for data in (*cell.displays, *cell.updates) if WIDGET_VIEW in data]
    return str(view["model_id"])


def lines(kernel: Kernel, cell: Cell, until: str) -> str:
    """The lines of the view in a cell, once there is the last of them."""
    kernel.run(SNAPSHOT)
    return kernel.run(f"shown({model_of(cell)!r}, {until!r})").text


def end(kernel: Kernel, gate: Gate) -> None:
    opener = threading.Thread(target=gate.open)
    opener.start()
    kernel.run("job.result()")
    opener.join()


def test_a_view_of_a_running_execution_begins_with_what_was_printed(
    kernel: Kernel, gate: Gate
) -> None:
    kernel.run(f"%%cloudops --bg --out job\necho one; echo two; {gate}; echo three; sleep 60")
    kernel.run("while 'two' not in job.logs(): pass")
    cell = kernel.run("%cloudops attach")
    assert "attached to" in cell.displays[0]["text/plain"]
    assert lines(kernel, cell, "two") == "['one', 'two']"
    gate.open()
    assert lines(kernel, cell, "three") == "['one', 'two', 'three']"
    kernel.run("%cloudops cancel all")


def test_two_views_of_one_run_show_the_same(kernel: Kernel, gate: Gate) -> None:
    kernel.run(f"%%cloudops --bg --out job\necho one; {gate}; echo two; sleep 60")
    kernel.run("while 'one' not in job.logs(): pass")
    first, second = kernel.run("%cloudops attach"), kernel.run("%cloudops attach")
    gate.open()
    assert lines(kernel, first, "two") == "['one', 'two']"
    assert lines(kernel, second, "two") == "['one', 'two']"
    assert model_of(first) != model_of(second)


def test_a_view_of_a_plan_has_the_states_of_all_its_commands(kernel: Kernel, gate: Gate) -> None:
    kernel.run(f"%%cloudops --serial --keep-going --bg --out job\nexit 3\necho two; {gate}")
    kernel.run("while 'two' not in job.logs(): pass")
    cell = kernel.run("%cloudops attach")
    assert lines(kernel, cell, "two") == "['two']"
    states = kernel.run(f"[str(row['state']) for row in captured({model_of(cell)!r})['rows']]").text
    assert states == "['failed', 'running']"
    end(kernel, gate)


def test_one_command_of_a_plan_can_be_attached_to(kernel: Kernel, gate: Gate) -> None:
    kernel.run(f"%%cloudops --parallel --bg --out job\necho other\necho mine; {gate}")
    kernel.run("while 'mine' not in job.logs(): pass")
    kernel.run("mine = str(job.work.commands[1].id)")
    cell = kernel.run("get_ipython().run_line_magic('cloudops', 'attach ' + mine)")
    assert lines(kernel, cell, "mine") == "['mine']"
    end(kernel, gate)


def test_of_what_has_ended_a_view_and_the_record_are_shown(kernel: Kernel) -> None:
    kernel.run("%%cloudops --out ended\necho over and done")
    cell = kernel.run("%cloudops attach")
    assert "over and done" in cell.text
    assert lines(kernel, cell, "over and done") == "['over and done']"


def test_the_newest_that_runs_comes_before_what_ended_later(kernel: Kernel, gate: Gate) -> None:
    kernel.run(f"%%cloudops --bg --out job\necho running; {gate}")
    kernel.run("%%cloudops\necho ended since")
    cell = kernel.run("%cloudops attach")
    assert lines(kernel, cell, "running") == "['running']"
    end(kernel, gate)


def test_an_unknown_id_is_refused(kernel: Kernel) -> None:
    cell = kernel.run("%cloudops attach nothing-like-it")
    assert (cell.status, "no execution has an id" in cell.stream) == ("error", True)


def test_loading_the_extension_again_leaves_the_attached_run_alone(
    kernel: Kernel, gate: Gate
) -> None:
    kernel.run(f"%%cloudops --bg --out job\n{gate}; echo finished")
    kernel.run("%cloudops attach")
    kernel.run("%reload_ext cloudops_nb")
    end(kernel, gate)
    assert kernel.run("job.result().stdout").text == "'finished\\n'"
