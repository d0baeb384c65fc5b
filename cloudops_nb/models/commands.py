"""What can be run: one small frozen model for each kind of command."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from cloudops_nb.config import expanded, is_file
from cloudops_nb.errors import InvalidCommand, MissingField, ScriptNotFound
from cloudops_nb.models.aws_options import gives, split_global, value_of
from cloudops_nb.models.base import InputModel, addition
from cloudops_nb.models.parameters import Parameters

MAX_ARGUMENT_BYTES = 131_071
"""Longest single argument Linux passes to a program (MAX_ARG_STRLEN less its NUL; execve(2))."""


class _Command(InputModel):
    def check(self) -> None:
        """Checks the command as far as it can be without running anything.

        Raises:
            MissingField: a field that must not be empty is.
            InvalidCommand: a text cannot be passed to a program (NUL inside, too long).
            ScriptNotFound: the script file does not exist.
        """
        raise NotImplementedError

    @property
    def line(self) -> str:
        """The command as a line that a POSIX shell would read back as the same arguments."""
        raise NotImplementedError


class Shell(_Command):
    """Text for a shell: ``shell -c command``."""

    type: Literal["shell"] = "shell"
    command: str
    shell: str = "bash"

    def check(self) -> None:
        _require("command", self.command)
        _require("shell", self.shell)
        _check_arguments(self.command, self.shell)

    @property
    def line(self) -> str:
        return self.command.strip()


class Exec(_Command):
    """A program with its arguments; no shell reads them."""

    type: Literal["exec"] = "exec"
    program: str
    args: tuple[str, ...] = ()

    def check(self) -> None:
        _require("program", self.program)
        _check_arguments(self.program, *self.args)

    @property
    def line(self) -> str:
        return shlex.join((self.program, *self.args))


class Script(_Command):
    """A script file. Without an interpreter its ``#!`` line decides."""

    type: Literal["script"] = "script"
    path: Path
    interpreter: str | None = None

    def check(self) -> None:
        if not is_file(expanded(self.path)):
            raise ScriptNotFound(self.path)
        if self.interpreter is not None:
            _require("interpreter", self.interpreter)
            _check_arguments(self.interpreter)

    @property
    def line(self) -> str:
        # The interpreter is shell words already.
        interpreter = f"{self.interpreter} " if self.interpreter else ""
        return interpreter + shlex.quote(str(self.path))


class AwsCli(_Command):
    """One ``aws SERVICE OPERATION ARGS…`` call."""

    type: Literal["aws_cli"] = "aws_cli"
    service: str
    operation: str
    args: tuple[str, ...] = ()
    profile: str | None = None
    region: str | None = None

    def check(self) -> None:
        _require("service", self.service)
        _require("operation", self.operation)
        options = [value for value in (self.profile, self.region) if value is not None]
        _check_arguments(self.service, self.operation, *self.args, *options)
        for word in (self.service, self.operation):
            if word.startswith("-"):
                raise InvalidCommand(f"aws_cli: {word!r} is an option, not a service or operation")
        for option in ("profile", "region"):
            self.effective(option)

    def effective(self, option: Literal["profile", "region"] | str) -> str | None:
        """The profile or region in force, from the field or from ``args``.

        Raises:
            InvalidCommand: both are given and differ, or an option in ``args`` is ambiguous or has
                no value.
        """
        field: str | None = getattr(self, option)
        given = value_of(split_global(self.args)[0], f"--{option}")
        if field is not None and given is not None and field != given:
            raise InvalidCommand(
                f"aws_cli: {option} is {field!r} as a field but {given!r} in args; give it once"
            )
        return field if field is not None else given

    @property
    def line(self) -> str:
        words = ["aws", self.service, self.operation, *self.args]
        for option, value in (("--profile", self.profile), ("--region", self.region)):
            if value is not None and not gives(self.args, option):
                words += [option, value]
        return shlex.join(words)


class AwsSdk(_Command):
    """One call of an AWS API operation, made without a process.

    ``service`` and ``operation`` are API names (``ec2``, ``DescribeInstances``) or the AWS CLI's
    (``describe-instances``). ``params`` are JSON values: what the API takes as bytes is base64 text
    here, a time ISO 8601; ``bytes`` and ``datetime`` become that. Pages are followed until there
    are ``max_records`` records, or no more.
    """

    type: Literal["aws_sdk"] = "aws_sdk"
    service: str
    operation: str
    params: Parameters = Field(default_factory=dict)
    profile: str | None = None
    region: str | None = None
    max_records: int | None = addition()

    def check(self) -> None:
        _require("service", self.service)
        _require("operation", self.operation)
        chosen = [value for value in (self.profile, self.region) if value is not None]
        _check_arguments(self.service, self.operation, *chosen)
        if self.max_records is not None and self.max_records < 1:
            raise InvalidCommand(f"aws_sdk: max_records is {self.max_records}; it must be above 0")

    def effective(self, option: Literal["profile", "region"] | str) -> str | None:
        """The profile or region in force; None where the environment decides."""
        value: str | None = getattr(self, option)
        return value

    @property
    def line(self) -> str:
        """The call as Python writes it: it is not one for a shell."""
        given = {name: getattr(self, name) for name in type(self).model_fields if name != "type"}
        return f"AwsSdk({', '.join(f'{name}={item!r}' for name, item in given.items() if item)})"


Command = Annotated[Shell | Exec | Script | AwsCli | AwsSdk, Field(discriminator="type")]


def _require(field: str, value: str) -> None:
    if not value.strip():
        raise MissingField(field)


def _check_arguments(*words: str) -> None:
    for word in words:
        if "\0" in word:
            raise InvalidCommand(f"an argument has a NUL character inside: {word[:40]!r}")
        try:
            size = len(word.encode())
        except UnicodeEncodeError:
            raise InvalidCommand(f"an argument is not valid Unicode: {word[:40]!r}") from None
        if size > MAX_ARGUMENT_BYTES:
            raise InvalidCommand(
                f"an argument is {size} bytes long and the system passes at most "
                f"{MAX_ARGUMENT_BYTES}; put the text into a file and run that with Script"
            )
