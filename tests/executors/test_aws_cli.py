"""The AWS CLI executor: which ``aws``, with which options, and where the rows are."""

from pathlib import Path

import pytest

from cloudops_nb.errors import InvalidCommand
from cloudops_nb.executors.aws_cli import AwsCliExecutor
from cloudops_nb.models import AwsCli, PreparedCommand
from tests.executors.helpers import prepare


@pytest.fixture
def aws(tmp_path: Path) -> Path:
    """A program called ``aws``."""
    path = tmp_path / "aws"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def prepared(aws: Path, *args: str, env: dict[str, str] | None = None, **fields: str | None):
    values = {"service": "iam", "operation": "list-users", **fields}
    command = AwsCli.model_validate({**values, "args": args})
    environ = {"PATH": str(aws.parent), **(env or {})}
    return prepare(command, environ=environ, executor=AwsCliExecutor())


def test_the_arguments_are_service_operation_and_the_rest(aws: Path) -> None:
    assert prepared(aws, "--max-items", "5").argv == (
        str(aws), "iam", "list-users", "--max-items", "5",
    )  # fmt: skip


def test_profile_and_region_become_options(aws: Path) -> None:
    result = prepared(aws, profile="p", region="r")
    assert result.argv[3:] == ("--profile", "p", "--region", "r")
    assert (result.profile, result.region) == ("p", "r")


def test_options_that_are_there_already_are_not_repeated(aws: Path) -> None:
    result = prepared(aws, "--region", "r", "--profile=p", profile="p", region="r")
    assert result.argv[3:] == ("--region", "r", "--profile=p")
    assert (result.profile, result.region) == ("p", "r")


def test_without_them_the_environments_are_in_force(aws: Path) -> None:
    result = prepared(aws, env={"AWS_PROFILE": "p", "AWS_DEFAULT_REGION": "r"})
    assert (result.profile, result.region) == ("p", "r")
    assert "--profile" not in result.argv


def test_the_rows_are_where_the_operation_keeps_them(aws: Path) -> None:
    assert prepared(aws).record_path == "Users"
    assert prepared(aws, operation="no-such-operation").record_path is None


@pytest.mark.parametrize("option", [("--query", "Users[].Name"), ("--query=Users",)])
def test_a_query_of_the_clis_own_reshapes_the_answer(aws: Path, option: tuple[str, ...]) -> None:
    assert prepared(aws, *option).record_path is None


def test_aws_secrets_are_passed_and_others_are_not(aws: Path) -> None:
    result = prepared(aws, env={"AWS_SESSION_TOKEN": "x", "GITHUB_TOKEN": "y"})
    assert isinstance(result, PreparedCommand)
    assert result.environment["AWS_SESSION_TOKEN"] == "x"
    assert result.withheld_env == ("GITHUB_TOKEN",)


def test_without_an_aws_on_path_it_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidCommand, match="pip install awscli"):
        prepared(tmp_path / "nothing")


def test_the_requests_own_path_counts(aws: Path) -> None:
    command = AwsCli(service="iam", operation="list-users")
    result = prepare(
        command,
        environ={"PATH": "/nowhere"},
        executor=AwsCliExecutor(),
        env={"PATH": str(aws.parent)},
    )
    assert result.argv[0] == str(aws)
