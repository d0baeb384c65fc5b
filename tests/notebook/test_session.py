"""What a cell says of a result that is no success."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from cloudops_nb.models import (
    ExecutionResult,
    ExecutionStats,
    ExecutionStatus,
    PlanExecutionResult,
)
from cloudops_nb.models.base import now
from cloudops_nb.notebook.session import failure


def ended(status: ExecutionStatus, command: str, error: str) -> ExecutionResult:
    return ExecutionResult(
        id=uuid4(),
        status=status,
        exit_code=None,
        duration=timedelta(0),
        started_at=now(),
        completed_at=now(),
        log_path=Path("/log"),
        command=command,
        error=error,
    )


def test_a_plan_names_the_command_that_failed_not_one_that_had_to_be_skipped() -> None:
    results = (
        ended(ExecutionStatus.SKIPPED, "test", "not run: command 1 (build) failed"),
        ended(ExecutionStatus.FAILED, "build", "exit code 1"),
    )
    error = failure(
        PlanExecutionResult(
            plan_id=uuid4(),
            status=ExecutionStatus.FAILED,
            results=results,
            total_duration=timedelta(0),
            stats=ExecutionStats.of(result.status for result in results),
        )
    )
    assert str(error) == "2 of 2 commands did not complete; the first: build: exit code 1"


def test_a_cancelled_script_is_named_by_its_first_line() -> None:
    error = failure(ended(ExecutionStatus.CANCELLED, "sleep 9\nsecond line", "cancelled"))
    assert str(error) == "sleep 9: cancelled; its processes are gone"
