"""Live views driven by events made by hand: the setup cell, and how to read what it shows."""

from playwright.sync_api import Locator

from tests.browser.lab import LabPage

SETUP = """\
import threading
from datetime import timedelta
from cloudops_nb.models import *
from cloudops_nb.models.base import now
from cloudops_nb.models.events import ended
from cloudops_nb.notebook.view import LiveView

for shown in globals().get("views", ()):  # another test's
    shown.close()
views, cancelled, heard = [], [], threading.Event()

def cancel(id):
    cancelled.append(id)
    heard.set()

def live(work):
    global view
    view = LiveView(work, cancel=cancel)
    views.append(view)

def show():
    bundle = {"version_major": 2, "version_minor": 0, "model_id": view.widget.model_id}
    display({"application/vnd.jupyter.widget-view+json": bundle}, raw=True)

def start(*commands):
    for command in commands:
        view.on_event(Started(execution_id=command.id, command=""))

def out(command, text, stream="stdout"):
    view.on_event(OutputBatch(execution_id=command.id, stream=stream, text=text))

def end(command, status="completed", error=None):
    view.on_event(ended(ExecutionResult(
        id=command.id, status=status, exit_code=None, duration=timedelta(seconds=2),
        started_at=now(), completed_at=now(), log_path="x.log", error=error)))

one = ExecutionRequest(command=Shell(command="echo one"))
plan = ExecutionPlan(description="Nightly", strategy=Parallel(), commands=tuple(
    ExecutionRequest(command=Exec(program="step", args=(str(number),)), name=f"step {number}")
    for number in range(3)))
steps = plan.commands
"""

SINGLE = "live(one); show(); start(one)"
PLAN = (
    "live(plan); show(); start(*steps)\nfor step in steps: out(step, f'{step.name} says hello\\n')"
)


def lines(output: Locator) -> Locator:
    return output.locator(".cloudops-line")


def row(output: Locator, name: str) -> Locator:
    return output.get_by_role("row").filter(has=output.page.get_by_role("button", name=name))


def open_lab(lab: LabPage, *sources: str) -> Locator:
    """Runs the setup and the first of these cells; gives what that cell shows."""
    # Not as a cell: so long a one would push what it is about out of sight.
    (lab.directory / "setup.py").write_text(SETUP)
    lab.new_cells("%run -i setup.py", *sources)
    lab.run_cell(0)
    lab.run_cell(1)
    return lab.output(1)
