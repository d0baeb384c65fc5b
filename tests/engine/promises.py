"""What the results and events of a run promise, whatever happened to it."""

from uuid import UUID

from cloudops_nb.models import (
    ExecutionEvent,
    ExecutionResult,
    ExecutionStats,
    ExecutionStatus,
    OutputDropped,
    PlanCompleted,
    PlanExecutionResult,
    PlanStarted,
    Progress,
    Started,
)
from cloudops_nb.models.events import is_last, subject

TERMINAL = {
    ExecutionStatus.COMPLETED: "completed",
    ExecutionStatus.FAILED: "failed",
    ExecutionStatus.TIMEOUT: "failed",
    ExecutionStatus.CANCELLED: "cancelled",
    ExecutionStatus.SKIPPED: "skipped",
}


def check(result: ExecutionResult | PlanExecutionResult, events: list[ExecutionEvent]) -> None:
    """Compares a result with all that one handler was told since the engine was made."""
    if isinstance(result, PlanExecutionResult):
        _check_plan(result, _about(events, result.plan_id))
        for each in result.results:
            _check_command(each, _about(events, each.id))
        _check_order(result, events)
    else:
        _check_command(result, _about(events, result.id))


def _about(events: list[ExecutionEvent], subject_id: UUID) -> list[ExecutionEvent]:
    """The events of one execution or plan: numbered without a gap, one of them the last."""
    found = [event for event in events if subject(event) == subject_id]
    number = 0
    for event in found:
        assert event.sequence == number, f"{event.event_type}: {event.sequence}, not {number}"
        number += 2 if isinstance(event, OutputDropped) else 1
    assert [is_last(event, subject_id) for event in found].count(True) == 1
    assert is_last(found[-1], subject_id)
    return found


def _check_command(result: ExecutionResult, events: list[ExecutionEvent]) -> None:
    first, last = events[0], events[-1]
    assert last.event_type == TERMINAL[result.status]
    assert last.result is result  # type: ignore[union-attr]
    assert "internal error" not in (result.error or "")
    assert [isinstance(event, Started) for event in events].count(True) == (len(events) > 1)
    if len(events) == 1:
        assert result.status in (ExecutionStatus.CANCELLED, ExecutionStatus.SKIPPED)
        assert result.exit_code is None
    else:
        assert isinstance(first, Started)
    assert result.success is (result.status is ExecutionStatus.COMPLETED)


def _check_plan(result: PlanExecutionResult, events: list[ExecutionEvent]) -> None:
    first, *progress, last = events
    assert isinstance(first, PlanStarted)
    assert isinstance(last, PlanCompleted)
    assert last.result is result
    assert all(isinstance(event, Progress) for event in progress)
    counts = [event.completed for event in progress if isinstance(event, Progress)]
    total = len(result.results)
    assert counts[0] == 0
    assert counts[-1] == result.stats.total == first.total == total
    assert counts == sorted(counts)
    assert result.stats == ExecutionStats.of(each.status for each in result.results)


def _check_order(result: PlanExecutionResult, events: list[ExecutionEvent]) -> None:
    """All that a plan's commands tell stands between its start and its end."""
    mine = [event for event in events if event.plan_id == result.plan_id]
    assert isinstance(mine[0], PlanStarted)
    assert isinstance(mine[1], Progress)
    assert isinstance(mine[-1], PlanCompleted)
