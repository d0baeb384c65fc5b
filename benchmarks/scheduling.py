"""What the scheduler costs by itself."""

from __future__ import annotations

import random
import tracemalloc

from benchmarks.measure import Goal, Row, alone, alternate, times
from cloudops_nb.engine.scheduler import Scheduler, Start

NODES = 100_000
NEEDS = 3  # of each node, at most: edges to earlier ones, near or far
Needs = dict[int, tuple[int, ...]]


def scheduler() -> list[Row]:
    """A large random graph, from its edges to the last command ended."""
    half, whole = _graph(NODES // 2), _graph(NODES)
    (duration,) = alternate(times(5, 1), lambda: _run(NODES, whole))
    growth = _peak_bytes(NODES, whole) / _peak_bytes(NODES // 2, half)
    edges = sum(map(len, whole.values()))
    return [
        alone(
            f"a random graph of {NODES:,} nodes and {edges:,} edges through the scheduler alone",
            duration,
            Goal(2, " s"),
            notes=f"memory × {growth:.2f} from half as many",
            broken=["memory is not linear"] * (growth > 2.2),
        )
    ]


def _graph(nodes: int) -> Needs:
    chance = random.Random(nodes)
    return {
        node: tuple({chance.randrange(node) for _ in range(chance.randint(0, NEEDS))})
        for node in range(1, nodes)
    }


def _run(nodes: int, needs: Needs) -> None:
    plan = Scheduler(nodes, needs)
    running = plan.begin()
    while running:
        decision = running.pop()
        assert isinstance(decision, Start)
        running += plan.ended(decision.index, completed=True)
    assert plan.finished


def _peak_bytes(nodes: int, needs: Needs) -> int:
    tracemalloc.start()
    _run(nodes, needs)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak
