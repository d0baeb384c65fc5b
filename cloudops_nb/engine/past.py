"""What is known of executions that ended long ago, or in another kernel."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from cloudops_nb.engine.showing import as_shown
from cloudops_nb.models import (
    ExecutionPlan,
    ExecutionRequest,
    ExecutionResult,
    ExecutionStatus,
    ExecutionSummary,
    PlanExecutionResult,
)
from cloudops_nb.models.plans import ExecutionStrategy

_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class PastCommand:
    """A command that ended. ``ran`` tells whether it was started, and so has a log."""

    result: ExecutionResult
    ran: bool

    @property
    def id(self) -> UUID:
        """The execution's id."""
        return self.result.id

    @property
    def status(self) -> ExecutionStatus:
        """How it ended."""
        return self.result.status

    @property
    def log_path(self) -> Path:
        """Where its log is."""
        return self.result.log_path

    @property
    def started_at(self) -> datetime | None:
        """When it was started, if it was."""
        return self.result.started_at if self.ran else None

    @property
    def shown(self) -> ExecutionRequest:
        """The request as it may be shown: masked, the command reduced to its line."""
        told = self.result
        return as_shown(
            self.id,
            told.command or "",
            name=told.name,
            region=told.region,
            profile=told.profile,
            tags=told.tags,
        )

    @property
    def work(self) -> ExecutionRequest:
        """The request as it may be shown: what was submitted may hold secrets and is not kept."""
        return self.shown

    @cached_property
    def finished(self) -> Future[ExecutionResult]:
        """A future that is done."""
        return _done(self.result)

    def summary(self) -> ExecutionSummary:
        """One line of a list."""
        return ExecutionSummary(
            id=self.id,
            status=self.status,
            started_at=self.result.started_at,
            duration=self.result.duration,
            title=self.result.title,
            plan_id=self.result.plan_id,
        )


@dataclass(frozen=True, eq=False)
class PastPlan:
    """A plan that ended."""

    result: PlanExecutionResult
    started_at: datetime
    strategy: ExecutionStrategy
    commands: tuple[PastCommand, ...]

    @property
    def id(self) -> UUID:
        """The plan's id."""
        return self.result.plan_id

    @property
    def status(self) -> ExecutionStatus:
        """How it ended."""
        return self.result.status

    @property
    def shown(self) -> ExecutionPlan:
        """The plan as it may be shown: masked, the commands reduced to their lines."""
        return ExecutionPlan(
            id=self.id,
            description=self.result.title,
            strategy=self.strategy,
            commands=tuple(command.shown for command in self.commands),
        )

    @property
    def work(self) -> ExecutionPlan:
        """The plan as it may be shown: what was submitted may hold secrets and is not kept."""
        return self.shown

    @cached_property
    def finished(self) -> Future[PlanExecutionResult]:
        """A future that is done."""
        return _done(self.result)

    def summary(self) -> ExecutionSummary:
        """One line of a list."""
        return ExecutionSummary(
            id=self.id,
            status=self.status,
            started_at=self.started_at,
            duration=self.result.total_duration,
            title=self.result.title,
            commands=len(self.commands),
        )


PastRun = PastCommand | PastPlan


def _done(result: _T) -> Future[_T]:
    future: Future[_T] = Future()
    future.set_result(result)
    return future
