"""What the engine remembers of each execution."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

from cloudops_nb.engine.scheduler import Scheduler
from cloudops_nb.executors.base import Executor
from cloudops_nb.models import (
    ExecutionPlan,
    ExecutionRequest,
    ExecutionResult,
    ExecutionStatus,
    ExecutionSummary,
    PlanExecutionResult,
    PreparedCommand,
    Shell,
)
from cloudops_nb.models.base import now
from cloudops_nb.redaction import Redactor


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run is to be stopped before its own end."""

    status: ExecutionStatus
    error: str


@dataclass(eq=False, kw_only=True)
class CommandRun:
    """One command from its submission to its end.

    ``stop`` is set on the engine's loop; ``finished`` may be waited for on any thread.
    """

    prepared: PreparedCommand | None
    request: ExecutionRequest
    executor: Executor
    redactor: Redactor
    digest: str
    stop: asyncio.Future[Stop]
    description: dict[str, Any]
    log_path: Path
    plan_id: UUID | None = None
    status: ExecutionStatus = ExecutionStatus.PENDING
    submitted_at: datetime = field(default_factory=now)
    started_at: datetime | None = None
    started_clock: float | None = None
    finished: Future[ExecutionResult] = field(default_factory=Future)

    @property
    def id(self) -> UUID:
        """The execution's id."""
        return self.request.id

    @property
    def work(self) -> ExecutionRequest:
        """What was submitted, under the id in force."""
        return self.request

    @property
    def shown(self) -> ExecutionRequest:
        """The request as it may be shown: masked, the command reduced to its line."""
        return ExecutionRequest(
            id=self.id,
            command=Shell(command=self.description["command"]),
            name=self.description["name"],
        )

    def ask_to_stop(self, status: ExecutionStatus, error: str) -> None:
        """Asks the run to end early; the first to ask decides the status. On the loop only."""
        if not self.stop.done():
            self.stop.set_result(Stop(status, error))

    def summary(self) -> ExecutionSummary:
        """One line of a list."""
        return ExecutionSummary(
            id=self.id,
            status=self.status,
            started_at=self.started_at or self.submitted_at,
            duration=_duration(self),
            title=self.description["name"] or self.description["command"],
            plan_id=self.plan_id,
        )


@dataclass(eq=False, kw_only=True)
class PlanRun:
    """A plan from its submission to its end."""

    plan: ExecutionPlan
    commands: tuple[CommandRun, ...]
    scheduler: Scheduler
    description: str
    status: ExecutionStatus = ExecutionStatus.PENDING
    submitted_at: datetime = field(default_factory=now)
    started_clock: float = field(default_factory=monotonic)
    cancelled: bool = False
    ended_count: int = 0
    failed_count: int = 0
    ended: asyncio.Queue[int] = field(default_factory=asyncio.Queue)
    finished: Future[PlanExecutionResult] = field(default_factory=Future)

    @property
    def id(self) -> UUID:
        """The plan's id."""
        return self.plan.id

    @property
    def work(self) -> ExecutionPlan:
        """What was submitted, under the ids in force."""
        return self.plan

    @property
    def shown(self) -> ExecutionPlan:
        """The plan as it may be shown: masked, the commands reduced to their lines."""
        return ExecutionPlan(
            id=self.id,
            description=self.description,
            strategy=self.plan.strategy,
            commands=tuple(command.shown for command in self.commands),
        )

    def summary(self) -> ExecutionSummary:
        """One line of a list."""
        return ExecutionSummary(
            id=self.id,
            status=self.status,
            started_at=self.submitted_at,
            duration=self.finished.result().total_duration if self.finished.done() else None,
            title=self.description,
            commands=len(self.commands),
        )


Run = CommandRun | PlanRun


def _duration(run: CommandRun) -> Any:
    return run.finished.result().duration if run.finished.done() else None
