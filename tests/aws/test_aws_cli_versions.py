"""``AwsCli`` commands with both versions of the AWS CLI, against the sandbox."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cloudops_nb.aws.sandbox import Sandbox
from cloudops_nb.executors.aws_cli import AwsCliExecutor
from cloudops_nb.models import AwsCli
from tests.clis import VERSIONS, aws_cli
from tests.executors.helpers import prepare, run


class Cli:
    """An ``aws`` that a directory of its own has on PATH, and the sandbox to talk to."""

    def __init__(self, version: int, sandbox: Sandbox, directory: Path) -> None:
        (directory / "bin").mkdir()
        (directory / "bin" / "aws").symlink_to(aws_cli(version))
        self.directory = directory
        self._environment = sandbox.environment(os.environ)
        self._environment["PATH"] = f"{directory}/bin:{self._environment['PATH']}"
        self._endpoint = sandbox.endpoint_url

    def __call__(self, service: str, operation: str, *args: str) -> tuple[int | None, str, str]:
        """What a command gave: exit code, output, error output."""
        # Debian's version 2 is older than AWS_ENDPOINT_URL.
        command = AwsCli(
            service=service, operation=operation, args=(*args, "--endpoint-url", self._endpoint)
        )
        prepared = prepare(
            command, environ=self._environment, executor=AwsCliExecutor(), cwd=self.directory
        )
        assert prepared.argv[0] == str(self.directory / "bin" / "aws")
        ended, sink = run(prepared)
        return ended.code, sink.text("stdout").decode(), sink.text("stderr").decode()


@pytest.fixture(params=VERSIONS, ids=lambda version: f"v{version}")
def cli(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Cli:
    return Cli(request.param, sandbox, tmp_path)


def test_an_operation_answers(cli: Cli) -> None:
    code, out, _ = cli("ec2", "describe-vpcs", "--max-items", "1", "--reg", "eu-west-1")
    assert (code, len(json.loads(out)["Vpcs"])) == (0, 1)


def test_an_abbreviated_option_is_the_one_it_begins(cli: Cli) -> None:
    code, out, _ = cli("ec2", "describe-vpcs", "--no-d", "--filter", "Name=vpc-id,Values=vpc-none")
    assert (code, json.loads(out)) == (0, {"Vpcs": []})


def test_an_abbreviated_option_that_is_not_known_here_is_left_to_the_cli(cli: Cli) -> None:
    code, _, error = cli("ec2", "run-instances", "--image", "ami-none", "--cou", "1", "--dry")
    assert code not in (0, 252)  # 252: arguments that the CLI does not take
    assert "RunInstances" in error


def test_a_list_a_flag_and_a_shorthand_are_read_as_typed(cli: Cli) -> None:
    wanted = ("Name=instance-state-name,Values=running,stopped", "Name=vpc-id,Values=vpc-none")
    code, out, _ = cli(
        "ec2", "describe-instances", "--filters", *wanted, "--no-dry-run", "--output", "json"
    )
    assert (code, json.loads(out)) == (0, {"Reservations": []})


def test_a_value_that_looks_like_an_option_is_a_value(cli: Cli) -> None:
    code, _, error = cli("iam", "get-user", "--user-name", "-x")
    assert code not in (0, 252)  # 252: arguments that the CLI does not take
    assert "NoSuchEntity" in error


def test_a_file_is_read_as_the_cli_reads_it(cli: Cli) -> None:
    (cli.directory / "in.json").write_text('{"UserName": "no-such-user"}')
    code, _, error = cli("iam", "get-user", "--cli-input-json", "file://in.json")
    assert code != 0
    assert "no-such-user" in error


def test_neither_a_pager_nor_a_prompt_nor_colour_comes_in_between(cli: Cli) -> None:
    code, out, _ = cli("iam", "list-users", "--max-items", "2", "--output", "table")
    assert code == 0
    assert "ListUsers" in out
    assert "\x1b" not in out


def test_a_command_of_the_clis_own_is_passed_on(cli: Cli) -> None:
    code, out, _ = cli("s3", "ls")
    assert code == 0
    assert out
