"""What the engine remembers of each execution."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

from cloudops_nb.engine.estimates import Estimate
from cloudops_nb.engine.logfile import LogWriter
from cloudops_nb.engine.retry import RetryPolicy
from cloudops_nb.engine.scheduler import Scheduler
from cloudops_nb.engine.showing import as_shown
from cloudops_nb.errors import ExecutionError
from cloudops_nb.executors.base import Executor
from cloudops_nb.models import (
    CommandProgress,
    ExecutionPlan,
    ExecutionRequest,
    ExecutionResult,
    ExecutionStatus,
    ExecutionSummary,
    PlanExecutionResult,
    PreparedCommand,
    Retrying,
    Waiting,
)
from cloudops_nb.models.base import now
from cloudops_nb.redaction import Redactor, secrets_in

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run is to be stopped before its own end."""

    status: ExecutionStatus
    error: str


@dataclass(eq=False, kw_only=True, slots=True)
class CommandRun:
    """One command from its submission to its end.

    ``stop`` is set on the engine's loop; ``finished`` may be waited for on any thread.
    """

    prepared: PreparedCommand | None
    request: ExecutionRequest
    executor: Executor
    redactor: Redactor
    digest: str
    description: dict[str, Any]
    log_path: Path
    plan_id: UUID | None = None
    retry: RetryPolicy | None = None
    attempt: int = 1
    unsettled: int | None = 1
    """The attempt that the journal has no outcome of yet."""
    fault: ExecutionError | None = None
    """What kept the attempt from running."""
    left_behind: bool = False
    """Whether something of the attempt could not be stopped."""
    status: ExecutionStatus = ExecutionStatus.PENDING
    submitted_at: datetime = field(default_factory=now)
    waits: Waiting | None = None
    """Why it is pending, where that is known."""
    progress: CommandProgress | None = None
    """How far the attempt is, where its executor tells."""
    started_at: datetime | None = None
    began: datetime | None = None
    """When the first attempt was started."""
    started_clock: float | None = None
    announced: bool = False
    retrying: Retrying | None = None
    """What is waited for, from one attempt's end until the next one's start."""
    log: LogWriter | None = None
    """Where its output goes, while it runs."""
    stop: Stop | None = None
    finished: Future[ExecutionResult] = field(default_factory=Future)
    _stoppable: asyncio.Task[Any] | None = None
    _stop_after: Stop | None = None

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
        told = self.description
        return as_shown(
            self.id,
            told["command"],
            name=told["name"],
            region=told["region"],
            profile=told["profile"],
            tags=told["tags"],
        )

    def take(self, filled: PreparedCommand) -> None:
        """Takes the command as it will run, now that what earlier steps gave is in it."""
        secrets = secrets_in(filled.request.env) | dict(filled.secrets)
        self.redactor = self.redactor.including(secrets)
        line = self.redactor.text(filled.line)
        self.prepared = replace(filled, line=line)
        self.description = self.description | {"command": line, "region": filled.region}

    def ask_to_stop(self, status: ExecutionStatus, error: str) -> None:
        """Asks the run to end early; the first to ask decides the status. On the loop only."""
        if self.stop is None:
            self.stop = Stop(status, error)
            # Soon, not now: the task itself may be asking, and must be waiting to be cancelled.
            asyncio.get_running_loop().call_soon(self._cut_short)
        elif self._stop_after is None:
            self._stop_after = Stop(status, error)

    def forget_timeout(self) -> None:
        """A timeout ends one attempt; what asked to stop while that ended holds for the run."""
        if self.stop is not None and self.stop.status is ExecutionStatus.TIMEOUT:
            self.stop, self._stop_after = self._stop_after, None

    def begin_next_attempt(self) -> None:
        """Makes the run ready to be started once more."""
        self.attempt += 1
        self.announced = False
        self.progress = None
        self.fault = None

    def _cut_short(self) -> None:
        # Asked again: a timeout that came as the attempt ended must not stop what follows.
        if self._stoppable is not None and self.stop is not None:
            self._stoppable.cancel()

    async def unless_stopped(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Awaits ``work``, which is cancelled once the run is asked to stop.

        None if the run was stopped and ``work`` had no answer to that; ``stop`` tells.
        """
        if self.stop is not None:
            work.close()
            return None
        task = asyncio.current_task()
        assert task is not None  # a coroutine on the loop is awaited by a task
        self._stoppable = task
        try:
            return await work
        except asyncio.CancelledError:
            if self.stop is None:
                raise  # the loop itself is ending
            return None
        finally:
            self._stoppable = None
            task.uncancel()

    def summary(self) -> ExecutionSummary:
        """One line of a list."""
        return ExecutionSummary(
            id=self.id,
            status=self.status,
            started_at=self.started_at or self.submitted_at,
            duration=_duration(self),
            title=self.description["name"] or self.description["command"],
            plan_id=self.plan_id,
            reason=self.waits.reason if self.waits is not None else None,
        )


@dataclass(frozen=True)
class Carried:
    """Results of commands that completed in an earlier run, by index; ``plan_id`` is that run's."""

    plan_id: UUID | None = None
    results: dict[int, ExecutionResult] = field(default_factory=dict)

    def result(self, index: int, request: ExecutionRequest, plan_id: UUID) -> ExecutionResult:
        """The result under the ids of the run it is carried to; where it ran stays known."""
        earlier = self.results[index]
        return earlier.model_copy(
            update={
                "id": request.id,
                "plan_id": plan_id,
                "resumed_from": earlier.resumed_from or earlier.id,
            }
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
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when nothing of it runs or is to run any more."""
    carried: Carried = field(default_factory=Carried)
    active: set[int] = field(default_factory=set)
    """The commands that were started and have not ended, by index."""
    left_out: set[int] = field(default_factory=set)
    """The commands that conditions skipped, by index: their own, or that of one they need."""
    estimate: Estimate | None = None
    began_clock: float = inf
    estimated_clock: float = -inf
    seconds_left: float | None = None
    faults: dict[int, str] = field(default_factory=dict)
    """Why commands cannot be started when it is their turn, by index."""
    finished: Future[PlanExecutionResult] = field(default_factory=Future)

    @property
    def id(self) -> UUID:
        """The plan's id."""
        return self.plan.id

    @cached_property
    def by_name(self) -> dict[str, CommandRun]:
        """The commands that have a name."""
        return {command.request.name: command for command in self.commands if command.request.name}

    def results(self, names: Iterable[str]) -> dict[str, ExecutionResult]:
        """The results of the commands with these names; they must have ended."""
        return {name: self.by_name[name].finished.result() for name in names}

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
