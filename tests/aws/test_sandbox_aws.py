"""Facts about commands in the sandbox: they work, and nothing real is within their reach."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cloudops_nb.aws.sandbox import wrapper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloudops_nb.aws.sandbox import Sandbox

ENDPOINT = "http://127.0.0.1:4566"
# From TEST-NET-1 (RFC 5737): nobody's address, should the sandbox let a request out.
ELSEWHERE = "http://192.0.2.1"
OPTIONS = ["--endpoint-url", "--endpoint", "--endp", "--end", "--en", "--e"]


@pytest.fixture
def environment(sandbox: Sandbox, tmp_path: Path) -> dict[str, str]:
    """The sandbox's, made from one full of what must not get in."""
    base = {
        **os.environ,
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "AWS_PROFILE": "real",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL_STS": ELSEWHERE,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": ELSEWHERE,
        "BOTO_CONFIG": "/real",
        "https_proxy": ELSEWHERE,
        "NO_PROXY": "*",
    }
    return sandbox.environment(base)


class Canary(ThreadingHTTPServer):
    """A server beside the sandbox that nothing should ever ask; it notes who does."""

    def __init__(self) -> None:
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler) -> None:  # noqa: N805 - `self` is the canary
                self.asked.append(handler.path)
                handler.send_response(200)
                handler.send_header("Content-Length", "4")
                handler.end_headers()
                handler.wfile.write(b"name")

            do_POST = do_GET  # noqa: N815 - the name is the base class's

            def log_message(self, *args: object) -> None:
                """Say nothing on stderr."""

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def canary() -> Iterator[Canary]:
    with Canary() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def run(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def answer(environment: dict[str, str], *command: str) -> Any:
    done = run(environment, *command)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_aws_answers_as_the_production_account_by_default(environment: dict[str, str]) -> None:
    assert answer(environment, "aws", "sts", "get-caller-identity", "--query", "Arn") == (
        "arn:aws:iam::111111111111:user/operator"
    )


def test_a_profile_is_an_account(environment: dict[str, str]) -> None:
    command = ("aws", "--profile", "sandbox-dev", "iam", "list-account-aliases")
    assert answer(environment, *command) == {"AccountAliases": ["cloudops-sandbox-dev"]}


def test_a_region_is_a_region(environment: dict[str, str]) -> None:
    command = ("aws", "ec2", "describe-instances", "--region", "ap-southeast-2")
    query = "Reservations[].Instances[].Tags[?Key=='Name'].Value | []"
    assert answer(environment, *command, "--query", query) == ["prod-web-01", "prod-web-02"]


def test_aws_sqs_meets_the_sandbox(environment: dict[str, str], sandbox: Sandbox) -> None:
    # CLI v1 sends it to queue.amazonaws.com, whatever AWS_ENDPOINT_URL says.
    command = ("aws", "sqs", "list-queues", "--region", "eu-west-1", "--query", "QueueUrls")
    urls = [f"{sandbox.endpoint_url}/111111111111/{name}" for name in ("invoices", "invoices-dlq")]
    assert sorted(answer(environment, *command)) == urls


def test_aws_s3_copies_an_object(environment: dict[str, str]) -> None:
    source = "s3://cloudops-sandbox-prod-assets/css/site.css"
    done = run(environment, "aws", "s3", "cp", source, "-")
    assert done.stdout == "sandbox: css/site.css\n"


def test_a_role_of_another_account_can_be_used_from_the_environment(
    environment: dict[str, str],
) -> None:
    role = "arn:aws:iam::222222222222:role/auditor"
    command = ("aws", "sts", "assume-role", "--role-arn", role, "--role-session-name", "audit")
    keys = answer(environment, *command, "--query", "Credentials")
    assumed = environment | {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
        "AWS_SESSION_TOKEN": keys["SessionToken"],
    }
    whoami = ("aws", "sts", "get-caller-identity", "--query", "Account")
    assert answer(assumed, *whoami) == "222222222222"


def test_users_own_boto3_in_a_child_meets_the_sandbox(environment: dict[str, str]) -> None:
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    assert run(environment, sys.executable, "-c", code).stdout == "111111111111\n"


def test_users_own_boto3_here_meets_the_sandbox_whatever_this_process_has(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", ELSEWHERE)
    monkeypatch.setenv("http_proxy", ELSEWHERE)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    buckets = sandbox.session("sandbox-dev").resource("s3").buckets.all()
    assert [bucket.name for bucket in buckets] == ["cloudops-sandbox-dev-scratch"]


def test_a_session_for_a_profile_it_does_not_have_is_refused_by_name(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match=r"'prod'.*sandbox-prod, sandbox-staging, sandbox-dev"):
        sandbox.session("prod")


def test_no_aws_or_boto_variable_of_the_base_is_left(
    environment: dict[str, str], sandbox: Sandbox
) -> None:
    real = {name for name, text in environment.items() if text in {"real", "/real", ELSEWHERE}}
    assert not real
    bare = sandbox.environment({})
    assert {name: environment[name] for name in bare if name != "PATH"} == {
        name: text for name, text in bare.items() if name != "PATH"
    }


def test_what_is_not_awss_is_kept(sandbox: Sandbox) -> None:
    assert sandbox.environment({"LANG": "C.UTF-8", "PATH": "/bin"})["LANG"] == "C.UTF-8"


def test_a_request_to_another_host_is_refused_on_this_machine(environment: dict[str, str]) -> None:
    for scheme in ("http", "https"):
        url = f"{scheme}://{ELSEWHERE.removeprefix('http://')}/"
        code = f"import urllib.request; urllib.request.urlopen({url!r}, timeout=5)"
        assert "Connection refused" in run(environment, sys.executable, "-c", code).stderr


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("joined", [False, True])
def test_another_endpoint_is_refused_however_it_is_written(
    environment: dict[str, str], canary: Canary, option: str, joined: bool
) -> None:
    given = [f"{option}={canary.url}"] if joined else [option, canary.url]
    for command in (["aws", *given, "sts", "get-caller-identity"], ["aws", "s3", "ls", *given]):
        done = run(environment, *command)
        assert done.returncode == 252
        assert f"cannot be changed: {canary.url}" in done.stderr
    assert not canary.asked


def test_the_sandboxs_own_endpoint_may_be_named(
    environment: dict[str, str], sandbox: Sandbox
) -> None:
    command = ("aws", "sts", "get-caller-identity", "--endpoint-url", sandbox.endpoint_url)
    assert run(environment, *command).returncode == 0


def test_a_url_given_as_a_value_is_not_fetched(environment: dict[str, str], canary: Canary) -> None:
    run(environment, "aws", "sqs", "create-queue", "--queue-name", f"{canary.url}/name")
    assert not canary.asked


def test_a_url_given_as_a_value_is_refused_with_a_profile_of_the_users_own(
    sandbox: Sandbox, environment: dict[str, str], canary: Canary, tmp_path: Path
) -> None:
    # `aws configure set` writes such a profile, without the setting that stops the CLI.
    own = tmp_path / "config"
    own.write_text("[profile own]\nregion = us-east-1\n")
    value = f"--queue-name={canary.url}/name"
    for profile in (["--profile", "own"], ["--prof=own"]):
        done = run(environment, "aws", *profile, "sqs", "create-queue", value)
        assert done.returncode == 252
        assert "would fetch" in done.stderr
    done = run(environment | {"AWS_PROFILE": "own"}, "aws", "sqs", "create-queue", value)
    assert done.returncode == 252
    # What it is refused for: the CLI itself does fetch.
    real = wrapper.find_real_aws(environment, deadline=time.monotonic() + 30)
    assert not canary.asked
    run(
        environment | {"AWS_CONFIG_FILE": str(own), "AWS_PROFILE": "own"},
        *(str(real), "sqs", "create-queue", value, "--endpoint-url", sandbox.endpoint_url),
    )
    assert canary.asked == ["/name"]


def test_an_exported_configuration_of_the_users_own_is_not_read(
    environment: dict[str, str], tmp_path: Path
) -> None:
    own = tmp_path / "config"
    own.write_text(f"[default]\ncredential_process = touch {tmp_path}/ran\n")
    changed = environment | {"AWS_CONFIG_FILE": str(own), "AWS_SHARED_CREDENTIALS_FILE": str(own)}
    done = run(changed, "aws", "sts", "get-caller-identity")
    assert done.returncode == 0
    assert not (tmp_path / "ran").exists()


def test_an_alias_with_another_endpoint_ends_at_the_dead_proxy(
    environment: dict[str, str], tmp_path: Path
) -> None:
    # Aliases lie in the home directory, and one may carry any option.
    aliases = tmp_path / ".aws" / "cli" / "alias"
    aliases.parent.mkdir(parents=True)
    aliases.write_text(f"[toplevel]\nreal = sts get-caller-identity --endpoint-url {ELSEWHERE}\n")
    done = run(environment | {"AWS_MAX_ATTEMPTS": "1"}, "aws", "real")
    assert done.returncode != 0
    assert "proxy" in done.stderr


HOSTILE = [
    "",
    " ",
    "two words",
    "line\nbreak",
    "trailing newline\n",
    "$(touch ran)",
    "`touch ran`",
    "; touch ran",
    "'",
    '"',
    "\\",
    "*",
    "~",
    "$HOME",
    "-",
    "--",
    "-n",
    "--query=a[?b=='c d'] | [0]",
    "--engine=postgres",
    "ü€\N{GRINNING FACE}",
]


def test_the_wrapper_hands_every_argument_on_as_it_is(tmp_path: Path) -> None:
    tools = tmp_path / "a 'quoted' $place"
    tools.mkdir()
    spy = tools / "real aws"
    spy.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    spy.chmod(0o700)
    wrapper.write(
        tools, real=spy, endpoint=ENDPOINT, profiles=["default"], variables={"A": "it's $HOME"}
    )
    done = run(dict(os.environ), str(tools / "aws"), *HOSTILE)
    assert json.loads(done.stdout) == ["--endpoint-url", ENDPOINT, *HOSTILE]


@pytest.fixture
def search_path(tmp_path: Path) -> list[Path]:
    """Directories for a PATH, the first to be searched first."""
    directories = [tmp_path / name for name in ("first", "second")]
    for directory in directories:
        directory.mkdir()
    return directories


def put_aws(directory: Path, script: str) -> Path:
    path = directory / "aws"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return path


def found(search_path: list[Path]) -> Path | None:
    environment = {"PATH": os.pathsep.join(map(str, search_path))}
    return wrapper.find_real_aws(environment, deadline=time.monotonic() + 30)


def test_the_first_aws_on_path_is_the_real_one(search_path: list[Path]) -> None:
    first, _ = (put_aws(directory, "echo aws-cli/2.0") for directory in search_path)
    assert found(search_path) == first


def test_a_shim_without_a_cli_behind_it_is_passed_over(search_path: list[Path]) -> None:
    put_aws(search_path[0], "echo aws: command not found >&2; exit 127")
    real = put_aws(search_path[1], "echo aws-cli/1.40")
    assert found(search_path) == real


def test_the_wrapper_of_another_sandbox_is_not_the_real_aws(search_path: list[Path]) -> None:
    wrapper.write(
        search_path[0], real=Path("/bin/true"), endpoint=ENDPOINT, profiles=[], variables={}
    )
    real = put_aws(search_path[1], "echo aws-cli/1.40")
    assert found(search_path) == real


def test_with_none_on_path_it_is_the_one_beside_python(search_path: list[Path]) -> None:
    assert found(search_path) == Path(sys.executable).parent / "aws"
