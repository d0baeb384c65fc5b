"""After many executions an engine holds no more than after a few."""

import asyncio
import gc
import threading
from pathlib import Path

import psutil
import pytest

from cloudops_nb.engine import Execution, ExecutionEngine
from cloudops_nb.models import Exec, ExecutionEvent, ExecutionRequest, Serial
from tests.conftest import MakeEngine
from tests.support import (
    Recorder,
    open_files,
    plan,
    plan_result_of,
    request,
    run,
    times,
    wait_until,
)


class Quiet:
    """Shows every run to a handler of its own, as a notebook does."""

    output = "batches"

    def present(self, execution: Execution) -> "Quiet":
        return self

    def on_event(self, event: ExecutionEvent) -> None:
        pass


async def tasks() -> int:
    return len(asyncio.all_tasks())


def held(engine: ExecutionEngine) -> dict[str, int]:
    """What an engine holds, counted when all that ended has been cleared away."""
    for thread in threading.enumerate():
        if thread.name in ("cloudops-handler", "cloudops-files"):
            thread.join(10)
    engine._loop.submit(tasks()).result()  # what was to be done soon has been done
    return {
        "files": open_files(),
        "threads": threading.active_count(),
        "tasks": engine._loop.submit(tasks()).result(),
        "kept tasks": len(engine._tasks) + len(engine._plans._tasks),
        "subscriptions": len(engine._hub._subscriptions),
        "claims": len(engine._claims._claimed),
        "children": len(psutil.Process().children()),
        "callbacks": len(engine._loop.loop._ready),
        "timers": len(engine._loop.loop._scheduled) // 100,
    }


@pytest.mark.timeout(times(120, 600))
def test_many_executions_leave_nothing_behind(make_engine: MakeEngine) -> None:
    engine = make_engine(presenter=Quiet(), max_in_memory_executions=50)

    def rounds(count: int) -> None:
        for n in range(count):
            kind = n % 5
            if kind == 0:
                execution = engine.submit("sleep 60", presenter=Quiet())
                execution.cancel()
                execution.result(30)
            elif kind == 1:
                run(engine, request("sleep 60", timeout_ms=5))
            elif kind == 2:
                plan_result_of(engine.submit(plan(Serial(), "true", "false", "true")))
            elif kind == 3:
                run(engine, request("true", working_dir="/"))
            else:
                engine.run("echo out; echo err >&2; exit 1")

    rounds(10)
    before = held(engine)
    rounds(times(300, 10_000))
    # Less is fine: what other tests have started in this process may end meanwhile.
    assert {name: count for name, count in held(engine).items() if count > before[name]} == {}
    # Plans are not counted, and the last execution stays however many commands it had.
    wait_until(lambda: sum(each.commands == 1 for each in engine.summaries()) <= 50 + 3)


def test_executions_that_never_start_leave_nothing_behind(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    engine = make_engine()
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF rubbish")
    program.chmod(0o755)
    broken = ExecutionRequest(command=Exec(program=str(program)))

    def rounds(count: int) -> None:
        for _ in range(count):
            assert run(engine, broken).status == "failed"

    rounds(3)
    before = held(engine)
    rounds(30)
    assert held(engine) == before


def test_engines_that_are_closed_leave_nothing_behind(make_engine: MakeEngine) -> None:
    def use() -> None:
        engine = make_engine(handlers=[Recorder()])
        run(engine, "true")
        engine.close()

    use()
    gc.collect()
    before = open_files(), threading.active_count()
    for _ in range(10):
        use()
    gc.collect()
    assert (open_files(), threading.active_count()) == before
