"""Generated wire values, for property tests."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from cloudops_nb.models import (
    Attempt,
    AwsCli,
    AwsSdk,
    DependencyGraph,
    ErrorCategory,
    Exec,
    ExecutionMetadata,
    ExecutionPlan,
    ExecutionRequest,
    ExecutionResult,
    ExecutionStats,
    ExecutionStatus,
    ExponentialBackoff,
    FixedBackoff,
    LinearBackoff,
    Parallel,
    PlanExecutionResult,
    ResourceLimits,
    RetryConfig,
    Script,
    Serial,
    Shell,
)
from cloudops_nb.models.results import MemoryOutput

text = st.text(max_size=20)
maybe_text = st.none() | text
paths = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20).map(
    Path
)
tags = st.dictionaries(text, text, max_size=3)
times = st.integers(0, 253_402_000_000_000_000).map(
    lambda microseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)
durations = st.timedeltas(timedelta(0), timedelta(days=10_000))
args = st.lists(text, max_size=4).map(tuple)

finite = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers() | finite | text
parameters = st.dictionaries(
    text,
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
        max_leaves=5,
    ),
    max_size=3,
)

commands = st.one_of(
    st.builds(Shell, command=text, shell=text),
    st.builds(Exec, program=text, args=args),
    st.builds(Script, path=paths, interpreter=maybe_text),
    st.builds(
        AwsCli, service=text, operation=text, args=args, profile=maybe_text, region=maybe_text
    ),
    st.builds(
        AwsSdk,
        service=text,
        operation=text,
        params=parameters,
        profile=maybe_text,
        region=maybe_text,
        max_records=st.none() | st.integers(1, 2**63),
    ),
)
metadata = st.builds(
    ExecutionMetadata,
    source=maybe_text,
    conversation_id=st.none() | st.uuids(),
    tags=tags,
    user_prompt=maybe_text,
)
waits = st.timedeltas(timedelta(0), timedelta(days=1))
backoffs = st.one_of(
    st.builds(FixedBackoff, delay=waits, jitter=st.floats(0, 1)),
    st.builds(ExponentialBackoff, base=waits, max=waits, jitter=st.floats(0, 1)),
    st.builds(LinearBackoff, increment=waits, max=waits, jitter=st.floats(0, 1)),
)
retries = st.builds(
    RetryConfig,
    max_attempts=st.integers(1, 100),
    backoff=backoffs,
    retryable_errors=st.lists(st.from_regex(r"\A[A-Z]\w{0,9}\Z"), max_size=3).map(tuple),
    idempotent=st.booleans(),
)
maybe_count = st.none() | st.integers(1, 2**63)
limits = st.builds(
    ResourceLimits, cpu_seconds=maybe_count, memory_bytes=maybe_count, processes=maybe_count
)
requests = st.builds(
    ExecutionRequest,
    id=st.uuids(),
    command=commands,
    env=tags,
    working_dir=st.none() | paths,
    timeout_ms=st.none() | st.integers(1, 2**63),
    output_log_path=st.none() | paths,
    metadata=metadata,
    name=maybe_text,
    query=maybe_text,
    when=maybe_text,
    inputs=args,
    lock=maybe_text,
    retry=st.none() | retries,
    limits=st.none() | limits,
)
strategies = st.one_of(
    st.builds(Serial, stop_on_error=st.booleans()),
    st.builds(Parallel, max_concurrency=st.none() | st.integers(1, 1000)),
    st.builds(
        DependencyGraph,
        dependencies=st.dictionaries(
            st.integers(0, 9), st.lists(st.integers(0, 9), max_size=3).map(tuple), max_size=4
        ),
    ),
)
plans = st.builds(
    ExecutionPlan,
    id=st.uuids(),
    description=text,
    strategy=strategies,
    commands=st.lists(requests, max_size=3).map(tuple),
    metadata=metadata,
    max_failures=st.none()
    | st.integers(0, 1000)
    | st.integers(0, 100).map(lambda percent: f"{percent}%"),
    retry=st.none() | retries,
)
attempts = st.builds(
    Attempt,
    number=st.integers(1, 99),
    status=st.sampled_from(ExecutionStatus),
    exit_code=st.none() | st.integers(-64, 255),
    error=maybe_text,
    category=st.sampled_from(ErrorCategory),
    reason=text,
    started_at=times,
    duration=durations,
    waited=durations,
    log_path=paths,
)


@st.composite
def results(draw: st.DrawFn) -> ExecutionResult:
    code = draw(st.none() | st.integers(-64, 255))
    fields: dict[str, Any] = {
        "id": draw(st.uuids()),
        "status": draw(st.sampled_from(ExecutionStatus)),
        "exit_code": code,
        "signal": "SIGSOMETHING" if code is not None and code < 0 else None,
        "duration": draw(durations),
        "started_at": draw(times),
        "completed_at": draw(st.none() | times),
        "log_path": draw(paths),
        "error": draw(maybe_text),
        "plan_id": draw(st.none() | st.uuids()),
        "name": draw(maybe_text),
        "command": draw(maybe_text),
        "tags": draw(st.none() | tags),
        "attempts": draw(st.integers(1, 5)),
        "earlier_attempts": draw(st.lists(attempts, max_size=2).map(tuple)),
        "error_category": draw(st.none() | st.sampled_from(ErrorCategory)),
        "not_retried": draw(maybe_text),
        "omitted_bytes": draw(st.integers(0, 2**63)),
        "withheld_env": draw(args),
    }
    return ExecutionResult(**fields).with_output(MemoryOutput(draw(text), draw(text)))


@st.composite
def plan_results(draw: st.DrawFn) -> PlanExecutionResult:
    of_commands = tuple(draw(st.lists(results(), max_size=3)))
    return PlanExecutionResult(
        plan_id=draw(st.uuids()),
        status=draw(st.sampled_from(ExecutionStatus)),
        results=of_commands,
        total_duration=draw(durations),
        stats=ExecutionStats.of(result.status for result in of_commands if result.status.is_final),
        description=draw(maybe_text),
        started_at=draw(st.none() | times),
    )
