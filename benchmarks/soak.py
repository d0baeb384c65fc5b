"""What is left in the engine's process after ten thousand commands."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from time import perf_counter

import psutil

from benchmarks.engines import View, engine
from benchmarks.measure import Goal, Row, alone, times
from cloudops_nb import ExecutionEngine, ExecutionPlan, ExecutionRequest, Parallel, Shell

COMMANDS = 10_000
ROUND = ["true"] * 22 + ["echo out; echo err >&2", "exit 3", "kill -9 $$"]
"""One plan: most commands succeed, one prints, two fail."""


def soak() -> list[Row]:
    """Many commands, some of which fail, time out or are cancelled."""
    rounds = times(COMMANDS, COMMANDS // 20) // (len(ROUND) + 2)
    with engine(View(), max_in_memory_executions=100) as used:
        _rounds(used, 4)
        before = _held(used)
        started = perf_counter()
        _rounds(used, rounds)
        duration = perf_counter() - started
        after = _held(used)
    growth = {name: after[name] - before[name] for name in before}
    count = rounds * (len(ROUND) + 2)
    return [
        alone(
            f"growth after {count:,} commands (files, threads, children or zombies, tasks)",
            max(growth.values()),
            Goal(0),
            notes=f"{count / duration:.0f} commands/s",
            broken=[f"{name} +{more}" for name, more in growth.items() if more > 0],
        )
    ]


def _rounds(used: ExecutionEngine, count: int) -> None:
    for _ in range(count):
        commands = tuple(ExecutionRequest(command=Shell(command=line)) for line in ROUND)
        plan = ExecutionPlan(description="soak", strategy=Parallel(), commands=commands)
        late = used.submit(ExecutionRequest(command=Shell(command="sleep 300"), timeout_ms=20))
        cancelled = used.submit("sleep 300")
        result = used.submit(plan).result()
        assert (result.stats.completed, result.stats.failed) == (len(ROUND) - 2, 2)
        cancelled.cancel()
        assert (cancelled.result().status, late.result().status) == ("cancelled", "timeout")


def _held(used: ExecutionEngine) -> dict[str, int]:
    async def tasks() -> int:
        await asyncio.sleep(0.1)  # what has just ended is cleared away
        return len(asyncio.all_tasks())

    return {
        "tasks": used._loop.submit(tasks()).result(),
        "files": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "threads": threading.active_count(),
        "children": len(psutil.Process().children(recursive=True)),
    }
