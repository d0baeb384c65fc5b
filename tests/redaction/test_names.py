"""Which variables count as secrets."""

import pytest

from cloudops_nb.redaction import is_secret_name, secrets_in


@pytest.mark.parametrize(
    "name",
    [
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "GITHUB_TOKEN",
        "PGPASSWORD",
        "db_password",
        "MYSQL_PWD",
        "SSH_PASSPHRASE",
        "STRIPE_API_KEY",
        "APIKEY",
        "TLS_PRIVATE_KEY",
        "CLIENT_SECRET",
    ],
)
def test_a_name_that_tells_of_a_secret_is_one(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "PWD",
        "OLDPWD",
        "AWS_ACCESS_KEY_ID",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "SECRET_ARN",
        "KEYBOARD",
        "AWS_PROFILE",
    ],
)
def test_a_name_that_tells_where_a_secret_is_kept_is_none(name: str) -> None:
    assert not is_secret_name(name)


def test_short_values_are_not_masked() -> None:
    assert secrets_in({"TOKEN": "dev", "OTHER_TOKEN": "  true ", "THIRD_TOKEN": "abcdef"}) == {
        "THIRD_TOKEN": "abcdef"
    }
