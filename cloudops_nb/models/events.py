"""What happened, as frozen facts.

For one command, in this order: ``started``, then any number of ``stdout``, ``stderr`` (or
``output``, for handlers that take whole batches), then exactly one of ``completed``, ``failed`` or
``cancelled``. A command that was never started has one event: ``cancelled`` or ``skipped``.

For a plan: ``plan_started``, ``progress`` with nothing done, the events of its commands (those of
one command in their order, a ``progress`` after each end), and last ``plan_completed``.

A handler that falls far behind loses output, never another event; an ``output_dropped`` stands
where it was, and ``sequence`` leaves out one number after it.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from cloudops_nb.models.base import Timestamp, WireModel, addition, now
from cloudops_nb.models.results import (
    ExecutionResult,
    ExecutionStatus,
    PlanExecutionResult,
    Stream,
)


class _Event(WireModel):
    timestamp: Timestamp = Field(default_factory=now)
    sequence: int | None = addition()
    """Number of this event among those a handler is given about one execution, from 0."""


class _ExecutionEvent(_Event):
    execution_id: UUID
    plan_id: UUID | None = addition()


class _PlanEvent(_Event):
    plan_id: UUID


class Started(_ExecutionEvent):
    """The command left the queue and was handed to its executor."""

    event_type: Literal["started"] = "started"
    command: str
    name: str | None = addition()


class Stdout(_ExecutionEvent):
    """One line of standard output, without its end."""

    event_type: Literal["stdout"] = "stdout"
    line: str


class Stderr(_ExecutionEvent):
    """One line of standard error, without its end."""

    event_type: Literal["stderr"] = "stderr"
    line: str


class OutputBatch(_ExecutionEvent):
    """Text as it was read, lines and parts of lines; for handlers that take whole batches."""

    event_type: Literal["output"] = "output"
    stream: Stream
    text: str


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


class PlanCompleted(_PlanEvent):
    """A plan ended, however it did."""

    event_type: Literal["plan_completed"] = "plan_completed"
    result: PlanExecutionResult


ExecutionEvent = Annotated[
    Started
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
