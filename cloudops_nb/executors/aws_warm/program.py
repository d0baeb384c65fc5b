"""What a worker has to be, for a command to run in it as it would in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cloudops_nb.executors.process.survivors import TAG_VARIABLE
from cloudops_nb.models import AwsCli, PreparedCommand

_FILES = {
    "AWS_CONFIG_FILE": "~/.aws/config",
    "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
    "BOTO_CONFIG": "~/.boto",
    "AWS_CA_BUNDLE": "",
    "AWS_DATA_PATH": "~/.aws/models",
}
"""Files that the CLI reads once and a worker keeps; the variable that names another."""
# Aliases; and where a login or a role leaves what it got, so that a logout is noticed.
_OTHER_FILES = ("~/.aws/cli/alias", "~/.aws/cli/cache", "~/.aws/sso/cache")


class NotWarm(Exception):
    """The command is to run in a process of its own; says why. Nothing has been sent."""


@dataclass(frozen=True, slots=True)
class Program:
    """The CLI behind an ``aws`` on PATH, as a worker runs it.

    ``first`` are arguments that go before the command's, ``variables`` are set on top of its
    environment.
    """

    interpreter: tuple[str, ...]
    script: Path
    first: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One command for a worker. ``key`` is equal for commands that the same worker may run."""

    program: Program
    args: tuple[str, ...]
    profile: str | None
    tags: str
    cwd: Path
    key: tuple[object, ...]

    @property
    def outer_tags(self) -> str:
        """The executions that this kernel runs in."""
        return self.tags.rpartition(" ")[0]


def warm_line(prepared: PreparedCommand) -> Line:
    """The command as a worker runs it.

    Raises:
        NotWarm: it cannot be; known without asking a worker.
    """
    command = prepared.request.command
    assert isinstance(command, AwsCli)
    if prepared.limits is not None:
        raise NotWarm("limits are put on a process of its own")
    if prepared.operation is None:  # a worker would say so, too, once it has started
        raise NotWarm(f"`aws {command.service} {command.operation}` is no operation of an AWS API")
    args = prepared.argv[1:]
    program = find_program(Path(prepared.argv[0]), args)
    environment = {**prepared.environment, **dict(program.variables)}
    tags = environment.pop(TAG_VARIABLE)
    return Line(
        program=program,
        args=(*program.first, *args),
        profile=command.effective("profile"),
        tags=tags,
        cwd=prepared.cwd,
        key=(
            program,
            frozenset(environment.items()),
            prepared.cwd,
            _version(prepared.cwd)[0],
            _version(program.script),
            *map(_version, _files(environment, prepared.cwd)),
        ),
    )


def find_program(aws: Path, args: tuple[str, ...] = ()) -> Program:
    """The CLI that ``aws`` is, for these arguments.

    Raises:
        NotWarm: it is no Python script of the CLI's, or a guard that wants to see the arguments.
    """
    # Only then is the sandbox's code needed, and loaded.
    if (aws.parent / ".cloudops-sandbox").exists():
        from cloudops_nb.aws.sandbox import wrapper

        guard = wrapper.read(aws.parent)
        if not guard.lets_pass(args):
            raise NotWarm("the sandbox's aws has to look at these arguments")
        inner = find_program(guard.real)
        return Program(inner.interpreter, inner.script, guard.first, guard.variables)
    inode, modified, size = _version(aws)
    return _read_script(aws, inode, modified, size)


@lru_cache(maxsize=32)
def _read_script(aws: Path, *_version: int) -> Program:
    try:
        content = aws.read_bytes()
    except OSError as error:
        raise NotWarm(f"{aws} cannot be read: {error.strerror}") from None
    first, _, rest = content.partition(b"\n")
    words = first.removeprefix(b"#!").decode("utf-8", "replace").split()
    named = words[1] if len(words) == 2 and Path(words[0]).name == "env" else (words or [""])[0]
    is_python = first.startswith(b"#!") and Path(named).name.startswith("python")
    if not is_python or b"awscli.clidriver" not in rest:
        raise NotWarm(f"{aws} is not the Python script of the awscli package")
    return Program(tuple(words), aws)


def _files(environment: Mapping[str, str], cwd: Path) -> list[Path]:
    home = environment.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - as botocore does
    named = [environment.get(variable) or usual for variable, usual in _FILES.items()]
    return [
        cwd / (home + text[1:] if text.startswith("~/") else text)
        for text in (*named, *_OTHER_FILES)
        if text
    ]


def _version(path: Path) -> tuple[int, int, int]:
    """What changes when a file does; zeros for one that is not there."""
    try:
        status = path.stat()
    except (OSError, ValueError):  # ValueError: a NUL inside
        return 0, 0, 0
    return status.st_ino, status.st_mtime_ns, status.st_size
