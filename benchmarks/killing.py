"""How soon all is gone after a cancel, and after the kernel was killed."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from uuid import uuid4

from benchmarks.engines import engine
from benchmarks.measure import Goal, Row, alone, percentile, times
from cloudops_nb.executors.process.survivors import processes
from cloudops_nb.models import ExecutionEvent, Stdout

TREE = """
for i in {1..9}; do
    (for j in {1..10}; do sleep 300 & done; echo up; wait) &
done
wait
"""
"""100 processes in three generations; it says "up" nine times."""
PROCESSES = 100

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


class _Up:
    """Tells when all of a tree is there."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()

    def on_event(self, event: ExecutionEvent) -> None:
        if isinstance(event, Stdout):
            os.write(self._writer, b".")

    def wait(self) -> None:
        for _ in range(9):
            os.read(self._reader, 1)


def cancel() -> list[Row]:
    """A tree of 100 processes, cancelled: from the call until its result is there."""
    durations, survivors = [], 0
    up = _Up()
    _adopt_orphans()
    with engine(up) as used:
        for _ in range(times(200, 5)):
            execution = used.submit(TREE)
            up.wait()
            # Between fork and exec a process has, for a moment, nothing to be found by.
            while (size := len(_carrying(str(execution.id)))) < PROCESSES:
                assert not execution.done(), f"the tree ended when it had {size} processes"
            assert size == PROCESSES, f"the tree has {size} processes"
            started = perf_counter()
            execution.cancel()
            execution.result()
            durations.append(perf_counter() - started)
            survivors += len(_carrying(str(execution.id)))
            _reap()
    return [
        _row(
            f"cancel of a tree of {PROCESSES} processes until its result", 50, durations, survivors
        )
    ]


def _adopt_orphans() -> None:
    """Makes this process the parent of orphans below it.

    Some containers' init leaves thousands of dead ones lying about for seconds, and each look at
    all processes meets every one of them; an init worth its name reaps them at once.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _reap() -> None:
    """What an init does. The engine's own children were reaped when their results were there."""
    while os.waitpid(-1, os.WNOHANG)[0]:
        pass


KERNEL = """
import os, sys
from cloudops_nb import ExecutionConfig, ExecutionEngine

class Up:
    def on_event(self, event):
        if event.event_type == "stdout":
            os.write(1, b".")

engine = ExecutionEngine(ExecutionConfig(log_dir=sys.argv[1]), handlers=[Up()])
for command in sys.argv[2:]:
    engine.submit(command)
sys.stdin.read()
"""
TREES = (
    "sleep 300 & (sleep 300 & sleep 300 & echo up; wait) & wait",
    "trap '' TERM; sleep 300 & echo up; wait; sleep 300",
    "( setsid bash -c 'sleep 300 & echo up; wait' & ); sleep 300",
)


def kill() -> list[Row]:
    """A process with an engine, killed: until the last of its commands' processes is dead."""
    measured = [_kill_one() for _ in range(times(100, 5))]
    durations = [duration for duration, _ in measured]
    what = "SIGKILL of the kernel until the last of its commands' processes is dead"
    return [_row(what, 100, durations, sum(left for _, left in measured))]


def _kill_one() -> tuple[float, int]:
    mark = str(uuid4())
    with (
        tempfile.TemporaryDirectory() as directory,
        subprocess.Popen(
            [sys.executable, "-c", KERNEL, directory, *TREES],
            env={**os.environ, "CLOUDOPS_BENCH_MARK": mark},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        ) as kernel,
    ):
        assert kernel.stdout is not None
        assert len(kernel.stdout.read(len(TREES))) == len(TREES), "the kernel died by itself"
        # The watchdog has no variable of ours: these are the commands' processes alone.
        members = [pid for pid in _carrying(mark) if pid != kernel.pid]
        with _pidfds(members) as waiting:
            started = perf_counter()
            kernel.kill()
            _wait_for_all(waiting)
            duration = perf_counter() - started
    left = _carrying(mark)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return duration, len(left)


def _row(what: str, bound: float, durations: list[float], survivors: int) -> Row:
    median, p99 = (percentile(durations, p) * 1000 for p in (50, 99))
    return alone(
        f"{what}, {len(durations)} times, p99",
        p99,
        Goal(bound, " ms"),
        notes=f"median {median:.1f} ms, {survivors} survivors",
        broken=["survivors"] * (survivors > 0),
    )


def _carrying(mark: str) -> list[int]:
    """The live processes, this one aside, with ``mark`` in their environment."""
    found = []
    for pid in processes():
        with contextlib.suppress(OSError):  # it ended, or is not ours to read
            if pid != os.getpid() and mark.encode() in Path(f"/proc/{pid}/environ").read_bytes():
                found.append(pid)
    return found


@contextlib.contextmanager
def _pidfds(pids: list[int]) -> Iterator[set[int]]:
    opened = [os.pidfd_open(pid) for pid in pids]
    try:
        yield set(opened)
    finally:
        for fd in opened:
            os.close(fd)


def _wait_for_all(pidfds: set[int]) -> None:
    """Waits until all these processes ended; 10 s, and what is left then is a survivor."""
    poll = select.poll()
    for fd in pidfds:
        poll.register(fd, select.POLLIN)
    deadline = perf_counter() + 10
    waiting = set(pidfds)
    while waiting and (patience := deadline - perf_counter()) > 0:
        for fd, _ in poll.poll(patience * 1000):
            poll.unregister(fd)
            waiting.discard(fd)
