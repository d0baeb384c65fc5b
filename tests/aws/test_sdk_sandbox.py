"""``AwsSdk`` beside the real AWS CLI, both in the sandbox."""

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from cloudops_nb import ApprovalRequired, AwsSdk, ExecutionConfig, ExecutionEngine, ExecutionRequest
from cloudops_nb.aws.sandbox import Sandbox
from tests.support import run

CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("ec2", "describe-instances", {}),
    ("ec2", "describe-volumes", {"Filters": [{"Name": "status", "Values": ["available"]}]}),
    ("iam", "list-users", {}),
    ("s3api", "list-buckets", {}),
    ("s3api", "list-objects-v2", {"Bucket": "cloudops-sandbox-prod-logs"}),
    ("sts", "get-caller-identity", {}),
    ("iam", "get-user", {"UserName": "alice"}),
    ("lambda", "list-functions", {}),
    ("dynamodb", "list-tables", {}),
    ("sqs", "list-queues", {}),
    ("cloudwatch", "describe-alarms", {}),
    ("logs", "describe-log-groups", {}),
    ("ec2", "describe-instances", {"InstanceIds": ["i-00000000000000000"]}),
    ("lambda", "get-function-configuration", {"FunctionName": "nobody"}),
]


@pytest.fixture(scope="module")
def engine(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExecutionEngine]:
    logs = tmp_path_factory.mktemp("logs") / "logs"
    engine = ExecutionEngine(ExecutionConfig(log_dir=logs))
    engine.sandbox = sandbox
    yield engine
    engine.close()


@pytest.mark.parametrize(("service", "operation", "params"), CALLS)
def test_an_api_call_prints_and_ends_as_the_aws_cli_does(
    engine: ExecutionEngine, sandbox: Sandbox, service: str, operation: str, params: dict[str, Any]
) -> None:
    command = AwsSdk(service=service, operation=operation, params=params)
    ours = run(engine, ExecutionRequest(command=command))
    cli = subprocess.run(
        ["aws", service, operation, "--output", "json", "--cli-input-json", json.dumps(params)],
        env=sandbox.environment(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if cli.returncode == 0:
        printed = json.loads(ours.stdout)
        assert (ours.exit_code, without_empty(printed)) == (
            0,
            without_empty(json.loads(cli.stdout)),
        )
    else:
        assert ours.exit_code == 254  # as version 2; version 1 has 255 for all
        # The line of ours has the request's id after what the CLI says.
        assert cli.stderr.strip() in ours.stderr.replace(" (request ", "\n(request ")


def without_empty(document: dict[str, Any]) -> dict[str, Any]:
    """Without the members that say nothing: their number differs between versions."""
    return {name: value for name, value in document.items() if value is not None}


@pytest.mark.parametrize("account", Sandbox.accounts, ids=lambda account: account.profile)
def test_a_profile_reaches_its_own_account(engine: ExecutionEngine, account: Any) -> None:
    command = AwsSdk(service="sts", operation="GetCallerIdentity", profile=account.profile)
    [identity] = run(engine, ExecutionRequest(command=command)).records
    assert identity["Account"] == account.id


def test_what_is_made_by_a_call_is_there(engine: ExecutionEngine) -> None:
    params = {"QueueName": "made-by-a-call", "Attributes": {"DelaySeconds": "5"}}
    create = AwsSdk(service="sqs", operation="CreateQueue", params=params)
    made = run(engine, ExecutionRequest(command=create))
    assert made.success
    url = made.records[0]["QueueUrl"]
    read = AwsSdk(
        service="sqs",
        operation="get-queue-attributes",
        params={"QueueUrl": url, "AttributeNames": ["DelaySeconds"]},
    )
    [found] = run(engine, ExecutionRequest(command=read)).records
    assert found["Attributes"] == {"DelaySeconds": "5"}
    deleted = AwsSdk(service="sqs", operation="DeleteQueue", params={"QueueUrl": url})
    with pytest.raises(ApprovalRequired) as held:
        engine.submit(ExecutionRequest(command=deleted))
    assert run(engine, ExecutionRequest(command=deleted), approve=held.value.digest).success
