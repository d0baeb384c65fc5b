"""What is forgotten, and what never is."""

from typing import Any
from uuid import UUID, uuid4

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine.retention import Retention
from cloudops_nb.models import Serial
from tests.conftest import MakeEngine
from tests.support import Gate, plan, plan_result_of, result_of, run, wait_until

HOUR = 3600.0


def kept_and_forgotten(
    ended: list[tuple[int, float]], **settings: int
) -> tuple[list[int], list[int]]:
    """For executions of so many commands that ended so many seconds ago: which stay, which go."""
    retention = Retention()
    names: dict[UUID, int] = {}
    for index, (commands, seconds) in enumerate(ended):
        ids = tuple(uuid4() for _ in range(commands))
        names.update(dict.fromkeys(ids, index))
        retention.add(ids, commands, -seconds)
    gone = [names[each] for each in retention.retire(ExecutionConfig(**settings), 0.0)]
    assert all(gone.count(index) == ended[index][0] for index in gone)  # whole plans
    return [i for i in range(len(ended)) if i not in gone], sorted(set(gone))


def test_nothing_is_forgotten_early() -> None:
    assert kept_and_forgotten([(1, 10), (1, 5)]) == ([0, 1], [])


def test_what_ended_too_long_ago_is_forgotten() -> None:
    assert kept_and_forgotten([(1, HOUR + 60), (1, HOUR - 60)]) == ([1], [0])


def test_above_the_bound_the_oldest_are_forgotten() -> None:
    ended = [(1, 50.0), (1, 40.0), (1, 30.0), (1, 20.0)]
    assert kept_and_forgotten(ended, max_in_memory_executions=2) == ([2, 3], [0, 1])


def test_a_plan_counts_as_many_as_it_has_commands() -> None:
    ended = [(3, 50.0), (3, 40.0)]
    assert kept_and_forgotten(ended, max_in_memory_executions=5) == ([1], [0])


def test_the_newest_is_remembered_even_if_it_is_larger_than_the_bound() -> None:
    ended = [(2, 50.0), (30, 1.0)]
    assert kept_and_forgotten(ended, max_in_memory_executions=10) == ([1], [0])


def test_a_retention_longer_than_the_calendar_forgets_nothing() -> None:
    ended = [(1, 10 * HOUR)]
    assert kept_and_forgotten(ended, execution_retention_secs=10**15) == ([0], [])


def test_what_was_forgotten_is_not_forgotten_again() -> None:
    retention = Retention()
    retention.add((uuid4(),), 1, -2 * HOUR)
    assert len(retention.retire(ExecutionConfig(), 0.0)) == 1
    assert retention.retire(ExecutionConfig(), 0.0) == []


# In the engine


def ids_of(engine: Any) -> list[UUID]:
    return [summary.id for summary in engine.summaries()]


def test_the_engine_forgets_the_oldest_above_the_bound(make_engine: MakeEngine) -> None:
    engine = make_engine(max_in_memory_executions=2)
    executions = []
    for _ in range(4):
        executions.append(engine.submit("true"))
        result_of(executions[-1])
    wait_until(lambda: len(ids_of(engine)) == 2)
    assert ids_of(engine) == [each.id for each in executions[2:]]
    assert result_of(executions[0]).success  # who holds a handle still has the result


def test_the_engine_never_forgets_a_running_plan(make_engine: MakeEngine, gate: Gate) -> None:
    engine = make_engine(max_in_memory_executions=1)
    running = engine.submit(plan(Serial(), "true", str(gate)))
    for _ in range(3):
        run(engine, "true")
    wait_until(lambda: len(ids_of(engine)) == 4)
    assert {running.id, *(each.id for each in running.work.commands)} <= set(ids_of(engine))
    gate.open()
    assert plan_result_of(running).success


def test_the_engine_never_forgets_what_runs(make_engine: MakeEngine, gate: Gate) -> None:
    engine = make_engine(max_in_memory_executions=1)
    running = engine.submit(str(gate))
    for _ in range(3):
        run(engine, "true")
    wait_until(lambda: len(ids_of(engine)) == 2)
    assert running.id in ids_of(engine)
    gate.open()
    assert result_of(running).success


def test_without_cleanup_nothing_is_forgotten(make_engine: MakeEngine) -> None:
    engine = make_engine(max_in_memory_executions=1, enable_auto_cleanup=False)
    for _ in range(3):
        run(engine, "true")
    assert len(ids_of(engine)) == 3


def test_cleanup_can_be_started_later_and_twice(make_engine: MakeEngine) -> None:
    engine = make_engine(max_in_memory_executions=1, enable_auto_cleanup=False)
    engine.start_cleanup_task()
    engine.start_cleanup_task()
    for _ in range(4):
        run(engine, "true")
    wait_until(lambda: len(ids_of(engine)) == 1)


def test_a_plan_above_the_bound_can_still_be_asked_for(make_engine: MakeEngine) -> None:
    engine = make_engine(max_in_memory_executions=1)
    execution = engine.submit(plan(Serial(), "true", "true"))
    plan_result_of(execution)
    assert engine.get(execution.id).done()
