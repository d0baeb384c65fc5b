"""Credentials lent to processes: a role's, fetched once, fresh for as long as a child runs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudops_nb.aws.sandbox import Sandbox
from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.models import AwsCli, ExecutionRequest, ExecutionResult, Shell
from tests.support import result_of

ROLE = "arn:aws:iam::{account}:role/operator"
EXPIRES = "2099-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox.start(directory=tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture
def engine(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ExecutionEngine]:
    """One where profiles of all kinds are in the user's files, and ``aws`` is the real one."""
    account = sandbox.accounts[0]
    process = tmp_path / "process"
    answer = {
        "Version": 1,
        "AccessKeyId": "ASIAPROCESS",
        "SecretAccessKey": "process-secret",
        "SessionToken": "process-token",
        "Expiration": EXPIRES,
    }
    process.write_text(
        f"#!/bin/sh\necho . >> {tmp_path}/calls\ncat <<'END'\n{json.dumps(answer)}\nEND\n"
    )
    process.chmod(0o700)
    (tmp_path / "config").write_text(
        f"[profile role]\nrole_arn = {ROLE.format(account=account.id)}\nsource_profile = base\n"
        "region = eu-west-1\n\n"
        f"[profile process]\ncredential_process = {process}\nregion = eu-west-2\n\n"
        "[profile broken]\ncredential_process = /bin/false\nregion = eu-west-2\n"
    )
    (tmp_path / "credentials").write_text(
        f"[base]\naws_access_key_id = {account.access_key_id}\n"
        f"aws_secret_access_key = {account.secret_access_key}\n"
    )
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
        "AWS_ENDPOINT_URL": sandbox.endpoint_url,
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    made = ExecutionEngine(ExecutionConfig(log_dir=tmp_path / "logs"))
    yield made
    made.close()


def run(engine: ExecutionEngine, command: Shell | AwsCli, profile: str = "") -> ExecutionResult:
    """The result; with a profile in its environment, if one is named."""
    env = {"AWS_PROFILE": profile} if profile else {}
    return result_of(engine.submit(ExecutionRequest(command=command, env=env)))


def test_the_aws_cli_works_in_a_role_that_was_assumed_for_it(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    result = run(engine, AwsCli(service="sts", operation="get-caller-identity", profile="role"))
    assert ":assumed-role/operator/" in json.loads(result.stdout)["Arn"]


def test_a_profiles_other_settings_stay_in_force(engine: ExecutionEngine, tmp_path: Path) -> None:
    result = run(engine, AwsCli(service="configure", operation="list", profile="role"))
    assert "eu-west-1" in result.stdout
    assert "container-role" in result.stdout


def test_a_script_is_lent_those_of_the_profile_in_its_environment_and_may_use_others(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    text = (
        "aws sts get-caller-identity --query Arn --output text\n"
        "aws sts get-caller-identity --query Arn --output text --profile base --region eu-west-1\n"
    )
    result = run(engine, Shell(command=text), "role")
    lent, own = result.stdout.splitlines()
    assert ":assumed-role/operator/" in lent
    assert ":assumed-role/" not in own


def test_credentials_are_fetched_once_for_all_commands(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    command = Shell(command="echo aws $AWS_CONTAINER_CREDENTIALS_FULL_URI")
    profile = {"AWS_PROFILE": "process"}
    runs = [engine.submit(ExecutionRequest(command=command, env=profile)) for _ in range(8)]
    assert len({result_of(each).stdout for each in runs}) == 8
    assert (tmp_path / "calls").read_text() == ".\n"


def test_what_was_lent_is_masked_wherever_it_is_printed(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    show = "aws configure export-credentials || env | grep AWS_; : aws"
    fetch = (
        'curl -s -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" '
        "$AWS_CONTAINER_CREDENTIALS_FULL_URI"
    )
    result = run(engine, Shell(command=f"{fetch}; {show}"), "process")
    said = result.stdout + result.stderr + (tmp_path / "logs" / f"{result.id}.log").read_text()
    assert "ASIAPROCESS" in said  # an access key's id is no secret
    assert "process-secret" not in said
    assert "process-token" not in said
    assert "REDACTED_AWS_SECRET_ACCESS_KEY" in said


def test_nothing_is_left_of_a_loan(engine: ExecutionEngine, tmp_path: Path) -> None:
    show = 'echo "$AWS_CONFIG_FILE" aws'
    result = run(engine, Shell(command=show), "process")
    path = Path(result.stdout.split()[0])
    assert path != tmp_path / "config"
    assert not path.parent.exists()


def test_static_keys_are_left_to_the_child(engine: ExecutionEngine, tmp_path: Path) -> None:
    result = run(engine, Shell(command="env; : aws"), "base")
    assert "AWS_CONTAINER" not in result.stdout
    assert f"AWS_CONFIG_FILE={tmp_path}/config" in result.stdout


def test_a_command_that_does_not_call_aws_is_lent_nothing(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    result = run(engine, Shell(command="env"), "process")
    assert "AWS_CONTAINER" not in result.stdout
    assert not (tmp_path / "calls").exists()


def test_a_profile_that_gives_no_credentials_is_named_and_nothing_is_run(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    result = run(engine, AwsCli(service="sts", operation="get-caller-identity", profile="broken"))
    assert result.error is not None
    assert "no credentials for profile 'broken'" in result.error
    assert result.exit_code is None


@pytest.mark.parametrize(
    "variables",
    [
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/task"},
        {"AWS_WEB_IDENTITY_TOKEN_FILE": "/dev/null", "AWS_ROLE_ARN": "arn:aws:iam::1:role/pod"},
        {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/dev/null"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_no_other_identity_of_the_kernels_place_comes_before_what_is_lent(
    engine: ExecutionEngine, variables: dict[str, str]
) -> None:
    env = {"AWS_PROFILE": "role", **variables}
    request = ExecutionRequest(command=Shell(command="aws configure list"), env=env)
    result = result_of(engine.submit(request))
    assert "container-role" in result.stdout, result.stderr


def test_what_writes_the_aws_files_finds_the_files_themselves(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    command = AwsCli(
        service="configure", operation="set", args=("region", "eu-north-1"), profile="process"
    )
    assert run(engine, command).success
    assert "region = eu-north-1" in (tmp_path / "config").read_text()
