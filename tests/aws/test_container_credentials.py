"""The endpoint that lends credentials: who is given them, in what form, and for how long."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from cloudops_nb.aws.container_credentials import CredentialsEndpoint, TemporaryCredentials
from tests.clis import VERSIONS, aws_cli

KEYS = TemporaryCredentials(
    "ASIAEXAMPLE", "the-secret", "the-token", datetime.now(UTC) + timedelta(hours=1)
)


def ask(
    loan: dict[str, str], *, token: str | None = None, host: str | None = None, path: str = ""
) -> tuple[int, dict[str, str]]:
    url = urlsplit(loan["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=10)
    headers = {
        "Authorization": loan["AWS_CONTAINER_AUTHORIZATION_TOKEN"] if token is None else token
    }
    if host is not None:
        headers["Host"] = host
    connection.request("GET", path or url.path, headers=headers)
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


def test_a_borrower_is_given_the_credentials_and_when_they_expire() -> None:
    with CredentialsEndpoint().lend(lambda: KEYS) as loan:
        status, body = ask(loan)
    assert status == 200
    assert body == {
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": "the-secret",
        "Token": "the-token",
        "Expiration": KEYS.expires_at.isoformat(),
    }


@pytest.mark.parametrize(
    "wrong", [{"token": ""}, {"token": "gue\xdfed"}, {"host": "evil.example"}, {"path": "/"}]
)
def test_without_the_token_the_address_or_our_own_name_nothing_is_given(
    wrong: dict[str, str],
) -> None:
    with CredentialsEndpoint().lend(lambda: KEYS) as loan:
        status, body = ask(loan, **wrong)
    assert (status, body) == (403, {"message": "this is not yours"})


def test_the_token_of_one_borrower_does_not_open_the_loan_of_another() -> None:
    endpoint = CredentialsEndpoint()
    with endpoint.lend(lambda: KEYS) as one, endpoint.lend(lambda: KEYS) as other:
        assert ask(one, token=other["AWS_CONTAINER_AUTHORIZATION_TOKEN"])[0] == 403
        assert ask(one)[0] == 200


def test_what_was_lent_is_over_with_the_block_and_others_go_on() -> None:
    endpoint = CredentialsEndpoint()
    with endpoint.lend(lambda: KEYS) as other:
        with endpoint.lend(lambda: KEYS) as over:
            pass
        assert ask(over)[0] == 403
        assert ask(other)[0] == 200


def test_nothing_listens_when_nobody_borrows() -> None:
    with CredentialsEndpoint().lend(lambda: KEYS) as loan:
        url = urlsplit(loan["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((url.hostname, url.port), timeout=10)


def test_a_borrower_is_told_when_there_is_nothing_and_not_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse() -> TemporaryCredentials:
        raise ValueError("code 123456 is wrong")

    with CredentialsEndpoint().lend(refuse) as loan:
        assert ask(loan) == (503, {"message": "no credentials at present"})
    assert "123456" not in caplog.text


def test_what_is_lent_does_not_show_its_secrets() -> None:
    assert "secret" not in repr(KEYS)
    assert "the-token" not in repr(KEYS)


BORROW = """
import botocore.session
credentials = botocore.session.Session().get_credentials()
frozen = credentials.get_frozen_credentials()
print(credentials.method, frozen.access_key)
credentials._expiry_time = credentials._time_fetcher()  # as if that time had come
print(credentials.get_frozen_credentials().access_key)
"""


@pytest.fixture
def borrower() -> Callable[[dict[str, str], list[str]], str]:
    def run(loan: dict[str, str], argv: list[str]) -> str:
        nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        plain = {"PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true"}
        return subprocess.run(
            argv, env=plain | nowhere | loan, capture_output=True, text=True, check=True
        ).stdout

    return run


def test_botocore_borrows_and_asks_again_when_its_time_is_over(
    borrower: Callable[[dict[str, str], list[str]], str],
) -> None:
    given = iter("ASIAFIRST ASIASECOND".split())

    def next_one() -> TemporaryCredentials:
        return TemporaryCredentials(next(given), "s", "t", KEYS.expires_at)

    with CredentialsEndpoint().lend(next_one) as loan:
        said = borrower(loan, [sys.executable, "-c", BORROW])
    assert said.split() == ["container-role", "ASIAFIRST", "ASIASECOND"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_aws_cli_borrows(
    version: int, borrower: Callable[[dict[str, str], list[str]], str]
) -> None:
    with CredentialsEndpoint().lend(lambda: KEYS) as loan:
        said = borrower(loan, [str(aws_cli(version)), "configure", "list"])
    assert "container-role" in said


def test_boto3_borrows(borrower: Callable[[dict[str, str], list[str]], str]) -> None:
    program = "import boto3; print(boto3.Session().get_credentials().access_key)"
    with CredentialsEndpoint().lend(lambda: KEYS) as loan:
        assert borrower(loan, [sys.executable, "-c", program]) == "ASIAEXAMPLE\n"
