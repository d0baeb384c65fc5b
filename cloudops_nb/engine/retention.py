"""Which finished executions are forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine.runs import CommandRun, PlanRun, Run
from cloudops_nb.models.base import now


def retired(runs: Iterable[Run], config: ExecutionConfig) -> list[UUID]:
    """The ids to forget: those that ended too long ago, and the oldest above the bound.

    A plan is forgotten with its commands, as a whole; what runs is never forgotten.
    """
    moment = now()
    finished = sorted(
        ((_ended_at(run), run) for run in runs if run.finished.done() and not _in_plan(run)),
        key=lambda item: item[0],
    )
    count = sum(_weight(run) for _, run in finished)
    forgotten: list[UUID] = []
    for index, (ended_at, run) in enumerate(finished, start=1):
        # The newest stays whatever its size: somebody is about to ask for it.
        above_bound = count > config.max_in_memory_executions and index < len(finished)
        age = (moment - ended_at).total_seconds()
        if not above_bound and age <= config.execution_retention_secs:
            break
        count -= _weight(run)
        forgotten.append(run.id)
        if isinstance(run, PlanRun):
            forgotten += [command.id for command in run.commands]
    return forgotten


def _ended_at(run: Run) -> datetime:
    if isinstance(run, PlanRun):
        return run.submitted_at + run.finished.result().total_duration
    return run.finished.result().completed_at or run.submitted_at


def _in_plan(run: Run) -> bool:
    return isinstance(run, CommandRun) and run.plan_id is not None


def _weight(run: Run) -> int:
    return len(run.commands) if isinstance(run, PlanRun) else 1
