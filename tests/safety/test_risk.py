"""How much harm a command could do."""

from pathlib import Path

import pytest

from cloudops_nb.aws.operations import find_operation
from cloudops_nb.models import AwsCli, AwsSdk, Exec, RiskLevel, Script, Shell
from cloudops_nb.safety import classify
from tests.executors.helpers import ENVIRON, prepare
from tests.models.test_prepared import prepared as prepared_by_hand
from tests.support import request


def risk(command: Shell | Exec | AwsCli | Script) -> RiskLevel:
    words = (command.program, *command.args) if isinstance(command, Exec) else ("x",)
    asked = request("x").model_copy(update={"command": command})
    return classify(prepared_by_hand(request=asked, argv=words))


DESTRUCTIVE = [
    "aws ec2 terminate-instances --instance-ids i-1",
    "/usr/local/bin/aws ec2 terminate-instances",
    "aws s3 rm s3://bucket/key",
    "aws s3 rb s3://bucket",
    "aws s3 mv a s3://bucket/a",
    "aws s3 sync . s3://bucket --delete",
    "aws s3api delete-object --bucket b --key k",
    "aws dynamodb delete-item --table-name t",
    "aws ec2 deregister-image --image-id i",
    "aws ecr batch-delete-image --repository-name r",
    "aws cognito-idp admin-delete-user --username u",
    "aws sqs purge-queue --queue-url q",
    # Global options may stand anywhere before the operation, and be abbreviated.
    "aws --region eu-west-1 ec2 terminate-instances",
    "aws ec2 --region eu-west-1 terminate-instances",
    "aws --profile=p ec2 --output json terminate-instances",
    "aws --no-cli-auto-prompt ec2 terminate-instances",
    "aws --no-verify ec2 --debug terminate-instances",
    "aws --prof p ec2 --end http://x terminate-instances",
    # Wherever it stands in a shell text.
    "cd /tmp && aws ec2 terminate-instances",
    "for i in 1 2; do aws s3 rb s3://$i; done",
    "echo $(aws s3 rm s3://b/k)",
    "X=1 aws s3 rm s3://b/k 2>/dev/null | cat",
    "aws 's3' r\\m s3://b/k",
    # By way of another command.
    "sudo aws ec2 terminate-instances",
    "timeout 5 aws ec2 terminate-instances",
    "echo i-1 | xargs -n 1 aws ec2 terminate-instances --instance-ids",
    "bash -c 'aws ec2 terminate-instances'",
    "sudo bash -c 'cd /; aws --debug ec2 terminate-instances'",
    'ssh host "aws s3 rm s3://b/k"',
    "bash -c 'aws\tec2\tterminate-instances'",
    # The CLI takes any beginning of an option's name.
    "aws s3 sync . s3://bucket --delet",
    # A shell reads its here-document.
    "bash <<X\naws s3 rm x\nX",
    "sudo bash -s <<'X'\naws s3 rm x\nX",
    "ssh host <<X\ncd /\naws s3 rm x\nX",
    "bash <<< 'aws s3 rm x'",
    # A word only the running shell knows may be options, or nothing.
    "aws $OPTIONS ec2 terminate-instances",
    "aws ec2 $OPTIONS terminate-instances",
    'aws "$SERVICE" delete-thing',
]


@pytest.mark.parametrize("text", DESTRUCTIVE)
def test_a_plain_delete_is_destructive(text: str) -> None:
    assert risk(Shell(command=text)) is RiskLevel.DESTRUCTIVE


MODIFY = [
    "aws ec2 stop-instances --instance-ids i-1",
    "aws s3 cp a s3://bucket/a",
    "aws s3 sync . s3://bucket",
    "aws lambda invoke --function-name delete-user out",
    "aws network-firewall update-firewall-delete-protection",
    "aws",
    "aws ec2",
    "aws --region",
    "laws s3 rm x",
    "rm -rf ./aws",
    "ls # aws s3 rm x",
    "cat <<X\naws s3 rm x\nX",
]


@pytest.mark.parametrize("text", MODIFY)
def test_all_else_is_not_called_safe_either(text: str) -> None:
    assert risk(Shell(command=text)) is RiskLevel.MODIFY


@pytest.mark.parametrize(
    ("command", "level"),
    [
        (AwsCli(service="ec2", operation="terminate-instances"), RiskLevel.DESTRUCTIVE),
        (AwsCli(service="s3", operation="sync", args=("a", "b")), RiskLevel.MODIFY),
        (AwsCli(service="s3", operation="sync", args=("--delete",)), RiskLevel.DESTRUCTIVE),
        (AwsCli(service="ec2", operation="describe-instances"), RiskLevel.READ_ONLY),
        (Exec(program="aws", args=("ec2", "terminate-instances")), RiskLevel.DESTRUCTIVE),
        (Exec(program="/bin/bash", args=("-c", "aws s3 rb s3://b")), RiskLevel.DESTRUCTIVE),
        (Exec(program="terminate-instances", args=("ec2",)), RiskLevel.MODIFY),
    ],
    ids=repr,
)
def test_typed_commands_are_judged_alike(command: AwsCli | Exec, level: RiskLevel) -> None:
    assert risk(command) is level


def test_a_script_is_judged_by_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "x.sh"
    path.write_text("#!/bin/bash\nset -e\nif true; then aws s3 rb s3://b; fi\n")
    assert classify(prepare(Script(path=path), environ=ENVIRON)) is RiskLevel.DESTRUCTIVE
    path.write_text("#!/bin/bash\naws s3 ls\n")
    assert classify(prepare(Script(path=path), environ=ENVIRON)) is RiskLevel.MODIFY


def test_a_script_that_is_no_text_is_no_crash(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"#!/bin/sh\n\xff\x00 aws \xfe")
    assert classify(prepare(Script(path=path), environ=ENVIRON)) is RiskLevel.MODIFY


@pytest.mark.parametrize(
    ("service", "operation", "level"),
    [
        ("ec2", "DescribeInstances", "read_only"),
        ("ec2", "describe-instances", "read_only"),
        ("sts", "GetFederationToken", "modify"),
        ("ec2", "StartInstances", "modify"),
        ("ec2", "TerminateInstances", "destructive"),
        ("s3", "DeleteObject", "destructive"),
        ("ecr", "BatchDeleteImage", "destructive"),
    ],
)
def test_an_api_call_is_judged_like_the_command_of_the_aws_cli(
    service: str, operation: str, level: str
) -> None:
    command = AwsSdk(service=service, operation=operation)
    asked = request("x").model_copy(update={"command": command})
    found = find_operation(service, operation)
    made = prepared_by_hand(
        request=asked, argv=(), service=found.service, operation=found.name, parameters={}
    )
    assert classify(made) == level
