"""Where credentials come from: as botocore has it, in the given environment, fetched once."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import CredentialRetrievalError

from cloudops_nb.aws import chain
from cloudops_nb.aws.identity import Identities, Identity, expires_at
from cloudops_nb.aws.sessions import EnvironSession, Sessions
from cloudops_nb.errors import InvalidCommand
from tests.aws.accounts_server import Accounts, write_files, write_keys
from tests.aws.faults import FaultServer

THREADS = 32


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def accounts(server: FaultServer) -> Accounts:
    return Accounts(server)


@pytest.fixture
def environ(server: FaultServer, accounts: Accounts, tmp_path: Path) -> dict[str, str]:
    """Of a user with a profile of each kind; this process's own environment has none."""
    environ = server.environ(**write_files(tmp_path))
    del environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"]
    return environ


def key(session: EnvironSession) -> str:
    credentials = session.get_credentials()
    return str(credentials.get_frozen_credentials().access_key)


def add_profile(environ: dict[str, str], name: str, **settings: str) -> None:
    with Path(environ["AWS_CONFIG_FILE"]).open("a") as file:
        file.write(f"\n[profile {name}]\n")
        file.writelines(f"{setting} = {value}\n" for setting, value in settings.items())


def test_a_role_is_assumed_once_however_many_threads_wait(
    environ: dict[str, str], accounts: Accounts
) -> None:
    sessions = Sessions()
    start = threading.Barrier(THREADS)
    got: list[str] = []

    def work() -> None:
        start.wait()
        got.append(key(sessions.get(environ, "role")))

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == accounts.given * THREADS
    assert accounts.count("AssumeRole") == 1


def test_a_role_that_is_assumed_from_a_role_has_both(
    environ: dict[str, str], accounts: Accounts
) -> None:
    session = Sessions().get(environ, "chained")
    assert key(session) == accounts.given[1]
    assert accounts.count("AssumeRole") == 2
    assert str(expires_at(session)).startswith("2099-01-01")


def test_web_identity_is_read_from_the_given_environment(
    environ: dict[str, str], accounts: Accounts, tmp_path: Path
) -> None:
    (tmp_path / "web").write_text("header.payload.signature")
    named = environ | {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "web"),
        "AWS_ROLE_ARN": "arn:aws:iam::222222222222:role/operator",
    }
    assert key(Sessions().get(named)) == accounts.given[0]
    assert accounts.count("AssumeRoleWithWebIdentity") == 1


def test_a_credential_process_has_the_given_environment_and_no_input(
    environ: dict[str, str], tmp_path: Path
) -> None:
    answer = {"Version": 1, "AccessKeyId": "$AWS_MARK", "SecretAccessKey": "x"}
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ncat\ncat <<END\n{json.dumps(answer)}\nEND\n")
    program.chmod(0o755)
    add_profile(environ, "program", credential_process=str(program))
    assert key(Sessions().get(environ | {"AWS_MARK": "AKIDMARK"}, "program")) == "AKIDMARK"


def test_a_credential_process_that_hangs_is_ended(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "PROCESS_SECONDS", 0.2)
    add_profile(environ, "hangs", credential_process="sleep 600")
    with pytest.raises(CredentialRetrievalError, match="took longer than"):
        Sessions().get(environ, "hangs").get_credentials()


@pytest.mark.parametrize(
    ("program", "why"),
    [("/no/such/program", "No such file"), ("echo not-json-but-a-secret", "is not JSON")],
)
def test_a_credential_process_that_gives_nothing_says_why_and_not_what(
    environ: dict[str, str], program: str, why: str
) -> None:
    add_profile(environ, "broken", credential_process=program)
    with pytest.raises(CredentialRetrievalError, match=why) as refusal:
        Sessions().get(environ, "broken").get_credentials()
    assert "secret" not in str(refusal.value)


def test_a_code_is_not_asked_for_on_a_thread_that_may_not_ask(environ: dict[str, str]) -> None:
    session = Sessions().get(environ, "mfa")
    with pytest.raises(chain.MfaRequired):
        key(session)


def test_a_profile_that_was_chosen_comes_before_keys_in_the_environment(
    environ: dict[str, str],
) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "x"}
    assert key(Sessions().get(environ | keys)) == "AKIDENV"
    assert key(Sessions().get(environ | keys, "base")) == "AKIDBASE"


def test_files_that_change_make_a_new_session(environ: dict[str, str], tmp_path: Path) -> None:
    sessions = Sessions()
    before = sessions.get(environ, "base")
    assert sessions.get(environ, "base") is before
    write_keys(tmp_path, "AKIDNEXT")
    assert key(sessions.get(environ, "base")) == "AKIDNEXT"


def test_a_misspelt_profile_is_refused_with_the_closest(environ: dict[str, str]) -> None:
    with pytest.raises(InvalidCommand, match=r"no AWS profile 'chaned'.*did you mean chained"):
        Sessions().get(environ, "chaned")


def test_this_processs_own_keys_are_not_used(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOURS")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    assert Sessions().get(environ).get_credentials() is None
    assert os.environ["AWS_ACCESS_KEY_ID"] == "AKIDOURS"


def test_whose_credentials_they_are_is_asked_once(
    environ: dict[str, str], accounts: Accounts
) -> None:
    identities = Identities(lambda session: session.create_client("sts"))
    session = Sessions().get(environ, "base")
    who = identities.of(session)
    assert who == Identity(
        "222222222222", "arn:aws-cn:sts::222222222222:assumed-role/operator/x", "AROA:x"
    )
    assert who.partition == "aws-cn"
    assert identities.of(session) is who
    assert accounts.count("GetCallerIdentity") == 1
