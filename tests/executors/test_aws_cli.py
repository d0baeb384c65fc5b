"""The AWS CLI executor: which ``aws``, with which options, and where the rows are."""

import hashlib
from pathlib import Path

import pytest

from cloudops_nb.errors import InvalidCommand, SpawnFailed
from cloudops_nb.executors.aws_cli import AwsCliExecutor
from cloudops_nb.models import AwsCli, PreparedCommand
from tests.executors.helpers import prepare, run


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
        str(aws), "iam", "list-users", "--max-items=5",
    )  # fmt: skip


def test_profile_and_region_become_options(aws: Path) -> None:
    result = prepared(aws, profile="p", region="r")
    assert result.argv[3:] == ("--profile=p", "--region=r")
    assert (result.profile, result.region) == ("p", "r")


def test_options_that_are_there_already_are_not_repeated(aws: Path) -> None:
    result = prepared(aws, "--reg", "r", "--profile=p", profile="p", region="r")
    assert result.argv[3:] == ("--region=r", "--profile=p")
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


def test_without_an_aws_on_path_it_says_how_to_get_one_or_do_without(tmp_path: Path) -> None:
    with pytest.raises(InvalidCommand, match=r"pip install awscli.*AwsSdk"):
        prepared(tmp_path / "nothing")


def test_a_linked_aws_keeps_its_place_and_its_hash_is_recorded(aws: Path, tmp_path: Path) -> None:
    link = tmp_path / "elsewhere" / "aws"
    link.parent.mkdir()
    link.symlink_to(aws)
    result = prepared(link)
    assert result.argv[0] == str(link)
    assert result.binary_sha256 == hashlib.sha256(aws.read_bytes()).hexdigest()


def test_the_operation_goes_by_the_apis_names(aws: Path) -> None:
    result = prepared(aws, service="s3api", operation="list-buckets")
    assert (result.service, result.operation) == ("s3", "ListBuckets")
    own = prepared(aws, service="s3", operation="ls")
    assert (own.service, own.operation, own.record_path) == (None, None, None)


def test_a_skeleton_is_not_the_operations_answer(aws: Path) -> None:
    assert prepared(aws, "--generate-cli-skeleton", "output").record_path is None


def test_an_endpoint_is_what_an_approval_is_bound_to(aws: Path) -> None:
    result = prepared(aws, "--end", "https://minio.example")
    assert result.endpoint == "https://minio.example"
    assert result.sealed_fields()["endpoint"] == "https://minio.example"
    assert result.argv[3:] == ("--endpoint-url=https://minio.example",)


def test_a_file_that_the_cli_reads_is_what_an_approval_is_bound_to(
    aws: Path, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text("{}")
    given = ("--policy-document", "file://policy.json", "--policy-name", "p")
    command = AwsCli(service="iam", operation="create-policy", args=given)
    result = prepare(
        command, environ={"PATH": str(aws.parent)}, executor=AwsCliExecutor(), cwd=tmp_path
    )
    assert result.argv[3:] == (f"--policy-document=file://{policy}", "--policy-name=p")
    assert result.files == ((policy, hashlib.sha256(b"{}").hexdigest()),)
    policy.write_text("{ }")
    with pytest.raises(SpawnFailed, match="was changed after it was submitted"):
        run(result)
    policy.unlink()
    with pytest.raises(SpawnFailed, match="No such file"):
        run(result)


def test_the_requests_own_path_counts(aws: Path) -> None:
    command = AwsCli(service="iam", operation="list-users")
    result = prepare(
        command,
        environ={"PATH": "/nowhere"},
        executor=AwsCliExecutor(),
        env={"PATH": str(aws.parent)},
    )
    assert result.argv[0] == str(aws)
