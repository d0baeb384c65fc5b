"""What a cancel or a kill does not reach: docs/what-can-escape.md, statement by statement."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.executors.process import kill as kill_module
from cloudops_nb.executors.process.orphans import cleanup_orphans
from cloudops_nb.models import ExecutionStatus
from tests.engine.kernels import UNTAGGED, StartKernel, kill_with_watchdog
from tests.support import PATIENCE, Gate, Recorder, carrying, result_of, wait_until


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[str]:
    """Stands in the command line of what is to escape; all that has it ends with the test."""
    mark = f"escaping-{tmp_path.name}-{os.getpid()}"
    yield mark
    escaped = [psutil.Process(pid) for pid in carrying(mark.encode())]
    families = {each for one in escaped for each in (*one.children(recursive=True), one)}
    for process in families:
        process.kill()
    psutil.wait_procs(families, PATIENCE)  # who looks next would still see them dying


def sleeping(mark: str) -> str:
    """A command line that says where it is and stays."""
    return f"bash -c 'echo up; exec -a {mark} sleep 300'"


def cancelled(engine: ExecutionEngine, recorder: Recorder, command: str) -> None:
    execution = engine.submit(command)
    recorder.wait_for_line("up")
    execution.cancel()
    assert result_of(execution).status is ExecutionStatus.CANCELLED


@pytest.mark.parametrize("dropped", ["env -i", "setsid"])
def test_what_drops_either_its_environment_or_its_group_does_not_escape(
    engine: ExecutionEngine, recorder: Recorder, mark: str, dropped: str
) -> None:
    cancelled(engine, recorder, f"{dropped} {sleeping(mark)} & wait")
    assert carrying(mark.encode()) == []


def test_what_drops_both_escapes_a_cancel(
    engine: ExecutionEngine, recorder: Recorder, mark: str
) -> None:
    cancelled(engine, recorder, f"setsid env -i {sleeping(mark)} & wait")
    assert len(carrying(mark.encode())) == 1


def test_what_drops_both_escapes_the_watchdog(kernel: StartKernel, mark: str) -> None:
    dying = kernel(f"setsid env -i {sleeping(mark)} & wait")
    dying.wait_for("up")
    dying.kill()
    wait_until(lambda: not dying.left())
    assert len(carrying(mark.encode())) == 1


def test_what_another_program_starts_for_a_command_escapes(
    engine: ExecutionEngine, recorder: Recorder, mark: str, gate: Gate
) -> None:
    """As a container's daemon, cron or a tmux that runs already would."""
    service = subprocess.Popen(["bash", "-c", f"{gate}; {sleeping(mark)}; true"])
    cancelled(engine, recorder, f"echo go > {gate.path}; echo up; sleep 300")
    wait_until(lambda: len(carrying(mark.encode())) == 2)  # the service and what it started
    for pid in carrying(mark.encode()):
        os.kill(pid, signal.SIGKILL)
    service.wait(PATIENCE)


def test_without_proc_only_the_group_is_reached(
    engine: ExecutionEngine, recorder: Recorder, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kill_module, "processes", lambda: iter(()))
    cancelled(engine, recorder, f"{sleeping(mark)} & wait")
    assert carrying(mark.encode()) == []
    execution = engine.submit(f"setsid {sleeping(mark)} & wait")
    recorder.wait_for(lambda event: getattr(event, "line", None) == "up", 2)
    execution.cancel()
    assert result_of(execution).status is ExecutionStatus.CANCELLED
    assert len(carrying(mark.encode())) == 1


def test_where_kernel_and_watchdog_die_at_once_all_lives_on_until_the_next_kernel(
    kernel: StartKernel, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = kernel(sleeping(mark), UNTAGGED["leader"].format(mark=mark))
    dying.wait_for("up", 2)
    kill_with_watchdog(dying)
    alive = carrying(mark.encode())
    assert len(alive) == 2
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(dying.place))
    ended = cleanup_orphans()
    # It looks for tags alone: what dropped its environment stays, group or not.
    assert set(alive) - set(ended) == set(carrying(mark.encode()))
    assert len(carrying(mark.encode())) == 1
