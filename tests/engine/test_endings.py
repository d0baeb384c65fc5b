"""However a command is made to end, nothing of it survives: every ending with every tree."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_async_kernel

from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.executors.process.orphans import cleanup_orphans
from cloudops_nb.executors.process.survivors import tags
from cloudops_nb.models import Parallel
from tests.conftest import MakeEngine
from tests.engine.conftest import StartKernel
from tests.engine.kernels import TREES, kill_with_watchdog
from tests.support import (
    PATIENCE,
    Recorder,
    carrying,
    plan,
    plan_result_of,
    request,
    result_of,
    times,
    wait_until,
)

pytestmark = pytest.mark.timeout(times(60, 600))

HUNDRED = "for i in {1..9}; do (for j in {1..10}; do sleep 60 & done; echo up; wait) & done; wait"
"""A tree of 100 processes; it says "up" nine times."""


# Of an engine that lives on


@pytest.mark.parametrize("kind", TREES)
def test_nothing_survives_a_cancel(make_engine: MakeEngine, kind: str) -> None:
    engine = make_engine(cancel_grace_ms=100)
    recorder = Recorder()
    engine.subscribe(recorder)
    execution = engine.submit(TREES[kind])
    recorder.wait_for_line("up")
    execution.cancel()
    assert result_of(execution).status == "cancelled"
    assert carrying(str(execution.id).encode()) == []


def test_nothing_survives_a_timeout(make_engine: MakeEngine) -> None:
    engine = make_engine(cancel_grace_ms=100)
    work = plan(Parallel(), *(request(text, timeout_ms=700) for text in TREES.values()))
    results = plan_result_of(engine.submit(work)).results
    assert [(each.status, each.stdout) for each in results] == [("timeout", "up\n")] * len(TREES)
    for command in work.commands:
        assert carrying(str(command.id).encode()) == []


def test_no_cancel_of_a_tree_of_a_hundred_leaves_a_process(engine: ExecutionEngine) -> None:
    recorder = Recorder()
    engine.subscribe(recorder)
    for n in range(times(5, 200)):
        execution = engine.submit(HUNDRED)
        recorder.wait_for(lambda event: getattr(event, "line", None) == "up", 9 * (n + 1))
        execution.cancel()
        assert result_of(execution).status == "cancelled"
        assert carrying(str(execution.id).encode()) == []


# Of a process that is interrupted or killed


def test_nothing_survives_an_interrupt(kernel: StartKernel) -> None:
    program = f"""
from cloudops_nb.models import ExecutionPlan, ExecutionRequest, Parallel, Shell
lines = {list(TREES.values())!r}
commands = [ExecutionRequest(command=Shell(command=line)) for line in lines]
try:
    engine.run(ExecutionPlan(description="all", strategy=Parallel(), commands=commands))
except KeyboardInterrupt:
    os.write(1, b"interrupted\\n")
"""
    interrupted = kernel(first=program)
    interrupted.wait_for("up", len(TREES))
    os.kill(interrupted.process.pid, signal.SIGINT)
    interrupted.wait_for("interrupted")
    assert set(interrupted.left()) == {interrupted.process.pid, interrupted.watchdog()}


def test_nothing_survives_a_kernel_that_is_killed(kernel: StartKernel) -> None:
    for _ in range(times(3, 100)):
        dying = kernel(*TREES.values())
        dying.wait_for("up", len(TREES))
        dying.kill()
        wait_until(lambda dying=dying: not dying.left())


def test_nothing_survives_a_kernel_whose_watchdog_was_killed_before(kernel: StartKernel) -> None:
    dying = kernel(*TREES.values())
    dying.wait_for("up", len(TREES))
    first = dying.watchdog()
    os.kill(first, signal.SIGKILL)
    dying.watchdog(other_than=first)
    dying.kill()
    wait_until(lambda: not dying.left())


def test_what_survives_a_kernel_and_its_watchdog_is_ended_by_the_next(
    kernel: StartKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = kernel(*TREES.values())
    dying.wait_for("up", len(TREES))
    kill_with_watchdog(dying)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(dying.place))
    assert cleanup_orphans()
    assert dying.left() == []


# Of a notebook's kernel


async def kill(manager: Any) -> None:
    os.kill(manager.provisioner.process.pid, signal.SIGKILL)


NOTEBOOK_ENDINGS: dict[str, tuple[str, Callable[[Any], Awaitable[object]]]] = {
    "interrupt": ("", lambda manager: manager.interrupt_kernel()),
    "restart": ("--bg", lambda manager: manager.restart_kernel()),
    "restart while the cell waits": ("", lambda manager: manager.restart_kernel()),
    "restart at once": ("--bg", lambda manager: manager.restart_kernel(now=True)),
    "shutdown": ("--bg", lambda manager: manager.shutdown_kernel()),
    "kill": ("--bg", kill),
}


@pytest.mark.parametrize("ending", NOTEBOOK_ENDINGS)
def test_nothing_survives_the_end_of_a_notebooks_kernel(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    logs = tmp_path / "logs"
    monkeypatch.setenv("CLOUDOPS_LOG_DIR", str(logs))
    options, end = NOTEBOOK_ENDINGS[ending]

    def are_up() -> bool:
        return [log.read_text() for log in logs.glob("*.log")] == ["up\n"] * len(TREES)

    def left() -> list[int]:
        return [pid for pid in carrying(str(tmp_path).encode()) if tags(pid)]

    async def main() -> None:
        manager, client = await start_new_async_kernel(kernel_name="python3")
        try:
            await client.execute_interactive("%load_ext cloudops_nb", timeout=PATIENCE)
            client.execute("\n".join([f"%%cloudops --parallel {options}", *TREES.values()]))
            await asyncio.to_thread(wait_until, are_up)
            await end(manager)
            await asyncio.to_thread(wait_until, lambda: not left())
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)

    asyncio.run(main())
    assert left() == []
