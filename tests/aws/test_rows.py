"""Rows of AWS operations through the engine, by the AWS CLI and by the SDK alike."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.errors import RecordsUnavailable
from cloudops_nb.models import AwsCli, AwsSdk, ExecutionPlan, ExecutionRequest, Parallel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cloudops_nb.aws.sandbox import Sandbox

REGION = "us-east-1"


@pytest.fixture
def engine(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ExecutionEngine]:
    """An engine whose commands reach the sandbox alone."""
    environment = sandbox.environment(dict(os.environ))
    for name in os.environ.keys() - environment.keys():
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CLOUDOPS_LOG_DIR", str(tmp_path / "logs"))
    made = ExecutionEngine()
    yield made
    made.close()


def cli(*args: str) -> ExecutionRequest:
    command = AwsCli(service="ec2", operation="describe-instances", args=args, region=REGION)
    return ExecutionRequest(command=command)


def sdk(operation: str = "DescribeInstances", **params: object) -> ExecutionRequest:
    command = AwsSdk(service="ec2", operation=operation, params=params, region=REGION)
    return ExecutionRequest(command=command)


def test_the_cli_and_the_sdk_give_the_same_frame(engine: ExecutionEngine) -> None:
    frames = [engine.submit(each).result().to_pandas(tags=["Name"]) for each in (cli(), sdk())]
    first, second = (frame.drop(columns="requested_at") for frame in frames)
    assert len(first) > 0
    assert first["InstanceId"].notna().all()
    assert first.dtypes.to_dict() == second.dtypes.to_dict()
    assert first["account"].notna().all()
    assert first.astype(str).equals(second.astype(str))


def test_rows_say_where_they_are_from(engine: ExecutionEngine) -> None:
    row = engine.submit(sdk()).result().records[0]
    assert (row["region"], row["operation"]) == (REGION, "ec2:DescribeInstances")
    assert row["requested_at"].endswith("+00:00")


def test_nothing_found_has_the_columns_and_types_of_something(engine: ExecutionEngine) -> None:
    nothing = {"Name": "instance-id", "Values": ["i-00000000000000000"]}
    some, none = (
        engine.submit(each).result().to_pandas() for each in (sdk(), sdk(Filters=[nothing]))
    )
    assert (len(some) > 0, len(none)) == (True, 0)
    assert some.dtypes.to_dict() == none.dtypes.to_dict()


def test_a_plan_over_several_commands_keeps_the_types(engine: ExecutionEngine) -> None:
    plan = ExecutionPlan(
        description="two kinds", strategy=Parallel(), commands=(sdk(), cli(), sdk("DescribeVpcs"))
    )
    frame = engine.submit(plan).result().records.to_pandas(tags=["Name"])
    assert str(frame["LaunchTime"].dtype) == str(frame["requested_at"].dtype)
    assert str(frame["LaunchTime"].dtype) == "datetime64[us, UTC]"
    assert str(frame["IsDefault"].dtype) == "boolean"
    assert set(frame["operation"]) == {"ec2:DescribeInstances", "ec2:DescribeVpcs"}


def test_a_query_of_the_clis_own_has_no_schema(engine: ExecutionEngine) -> None:
    result = engine.submit(cli("--query", "Reservations[].OwnerId")).result()
    assert set(result.to_pandas().columns) == {
        "account", "region", "operation", "requested_at", "value",
    }  # fmt: skip


def test_a_result_read_back_from_disk_knows_its_schema(engine: ExecutionEngine) -> None:
    done = engine.submit(sdk()).result()
    engine.close()
    later = ExecutionEngine()
    try:
        again = later.get(done.id).result()
    finally:
        later.close()
    assert again.to_pandas().dtypes.to_dict() == done.to_pandas().dtypes.to_dict()


def test_records_of_which_some_were_left_out_are_refused(engine: ExecutionEngine) -> None:
    engine.reconfigure(max_output_size_bytes=2000)
    result = engine.submit(sdk()).result()
    with pytest.raises(RecordsUnavailable, match="max_output_size_bytes"):
        result.to_pandas()
