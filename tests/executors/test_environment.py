"""What a child inherits, and what is kept from it."""

from typing import Any
from uuid import uuid4

import pytest

from cloudops_nb.executors.process.environment import TAG_VARIABLE, child_environment

ID = uuid4()


def child(inherited: dict[str, str], **options: Any) -> tuple[dict[str, str], tuple[str, ...]]:
    defaults: dict[str, Any] = {
        "own": {},
        "pass_env": frozenset(),
        "keeps_aws": False,
        "execution_id": ID,
    }
    return child_environment(inherited, **{**defaults, **options})


def test_a_child_inherits_the_environment() -> None:
    environment, withheld = child({"LANG": "C", "FOO": "bar"})
    assert environment.items() >= {("LANG", "C"), ("FOO", "bar")}
    assert withheld == ()


def test_what_looks_like_a_secret_is_withheld_and_named() -> None:
    environment, withheld = child({"B_TOKEN": "x", "A_PASSWORD": "", "LANG": "C"})
    assert withheld == ("A_PASSWORD", "B_TOKEN")
    assert not set(withheld) & set(environment)


def test_a_secret_that_is_named_is_passed_on() -> None:
    environment, withheld = child({"A_TOKEN": "x"}, pass_env=frozenset({"A_TOKEN"}))
    assert (environment["A_TOKEN"], withheld) == ("x", ())


def test_a_secret_of_the_request_itself_is_passed_on() -> None:
    environment, withheld = child({"A_TOKEN": "inherited"}, own={"A_TOKEN": "own"})
    assert (environment["A_TOKEN"], withheld) == ("own", ())


def test_aws_secrets_are_for_aws_commands_alone() -> None:
    inherited = {"AWS_SECRET_ACCESS_KEY": "x", "GITHUB_TOKEN": "y"}
    assert child(inherited)[1] == ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN")
    assert child(inherited, keeps_aws=True)[1] == ("GITHUB_TOKEN",)


@pytest.mark.parametrize("name", ["PAGER", "GIT_PAGER", "MANPAGER", "SYSTEMD_PAGER"])
def test_nothing_pages(name: str) -> None:
    assert child({name: "less"})[0][name] == "cat"


def test_nothing_prompts() -> None:
    environment, _ = child({})
    expected = {
        "AWS_PAGER": "",
        "AWS_CLI_AUTO_PROMPT": "off",
        "GIT_TERMINAL_PROMPT": "0",
        "DEBIAN_FRONTEND": "noninteractive",
        "PYTHONUNBUFFERED": "1",
    }
    assert environment.items() >= expected.items()


def test_the_request_has_the_last_word() -> None:
    assert child({"PAGER": "less"}, own={"PAGER": "more"})[0]["PAGER"] == "more"


def test_a_child_carries_the_tag_of_its_execution() -> None:
    assert child({})[0][TAG_VARIABLE] == str(ID)


def test_an_execution_inside_another_carries_both_tags() -> None:
    assert child({TAG_VARIABLE: "outer"})[0][TAG_VARIABLE] == f"outer {ID}"


def test_a_request_cannot_shed_the_tag() -> None:
    assert child({}, own={TAG_VARIABLE: ""})[0][TAG_VARIABLE] == str(ID)


def test_half_an_aws_key_pair_is_not_left_behind() -> None:
    inherited = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "x"}
    assert child(inherited)[1] == ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    assert child(inherited, keeps_aws=True)[1] == ()
    assert child(inherited, pass_env=frozenset({"AWS_SECRET_ACCESS_KEY"}))[1] == ()
