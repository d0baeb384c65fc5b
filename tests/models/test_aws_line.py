"""``aws …`` lines as typed commands, and what aims commands at an account and region."""

from __future__ import annotations

import pytest

from cloudops_nb.models import AwsCli, Exec, ExecutionRequest
from cloudops_nb.models.aws_line import aimed, aws_command


def test_a_service_and_an_operation_are_a_typed_command() -> None:
    assert aws_command("aws ec2 describe-instances --max-items 5".split()) == AwsCli(
        service="ec2", operation="describe-instances", args=("--max-items", "5")
    )


@pytest.mark.parametrize(
    ("line", "args"),
    [
        ("aws --region r --output=json s3 ls s3://b", ("s3://b", "--region", "r", "--output=json")),
        ("aws --no-cli-pager --debug s3 ls", ("--no-cli-pager", "--debug")),
        ("aws --reg r s3 ls", ("--reg", "r")),
    ],
)
def test_global_options_before_the_service_become_arguments(
    line: str, args: tuple[str, ...]
) -> None:
    assert aws_command(line.split()) == AwsCli(service="s3", operation="ls", args=args)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "aws",
        "aws --version",
        "aws help",
        "aws s3 --recursive",
        "aws --region",
        "aws --cli r s3 ls",
        "aws --unknown s3 ls",
        "/usr/bin/aws s3 ls",
        "ls s3 ls",
    ],
)
def test_what_is_no_operation_of_a_service_is_left_alone(line: str) -> None:
    assert aws_command(line.split()) is None


def test_an_aws_command_is_aimed_by_its_fields() -> None:
    request = ExecutionRequest(command=AwsCli(service="s3", operation="ls", region="kept"))
    command = aimed(request, profile="p", region="r").command
    assert command == AwsCli(service="s3", operation="ls", profile="p", region="kept")


def test_any_other_command_is_aimed_by_the_variables_that_aws_tools_read() -> None:
    request = ExecutionRequest(command=Exec(program="tofu"), env={"AWS_REGION": "kept"})
    assert aimed(request, profile="p", region="r").env == {
        "AWS_PROFILE": "p",
        "AWS_REGION": "kept",
        "AWS_DEFAULT_REGION": "r",
    }
    assert aimed(request, profile=None, region=None) == request
