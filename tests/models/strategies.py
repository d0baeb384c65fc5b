"""Generated wire values, for property tests."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from cloudops_nb.models import (
    AwsCli,
    DependencyGraph,
    Exec,
    ExecutionMetadata,
    ExecutionPlan,
    ExecutionRequest,
    ExecutionResult,
    ExecutionStats,
    ExecutionStatus,
    Parallel,
    PlanExecutionResult,
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

commands = st.one_of(
    st.builds(Shell, command=text, shell=text),
    st.builds(Exec, program=text, args=args),
    st.builds(Script, path=paths, interpreter=maybe_text),
    st.builds(
        AwsCli, service=text, operation=text, args=args, profile=maybe_text, region=maybe_text
    ),
)
metadata = st.builds(
    ExecutionMetadata,
    source=maybe_text,
    conversation_id=st.none() | st.uuids(),
    tags=tags,
    user_prompt=maybe_text,
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
