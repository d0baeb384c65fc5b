"""Workers: what runs in them, what they are kept for, and how they end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cloudops_nb.aws.sandbox import Sandbox, wrapper
from cloudops_nb.errors import SpawnFailed
from cloudops_nb.executors.aws_cli import AwsCliExecutor
from cloudops_nb.executors.aws_warm import workers as workers_module
from cloudops_nb.executors.base import Exit
from cloudops_nb.executors.process.survivors import TAG_VARIABLE, tags
from cloudops_nb.models import PreparedCommand
from tests.executors.aws_warm.helpers import V1, environment, outcome, prepared
from tests.executors.helpers import Sink
from tests.support import carrying, is_alive, wait_until, wait_until_gone

WHO = "sts get-caller-identity --query Account --output text"


@pytest.fixture
def environ(sandbox: Sandbox) -> dict[str, str]:
    return environment(sandbox, V1)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The processes of all workers that were started; at the end none is left."""
    children: list[Any] = []
    original = workers_module.Child

    def noted(*args: Any, **named: Any) -> Any:
        children.append(original(*args, **named))
        return children[-1]

    monkeypatch.setattr(workers_module, "Child", noted)
    yield children
    assert not any(is_alive(child.pid) for child in children)


async def _play(play: Callable[[AwsCliExecutor], Awaitable[Any]], lender: Any = None) -> Any:
    """Ends as an engine's loop does: what is left is cancelled."""
    try:
        return await play(AwsCliExecutor(0.5, lender=lender))
    finally:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def run(play: Callable[[AwsCliExecutor], Awaitable[Any]], lender: Any = None) -> Any:
    return asyncio.run(_play(play, lender))


def run_all(*commands: PreparedCommand) -> list[tuple[Exit, bytes, bytes]]:
    """One after another, with one executor."""

    async def play(executor: AwsCliExecutor) -> list[tuple[Exit, bytes, bytes]]:
        return [await outcome(executor, command) for command in commands]

    result: list[tuple[Exit, bytes, bytes]] = run(play)
    return result


@asynccontextmanager
async def silent_server() -> AsyncIterator[tuple[str, asyncio.Queue[None]]]:
    """An endpoint that takes requests, which are counted, and never answers."""
    asked: asyncio.Queue[None] = asyncio.Queue()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readline()
            asked.put_nowait(None)
            await reader.read()
        finally:
            writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


def test_a_service_operation_runs_in_a_worker_and_its_result_says_so(
    environ: dict[str, str], started: list[Any]
) -> None:
    ((exit_, stdout, stderr),) = run_all(prepared(WHO, environ))
    assert (exit_.code, stdout, stderr) == (0, b"111111111111\n", b"")
    assert str(exit_.via).startswith("sdk (aws-cli/1.")
    assert len(started) == 1


def test_the_next_command_finds_the_worker_warm(
    environ: dict[str, str], started: list[Any]
) -> None:
    run_all(*(prepared(WHO, environ) for _ in range(3)))
    assert len(started) == 1


def test_one_worker_serves_several_profiles(environ: dict[str, str], started: list[Any]) -> None:
    profiles = ("sandbox-prod", "sandbox-staging", "sandbox-prod")
    outcomes = run_all(*(prepared(f"{WHO} --profile {name}", environ) for name in profiles))
    accounts = [stdout.split()[0] for _, stdout, _ in outcomes]
    assert accounts == [b"111111111111", b"222222222222", b"111111111111"]
    assert len(started) == 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("s3 ls", "`aws s3` is a command of the CLI's own"),
        ("ec2 wait instance-running", "`aws ec2 wait` is a command of the CLI's own"),
        ("ec2 run-instances", "the CLI customizes `aws ec2 run-instances`"),
        ("s3api get-object --bucket b --key k out", "writes its answer to a file"),
        ("sts get-caller-identity --debug", "--debug tells of a whole process"),
    ],
)
def test_anything_else_is_refused_by_sdk_and_says_why(
    environ: dict[str, str], line: str, why: str
) -> None:
    with pytest.raises(SpawnFailed, match="via cli or auto") as refused:
        run_all(prepared(line, environ, via="sdk"))
    assert why in str(refused.value)


def test_by_auto_it_runs_as_a_process_and_says_why(environ: dict[str, str]) -> None:
    ((exit_, stdout, _),) = run_all(prepared("s3 ls", environ))
    assert exit_.code == 0
    assert b"cloudops-sandbox" in stdout
    assert exit_.via == "cli (`aws s3` is a command of the CLI's own)"


def test_by_cli_no_worker_is_started(environ: dict[str, str], started: list[Any]) -> None:
    ((exit_, stdout, _),) = run_all(prepared(WHO, environ, via="cli"))
    assert (exit_.via, stdout, started) == ("cli", b"111111111111\n", [])


def test_for_a_command_of_the_clis_own_no_worker_is_started(
    environ: dict[str, str], started: list[Any]
) -> None:
    ((exit_, _, _),) = run_all(replace(prepared("s3 ls", environ), operation=None))
    assert exit_.via == "cli (`aws s3 ls` is no operation of an AWS API)"
    assert not started


def test_a_limit_is_put_on_a_process(environ: dict[str, str], started: list[Any]) -> None:
    ((exit_, _, _),) = run_all(prepared(WHO, environ, limits={"cpu_seconds": 60}))
    assert exit_.via == "cli (limits are put on a process of its own)"
    assert not started


def test_an_aws_that_is_no_script_of_the_package_runs_as_a_process(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    fake = tmp_path / "aws"
    fake.write_text("#!/bin/sh\necho mine\n")
    fake.chmod(0o755)
    ((exit_, stdout, _),) = run_all(prepared(WHO, environ | {"PATH": str(tmp_path)}))
    assert stdout == b"mine\n"
    assert exit_.via == f"cli ({fake} is not the Python script of the awscli package)"


def test_changed_credentials_are_used_at_once(environ: dict[str, str], tmp_path: Path) -> None:
    real = Path(environ["AWS_SHARED_CREDENTIALS_FILE"]).read_text()
    own = tmp_path / "credentials"
    own.write_text(real)
    environ |= {"AWS_SHARED_CREDENTIALS_FILE": str(own)}

    async def play(executor: AwsCliExecutor) -> list[bytes]:
        before = await outcome(executor, prepared(WHO, environ))
        own.write_text(real.replace("PROD00001", "STAGING01"))
        after = await outcome(executor, prepared(WHO, environ))
        return [before[1], after[1]]

    assert run(play) == [b"111111111111\n", b"222222222222\n"]


def test_a_command_never_sees_the_environment_of_another(environ: dict[str, str]) -> None:
    other = environ | {"AWS_DEFAULT_OUTPUT": "text"}
    outcomes = run_all(*(prepared("iam list-groups", each) for each in (other, environ, other)))
    assert [stdout for _, stdout, _ in outcomes] == [b"", b'{\n    "Groups": []\n}\n', b""]


def test_secrets_are_in_a_workers_environment_and_nowhere_in_its_arguments(
    environ: dict[str, str], started: list[Any]
) -> None:
    environ |= {"AWS_ACCESS_KEY_ID": "AKIASANDBOXPROD00001"}
    environ |= {"AWS_SECRET_ACCESS_KEY": "sandbox/not/a/secret/sandbox/not/a/secret"}

    async def play(executor: AwsCliExecutor) -> tuple[bytes, bytes]:
        await outcome(executor, prepared(WHO, environ))
        process = Path(f"/proc/{started[0].pid}")
        return (process / "cmdline").read_bytes(), (process / "environ").read_bytes()

    arguments, variables = run(play)
    assert b"not/a/secret" in variables
    assert b"not/a/secret" not in arguments


def test_a_cancel_ends_the_worker_as_it_would_the_process(
    environ: dict[str, str], started: list[Any]
) -> None:
    async def play(executor: AwsCliExecutor) -> Exit:
        async with silent_server() as (url, asked):
            command = prepared(f"{WHO} --endpoint-url {url}", environ, via="sdk")
            task = asyncio.create_task(executor.run(command, Sink()))
            await asyncio.wait_for(asked.get(), 60)
            task.cancel()
            return await task

    exit_ = run(play)
    assert exit_.code == -signal.SIGTERM
    assert not is_alive(started[0].pid)


def test_a_cancel_ends_what_a_credential_process_left(
    environ: dict[str, str], tmp_path: Path, started: list[Any]
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    config = tmp_path / "config"
    script = tmp_path / "fetch"
    script.write_text(f"#!/bin/sh\necho $$ > {fifo}\nexec setsid sleep 60\n")
    script.chmod(0o755)
    config.write_text(f"[default]\nregion = us-east-1\ncredential_process = {script}\n")
    environ |= {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}

    async def play(executor: AwsCliExecutor) -> int:
        task = asyncio.create_task(executor.run(prepared(WHO, environ, via="sdk"), Sink()))
        pid = int(await asyncio.to_thread(fifo.read_text))
        task.cancel()
        await task
        return pid

    wait_until_gone(run(play))


def test_a_worker_that_dies_over_a_command_is_its_failure_and_it_is_not_sent_again(
    environ: dict[str, str], started: list[Any]
) -> None:
    async def play(executor: AwsCliExecutor) -> tuple[Exit, bool]:
        async with silent_server() as (url, asked):
            command = prepared(f"{WHO} --endpoint-url {url}", environ)
            task = asyncio.create_task(executor.run(command, Sink()))
            await asyncio.wait_for(asked.get(), 60)
            os.kill(started[0].pid, signal.SIGKILL)
            return await task, asked.empty()

    exit_, asked_once = run(play)
    assert exit_.code == -signal.SIGKILL
    assert asked_once


def test_a_worker_that_died_idle_is_replaced(environ: dict[str, str], started: list[Any]) -> None:
    async def play(executor: AwsCliExecutor) -> list[int | None]:
        first = await outcome(executor, prepared(WHO, environ))
        os.kill(started[0].pid, signal.SIGKILL)
        second = await outcome(executor, prepared(WHO, environ))
        return [first[0].code, second[0].code]

    assert run(play) == [0, 0]
    assert len(started) == 2


def test_idle_workers_end_after_a_while(
    environ: dict[str, str], started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers_module, "IDLE_SECONDS", 0.01)

    async def play(executor: AwsCliExecutor) -> None:
        await outcome(executor, prepared(WHO, environ))
        await asyncio.wait_for(started[0].exited.wait(), 30)

    run(play)


def test_only_so_many_workers_wait(
    environ: dict[str, str], started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers_module, "IDLE_WORKERS", 1)

    async def play(executor: AwsCliExecutor) -> bool:
        for number in range(2):
            await outcome(executor, prepared(WHO, environ | {"UNLIKE": str(number)}))
        await asyncio.wait_for(started[0].exited.wait(), 30)
        return started[1].exited.is_set()

    assert not run(play)


def test_a_worker_that_has_grown_large_is_not_kept(
    environ: dict[str, str], started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers_module, "MOST_KILOBYTES", 1_000)
    run_all(*(prepared(WHO, environ) for _ in range(2)))
    assert len(started) == 2


_KERNEL = """
import os, sys
from pathlib import Path
import cloudops_nb as nb
engine = nb.ExecutionEngine(nb.ExecutionConfig(log_dir=Path(sys.argv[1])))
command = nb.AwsCli(service="sts", operation="get-caller-identity")
result = engine.run(nb.ExecutionRequest(command=command, env={"PROBE": sys.argv[2]}, via="sdk"))
print(result.status, result.via, flush=True)
os.kill(os.getpid(), 9)
"""


def test_an_idle_worker_ends_with_its_kernel_however_that_dies(
    environ: dict[str, str], tmp_path: Path
) -> None:
    probe = uuid4().hex
    kernel = subprocess.run(
        [sys.executable, "-c", _KERNEL, str(tmp_path / "logs"), probe],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert kernel.stdout.startswith("completed sdk (aws-cli/")
    assert kernel.returncode == -signal.SIGKILL
    wait_until(lambda: not carrying(probe.encode()))


def test_a_command_and_what_it_starts_carry_its_tag(
    environ: dict[str, str], tmp_path: Path
) -> None:
    config, seen = tmp_path / "config", tmp_path / "seen"
    script = tmp_path / "fetch"
    script.write_text(f"#!/bin/sh\necho ${TAG_VARIABLE} > {seen}\nexit 1\n")
    script.chmod(0o755)
    config.write_text(f"[default]\nregion = us-east-1\ncredential_process = {script}\n")
    environ |= {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
    command = prepared(WHO, environ)
    ((exit_, _, stderr),) = run_all(command)
    assert exit_.code == 255, stderr
    assert str(command.id) in seen.read_text().split()


def test_a_workers_own_tag_is_not_that_of_a_command(
    environ: dict[str, str], started: list[Any]
) -> None:
    command = prepared(WHO, environ)

    async def play(executor: AwsCliExecutor) -> list[bytes]:
        await outcome(executor, command)
        return tags(started[0].pid)

    (own,) = run(play)
    assert own.decode() != str(command.id)


def test_what_is_lent_lasts_as_long_as_the_worker_and_is_masked_for_each_command(
    environ: dict[str, str], started: list[Any]
) -> None:
    concealed: list[object] = []
    loans: list[str] = []

    class Masking(Sink):
        def conceal(self, secrets: Any) -> None:
            concealed.append(dict(secrets))

    class OneLender:
        @asynccontextmanager
        async def lent(self, command: PreparedCommand, sink: Any) -> AsyncIterator[PreparedCommand]:
            loans.append("taken")
            sink.conceal({"TOKEN": "lent"})
            lent = {"AWS_ACCESS_KEY_ID": "AKIASANDBOXSTAGING01", "AWS_SECRET_ACCESS_KEY": "x"}
            yield replace(command, environment=command.environment | lent)
            loans.append("returned")

    async def play(executor: AwsCliExecutor) -> list[bytes]:
        sinks = Masking(), Masking()
        for sink in sinks:
            await executor.run(prepared(WHO, environ), sink)
        assert loans == ["taken"]
        return [sink.text("stdout") for sink in sinks]

    assert run(play, OneLender()) == [b"222222222222\n", b"222222222222\n"]
    assert concealed == [{"TOKEN": "lent"}] * 2


def test_a_loan_is_for_one_profile_and_who_needs_none_shares_a_worker(
    environ: dict[str, str], started: list[Any]
) -> None:
    class LenderOfProd:
        @asynccontextmanager
        async def lent(self, command: PreparedCommand, sink: Any) -> AsyncIterator[PreparedCommand]:
            if "sandbox-prod" not in command.argv:
                yield command
                return
            yield replace(command, environment=command.environment | {"LENT": "to prod"})

    async def play(executor: AwsCliExecutor) -> list[int]:
        begun = []
        for name in ("prod", "staging", "prod", "dev", "staging", "dev"):
            line = f"{WHO} --profile sandbox-{name}"
            await outcome(executor, prepared(line, environ, via="sdk"))
            begun.append(len(started))
        assert [child.pid in carrying(b"LENT=to prod") for child in started] == [True, False, False]
        return begun

    assert run(play, LenderOfProd()) == [1, 2, 2, 3, 3, 3]


def test_behind_the_sandboxes_wrapper_a_line_runs_warm_and_held_to_the_sandbox(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    environ = sandbox.environment(os.environ)
    variables = {name: text for name, text in environ.items() if name.startswith("AWS_")}
    url = sandbox.endpoint_url
    wrapper.write(tmp_path, real=V1, endpoint=url, profiles=["default"], variables=variables)
    strayed = environ | {"PATH": str(tmp_path), "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    # `aws sqs` of version 1 knows no other way to an endpoint than its option.
    ((exit_, stdout, stderr),) = run_all(
        prepared("sqs list-queues --query length(QueueUrls)", strayed, via="sdk")
    )
    assert (exit_.code, stderr) == (0, b"")
    assert int(stdout) > 0


def test_in_the_sandbox_another_endpoint_is_refused_as_ever(sandbox: Sandbox) -> None:
    environ = sandbox.environment(os.environ)
    ((exit_, _, stderr),) = run_all(prepared(f"{WHO} --end http://127.0.0.1:1", environ))
    assert exit_.code == 252
    assert b"cannot be changed" in stderr
    assert exit_.via == "cli (the sandbox's aws has to look at these arguments)"
