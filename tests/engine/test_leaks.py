"""After many executions an engine holds no more than after a few."""

import asyncio
import gc
import threading
from pathlib import Path

import psutil

from cloudops_nb.engine import Execution, ExecutionEngine
from cloudops_nb.models import Exec, ExecutionEvent, ExecutionRequest, Serial
from tests.conftest import MakeEngine
from tests.support import Recorder, open_files, plan, plan_result_of, request, run


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
        if thread.name == "cloudops-handler":
            thread.join(10)
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


def test_three_hundred_executions_leave_nothing_behind(make_engine: MakeEngine) -> None:
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
    rounds(300)
    assert held(engine) == before
    remembered = [each for each in engine.summaries() if each.commands == 1]  # no plans
    assert len(remembered) <= 50 + 3


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
