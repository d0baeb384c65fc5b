"""Credentials that expire: commands park, one question is asked, nothing is lost or doubled."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cloudops_nb.aws.questions import (
    DeviceQuestion,
    LoginQuestion,
    MfaQuestion,
    Question,
    RenewalQuestion,
    ScriptedPrompt,
)
from cloudops_nb.aws.renewal import MAX_THREADS
from cloudops_nb.aws.terminal_prompt import TerminalPrompt
from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.errors import ApprovalRequired
from cloudops_nb.models import (
    AwsCli,
    AwsSdk,
    ExecutionPlan,
    ExecutionRequest,
    ExecutionResult,
    ExecutionStatus,
    Parallel,
    Resumed,
    Waiting,
)
from tests.aws.accounts_server import (
    CANARY,
    MFA_CODE,
    MFA_SERIAL,
    PAGES,
    Accounts,
    add_mfa_profiles,
    write_files,
    write_keys,
)
from tests.aws.faults import FaultServer
from tests.conftest import MakeEngine
from tests.support import Recorder, plan_result_of, python, result_of, run, wait_until

ALL = [f"t-{number}" for number in range(1, PAGES + 1)]


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def accounts(server: FaultServer) -> Accounts:
    return Accounts(server)


@pytest.fixture
def prompt() -> ScriptedPrompt:
    return ScriptedPrompt()


@pytest.fixture
def engine(
    make_engine: MakeEngine,
    server: FaultServer,
    accounts: Accounts,
    prompt: ScriptedPrompt,
    tmp_path: Path,
) -> ExecutionEngine:
    """An engine with profiles of all kinds, which asks ``prompt`` and calls ``accounts``."""
    files = write_files(tmp_path)

    class Home:
        def environment(self, base: Mapping[str, str]) -> Mapping[str, str]:
            environ = server.environ(**files)
            del environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"]
            return environ

    engine: ExecutionEngine = make_engine(credential_prompt=prompt)
    engine.sandbox = Home()
    return engine


def answering(prompt: ScriptedPrompt, *answers: str | Callable[[Question], None] | None) -> None:
    prompt._answers.extend(answers)


def tables(profile: str | None, **fields: Any) -> ExecutionRequest:
    command = AwsSdk(service="dynamodb", operation="ListTables", profile=profile)
    return ExecutionRequest(command=command, **fields)


def many(profile: str, count: int) -> ExecutionPlan:
    commands = tuple(tables(profile) for _ in range(count))
    return ExecutionPlan(description="many", strategy=Parallel(), commands=commands)


def names(result: ExecutionResult) -> list[str]:
    assert result.success, (result.error, result.stderr)
    listed: list[str] = json.loads(result.stdout)["TableNames"]
    return listed


# MFA


def test_a_code_is_asked_for_once_however_many_commands_wait(
    engine: ExecutionEngine, accounts: Accounts, prompt: ScriptedPrompt
) -> None:
    answering(prompt, MFA_CODE)
    result = plan_result_of(engine.submit(many("mfa", 40)))
    assert [names(each) for each in result.results] == [ALL] * 40
    assert accounts.count("AssumeRole") == 1
    (question,) = prompt.asked
    assert isinstance(question, MfaQuestion)
    assert (question.serial, question.profile) == (MFA_SERIAL, "mfa")


def test_when_credentials_expire_at_a_page_all_go_on_at_that_page(
    engine: ExecutionEngine, accounts: Accounts, server: FaultServer, prompt: ScriptedPrompt
) -> None:
    def answer(question: Question) -> None:
        accounts.trust("AKIDBASE")
        question.answer(MFA_CODE)

    answering(prompt, MFA_CODE, answer)
    accounts.ends_at = 3
    result = plan_result_of(engine.submit(many("mfa", 24)))
    assert [names(each) for each in result.results] == [ALL] * 24
    assert (len(prompt.asked), accounts.count("AssumeRole")) == (2, 2)
    # A page that was answered is not asked for again: beyond them there are the refused ones.
    answered = [each for each in accounts.asked if each == "ListTables"]
    assert 24 * PAGES < len(answered) <= 24 * PAGES + 24


def test_a_parked_command_is_pending_and_says_why(
    engine: ExecutionEngine, prompt: ScriptedPrompt
) -> None:
    recorder = Recorder()
    engine.subscribe(recorder)
    seen: list[ExecutionStatus] = []

    def answer(question: Question) -> None:
        seen.extend(each.status for each in engine.summaries())
        question.answer(MFA_CODE)

    answering(prompt, answer)
    assert names(run(engine, tables("mfa"))) == ALL
    assert seen == [ExecutionStatus.PENDING]
    waits = [each for each in recorder.events if isinstance(each, Waiting)]
    assert [each.reason for each in waits] == ["credentials of AWS profile 'mfa' are being renewed"]
    assert any(isinstance(each, Resumed) for each in recorder.events)


def test_a_wrong_code_is_asked_for_again(engine: ExecutionEngine, prompt: ScriptedPrompt) -> None:
    answering(prompt, "000000", MFA_CODE)
    assert names(run(engine, tables("mfa"))) == ALL
    first, second = prompt.asked
    assert isinstance(first, MfaQuestion)
    assert isinstance(second, MfaQuestion)
    assert (first.problem, second.problem) == ("", "that code was not accepted")


def test_who_declines_is_not_asked_for_each_command(
    engine: ExecutionEngine, prompt: ScriptedPrompt
) -> None:
    result = plan_result_of(engine.submit(many("mfa", 60)))
    assert {each.status for each in result.results} == {ExecutionStatus.FAILED}
    assert "declined" in str(result.results[-1].error)
    assert len(prompt.asked) == 1


def test_without_a_code_it_is_said_once_where_it_can_be_asked_for(
    engine: ExecutionEngine, prompt: ScriptedPrompt
) -> None:
    answering(prompt)
    error = run(engine, tables("mfa")).error
    assert error is not None
    assert error.count("where the code can be asked for") == 1


def test_a_question_is_withdrawn_when_nothing_waits_for_it(
    engine: ExecutionEngine, prompt: ScriptedPrompt
) -> None:
    answering(prompt, lambda question: None)
    execution = engine.submit(tables("mfa"))
    wait_until(lambda: bool(prompt.asked))
    execution.cancel()
    assert result_of(execution).status is ExecutionStatus.CANCELLED
    wait_until(lambda: prompt.asked[0].is_over)


def test_nobody_is_asked_twice_while_a_question_is_open(
    engine: ExecutionEngine, prompt: ScriptedPrompt
) -> None:
    answering(prompt, lambda question: None)
    first = engine.submit(tables("mfa"))
    wait_until(lambda: bool(prompt.asked))
    second = engine.submit(tables("mfa"))
    wait_until(lambda: [each.waiting for each in engine._renewals._under_way.values()] == [2])
    first.cancel()
    result_of(first)
    prompt.asked[0].answer(MFA_CODE)
    assert names(result_of(second)) == ALL
    assert len(prompt.asked) == 1


def test_profiles_that_wait_for_a_person_hold_up_no_other_command(
    engine: ExecutionEngine, prompt: ScriptedPrompt, tmp_path: Path
) -> None:
    profiles = [f"mfa-{number}" for number in range(MAX_THREADS + 1)]
    add_mfa_profiles(tmp_path, profiles)
    answering(prompt, *[lambda question: None] * len(profiles))
    parked = [engine.submit(tables(profile)) for profile in profiles]
    wait_until(lambda: len(prompt.asked) == len(profiles))
    command = AwsCli(service="iam", operation="list-users", profile="pasted")
    request = ExecutionRequest(command=command, env=cli(tmp_path, "echo others run"), via="cli")
    assert run(engine, request).stdout == "others run\n"
    for question in prompt.asked:
        question.answer(MFA_CODE)
    assert [names(result_of(each)) for each in parked] == [ALL] * len(profiles)


_ENDS_WHILE_A_QUESTION_IS_OPEN = """
import threading
from cloudops_nb.aws.questions import ScriptedPrompt
from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.models import AwsSdk, ExecutionRequest
asked = threading.Event()
engine = ExecutionEngine(credential_prompt=ScriptedPrompt([lambda question: asked.set()]))
command = AwsSdk(service="dynamodb", operation="ListTables", profile="mfa")
engine.submit(ExecutionRequest(command=command))
assert asked.wait(30)
print("the end")
"""


def test_a_script_ends_though_a_question_is_open(
    server: FaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = write_files(tmp_path)
    for name, value in server.environ(**files, CLOUDOPS_LOG_DIR=str(tmp_path / "logs")).items():
        monkeypatch.setenv(name, value)
    ended = python(_ENDS_WHILE_A_QUESTION_IS_OPEN)
    assert (ended.returncode, ended.stdout) == (0, "the end\n"), ended.stderr


# SSO


def test_a_login_shows_its_code_and_the_run_goes_on(
    engine: ExecutionEngine, accounts: Accounts, prompt: ScriptedPrompt, tmp_path: Path
) -> None:
    accounts.pending = 2
    answering(prompt, "", lambda question: None)
    assert names(run(engine, tables("sso"))) == ALL
    consent, device = prompt.asked
    assert isinstance(consent, LoginQuestion)
    assert isinstance(device, DeviceQuestion)
    assert device.code == "ABCD-EFGH"
    assert device.direct_url.startswith("https://device.sso.")
    assert device.is_over  # it leaves the page
    assert accounts.count("/token") == 3
    (token,) = (tmp_path / ".aws" / "sso" / "cache").iterdir()
    assert token.stat().st_mode & 0o777 == 0o600


def test_profiles_of_one_session_log_in_once(
    engine: ExecutionEngine, accounts: Accounts, prompt: ScriptedPrompt
) -> None:
    answering(prompt, "", lambda question: None)
    commands = tuple(tables(profile) for profile in ("sso", "sso-other", "over-sso") * 4)
    work = ExecutionPlan(description="all", strategy=Parallel(), commands=commands)
    result = plan_result_of(engine.submit(work))
    assert [names(each) for each in result.results] == [ALL] * 12
    assert accounts.count("/token") == 1
    assert len(prompt.asked) == 2


def test_a_session_in_the_profile_itself_is_logged_in_to(
    engine: ExecutionEngine, prompt: ScriptedPrompt
) -> None:
    answering(prompt, "", lambda question: None)
    assert names(run(engine, tables("legacy"))) == ALL


def test_an_address_that_is_not_https_is_not_shown(
    engine: ExecutionEngine, accounts: Accounts, prompt: ScriptedPrompt
) -> None:
    accounts.device_url = "javascript:alert(1)//"
    answering(prompt, "", lambda question: None)
    result = run(engine, tables("sso"))
    assert "no https address" in str(result.error)
    assert len(prompt.asked) == 1


def test_a_login_that_is_cancelled_on_the_page_fails_what_waited(
    engine: ExecutionEngine, accounts: Accounts, prompt: ScriptedPrompt
) -> None:
    accounts.pending = 10**6
    answering(prompt, "", lambda question: question.decline())
    result = run(engine, tables("sso"))
    assert "declined; run: aws sso login --profile sso" in str(result.error)


# Keys that somebody pastes


def test_pasted_keys_are_renewed_by_hand_and_the_run_goes_on(
    engine: ExecutionEngine, accounts: Accounts, prompt: ScriptedPrompt, tmp_path: Path
) -> None:
    def paste(question: Question) -> None:
        accounts.trust("AKIDNEXT")
        write_keys(tmp_path, "AKIDNEXT")
        question.answer()

    answering(prompt, paste)
    accounts.ends_at = 2
    assert names(run(engine, tables("pasted"))) == ALL
    assert [type(each) for each in prompt.asked] == [RenewalQuestion]


def test_keys_in_the_environment_cannot_be_renewed_in_a_run(
    engine: ExecutionEngine, accounts: Accounts, prompt: ScriptedPrompt
) -> None:
    accounts.trust()
    env = {"AWS_ACCESS_KEY_ID": "AKIDBASE", "AWS_SECRET_ACCESS_KEY": "x" * 20}
    result = run(engine, tables(None, env=env))
    assert result.exit_code == 254
    assert "set new ones" in result.stderr
    assert not prompt.asked


def test_without_a_terminal_or_page_it_is_said_what_to_run(
    engine: ExecutionEngine,
) -> None:
    engine.credential_prompt = TerminalPrompt()
    result = run(engine, tables("sso"))
    assert result.status is ExecutionStatus.FAILED
    assert "nobody can be asked here; run: aws sso login --profile sso" in str(result.error)


# Secrets


def test_no_secret_is_in_an_event_a_result_or_a_file(
    engine: ExecutionEngine, prompt: ScriptedPrompt, tmp_path: Path
) -> None:
    recorder = Recorder()
    engine.subscribe(recorder)
    answering(prompt, MFA_CODE, "", lambda question: None)
    kept = [run(engine, tables("mfa")), run(engine, tables("sso"))]
    engine.close()
    told = [each.model_dump_json() for each in [*recorder.events, *kept]]
    told += [repr(each) + repr(vars(each)) for each in prompt.asked]
    told += [repr(engine.journal.__dict__)]
    for path in (tmp_path / "logs").rglob("*"):
        if path.is_file():
            told.append(path.read_bytes().decode("utf-8", "replace"))
    assert len(told) > 10
    assert not [text for text in told if CANARY in text or MFA_CODE in text]


# The CLI


def cli(tmp_path: Path, *says: str) -> dict[str, str]:
    """A program called ``aws`` that runs these pieces of shell, one each time."""
    directory = tmp_path / "bin"
    directory.mkdir()
    cases = "\n".join(f"{number}) {each} ;;" for number, each in enumerate(says, 1))
    program = directory / "aws"
    program.write_text(
        f"#!/bin/sh\necho . >> {tmp_path}/ran\ncase $(wc -l < {tmp_path}/ran) in\n{cases}\nesac\n"
    )
    program.chmod(0o755)
    return {"PATH": f"{directory}:{os.defpath}"}


EXPIRED = (
    "echo 'An error occurred (ExpiredToken) when calling the ListUsers operation: expired' >&2; "
    "exit 254"
)


def test_an_expired_process_that_only_reads_is_run_again(
    engine: ExecutionEngine, prompt: ScriptedPrompt, tmp_path: Path
) -> None:
    def paste(question: Question) -> None:
        write_keys(tmp_path, "AKIDNEXT")
        question.answer()

    answering(prompt, paste)
    env = cli(tmp_path, EXPIRED, "echo '{\"Users\": []}'")
    command = AwsCli(service="iam", operation="list-users", profile="pasted")
    result = run(engine, ExecutionRequest(command=command, env=env, via="cli"))
    assert (result.exit_code, result.stdout) == (0, '{"Users": []}\n')
    assert len(prompt.asked) == 1


@pytest.mark.parametrize(
    ("operation", "before", "why"),
    [
        ("delete-user", "", "it may have changed something"),
        ("list-users", "echo '{'; ", "it had printed a part of its answer"),
    ],
)
def test_another_expired_process_is_not_run_again(
    engine: ExecutionEngine, tmp_path: Path, operation: str, before: str, why: str
) -> None:
    env = cli(tmp_path, before + EXPIRED, "echo never")
    command = AwsCli(service="iam", operation=operation, profile="pasted")
    request = ExecutionRequest(command=command, env=env, via="cli")
    digest = None
    if operation.startswith("delete"):
        with pytest.raises(ApprovalRequired) as refused:
            _ = engine.submit(request)
        digest = refused.value.digest
    result = result_of(engine.submit(request, approve=digest))
    assert result.exit_code == 254
    assert why in str(result.error)
    assert (tmp_path / "ran").read_text() == ".\n"


def test_a_process_in_a_role_that_wants_a_code_has_it_asked_for(
    engine: ExecutionEngine, accounts: Accounts, prompt: ScriptedPrompt
) -> None:
    answering(prompt, MFA_CODE)
    env = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}"}
    command = AwsCli(
        service="sts", operation="get-caller-identity", profile="mfa", region="eu-west-1"
    )
    result = run(engine, ExecutionRequest(command=command, env=env, via="cli"))
    assert result.success, (result.error, result.stderr)
    assert json.loads(result.stdout)["Account"] == "222222222222"
    assert accounts.asked == ["AssumeRole", "GetCallerIdentity"]
    assert len(prompt.asked) == 1


def test_a_process_that_was_cancelled_is_not_run_again_though_its_credentials_had_expired(
    engine: ExecutionEngine, prompt: ScriptedPrompt, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    env = cli(tmp_path, EXPIRED.replace("exit 254", f"touch {said}; sleep 60"), "echo again")
    command = AwsCli(service="iam", operation="list-users", profile="pasted")
    execution = engine.submit(ExecutionRequest(command=command, env=env, via="cli"))
    wait_until(said.exists)
    execution.cancel()
    result = result_of(execution)
    assert (result.status, result.stdout) == (ExecutionStatus.CANCELLED, "")
    assert not prompt.asked
