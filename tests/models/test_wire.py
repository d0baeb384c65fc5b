"""JSON in and out: the seeds' examples, and whatever else can be generated."""

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from cloudops_nb.errors import SerializationError
from cloudops_nb.models import (
    Cancelled,
    Command,
    Completed,
    ErrorCategory,
    ExecutionEvent,
    ExecutionPlan,
    ExecutionRequest,
    ExecutionResult,
    ExecutionStats,
    ExecutionStrategy,
    ExecutionSummary,
    Failed,
    OutputBatch,
    OutputDropped,
    PlanCompleted,
    PlanExecutionResult,
    PlanStarted,
    Progress,
    RetryConfig,
    Retrying,
    Skipped,
    Started,
    Stderr,
    Stdout,
)
from tests.models import strategies as some

ID = "6f2c1c1e-52ab-4b8a-9d1b-0e4c5a9a7d10"
OTHER = "0d9c3f4e-9a55-4c39-8a1e-6d2f8a1b2c3d"
TIME = "2024-05-01T10:00:00.123456Z"

COMMANDS = [
    # As 001 API writes them.
    {"type": "script", "path": "/tmp/deploy.sh", "interpreter": None},
    {"type": "exec", "program": "python3", "args": ["script.py", "--input", "data.json"]},
    {
        "type": "shell",
        "command": "aws ec2 describe-instances | jq '.Reservations[]'",
        "shell": "bash",
    },
    {
        "type": "aws_cli",
        "service": "ec2",
        "operation": "describe-instances",
        "args": ["--region", "us-west-2"],
        "profile": "production",
        "region": "us-west-2",
    },
]
STRATEGIES = [
    {"type": "serial", "stop_on_error": True},
    {"type": "parallel", "max_concurrency": 5},
    {"type": "parallel", "max_concurrency": None},
    {"type": "dependency_graph", "dependencies": {"2": [0, 1]}},
]
METADATA = {"source": "server", "conversation_id": OTHER, "tags": {"team": "ops"}}
REQUEST = {
    "id": ID,
    "command": COMMANDS[2],
    "env": {"ENVIRONMENT": "production"},
    "working_dir": "/opt/app",
    "timeout_ms": 60_000,
    "output_log_path": None,
    "metadata": METADATA,
}
PLAN = {
    "id": OTHER,
    "description": "Deploy application",
    "strategy": STRATEGIES[0],
    "commands": [REQUEST],
    "metadata": METADATA,
}
RESULT = {
    "id": ID,
    "status": "completed",
    "exit_code": 0,
    "duration": {"secs": 1, "nanos": 500_000_000},
    "started_at": TIME,
    "completed_at": TIME,
    "log_path": "/var/log/cloudops/x.log",
    "error": None,
    "success": True,
    "stdout": "out\n",
    "stderr": "",
}
STATS = {"total": 1, "completed": 1, "failed": 0, "cancelled": 0, "timeout": 0}
PLAN_RESULT = {
    "plan_id": OTHER,
    "status": "completed",
    "results": [RESULT],
    "total_duration": {"secs": 2, "nanos": 0},
    "stats": STATS,
}
SUMMARY = {"id": ID, "status": "running", "started_at": TIME, "duration": None}
RETRIES = [
    # As 004 names the fields; a Duration as Rust's serde writes it.
    {
        "max_attempts": 3,
        "backoff": {"type": "fixed", "delay": {"secs": 5, "nanos": 0}},
        "retryable_errors": ["ThrottlingException"],
    },
    {
        "max_attempts": 5,
        "backoff": {
            "type": "exponential",
            "base": {"secs": 0, "nanos": 500_000_000},
            "max": {"secs": 30, "nanos": 0},
        },
        "retryable_errors": [],
    },
    {
        "max_attempts": 1,
        "backoff": {
            "type": "linear",
            "increment": {"secs": 1, "nanos": 0},
            "max": {"secs": 9, "nanos": 0},
        },
        "retryable_errors": ["exit:75", "network"],
        "idempotent": True,
    },
]
EVENTS = [
    {"event_type": "started", "execution_id": ID, "command": "ls", "timestamp": TIME},
    {"event_type": "stdout", "execution_id": ID, "line": "a line", "timestamp": TIME},
    {"event_type": "stderr", "execution_id": ID, "line": "a line", "timestamp": TIME},
    {"event_type": "completed", "execution_id": ID, "result": RESULT, "timestamp": TIME},
    {"event_type": "failed", "execution_id": ID, "error": "exit code 1", "timestamp": TIME},
    {"event_type": "cancelled", "execution_id": ID, "timestamp": TIME},
    {
        "event_type": "progress",
        "plan_id": OTHER,
        "completed": 1,
        "total": 3,
        "current_command": None,
        "timestamp": TIME,
    },
]


def kind(document: dict[str, Any]) -> str:
    return str(document.get("event_type") or document.get("type"))


def rewritten(model: Any, document: object) -> object:
    adapter = TypeAdapter(model)
    return json.loads(adapter.dump_json(adapter.validate_json(json.dumps(document))))


@pytest.mark.parametrize("document", COMMANDS, ids=kind)
def test_a_seeds_command_comes_back_equal(document: dict[str, Any]) -> None:
    assert rewritten(Command, document) == document


@pytest.mark.parametrize("document", STRATEGIES, ids=kind)
def test_a_seeds_strategy_comes_back_equal(document: dict[str, Any]) -> None:
    assert rewritten(ExecutionStrategy, document) == document


@pytest.mark.parametrize("document", EVENTS, ids=kind)
def test_a_seeds_event_comes_back_equal(document: dict[str, Any]) -> None:
    assert rewritten(ExecutionEvent, document) == document


@pytest.mark.parametrize(
    ("model", "document"),
    [
        (ExecutionRequest, REQUEST),
        (ExecutionPlan, PLAN),
        (ExecutionResult, RESULT),
        (PlanExecutionResult, PLAN_RESULT),
        (ExecutionStats, STATS),
        (ExecutionSummary, SUMMARY),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_seeds_document_comes_back_equal(model: Any, document: dict[str, Any]) -> None:
    assert rewritten(model, document) == document


@pytest.mark.parametrize("document", RETRIES, ids=lambda document: document["backoff"]["type"])
def test_a_seeds_retry_comes_back_equal_and_may_stand_in_requests_and_plans(
    document: dict[str, Any],
) -> None:
    assert rewritten(RetryConfig, document) == document
    request = {**REQUEST, "retry": document}
    assert rewritten(ExecutionRequest, request) == request
    plan = {**PLAN, "commands": [request], "retry": document}
    assert rewritten(ExecutionPlan, plan) == plan


def test_defaults_of_the_seeds_may_be_left_out() -> None:
    request = ExecutionRequest.from_json('{"command": {"type": "shell", "command": "ls"}}')
    assert (request.command.shell, request.env, request.metadata.tags) == ("bash", {}, {})
    assert request.id.version == 4


def test_each_request_has_its_own_metadata() -> None:
    one, other = (ExecutionRequest(command={"type": "exec", "program": "x"}) for _ in range(2))
    one.metadata.tags["seen"] = "yes"
    assert other.metadata.tags == {}


def test_our_additions_are_left_out_while_unset() -> None:
    assert set(json.loads(ExecutionRequest.from_json(json.dumps(REQUEST)).model_dump_json())) == (
        set(REQUEST)
    )


def test_our_additions_are_written_when_set() -> None:
    document = {**REQUEST, "name": "list", "query": "a[]"}
    assert rewritten(ExecutionRequest, document) == document


@given(some.requests)
def test_any_request_comes_back_equal(request: ExecutionRequest) -> None:
    assert ExecutionRequest.from_json(request.model_dump_json()) == request


@given(some.plans)
def test_any_plan_comes_back_equal(plan: ExecutionPlan) -> None:
    assert ExecutionPlan.from_json(plan.model_dump_json()) == plan


@given(some.results())
def test_any_result_comes_back_equal(result: ExecutionResult) -> None:
    read = ExecutionResult.from_json(result.model_dump_json())
    assert read == result
    assert (read.stdout, read.stderr) == (result.stdout, result.stderr)


@given(some.plan_results())
def test_any_plan_result_comes_back_equal(result: PlanExecutionResult) -> None:
    assert PlanExecutionResult.from_json(result.model_dump_json()) == result


_about = {
    "execution_id": st.uuids(),
    "plan_id": st.none() | st.uuids(),
    "timestamp": some.times,
    "sequence": st.none() | st.integers(0, 2**63),
}
_result = some.results()
_about_plan = {**_about, "plan_id": st.uuids()}
del _about_plan["execution_id"]
EVENTS_GENERATED = st.one_of(
    st.builds(
        Started, **_about, command=some.text, name=some.maybe_text, attempt=st.integers(1, 100)
    ),
    st.builds(
        Retrying,
        **_about,
        attempt=st.integers(1, 100),
        max_attempts=st.integers(1, 100),
        wait=some.durations,
        next_at=some.times,
        reason=some.text,
        category=st.sampled_from(ErrorCategory),
    ),
    st.builds(Stdout, **_about, line=some.text),
    st.builds(Stderr, **_about, line=some.text),
    st.builds(OutputBatch, **_about, stream=st.sampled_from(["stdout", "stderr"]), text=some.text),
    st.builds(OutputDropped, **_about, dropped_bytes=st.integers(0)),
    st.builds(Completed, **_about, result=_result),
    st.builds(Failed, **_about, error=some.text, result=st.none() | _result),
    st.builds(Cancelled, **_about, result=st.none() | _result),
    st.builds(Skipped, **_about, reason=some.text, result=st.none() | _result),
    st.builds(PlanStarted, **_about_plan, description=some.text, total=st.integers(0)),
    st.builds(
        Progress,
        **_about_plan,
        completed=st.integers(0),
        total=st.integers(0),
        current_command=some.maybe_text,
        failed=st.integers(0),
    ),
    st.builds(PlanCompleted, **_about_plan, result=some.plan_results()),
)


@given(EVENTS_GENERATED)
def test_any_event_comes_back_equal(event: Any) -> None:
    assert TypeAdapter(ExecutionEvent).validate_json(event.model_dump_json()) == event


def test_an_event_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="exploded"):
        TypeAdapter(ExecutionEvent).validate_python({"event_type": "exploded"})


# What is refused, and how


def refusal(model: Any, document: object) -> str:
    with pytest.raises(SerializationError) as caught:
        model.from_json(json.dumps(document))
    return str(caught.value)


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({**REQUEST, "colour": 1}, "colour: unknown field"),
        ({**REQUEST, "command": {**COMMANDS[2], "shel": "sh"}}, "command.shell.shel: unknown"),
        ({**REQUEST, "metadata": {"tag": {}}}, "metadata.tag: unknown field"),
        ({**REQUEST, "timeout_ms": 0}, "timeout_ms: "),
        ({**REQUEST, "command": {"type": "sql"}}, "command: "),
        ({"id": ID}, "command: "),
        ({**REQUEST, "retry": {**RETRIES[0], "max_attempts": 0}}, "retry.max_attempts: "),
        ({**REQUEST, "retry": {**RETRIES[0], "max_attempts": 101}}, "retry.max_attempts: "),
        ({**REQUEST, "retry": {**RETRIES[0], "tries": 1}}, "retry.tries: unknown field"),
        (
            {**REQUEST, "retry": {**RETRIES[0], "backoff": {"type": "fixed", "base": 1}}},
            "retry.backoff.fixed.base: unknown field",
        ),
        ({**REQUEST, "retry": {"max_attempts": 2, "backoff": {"type": "x"}}}, "retry.backoff: "),
        (
            {**REQUEST, "retry": {**RETRIES[0], "retryable_errors": ["exit:"]}},
            "retry.retryable_errors.0: ",
        ),
    ],
)
def test_a_bad_request_is_refused_by_the_field(document: object, where: str) -> None:
    assert f"ExecutionRequest: {where}" in refusal(ExecutionRequest, document)


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({**PLAN, "command": []}, "command: unknown field"),
        ({**PLAN, "strategy": {"type": "serial", "stop": 1}}, "strategy.serial.stop: unknown"),
        ({**PLAN, "commands": [{**REQUEST, "x": 1}]}, "commands.0.x: unknown field"),
        ({**PLAN, "strategy": {"type": "parallel", "max_concurrency": 0}}, "max_concurrency"),
        ({**PLAN, "strategy": {"type": "dependency_graph", "dependencies": {"a": []}}}, ".a"),
    ],
)
def test_a_bad_plan_is_refused_by_the_field(document: object, where: str) -> None:
    assert where in refusal(ExecutionPlan, document)


@pytest.mark.parametrize(
    "change",
    [
        {"duration": {"secs": "x", "nanos": 0}},
        {"duration": {"secs": 10**30, "nanos": 0}},
        {"duration": {"secs": -1, "nanos": 0}},
        {"started_at": "2024-05-01T10:00:00"},
        {"started_at": "0001-01-01T00:00:00+14:00"},
        {"status": "exploded"},
        {"exit_code": "x"},
        {"stdout": None},
        {"stderr": 1},
    ],
    ids=str,
)
def test_a_bad_result_is_refused_as_such(change: dict[str, object]) -> None:
    assert "ExecutionResult" in refusal(ExecutionResult, {**RESULT, **change})


@pytest.mark.parametrize("text", ["", "{", "null", "[]", b"\xff"])
def test_text_that_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(SerializationError, match="ExecutionPlan"):
        ExecutionPlan.from_json(text)


def test_a_result_of_a_later_version_is_read_all_the_same() -> None:
    assert ExecutionResult.from_json(json.dumps({**RESULT, "mood": "good"})).id == UUID(ID)


def test_times_are_read_in_any_zone_and_written_in_utc() -> None:
    result = ExecutionResult.from_json(
        json.dumps({**RESULT, "started_at": "2024-05-01T12:00:00.123456+02:00"})
    )
    assert json.loads(result.model_dump_json())["started_at"] == TIME


def test_no_exit_code_is_minus_one_on_the_wire() -> None:
    document = {**RESULT, "status": "failed", "exit_code": -1, "success": False}
    result = ExecutionResult.from_json(json.dumps(document))
    assert result.exit_code is None
    assert json.loads(result.model_dump_json())["exit_code"] == -1


def test_death_by_the_first_signal_is_not_taken_for_no_exit_code() -> None:
    document = {**RESULT, "status": "failed", "exit_code": -1, "signal": "SIGHUP"}
    assert ExecutionResult.from_json(json.dumps(document)).exit_code == -1
