"""What a handler that comes late is told first: how it came to where the execution stands.

The same events as ever, but of each command only the end of what the last attempt printed, and
commands one after the other: those that have ended, in the order of their ends, then the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

from cloudops_nb.engine.forms import TAIL_BYTES, Chunk, Dropped, Item
from cloudops_nb.engine.logfile import LogEnd, read_end
from cloudops_nb.engine.past import PastCommand, PastPlan, PastRun
from cloudops_nb.engine.runs import CommandRun, PlanRun, Run
from cloudops_nb.errors import LogUnavailable
from cloudops_nb.models import (
    ExecutionResult,
    ExecutionStatus,
    PlanCompleted,
    PlanStarted,
    Progress,
    Started,
)
from cloudops_nb.models.base import now
from cloudops_nb.models.events import ended

logger = logging.getLogger("cloudops_nb")

PLAN_BYTES = 8 * 1024 * 1024
"""Of what all commands of a plan printed, at most; each has the same share."""

_Part = Callable[[], list[Item]]


def story(run: Run | PastRun, *, output: bool) -> Iterator[Item]:
    """The story up to this moment. On the engine's loop, unless the run has ended.

    The loop is where output is logged and published, so that what comes after the story is told to
    a handler that is subscribed before the loop turns. Logs of what runs are read at once, those
    of what has ended as the story is told.

    Args:
        output: whether to tell what was printed, too.
    """
    commands = run.commands if isinstance(run, PlanRun | PastPlan) else (run,)
    share = min(TAIL_BYTES, PLAN_BYTES // len(commands)) if output else 0
    over = [each for each in commands if each.finished.done()]
    over.sort(key=_ended_at)
    parts = [_of_ended(each, share) for each in over]
    parts += [
        _told_now(_of_running(command, share))
        for command in commands
        if isinstance(command, CommandRun) and not command.finished.done()
    ]
    if isinstance(run, PlanRun | PastPlan):
        parts = [_told_now(_start_of(run)), *parts, _told_now(_end_of(run))]
    return (item for part in parts for item in part())


def _told_now(items: list[Item]) -> _Part:
    return lambda: items


def _start_of(run: PlanRun | PastPlan) -> list[Item]:
    if isinstance(run, PlanRun):
        if run.status is ExecutionStatus.PENDING:
            return []
        at, description = run.submitted_at, run.description
    else:
        at, description = run.started_at, run.result.title
    total = len(run.commands)
    return [PlanStarted(plan_id=run.id, description=description, total=total, timestamp=at)]


def _end_of(run: PlanRun | PastPlan) -> list[Item]:
    if run.finished.done():
        return [PlanCompleted(plan_id=run.id, result=run.finished.result())]
    if isinstance(run, PlanRun) and run.status is not ExecutionStatus.PENDING:
        return [
            Progress(
                plan_id=run.id,
                completed=run.ended_count,
                total=len(run.commands),
                failed=run.failed_count,
            )
        ]
    return []


def _of_running(run: CommandRun, share: int) -> list[Item]:
    if run.began is None or not (run.announced or run.attempt > 1):
        return [run.waits] if run.waits is not None else []
    attempt = run.attempt if run.announced else run.attempt - 1
    items: list[Item] = [_started(run, run.began, attempt)]
    if share:
        log = run.log
        read = log.end if log is not None else lambda limit: read_end(run.log_path, limit)
        items += _output(run.id, run.plan_id, now(), lambda: read(share))
    later = (run.progress, run.waits, run.retrying)
    return [*items, *(event for event in later if event is not None)]


def _of_ended(run: CommandRun | PastCommand, share: int) -> _Part:
    result = run.finished.result()
    began = run.started_at

    def tell() -> list[Item]:
        items: list[Item] = []
        at = _ended_at(run)
        if began is not None:
            items.append(_started(run, began, result.attempts))
            if share:
                path: Path = run.log_path
                items += _output(run.id, result.plan_id, at, lambda: read_end(path, share))
        return [*items, ended(result).model_copy(update={"timestamp": at})]

    return tell


def _started(run: CommandRun | PastCommand, at: datetime, attempt: int) -> Started:
    shown = run.shown
    plan_id = run.plan_id if isinstance(run, CommandRun) else run.result.plan_id
    return Started(
        execution_id=run.id,
        plan_id=plan_id,
        command=shown.command.line,
        name=shown.name,
        timestamp=at,
        attempt=attempt,
    )


def _output(
    execution_id: UUID, plan_id: UUID | None, at: datetime, read: Callable[[], LogEnd]
) -> list[Item]:
    try:
        end = read()
    except LogUnavailable as error:  # the run goes on, or went, without it
        logger.warning("what %s printed before is not shown: %s", execution_id, error)
        return []
    chunks = [Chunk(execution_id, plan_id, stream, data, at) for stream, data in end.pieces]
    before = [Dropped(execution_id, plan_id, end.before)] if end.before else []
    return [*before, *chunks]


def _ended_at(run: CommandRun | PastCommand) -> datetime:
    result: ExecutionResult = run.finished.result()
    return result.completed_at or result.started_at
