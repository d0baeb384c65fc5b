"""What ``%cloudops doctor`` finds, part by part."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudops_nb.notebook.doctor import Diagnosis, Finding, profiles
from cloudops_nb.notebook.doctor.aws_program import aws_program
from cloudops_nb.notebook.doctor.aws_settings import aws_settings, shown_url
from tests.aws.faults import FaultServer, error, never, page

IDENTITY = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult><UserId>U</UserId>"
    "<Account>111122223333</Account><Arn>arn:aws:iam::111122223333:user/ops</Arn>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)
KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = hush-hush-hush-hush\n"


def home(directory: Path, **files: str) -> dict[str, str]:
    """An environment whose home has these AWS files."""
    for name, content in files.items():
        path = directory / ".aws" / name.replace("_", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return {"HOME": str(directory), "PATH": "", "AWS_EC2_METADATA_DISABLED": "true"}


def asked(environment: dict[str, str]) -> dict[str, Finding]:
    told: list[str] = []
    found = {each.subject: each for each in profiles.profiles(environment, told.append)}
    assert told[-1].startswith("asking AWS whose the profiles are")
    return found


# Profiles


def test_a_profile_is_told_by_account_and_arn(tmp_path: Path) -> None:
    with FaultServer() as server:
        server.play(page(IDENTITY))
        environment = home(tmp_path, credentials=f"[prod]\n{KEYS}")
        found = asked(environment | {"AWS_ENDPOINT_URL": server.url})
    assert found["prod"].level == "good"
    assert "111122223333 · arn:aws:iam::111122223333:user/ops" in found["prod"].found


def test_a_profile_that_aws_refuses_is_told_with_the_reason(tmp_path: Path) -> None:
    with FaultServer() as server:
        server.play(error("ExpiredToken", "The security token is expired", 403))
        environment = home(tmp_path, credentials=f"[prod]\n{KEYS}")
        found = asked(environment | {"AWS_ENDPOINT_URL": server.url})["prod"]
    assert (found.level, "renew them" in found.found) == ("bad", True)


def test_a_profile_that_does_not_answer_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profiles, "PATIENCE_SECONDS", 0.3)
    with FaultServer() as server:
        server.play(never())
        environment = home(tmp_path, credentials=f"[prod]\n{KEYS}")
        found = asked(environment | {"AWS_ENDPOINT_URL": server.url})["prod"]
    assert (found.level, found.found) == ("bad", "no answer within 0.3 s")


def test_without_aws_files_and_credentials_there_is_one_thing_to_know(tmp_path: Path) -> None:
    (found,) = asked(home(tmp_path)).values()
    assert (found.level, found.found) == ("note", "no credentials")
    assert "AWS_PROFILE" in found.remedy


def test_a_default_profile_that_is_not_there_hides_no_other(tmp_path: Path) -> None:
    with FaultServer() as server:
        server.play(page(IDENTITY))
        environment = home(tmp_path, credentials=f"[prod]\n{KEYS}")
        found = asked(environment | {"AWS_ENDPOINT_URL": server.url, "AWS_PROFILE": "prd"})
    assert "no AWS profile 'prd'" in found["without one"].found
    assert found["prod"].level == "good"


def test_no_secret_is_shown(tmp_path: Path) -> None:
    environment = home(
        tmp_path,
        credentials=f"[prod]\n{KEYS}",
        config="[profile prod]\nendpoint_url = http://user:pass-word@127.0.0.1:1/\n",
    )
    environment |= {"HTTPS_PROXY": "http://user:pass-word@127.0.0.1:1", "no_proxy": "127.0.0.1"}
    shown = repr(Diagnosis([*asked(environment).values(), *aws_settings(environment)]))
    assert "127.0.0.1" in shown
    assert "pass-word" not in shown
    assert "hush-hush" not in shown


# Settings


def test_without_overrides_it_says_so(tmp_path: Path) -> None:
    (found,) = aws_settings(home(tmp_path))
    assert (found.level, "none" in found.found) == ("good", True)


@pytest.mark.parametrize(
    ("variables", "files", "subject", "says"),
    [
        ({"AWS_ENDPOINT_URL_S3": "http://x:1"}, {}, "AWS_ENDPOINT_URL_S3", "http://x:1"),
        ({}, {"config": "[profile p]\nendpoint_url=http://x:1\n"}, "profile p", "http://x:1"),
        (
            {},
            {"config": "[services dev]\nec2 =\n  endpoint_url = http://x:1\n"},
            "services dev ec2",
            "http://x:1",
        ),
        ({}, {"config": "[default]\ncli_follow_urlparam = true\n"}, "profile default", "URLs"),
        ({}, {"config": "[plugins]\nendpoint = awscli_endpoint\n"}, "plugins", "endpoint"),
        ({}, {"cli_alias": "[toplevel]\nwhoami = sts get-caller-identity\n"}, "aliases", "whoami"),
        ({"https_proxy": "http://proxy:3128"}, {}, "https_proxy", "http://proxy:3128"),
    ],
)
def test_what_sends_commands_elsewhere_is_named(
    tmp_path: Path, variables: dict[str, str], files: dict[str, str], subject: str, says: str
) -> None:
    (found,) = aws_settings(home(tmp_path, **files) | variables)
    assert (found.subject, found.level) == (subject, "note")
    assert says in found.found


def test_endpoints_that_are_ignored_are_nothing_to_worry_about(tmp_path: Path) -> None:
    variables = {
        "AWS_ENDPOINT_URL": "http://x:1",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    }
    (found,) = aws_settings(home(tmp_path) | variables)
    assert (found.level, "ignored" in found.found) == ("good", True)


def test_a_broken_file_is_told_and_no_crash(tmp_path: Path) -> None:
    found = list(aws_settings(home(tmp_path, config="no section\n", cli_alias="[x\n")))
    assert [each.level for each in found] == ["bad", "bad"]


@pytest.mark.parametrize("url", ["", "nonsense", "http://[", "http://h:99999999"])
def test_what_is_no_url_is_not_repeated(url: str) -> None:
    assert shown_url(url) == "no URL"


# The program


def program(directory: Path, text: str) -> dict[str, str]:
    path = directory / "aws"
    path.write_text(text)
    path.chmod(0o755)
    return {"PATH": f"{directory}:/usr/bin:/bin", "HOME": str(directory)}


def test_a_missing_aws_says_how_to_get_one(tmp_path: Path) -> None:
    (found,) = aws_program({"PATH": str(tmp_path)})
    assert (found.level, "pip install awscli" in found.remedy) == ("bad", True)


def test_an_aws_that_is_no_python_script_is_not_kept_warm(tmp_path: Path) -> None:
    version, kind = aws_program(program(tmp_path, "#!/bin/sh\necho aws-cli/2.0 Bundle\n"))
    assert "aws-cli/2.0 Bundle" in version.found
    assert (kind.level, "a process for each command" in kind.found) == ("note", True)


def test_an_aws_that_fails_is_told(tmp_path: Path) -> None:
    (found,) = aws_program(program(tmp_path, "#!/bin/sh\nexit 3\n"))
    assert found.level == "bad"


# Shown


def test_text_from_outside_is_text() -> None:
    found = Diagnosis([Finding("<b>P</b>", "<i>", "<script>x</script>", "bad", "<u>")])
    html = found._repr_html_()
    assert "&lt;script&gt;x" in html
    assert not {"<script>", "<i>", "<u>", "<b>P"} & set(html.split())
    assert "<script>" not in html


def test_the_first_line_counts_what_is_to_mend() -> None:
    found = Diagnosis(
        [Finding("p", "a", "x", "bad"), Finding("p", "b", "y", "note"), Finding("p", "c", "z")]
    )
    assert repr(found).splitlines()[0] == "1 to mend, 1 to know"
    assert Diagnosis([]).summary == "nothing to mend"
