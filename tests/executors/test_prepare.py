"""From a request to the exact process."""

import hashlib
import re
from pathlib import Path

import pytest

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models import Exec, Script, Shell
from tests.executors.helpers import ENVIRON, prepare


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """An executable in a directory of its own."""
    path = tmp_path / "bin" / "tool"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_shell_gets_its_text_as_one_argument() -> None:
    prepared = prepare(Shell(command="echo a b", shell="bash -e"))
    assert prepared.argv[0].endswith("/bash")
    assert Path(prepared.argv[0]).is_absolute()
    assert prepared.argv[1:] == ("-e", "-c", "echo a b")


def test_a_program_is_found_on_the_childs_own_path(tool: Path) -> None:
    prepared = prepare(Exec(program="tool", args=("a",)), env={"PATH": str(tool.parent)})
    assert prepared.argv == (str(tool), "a")


def test_a_program_may_be_named_by_a_path_from_the_working_directory(tool: Path) -> None:
    prepared = prepare(Exec(program="bin/tool"), working_dir=tool.parent.parent)
    assert prepared.argv == (str(tool),)


def test_a_program_may_be_named_from_home(tool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tool.parent))
    assert prepare(Exec(program="~/tool")).argv == (str(tool),)


@pytest.mark.parametrize("name", ["no-such-program", "/no/such/program", "/" + "x" * 5000, "/tmp"])
def test_a_program_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(InvalidCommand, match=r"not found|not on PATH"):
        prepare(Exec(program=name))


def test_a_program_that_may_not_be_executed_is_refused_with_a_way_out(tool: Path) -> None:
    tool.chmod(0o644)
    with pytest.raises(InvalidCommand, match="chmod"):
        prepare(Exec(program=str(tool)))


def test_a_shell_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidCommand, match="no-such-shell"):
        prepare(Shell(command="ls", shell="no-such-shell"))


@pytest.mark.parametrize("shell", ["bash '", "''"])
def test_a_shell_that_is_no_shell_words_is_refused(shell: str) -> None:
    with pytest.raises(InvalidCommand):
        prepare(Shell(command="ls", shell=shell))


# Scripts


def script(directory: Path, content: bytes) -> Path:
    path = directory / "a script.sh"
    path.write_bytes(content)
    return path


def test_a_script_runs_under_its_interpreter(tmp_path: Path) -> None:
    path = script(tmp_path, b"echo")
    prepared = prepare(Script(path=path, interpreter="bash -eu"))
    assert prepared.argv[0].endswith("/bash")
    assert prepared.argv[1:] == ("-eu", str(path))


@pytest.mark.parametrize(
    ("first_line", "words"),
    [
        (b"#!/bin/sh", ("/bin/sh",)),
        (b"#! /bin/sh -e -u ", ("/bin/sh", "-e -u")),
        (b"#!/usr/bin/env bash\r", ("/usr/bin/env", "bash")),
    ],
)
def test_without_one_its_first_line_decides_as_the_kernel_reads_it(
    tmp_path: Path, first_line: bytes, words: tuple[str, ...]
) -> None:
    path = script(tmp_path, first_line + b"\necho")
    assert prepare(Script(path=path)).argv == (*words, str(path))


@pytest.mark.parametrize("content", [b"", b"echo\n", b"\n#!/bin/sh\n", b"# !/bin/sh\n"])
def test_without_either_it_is_refused_and_told_what_to_write(
    tmp_path: Path, content: bytes
) -> None:
    with pytest.raises(InvalidCommand, match=re.escape("#!/usr/bin/env bash")):
        prepare(Script(path=script(tmp_path, content)))


def test_an_empty_first_line_mark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidCommand, match="empty"):
        prepare(Script(path=script(tmp_path, b"#!\n")))


def test_a_scripts_interpreter_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidCommand, match="/no/such/interpreter"):
        prepare(Script(path=script(tmp_path, b"#!/no/such/interpreter\n")))


def test_a_script_may_be_named_from_the_working_directory(tmp_path: Path) -> None:
    path = script(tmp_path, b"#!/bin/sh\n")
    assert prepare(Script(path=path.name), working_dir=tmp_path).argv[-1] == str(path)


def test_a_script_that_vanished_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidCommand, match=r"gone\.sh: No such file"):
        prepare(Script(path=tmp_path / "gone.sh"))


# What is fixed


def test_program_and_script_are_hashed(tmp_path: Path, tool: Path) -> None:
    content = b"#!" + str(tool).encode() + b"\n"
    prepared = prepare(Script(path=script(tmp_path, content)))
    assert prepared.script_sha256 == hashlib.sha256(content).hexdigest()
    assert prepared.binary_sha256 == hashlib.sha256(tool.read_bytes()).hexdigest()


def test_a_program_that_changed_has_another_hash(tool: Path) -> None:
    before = prepare(Exec(program=str(tool))).binary_sha256
    tool.write_text("#!/bin/sh\necho changed\n")
    assert prepare(Exec(program=str(tool))).binary_sha256 != before


def test_shell_text_is_hashed() -> None:
    assert prepare(Shell(command="a")).script_sha256 == hashlib.sha256(b"a").hexdigest()


def test_the_default_timeout_is_filled_in() -> None:
    config = ExecutionConfig(default_timeout_ms=5000)
    assert prepare(Shell(command="a"), config=config).timeout_ms == 5000
    assert prepare(Shell(command="a"), config=config, timeout_ms=7).timeout_ms == 7


def test_a_relative_working_directory_becomes_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert prepare(Shell(command="a"), working_dir="x").cwd == tmp_path / "x"


def test_the_line_has_the_requests_secrets_masked() -> None:
    prepared = prepare(Shell(command="login s3cret-value"), env={"A_TOKEN": "s3cret-value"})
    assert prepared.line == "login REDACTED_A_TOKEN"


@pytest.mark.parametrize(
    ("environ", "region"),
    [
        ({"AWS_REGION": "a", "AWS_DEFAULT_REGION": "b"}, "a"),
        ({"AWS_DEFAULT_REGION": "b"}, "b"),
        ({}, None),
    ],
)
def test_the_region_in_force_is_the_environments(
    environ: dict[str, str], region: str | None
) -> None:
    assert prepare(Shell(command="a"), environ={**ENVIRON, **environ}).region == region


def test_profile_and_endpoint_in_force_are_the_environments() -> None:
    environ = {**ENVIRON, "AWS_PROFILE": "p", "AWS_ENDPOINT_URL": "http://x"}
    prepared = prepare(Shell(command="aws s3 ls"), environ=environ)
    assert (prepared.profile, prepared.endpoint) == ("p", "http://x")


def test_a_command_that_does_not_call_aws_has_no_endpoint() -> None:
    environ = {**ENVIRON, "AWS_ENDPOINT_URL": "http://x"}
    assert prepare(Shell(command="uptime"), environ=environ).endpoint is None


@pytest.mark.parametrize(
    ("command", "kept"),
    [
        (Shell(command="aws s3 ls | wc"), True),
        (Shell(command="echo laws"), False),
        (Exec(program="bin/aws"), True),
        (Exec(program="bin/tool"), False),
    ],
    ids=repr,
)
def test_only_what_mentions_aws_keeps_its_secrets(command: Shell, kept: bool, tool: Path) -> None:
    (tool.parent / "aws").symlink_to(tool)
    environ = {**ENVIRON, "AWS_SESSION_TOKEN": "s3cret-value"}
    prepared = prepare(command, environ=environ, cwd=tool.parent.parent)
    assert ("AWS_SESSION_TOKEN" in prepared.environment) is kept
    assert prepared.withheld_env == (() if kept else ("AWS_SESSION_TOKEN",))


def test_a_script_that_mentions_aws_keeps_its_secrets(tmp_path: Path) -> None:
    environ = {**ENVIRON, "AWS_SESSION_TOKEN": "s3cret-value"}
    path = script(tmp_path, b"#!/bin/sh\naws s3 ls\n")
    assert prepare(Script(path=path), environ=environ).withheld_env == ()
