"""Requests: what ``check`` refuses before anything runs."""

from pathlib import Path

import pytest

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.errors import (
    InvalidCommand,
    InvalidWorkingDir,
    MissingField,
    ScriptNotFound,
    TimeoutTooLarge,
)
from cloudops_nb.models import AwsCli, ExecutionRequest, Script, Shell

CONFIG = ExecutionConfig(max_timeout_ms=10_000, default_timeout_ms=1_000)


def check(**fields: object) -> None:
    fields.setdefault("command", Shell(command="true"))
    ExecutionRequest.model_validate(fields).check(CONFIG)


def test_a_good_request_passes(tmp_path: Path) -> None:
    check(env={"A": "", "B": "x=y"}, working_dir=tmp_path, timeout_ms=10_000)


def test_only_an_aws_cli_command_has_a_via() -> None:
    check(command=AwsCli(service="iam", operation="list-users"), via="sdk")
    with pytest.raises(InvalidCommand, match="via: only an aws_cli command has it, not shell"):
        check(via="sdk")


def test_its_command_is_checked() -> None:
    with pytest.raises(MissingField, match="command"):
        check(command=Shell(command=""))


def test_a_timeout_above_the_maximum_is_refused() -> None:
    with pytest.raises(TimeoutTooLarge) as caught:
        check(timeout_ms=10_001)
    assert (caught.value.timeout_ms, caught.value.max_timeout_ms) == (10_001, 10_000)


@pytest.mark.parametrize(
    "path", ["/no/such/directory", __file__, "x" * 5000, "a\0b", "~no-one/directory"]
)
def test_what_is_no_directory_is_refused(path: str) -> None:
    with pytest.raises(InvalidWorkingDir):
        check(working_dir=path)


@pytest.mark.parametrize("env", [{"": "x"}, {"A=B": "x"}, {"A\0": "x"}, {"A": "x\0"}])
def test_what_cannot_be_a_variable_is_refused(env: dict[str, str]) -> None:
    with pytest.raises(InvalidCommand, match="environment variable"):
        check(env=env)


def test_a_relative_script_is_looked_for_where_it_will_run(tmp_path: Path) -> None:
    (tmp_path / "deploy.sh").touch()
    check(command=Script(path="deploy.sh"), working_dir=tmp_path)


def test_a_script_beside_us_is_not_found_for_a_request_that_runs_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("deploy.sh").touch()
    Path("elsewhere").mkdir()
    with pytest.raises(ScriptNotFound, match=r"elsewhere/deploy\.sh"):
        check(command=Script(path="deploy.sh"), working_dir="elsewhere")


def test_a_title_is_the_name_or_else_the_line() -> None:
    command = Shell(command="ls | wc")
    assert ExecutionRequest(command=command).title == "ls | wc"
    assert ExecutionRequest(command=command, name="count").title == "count"
