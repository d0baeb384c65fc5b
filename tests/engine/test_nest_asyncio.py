"""``nest_asyncio`` patches asyncio for the whole process; the engine goes on working."""

from pathlib import Path

import pytest

from tests.support import python

PROGRAM = """
import asyncio, sys, threading, warnings
warnings.simplefilter("error")
applied_first = sys.argv[1] == "before"
if applied_first:
    import nest_asyncio
    nest_asyncio.apply()

from cloudops_nb import (
    ExecutionConfig, ExecutionEngine, ExecutionPlan, ExecutionRequest, Parallel, Shell
)

engine = ExecutionEngine(ExecutionConfig(log_dir=sys.argv[2], cancel_grace_ms=300))
told = []
class Handler:
    async def on_event(self, event):
        await asyncio.sleep(0)
        told.append(event.event_type)
        if getattr(event, "line", "") == "up":
            up.set()
engine.subscribe(Handler())
up = threading.Event()

def request(line, **fields):
    return ExecutionRequest(command=Shell(command=line), **fields)

if not applied_first:
    engine.run("true")
    import nest_asyncio
    nest_asyncio.apply()

async def cell():
    # As in a notebook: asyncio.run inside a loop that runs already.
    execution_id = await engine.execute(request("echo inner"))
    result = asyncio.run(waited(execution_id))
    assert result.stdout == "inner\\n", result
    plan = ExecutionPlan(
        description="p", strategy=Parallel(), commands=(request("echo a"), request("false"))
    )
    plan_id = await engine.execute_plan(plan)
    return await engine.wait_for_completion(plan_id)

async def waited(execution_id):
    return await engine.wait_for_completion(execution_id)

result = asyncio.run(cell())
assert result.stats.completed == result.stats.failed == 1, result
assert engine.run(request("sleep 60", timeout_ms=100)).status == "timeout"
execution = engine.submit("echo up; sleep 60 & wait")
assert up.wait(30)
execution.cancel()
assert execution.result(30).status == "cancelled"
engine.close()
assert told.count("completed") == 2 + (not applied_first), told
assert told[-1] == "cancelled", told
print("ok")
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_engine_works_where_nest_asyncio_was_applied(when: str, tmp_path: Path) -> None:
    done = python(PROGRAM, when, str(tmp_path))
    assert (done.stdout, done.stderr) == ("ok\n", "")
