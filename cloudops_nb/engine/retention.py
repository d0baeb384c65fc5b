"""Which finished executions are forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine.runs import CommandRun, PlanRun, Run
from cloudops_nb.models.base import now


def retired(runs: Iterable[Run], config: ExecutionConfig) -> list[UUID]:
    """The ids to forget: those past their retention, and the oldest above the bound.

    A plan is forgotten with its commands, as a whole; what runs is never forgotten.
    """
    finished = [run for run in runs if run.finished.done() and not _in_plan(run)]
    oldest_kept = now() - timedelta(seconds=config.execution_retention_secs)
    count = sum(_weight(run) for run in finished)
    forgotten: list[UUID] = []
    for run in finished:  # oldest first: the order they were submitted in
        if count <= config.max_in_memory_executions and run.submitted_at >= oldest_kept:
            break
        count -= _weight(run)
        forgotten.append(run.id)
        if isinstance(run, PlanRun):
            forgotten += [command.id for command in run.commands]
    return forgotten


def _in_plan(run: Run) -> bool:
    return isinstance(run, CommandRun) and run.plan_id is not None


def _weight(run: Run) -> int:
    return len(run.commands) if isinstance(run, PlanRun) else 1
