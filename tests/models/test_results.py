"""Results: what they say beyond their fields."""

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pytest

from cloudops_nb.errors import RecordsUnavailable
from cloudops_nb.models import (
    ExecutionResult,
    ExecutionStats,
    ExecutionStatus,
    PlanExecutionResult,
)
from cloudops_nb.models.results import MemoryOutput, signal_name

START = datetime(2024, 5, 1, 10, tzinfo=UTC)


def result(stdout: str = "", stderr: str = "", **fields: Any) -> ExecutionResult:
    defaults: dict[str, Any] = {
        "id": uuid4(),
        "status": ExecutionStatus.COMPLETED,
        "exit_code": 0,
        "duration": timedelta(seconds=1),
        "started_at": START,
        "completed_at": START,
        "log_path": Path("x.log"),
    }
    return ExecutionResult(**{**defaults, **fields}).with_output(MemoryOutput(stdout, stderr))


def plan_result(*results: ExecutionResult, **fields: Any) -> PlanExecutionResult:
    stats = ExecutionStats.of(each.status for each in results)
    status = ExecutionStatus.COMPLETED if stats.completed == stats.total else "failed"
    defaults = {"plan_id": uuid4(), "status": status, "total_duration": timedelta(seconds=2)}
    return PlanExecutionResult(results=results, stats=stats, **{**defaults, **fields})


@pytest.mark.parametrize("status", ExecutionStatus)
def test_only_what_completed_is_a_success(status: ExecutionStatus) -> None:
    assert result(status=status).success is (status == "completed")
    assert plan_result(status=status).success is (status == "completed")


def test_only_pending_and_running_are_not_final() -> None:
    assert {s for s in ExecutionStatus if not s.is_final} == {"pending", "running"}


def test_output_is_read_from_where_it_is() -> None:
    one = result("out", "err")
    assert (one.stdout, one.stderr) == ("out", "err")


def test_with_output_leaves_the_original_alone() -> None:
    one = result("out")
    other = one.with_output(MemoryOutput("other"))
    assert (one.stdout, other.stdout) == ("out", "other")


def test_results_that_differ_in_output_alone_are_different() -> None:
    one = result("out")
    assert one != one.with_output(MemoryOutput("other"))
    assert one == one.with_output(MemoryOutput("out"))
    assert one != "out"


def test_a_title_is_the_name_or_the_line_or_the_id() -> None:
    named = result(name="a", command="b")
    assert (named.title, result(command="b").title) == ("a", "b")
    bare = result()
    assert bare.title == str(bare.id)


def test_records_follow_the_path_of_the_operation_and_the_query() -> None:
    text = '{"Users": [{"Name": "ann"}], "N": {"x": 1}}'
    assert result(text, record_path="Users").records == [{"Name": "ann"}]
    assert result(text, record_path="Users", query="N").records == [{"x": 1}]
    assert result(text, record_path="Users").to_pandas()["Name"].to_list() == ["ann"]


def test_a_query_on_plain_text_is_an_error_when_records_are_asked_for() -> None:
    with pytest.raises(RecordsUnavailable):
        _ = result("plain", query="a").records


# Plans


def test_stats_count_every_final_status_and_sum_to_the_total() -> None:
    final = [status for status in ExecutionStatus if status.is_final]
    stats = ExecutionStats.of(final * 2)
    counts = stats.model_dump()
    assert counts.pop("total") == sum(counts.values()) == 2 * len(final)
    assert set(counts.values()) == {2}


def test_a_plans_frame_has_a_row_a_command_with_proper_types() -> None:
    frame = plan_result(
        result(name="a", tags={"region": "x"}, attempts=2),
        result(status="failed", exit_code=3, command="b", error="exit code 3"),
        result(status="skipped", exit_code=None, duration=timedelta(0)),
    ).to_pandas()
    assert frame["name"].to_list()[:2] == ["a", "b"]
    assert frame["tags"].to_list() == [{"region": "x"}, {}, {}]
    assert frame["status"].to_list() == ["completed", "failed", "skipped"]
    assert frame["exit_code"].to_list() == [0, 3, pd.NA]
    assert frame["attempts"].to_list() == [2, 1, 1]
    assert frame["duration"].sum() == pd.Timedelta(seconds=2)
    assert str(frame["started_at"].dt.tz) == "UTC"


@pytest.mark.parametrize("results", [(), (result(exit_code=None, status="skipped"),)])
def test_a_plans_frame_has_the_same_types_whatever_is_in_it(
    results: tuple[ExecutionResult, ...],
) -> None:
    full = plan_result(result(name="a")).to_pandas().dtypes
    dtypes = plan_result(*results).to_pandas().dtypes
    for column in ("exit_code", "duration", "started_at"):
        assert dtypes[column] == full[column]


def test_a_plans_records_say_where_each_row_came_from() -> None:
    records = plan_result(
        result('[{"Id": 1}]', name="a", region="eu", profile="p", tags={"team": "x"}),
        result('[{"Id": 2}]', name="b"),
    ).records
    assert records == [
        {"command": "a", "profile": "p", "region": "eu", "team": "x", "Id": 1},
        {"command": "b", "profile": None, "region": None, "Id": 2},
    ]


def test_a_plans_records_leave_out_what_failed() -> None:
    records = plan_result(result("[1]"), result("[2]", status="failed", exit_code=1)).records
    assert [row["value"] for row in records] == [1]


def test_a_plan_has_an_id_and_a_title_like_a_command() -> None:
    one = plan_result(description="scan")
    assert (one.id, one.title) == (one.plan_id, "scan")
    bare = plan_result()
    assert bare.title == str(bare.plan_id)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (0, None),
        (143, None),
        (None, None),
        (-signal.SIGTERM, "SIGTERM"),
        (-signal.SIGKILL, "SIGKILL"),
        (-(signal.SIGRTMIN + 1), f"signal {signal.SIGRTMIN + 1}"),
    ],
)
def test_a_death_by_signal_has_the_signals_name(code: int | None, name: str | None) -> None:
    assert signal_name(code) == name
