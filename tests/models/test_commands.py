"""Commands: what is wrong with one, and how it reads as a line."""

import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.errors import InvalidCommand, MissingField, ScriptNotFound
from cloudops_nb.models import AwsCli, AwsSdk, Exec, Script, Shell
from cloudops_nb.models.commands import MAX_ARGUMENT_BYTES


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (Shell(command=" \n"), "command"),
        (Shell(command="ls", shell=""), "shell"),
        (Exec(program=""), "program"),
        (Script(path=__file__, interpreter=" "), "interpreter"),
        (AwsCli(service="", operation="x"), "service"),
        (AwsCli(service="ec2", operation=" "), "operation"),
        (AwsSdk(service="", operation="x"), "service"),
        (AwsSdk(service="ec2", operation=""), "operation"),
    ],
    ids=repr,
)
def test_an_empty_field_is_named(command: Shell, field: str) -> None:
    with pytest.raises(MissingField, match=field) as caught:
        command.check()
    assert caught.value.field == field


@pytest.mark.parametrize(
    "command",
    [
        Shell(command="echo \0"),
        Shell(command="x", shell="ba\0sh"),
        Exec(program="a\0b"),
        Exec(program="a", args=("b\0",)),
        Script(path=__file__, interpreter="ba\0sh"),
        AwsCli(service="ec2", operation="x", args=("\0",)),
        AwsCli(service="ec2", operation="x", region="\0"),
        AwsCli(service="ec2", operation="x", profile="a\0"),
    ],
    ids=repr,
)
def test_a_nul_in_an_argument_is_refused(command: Shell) -> None:
    with pytest.raises(InvalidCommand, match="NUL"):
        command.check()


def test_text_that_is_no_unicode_is_refused() -> None:
    with pytest.raises(InvalidCommand, match="Unicode"):
        Shell(command="echo \ud800").check()


def test_the_longest_argument_the_system_takes_is_accepted() -> None:
    Exec(program="echo", args=("x" * MAX_ARGUMENT_BYTES,)).check()


def test_a_longer_argument_is_refused_with_a_way_out() -> None:
    with pytest.raises(InvalidCommand, match="Script"):
        Shell(command="ü" * (MAX_ARGUMENT_BYTES // 2 + 1)).check()


def test_a_script_that_is_not_there_is_named() -> None:
    with pytest.raises(ScriptNotFound, match=r"no-such\.sh"):
        Script(path="no-such.sh").check()


@pytest.mark.parametrize("path", [Path("/"), Path("x" * 5000), Path("a\0b"), Path("~no-one/x.sh")])
def test_what_is_no_script_file_is_not_found(path: Path) -> None:
    with pytest.raises(ScriptNotFound):
        Script(path=path).check()


def test_a_script_may_be_named_from_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "x.sh").touch()
    Script(path="~/x.sh").check()


@pytest.mark.parametrize("word", ["--debug", "-x"])
def test_an_option_is_no_aws_service_or_operation(word: str) -> None:
    with pytest.raises(InvalidCommand, match=word):
        AwsCli(service=word, operation="x").check()
    with pytest.raises(InvalidCommand, match=word):
        AwsCli(service="ec2", operation=word).check()


@pytest.mark.parametrize("option", ["profile", "region"])
@pytest.mark.parametrize("args", [("--{}", "a"), ("--{}=a",), ("--x", "--{}", "a")])
def test_the_same_value_given_twice_is_one(option: str, args: tuple[str, ...]) -> None:
    given_args = tuple(arg.format(option) for arg in args)
    command = AwsCli(service="ec2", operation="x", args=given_args, **{option: "a"})
    command.check()
    assert command.effective(option) == "a"
    assert AwsCli(service="ec2", operation="x", args=given_args).effective(option) == "a"


@pytest.mark.parametrize("option", ["profile", "region"])
def test_two_different_values_are_refused(option: str) -> None:
    command = AwsCli(service="ec2", operation="x", args=(f"--{option}", "a"), **{option: "b"})
    with pytest.raises(InvalidCommand, match=f"{option} is 'b' as a field but 'a' in args"):
        command.check()


def test_an_option_without_its_value_is_refused() -> None:
    with pytest.raises(InvalidCommand, match="--region has no value"):
        AwsCli(service="ec2", operation="x", args=("--region",), region="a").check()


def test_an_abbreviated_option_counts_as_given() -> None:
    command = AwsCli(service="ec2", operation="x", args=("--reg", "a"), region="b")
    with pytest.raises(InvalidCommand, match="region is 'b' as a field but 'a' in args"):
        command.check()
    assert AwsCli(service="ec2", operation="x", args=("--reg=a",), region="a").line == (
        "aws ec2 x --reg=a"
    )


def test_a_shells_line_is_its_text() -> None:
    assert Shell(command=" a | b\n").line == "a | b"


_words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10)


@given(_words, st.lists(_words, max_size=4))
def test_a_programs_line_reads_back_as_its_arguments(program: str, args: list[str]) -> None:
    assert shlex.split(Exec(program=program, args=tuple(args)).line) == [program, *args]


def test_a_scripts_line_has_its_interpreter() -> None:
    assert Script(path="/a b.sh", interpreter="bash -eu").line == "bash -eu '/a b.sh'"
    assert Script(path="/a.sh").line == "/a.sh"


def test_a_line_can_be_shown_of_a_command_that_is_wrong() -> None:
    assert Script(path="/a.sh", interpreter="bash '").line == "bash ' /a.sh"
    assert AwsCli(service="s", operation="o", args=("--region",), region="r").line == (
        "aws s o --region"
    )


def test_an_aws_line_says_profile_and_region_once() -> None:
    command = AwsCli(
        service="ec2", operation="x", args=("--region=a", "--b", "c d"), profile="p", region="a"
    )
    assert command.line == "aws ec2 x --region=a --b 'c d' --profile p"


def test_of_an_option_given_several_times_the_last_is_in_force() -> None:
    """As the AWS CLI reads it; the record is to name the region that was asked."""
    args = ("--region", "us-east-1", "--region=eu-west-1")
    command = AwsCli(service="ec2", operation="describe-instances", args=args)
    assert command.effective("region") == "eu-west-1"


# API calls


def test_an_api_call_reads_as_the_python_that_makes_it() -> None:
    params = {"Filters": [{"Name": "it's", "Values": ["a"]}], "DryRun": False}
    command = AwsSdk(service="ec2", operation="DescribeVpcs", params=params, max_records=5)
    assert eval(command.line) == command
    assert AwsSdk(service="s3", operation="ListBuckets", region="eu-west-1").line == (
        "AwsSdk(service='s3', operation='ListBuckets', region='eu-west-1')"
    )


def test_parameters_are_json_values_with_bytes_in_base64_and_times_in_iso_8601() -> None:
    params = {"a": b"\xff", "b": [datetime(2024, 1, 2, tzinfo=UTC)], "c": {"d": (1, None)}}
    command = AwsSdk(service="x", operation="y", params=params)
    assert command.params == {
        "a": "/w==",
        "b": ["2024-01-02T00:00:00+00:00"],
        "c": {"d": [1, None]},
    }
    assert AwsSdk.from_json(command.model_dump_json()) == command


def test_a_value_that_json_does_not_have_is_no_parameter() -> None:
    with pytest.raises(ValueError, match="params"):
        AwsSdk(service="x", operation="y", params={"a": object()})
    with pytest.raises(ValueError, match="inf is no number in JSON"):
        AwsSdk(service="x", operation="y", params={"a": [float("inf")]})


def test_a_record_limit_is_above_zero() -> None:
    with pytest.raises(InvalidCommand, match="max_records is 0"):
        AwsSdk(service="ec2", operation="DescribeVpcs", max_records=0).check()
