"""What is forgotten, and what never is."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine.retention import retired
from cloudops_nb.engine.runs import CommandRun, PlanRun, Run
from cloudops_nb.engine.scheduler import Scheduler
from cloudops_nb.errors import ExecutionNotFound
from cloudops_nb.models import (
    ExecutionResult,
    ExecutionStats,
    ExecutionStatus,
    PlanExecutionResult,
    Serial,
)
from cloudops_nb.models.base import now
from cloudops_nb.redaction import Redactor
from tests.conftest import MakeEngine
from tests.support import Gate, plan, plan_result_of, request, result_of, run

HOUR = 3600.0


def command(
    *, ended: float | None = None, took: float = 0, plan_id: UUID | None = None
) -> CommandRun:
    """A command that ended so many seconds ago; None: it runs."""
    asked = request("true")
    made: Any = CommandRun(
        prepared=None,
        request=asked,
        executor=None,
        redactor=Redactor(),
        digest="",
        stop=None,
        description={"name": None, "command": "true"},
        plan_id=plan_id,
    )
    if ended is not None:
        end = now() - timedelta(seconds=ended)
        made.submitted_at = end - timedelta(seconds=took)
        made.finished.set_result(
            ExecutionResult(
                id=asked.id,
                status=ExecutionStatus.COMPLETED,
                exit_code=0,
                duration=timedelta(seconds=took),
                started_at=made.submitted_at,
                completed_at=end,
                log_path=Path("x"),
            )
        )
    return made


def plan_of(count: int, *, ended: float | None = None, took: float = 0) -> list[Run]:
    """A plan and its commands, in the order the engine keeps them."""
    plan_id = uuid4()
    commands = tuple(command(ended=ended, plan_id=plan_id) for _ in range(count))
    made = PlanRun(
        plan=plan(Serial(), *(each.request for each in commands), id=plan_id),
        commands=commands,
        scheduler=Scheduler(count),
        description="",
    )
    if ended is not None:
        made.submitted_at = now() - timedelta(seconds=ended + took)
        made.finished.set_result(
            PlanExecutionResult(
                plan_id=plan_id,
                status=ExecutionStatus.COMPLETED,
                results=(),
                total_duration=timedelta(seconds=took),
                stats=ExecutionStats(),
            )
        )
    return [made, *commands]


def forgotten(runs: list[Run], **settings: int) -> list[Run]:
    ids = retired(runs, ExecutionConfig(**settings))
    assert len(set(ids)) == len(ids)
    return [each for each in runs if each.id in ids]


def test_nothing_is_forgotten_early() -> None:
    assert forgotten([command(ended=10), command(ended=5)]) == []


def test_what_ended_too_long_ago_is_forgotten() -> None:
    old, young = command(ended=HOUR + 60), command(ended=HOUR - 60)
    assert forgotten([old, young]) == [old]


def test_what_took_longer_than_the_retention_is_remembered_when_it_ends() -> None:
    assert forgotten([command(ended=1, took=5 * HOUR)]) == []
    assert forgotten(plan_of(2, ended=1, took=5 * HOUR)) == []


def test_above_the_bound_the_oldest_are_forgotten() -> None:
    runs = [command(ended=seconds) for seconds in (50, 40, 30, 20)]
    assert forgotten(runs, max_in_memory_executions=2) == runs[:2]


def test_oldest_means_the_one_that_ended_first() -> None:
    long, short = command(ended=10, took=1000), command(ended=500)
    assert forgotten([long, short], max_in_memory_executions=1) == [short]


def test_what_runs_is_never_forgotten() -> None:
    runs: list[Run] = [command() for _ in range(5)]
    runs += plan_of(5)
    assert forgotten(runs, max_in_memory_executions=1) == []


def test_a_plan_goes_with_its_commands() -> None:
    runs = plan_of(3, ended=HOUR + 60)
    assert forgotten(runs) == runs


def test_a_command_of_a_running_plan_is_remembered_however_long_ago_it_ended() -> None:
    runs = plan_of(2)
    done = command(ended=5 * HOUR, plan_id=runs[0].id)
    assert forgotten([*runs, done], max_in_memory_executions=1) == []


def test_a_plan_counts_as_many_as_it_has_commands() -> None:
    runs = [*plan_of(3, ended=50), *plan_of(3, ended=40)]
    assert forgotten(runs, max_in_memory_executions=5) == runs[:4]


def test_the_newest_is_remembered_even_if_it_is_larger_than_the_bound() -> None:
    old, large = plan_of(2, ended=50), plan_of(30, ended=1)
    assert forgotten([*old, *large], max_in_memory_executions=10) == old


def test_a_retention_longer_than_the_calendar_forgets_nothing() -> None:
    runs: list[Run] = [command(ended=10 * HOUR)]
    assert forgotten(runs, execution_retention_secs=10**15) == []


# In the engine


def ids_of(engine: Any) -> list[UUID]:
    return [summary.id for summary in engine.summaries()]


def test_the_engine_forgets_the_oldest_above_the_bound(make_engine: MakeEngine) -> None:
    engine = make_engine(max_in_memory_executions=2)
    executions = []
    for _ in range(4):
        executions.append(engine.submit("true"))
        result_of(executions[-1])
    run(engine, "true")  # its end is behind the retirement of the one before
    assert len(ids_of(engine)) <= 3
    with pytest.raises(ExecutionNotFound):
        engine.get(executions[0].id)
    assert result_of(executions[0]).success  # who holds a handle still has the result


def test_the_engine_never_forgets_what_runs(make_engine: MakeEngine, gate: Gate) -> None:
    engine = make_engine(max_in_memory_executions=1)
    running = engine.submit(str(gate))
    for _ in range(3):
        run(engine, "true")
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
    assert len(ids_of(engine)) < 4


def test_a_plan_above_the_bound_can_still_be_asked_for(make_engine: MakeEngine) -> None:
    engine = make_engine(max_in_memory_executions=1)
    execution = engine.submit(plan(Serial(), "true", "true"))
    plan_result_of(execution)
    assert engine.get(execution.id).done()
