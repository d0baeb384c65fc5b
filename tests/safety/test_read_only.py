"""Which commands are known to change nothing."""

from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from cloudops_nb.models import AwsCli, Exec, RiskLevel, Script, Shell
from cloudops_nb.safety import classify
from cloudops_nb.safety.read_only import _EXCEPTIONS, _VERBS
from tests.executors.helpers import ENVIRON, prepare
from tests.models.test_prepared import prepared
from tests.support import request


def risk(command: Shell | Exec | AwsCli) -> RiskLevel:
    words = (command.program, *command.args) if isinstance(command, Exec) else ("x",)
    asked = request("x").model_copy(update={"command": command})
    return classify(prepared(request=asked, argv=words))


READ_ONLY = [
    "aws ec2 describe-instances",
    "aws --profile delete-me --region=us-east-1 ec2 describe-instances --output json",
    "aws ec2 describe-tags --filters Name=key,Values=terminate-me",
    "aws iam list-users | aws s3 ls s3://b",
    "aws s3api head-object --bucket b --key k && aws cloudtrail lookup-events; aws s3 ls",
    "aws ec2 wait instance-running --instance-ids $ID",
    "aws ec2 describe-instances --instance-ids $ID \"a $B\" \\\n  'c'  # a comment",
    "set -euo pipefail\naws s3 ls\naws s3 ls s3://b\n",
]


@pytest.mark.parametrize("text", READ_ONLY)
def test_text_of_nothing_but_calls_that_read_is_read_only(text: str) -> None:
    assert risk(Shell(command=text)) is RiskLevel.READ_ONLY


MODIFY = [
    "aws ec2 start-instances --instance-ids i-1",
    "aws ec2 describe-instances; touch x",
    "aws ec2 describe-instances | jq .",
    "aws s3 ls > file",
    "aws s3 ls 2>/dev/null",
    "aws s3 ls &",
    "X=1 aws s3 ls",
    "PATH=/tmp; aws s3 ls",
    "aws() { rm x; }; aws s3 ls",
    "aws s3 ls $(touch x)",
    "aws s3 ls `touch x`",
    "aws s3 ls <(touch x)",
    "aws s3 ls ${x:=$(touch x)}",
    "if aws s3 ls; then aws s3 ls; fi",
    "sudo aws s3 ls",
    "/tmp/aws s3 ls",
    "aws $X s3 ls",
    "aws ec2 $X",
    "aws --debugging ec2 describe-instances",
    "aws ec2",
    "set -euo pipefail",
    "echo aws",
    "aws s3 ls '",
    # Not as the verb has it, or writing a file.
    "aws sts get-federation-token --name x",
    "aws stepfunctions get-activity-task",
    "aws s3api get-object --bucket b --key k out",
    "aws emr get --cluster-id c --key-pair-file k --src s",
]


@pytest.mark.parametrize("text", MODIFY)
def test_text_with_anything_more_is_not(text: str) -> None:
    assert risk(Shell(command=text)) is RiskLevel.MODIFY


def test_only_a_shell_that_is_known_is_taken_to_read_its_text_so() -> None:
    assert risk(Shell(command="aws s3 ls", shell="/bin/sh")) is RiskLevel.READ_ONLY
    assert risk(Shell(command="aws s3 ls", shell="python3")) is RiskLevel.MODIFY


@pytest.mark.parametrize(
    ("command", "level"),
    [
        (AwsCli(service="ec2", operation="describe-instances"), RiskLevel.READ_ONLY),
        (AwsCli(service="s3", operation="ls"), RiskLevel.READ_ONLY),
        (AwsCli(service="s3", operation="cp"), RiskLevel.MODIFY),
        (AwsCli(service="kinesis", operation="get"), RiskLevel.MODIFY),
        (AwsCli(service="s3api", operation="get-object"), RiskLevel.MODIFY),
        (Exec(program="aws", args=("ec2", "describe-instances")), RiskLevel.READ_ONLY),
        (Exec(program="./aws", args=("ec2", "describe-instances")), RiskLevel.MODIFY),
    ],
    ids=repr,
)
def test_typed_calls_are_judged_alike(command: AwsCli | Exec, level: RiskLevel) -> None:
    assert risk(command) is level


@pytest.mark.parametrize(
    ("options", "level"),
    [
        ("--endpoint-url https://vpce-1.s3.eu-west-1.vpce.amazonaws.com", RiskLevel.READ_ONLY),
        ("--end https://s3.cn-north-1.amazonaws.com.cn", RiskLevel.READ_ONLY),
        ("--endpoint-url http://127.0.0.1:4566", RiskLevel.READ_ONLY),
        ("--endpoint-url https://minio.example", RiskLevel.MODIFY),
        ("--end=https://minio.example", RiskLevel.MODIFY),
        ("--endpoint-url https://amazonaws.com.evil.example", RiskLevel.MODIFY),
        ("--endpoint-url https://amazonaws.com@evil.example", RiskLevel.MODIFY),
        ("--endpoint-url http://s3.amazonaws.com", RiskLevel.MODIFY),
        ("--endpoint-url https://[", RiskLevel.MODIFY),
        ("--no-verify-ssl", RiskLevel.MODIFY),
        ("--no-ver", RiskLevel.MODIFY),
        ("--debug", RiskLevel.MODIFY),
        ("--cli x", RiskLevel.MODIFY),
        ("--region r --output text", RiskLevel.READ_ONLY),
    ],
)
def test_a_call_only_reads_where_it_is_known_who_answers(options: str, level: RiskLevel) -> None:
    assert risk(Shell(command=f"aws s3 ls {options}")) is level
    assert risk(Shell(command=f"aws {options} s3 ls")) is level


def test_a_script_file_is_not_read_for_it(tmp_path: Path) -> None:
    path = tmp_path / "x.sh"
    path.write_text("#!/bin/bash\naws s3 ls\n")
    assert classify(prepare(Script(path=path), environ=ENVIRON)) is RiskLevel.MODIFY


def test_no_operation_that_writes_a_file_passes_for_reading() -> None:
    session = botocore.session.get_session()
    missed = []
    for service in session.get_available_services():
        model = session.get_service_model(service)
        command = "s3api" if service == "s3" else service
        for name in model.operation_names:
            operation = xform_name(name, "-")
            if (
                operation.startswith(_VERBS)
                and f"{command} {operation}" not in _EXCEPTIONS
                and model.operation_model(name).has_streaming_output
            ):
                missed.append(f"{command} {operation}")
    assert not missed
