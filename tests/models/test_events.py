"""Events: which one reports which end, and whom it is about."""

from uuid import uuid4

import pytest

from cloudops_nb.models import (
    ExecutionResult,
    ExecutionStatus,
    Failed,
    Progress,
    Skipped,
    Started,
    Stdout,
)
from cloudops_nb.models.events import ended, is_last, subject

BASE = {
    "id": uuid4(),
    "plan_id": uuid4(),
    "exit_code": None,
    "duration": {"secs": 0, "nanos": 0},
    "started_at": "2024-05-01T10:00:00Z",
    "completed_at": None,
    "log_path": "x.log",
}


def result(status: str, **fields: object) -> ExecutionResult:
    return ExecutionResult.model_validate({**BASE, "status": status, **fields})


@pytest.mark.parametrize(
    ("status", "event_type"),
    [
        ("completed", "completed"),
        ("failed", "failed"),
        ("timeout", "failed"),
        ("interrupted", "failed"),
        ("cancelled", "cancelled"),
        ("skipped", "skipped"),
    ],
)
def test_each_end_has_its_event(status: str, event_type: str) -> None:
    event = ended(result(status))
    assert event.event_type == event_type
    assert (event.execution_id, event.plan_id) == (BASE["id"], BASE["plan_id"])
    assert event.result is not None
    assert event.result.status == status


def test_every_final_status_has_an_event() -> None:
    for status in ExecutionStatus:
        if status.is_final:
            assert is_last(ended(result(status)), BASE["id"])


def test_a_failure_says_why() -> None:
    failed = ended(result("timeout", error="timed out after 1 s"))
    assert isinstance(failed, Failed)
    assert failed.error == "timed out after 1 s"
    skipped = ended(result("skipped", error="not run"))
    assert isinstance(skipped, Skipped)
    assert skipped.reason == "not run"


def test_an_event_is_about_its_execution_or_else_its_plan() -> None:
    execution, plan = uuid4(), uuid4()
    assert subject(Stdout(execution_id=execution, plan_id=plan, line="")) == execution
    assert subject(Progress(plan_id=plan, completed=0, total=1)) == plan


def test_a_commands_end_is_not_its_plans() -> None:
    event = ended(result("completed"))
    assert not is_last(event, BASE["plan_id"])
    assert not is_last(Started(execution_id=BASE["id"], command="x"), BASE["id"])
