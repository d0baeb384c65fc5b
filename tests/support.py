"""Helpers for tests that run real processes: everything waits for an event, nothing sleeps."""

import contextlib
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from cloudops_nb.engine import Execution, ExecutionEngine
from cloudops_nb.models import (
    ExecutionEvent,
    ExecutionPlan,
    ExecutionRequest,
    ExecutionResult,
    PlanExecutionResult,
    Shell,
)

PATIENCE = 30.0
"""Seconds after which a test gives up; nothing waits longer than it must."""
FULL = "CLOUDOPS_TEST_FULL"
"""Set by ``make test-full``."""


def times(few: int, full: int) -> int:
    """How often to repeat something: ``few`` in ``make test``, ``full`` in ``make test-full``."""
    return full if FULL in os.environ else few


def request(command: str, **fields: Any) -> ExecutionRequest:
    """A request for bash."""
    return ExecutionRequest(command=Shell(command=command), **fields)


def plan(strategy: Any, *commands: str | ExecutionRequest, **fields: Any) -> ExecutionPlan:
    """A plan of lines for bash, or of whole requests."""
    requests = tuple(request(each) if isinstance(each, str) else each for each in commands)
    return ExecutionPlan(description="a plan", strategy=strategy, commands=requests, **fields)


def result_of(execution: Execution) -> ExecutionResult:
    """The result of a command, waited for."""
    result = execution.result(PATIENCE)
    assert isinstance(result, ExecutionResult)
    return result


def plan_result_of(execution: Execution) -> PlanExecutionResult:
    """The result of a plan, waited for."""
    result = execution.result(PATIENCE)
    assert isinstance(result, PlanExecutionResult)
    return result


def run(engine: ExecutionEngine, work: Any, **options: Any) -> ExecutionResult:
    """Runs one command to its end."""
    return result_of(engine.submit(work, **options))


def run_plan(engine: ExecutionEngine, work: ExecutionPlan) -> PlanExecutionResult:
    """Runs a plan to its end."""
    return plan_result_of(engine.submit(work))


class Recorder:
    """An event handler that keeps what it is told and can be waited for."""

    def __init__(self, output: str = "lines") -> None:
        self.output = output
        self._events: list[ExecutionEvent] = []
        self._told = threading.Condition()

    def on_event(self, event: ExecutionEvent) -> None:
        with self._told:
            self._events.append(event)
            self._told.notify_all()

    @property
    def events(self) -> list[ExecutionEvent]:
        with self._told:
            return list(self._events)

    @property
    def types(self) -> list[str]:
        return [event.event_type for event in self.events]

    def wait_for(self, wanted: Callable[[ExecutionEvent], bool], count: int = 1) -> ExecutionEvent:
        """Waits for the ``count``-th event that ``wanted`` accepts, and returns it."""

        def found() -> list[ExecutionEvent]:
            return [event for event in self._events if wanted(event)]

        with self._told:
            in_time = self._told.wait_for(lambda: len(found()) >= count, PATIENCE)
            assert in_time, f"not told in time; told of {[e.event_type for e in self._events]}"
            return found()[count - 1]

    def wait_for_type(self, event_type: str, count: int = 1) -> ExecutionEvent:
        """Waits for the ``count``-th event of a type."""
        return self.wait_for(lambda event: event.event_type == event_type, count)

    def wait_for_line(self, line: str) -> ExecutionEvent:
        """Waits until this line was printed, on either stream."""
        return self.wait_for(lambda event: getattr(event, "line", None) == line)


class Gate:
    """A FIFO that commands wait at: ``{gate}`` in shell text reads one line from it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)

    def __str__(self) -> str:
        return f"read -r _ < {self.path}"

    def open(self) -> None:
        """Lets one command through; waits until it is at the gate."""
        with self.path.open("w") as fifo:
            fifo.write("go\n")


def carrying(needle: bytes) -> list[int]:
    """The live processes with ``needle`` in their environment or command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            text = (entry / "environ").read_bytes() + b"\0" + (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if needle in text:
            found.append(int(entry.name))
    return found


def is_alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[0] != b"Z"


def wait_until_gone(pid: int) -> None:
    """Waits until the process, which need not be a child of ours, has ended."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([pidfd], [], [], PATIENCE)
        assert ended, f"process {pid} still runs"
    finally:
        os.close(pidfd)


def watchdogs(parent: int | None = None) -> list[int]:
    """The watchdog processes of a process, by default this one."""
    found = []
    for child in psutil.Process(parent).children():
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            if any(word.endswith("/survivors.py") for word in child.cmdline()):
                found.append(child.pid)
    return found


def wait_until(condition: Callable[[], bool]) -> None:
    """Looks again and again, for what gives no sign when it comes about."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def open_files() -> int:
    """How many file descriptors this process has, once none of them is for housekeeping."""
    wait_until(lambda: all(each.name != "cloudops-files" for each in threading.enumerate()))
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def python(program: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Runs a program in a Python of its own; what it printed and how it ended."""
    return subprocess.run(
        [sys.executable, "-c", program, *args],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,  # its standard error is what tells most
    )


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """``data`` in pieces, some of them empty."""
    edges = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]
