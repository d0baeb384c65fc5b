"""Sessions read the environment they are given, not this process's own."""

from pathlib import Path

import pytest

from cloudops_nb.aws.chain import decisive
from cloudops_nb.aws.sessions import Sessions
from cloudops_nb.errors import InvalidCommand

CONFIG = """\
[default]
region = eu-west-1
[profile prod]
region = us-west-2
"""
CREDENTIALS = """\
[default]
aws_access_key_id = AKIDDEFAULT
aws_secret_access_key = x
[prod]
aws_access_key_id = AKIDPROD
aws_secret_access_key = x
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "config").write_text(CONFIG)
    (tmp_path / "credentials").write_text(CREDENTIALS)
    return {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def access_key(environ: dict[str, str], profile: str | None = None) -> str:
    key: str = Sessions().get(environ, profile).get_credentials().access_key
    return key


@pytest.fixture(autouse=True)
def _other_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process's own, which must not be read."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOFTHISPROCESS")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "sa-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")


def test_files_profile_and_region_are_those_of_the_given_environment(
    environ: dict[str, str],
) -> None:
    session = Sessions().get(environ)
    assert session.get_credentials().access_key == "AKIDDEFAULT"
    assert session.get_config_variable("region") == "eu-west-1"
    prod = Sessions().get(environ | {"AWS_PROFILE": "prod"})
    assert prod.get_credentials().access_key == "AKIDPROD"
    assert prod.get_config_variable("region") == "us-west-2"


def test_keys_of_the_given_environment_win_over_files_but_not_over_a_named_profile(
    environ: dict[str, str],
) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIDGIVEN", "AWS_SECRET_ACCESS_KEY": "x"}
    assert access_key(environ | keys) == "AKIDGIVEN"
    assert access_key(environ | keys, "prod") == "AKIDPROD"


def test_a_client_goes_to_aws_unless_it_is_told_otherwise(environ: dict[str, str]) -> None:
    client = Sessions().get(environ).create_client("sts", "eu-west-1")
    assert client.meta.endpoint_url == "https://sts.eu-west-1.amazonaws.com"


def test_equal_environments_have_one_session(environ: dict[str, str]) -> None:
    sessions = Sessions()
    assert sessions.get(environ) is sessions.get(environ | {"EDITOR": "ed"})
    assert sessions.get(environ) is not sessions.get(environ | {"AWS_REGION": "x"})
    assert sessions.get(environ) is not sessions.get(environ, "prod")


def test_an_unknown_profile_is_named_with_those_there_are(environ: dict[str, str]) -> None:
    with pytest.raises(InvalidCommand, match="no AWS profile 'dev' in the AWS files; known: de"):
        Sessions().get(environ, "dev")


def test_files_that_cannot_be_read_are_named(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "config").write_text("no section\n")
    with pytest.raises(InvalidCommand, match="the AWS files cannot be read: Unable to parse"):
        Sessions().get(environ)


def test_only_what_decides_on_a_call_is_kept_of_an_environment() -> None:
    assert decisive({"AWS_REGION": "a", "https_proxy": "b", "GITHUB_TOKEN": "c"}) == {
        "AWS_REGION": "a",
        "https_proxy": "b",
    }
