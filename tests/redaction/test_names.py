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
        "SMTP_PASS",
        "GITHUB_PAT",
        "AZURE_STORAGE_CONNECTION_STRING",
        "AZURE_STORAGE_KEY",
        "DATA_ENCRYPTION_KEY",
        "RAILS_MASTER_KEY",
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
        "GOOGLE_APPLICATION_CREDENTIALS",
        "CREDENTIALS_DIRECTORY",
        "TOKENIZERS_PARALLELISM",
        "GPG_KEY",
        "COMPASS",
    ],
)
def test_a_name_that_tells_where_a_secret_is_kept_is_none(name: str) -> None:
    assert not is_secret_name(name)


def test_short_values_are_not_masked() -> None:
    assert secrets_in({"TOKEN": "dev", "OTHER_TOKEN": "  true ", "THIRD_TOKEN": "abcdef"}) == {
        "THIRD_TOKEN": "abcdef"
    }


def test_the_password_in_a_url_is_a_secret() -> None:
    environ = {"DATABASE_URL": "postgres://app:s3cret-pass@db.internal:5432/orders"}
    assert secrets_in(environ) == {"DATABASE_URL": "s3cret-pass"}


def test_a_url_without_a_password_is_not() -> None:
    environ = {"A": "https://example.com/a:b@c", "B": "ssh://git@host/x", "C": "https://u:@h/"}
    assert secrets_in(environ) == {}
