"""What happened, as frozen facts.

For one command, in this order: ``waiting`` if it has to wait for a lock, ``started``, then any
number of ``stdout``, ``stderr`` (or ``output``, for handlers that take whole batches) and
``command_progress``, and ``waiting`` with ``resumed`` after it where it was parked, then exactly
one of ``completed``, ``failed`` or ``cancelled``. A command that was never started ends with
``cancelled``, ``skipped``, or ``failed`` if it could not be started; so does one that completed in
an earlier run of its plan (``completed``, with ``resumed_from`` in its result), before the plan's
first ``progress``. Where an attempt failed and another follows, ``retrying`` ends its output, and
``started`` begins the next; a command cancelled between the two has no further ``started``.

For a plan: ``plan_started``, ``progress`` with nothing run yet, the events of its commands (those
of one command in their order, a ``progress`` after each end), and last ``plan_completed``.

A handler that falls far behind loses output, never another event; an ``output_dropped`` stands
where it was, and ``sequence`` leaves out one number after it.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from cloudops_nb.models.base import Duration, Timestamp, WireModel, addition, now
from cloudops_nb.models.results import (
    ExecutionResult,
    ExecutionStatus,
    PlanExecutionResult,
    Stream,
)
from cloudops_nb.models.retry import ErrorCategory


class _Event(WireModel):
    timestamp: Timestamp = Field(default_factory=now)
    sequence: int | None = addition()
    """Number of this event among those a handler is given about one execution, from 0."""


class _ExecutionEvent(_Event):
    execution_id: UUID
    plan_id: UUID | None = addition()


class _PlanEvent(_Event):
    plan_id: UUID


class Waiting(_ExecutionEvent):
    """The command waits, ``pending``: for a ``lock``, whose holder is told where it is known.

    Without a lock it was parked while it ran, until something from outside comes, such as new
    credentials; ``resumed`` follows then, unless it ends instead.
    """

    event_type: Literal["waiting"] = "waiting"
    reason: str
    lock: str | None = addition()
    holder_pid: int | None = addition()
    holder_since: Timestamp | None = addition()


class Started(_ExecutionEvent):
    """The command left the queue and was handed to its executor."""

    event_type: Literal["started"] = "started"
    command: str
    name: str | None = addition()
    attempt: int = addition(1)


class Resumed(_ExecutionEvent):
    """What the running command was parked for has come; it goes on."""

    event_type: Literal["resumed"] = "resumed"


class CommandProgress(_ExecutionEvent):
    """How far a command is: the pages and records it was given so far.

    ``note`` says what holds it up, such as throttling.
    """

    event_type: Literal["command_progress"] = "command_progress"
    pages: int
    records: int
    note: str | None = addition()

    @property
    def text(self) -> str:
        """It as a line: ``3 pages, 2,400 records; throttled, attempt 3 of 5 in 1.2 s``."""
        pages = f"{self.pages:,} page{'s' if self.pages != 1 else ''}"
        records = f"{self.records:,} record{'s' if self.records != 1 else ''}"
        return f"{pages}, {records}" + (f"; {self.note}" if self.note else "")


class Retrying(_ExecutionEvent):
    """Attempt number ``attempt`` failed for ``reason``; the next starts ``wait`` later.

    Later than ``next_at`` where it then has to queue.
    """

    event_type: Literal["retrying"] = "retrying"
    attempt: int
    max_attempts: int
    wait: Duration
    next_at: Timestamp
    reason: str
    category: ErrorCategory


class Stdout(_ExecutionEvent):
    """One line of standard output, without its end."""

    event_type: Literal["stdout"] = "stdout"
    line: str


class Stderr(_ExecutionEvent):
    """One line of standard error, without its end."""

    event_type: Literal["stderr"] = "stderr"
    line: str


class OutputBatch(_ExecutionEvent):
    """Text as it was read, lines and parts of lines; for handlers that take whole batches.

    For one that takes the tail, ``omitted_bytes`` and ``omitted_lines`` count what came before.
    """

    event_type: Literal["output"] = "output"
    stream: Stream
    text: str
    omitted_bytes: int = addition(0)
    omitted_lines: int = addition(0)


class OutputDropped(_ExecutionEvent):
    """Output this handler was too slow for; it is in the log."""

    event_type: Literal["output_dropped"] = "output_dropped"
    dropped_bytes: int


class Completed(_ExecutionEvent):
    """The command ended with exit code 0."""

    event_type: Literal["completed"] = "completed"
    result: ExecutionResult


class Failed(_ExecutionEvent):
    """The command ended otherwise; ``result.status`` tells failed from timeout."""

    event_type: Literal["failed"] = "failed"
    error: str
    result: ExecutionResult | None = addition()


class Cancelled(_ExecutionEvent):
    """The command was cancelled."""

    event_type: Literal["cancelled"] = "cancelled"
    result: ExecutionResult | None = addition()


class Skipped(_ExecutionEvent):
    """The command was not run, and why."""

    event_type: Literal["skipped"] = "skipped"
    reason: str
    result: ExecutionResult | None = addition()


class PlanStarted(_PlanEvent):
    """A plan was accepted and its first commands are about to start."""

    event_type: Literal["plan_started"] = "plan_started"
    description: str
    total: int


class Progress(_PlanEvent):
    """How far a plan is. ``completed`` counts commands that ended, however they did."""

    event_type: Literal["progress"] = "progress"
    completed: int
    total: int
    current_command: str | None = None
    failed: int = addition(0)
    eta_seconds: float | None = addition()
    """Until the plan ends, as far as can be told from what the same commands took before, or
    those of the plan that ended; None while nothing is known.
    """


class PlanCompleted(_PlanEvent):
    """A plan ended, however it did."""

    event_type: Literal["plan_completed"] = "plan_completed"
    result: PlanExecutionResult


ExecutionEvent = Annotated[
    Waiting
    | Started
    | Resumed
    | CommandProgress
    | Retrying
    | Stdout
    | Stderr
    | OutputBatch
    | OutputDropped
    | Completed
    | Failed
    | Cancelled
    | Skipped
    | PlanStarted
    | Progress
    | PlanCompleted,
    Field(discriminator="event_type"),
]


def ended(result: ExecutionResult) -> Completed | Failed | Cancelled | Skipped:
    """The event that reports a command's end."""
    match result.status:
        case ExecutionStatus.COMPLETED:
            return Completed(execution_id=result.id, plan_id=result.plan_id, result=result)
        case ExecutionStatus.CANCELLED:
            return Cancelled(execution_id=result.id, plan_id=result.plan_id, result=result)
        case ExecutionStatus.SKIPPED:
            reason = result.error or "not run"
            return Skipped(
                execution_id=result.id, plan_id=result.plan_id, reason=reason, result=result
            )
        case _:
            error = result.error or f"exit code {result.exit_code}"
            return Failed(
                execution_id=result.id, plan_id=result.plan_id, error=error, result=result
            )


def subject(event: ExecutionEvent) -> UUID:
    """The execution, or else the plan, that an event is about."""
    return event.execution_id if isinstance(event, _ExecutionEvent) else event.plan_id


def is_last(event: ExecutionEvent, about: UUID) -> bool:
    """Whether this is the last event about the execution or plan."""
    return subject(event) == about and isinstance(
        event, Completed | Failed | Cancelled | Skipped | PlanCompleted
    )
