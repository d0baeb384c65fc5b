"""Requests whose text stands partly for what earlier steps of their plan will have given.

A request is a template when its ``inputs`` name such steps. Then ``{{ steps.NAME.stdout }}``,
``{{ steps.NAME.records[0].Key }}`` and the other fields of a step may stand in shell text and
arguments, in ``env`` and ``working_dir``; never where a program, an AWS service or operation, an
account or a search path is named, so that what was judged and approved is what will run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models.commands import AwsCli, AwsSdk, Command, Exec, Script, Shell
from cloudops_nb.models.conditions import FIELDS
from cloudops_nb.models.interpreters import DECISIVE, decides
from cloudops_nb.models.parameters import substitute_parameters, texts
from cloudops_nb.models.placeholders import (
    STEPS,
    Names,
    step_outputs,
    substitute_shell,
    substitute_value,
    substitute_words,
)
from cloudops_nb.models.requests import ExecutionRequest

_OUTPUT = re.compile(rf"{STEPS}\.(?P<name>\w+)\.(?P<field>{'|'.join(FIELDS)})\b.*")


def inputs_of(request: ExecutionRequest) -> tuple[str, ...]:
    """The names of the steps that a request's text refers to, as ``inputs`` lists them.

    Raises:
        InvalidCommand: a placeholder is not of the form ``steps.NAME.FIELD``.
    """
    return tuple(sorted({name for name, _ in _read(request)}))


def fields_of(request: ExecutionRequest) -> dict[str, set[str]]:
    """The fields that a request's text reads of each step."""
    found: dict[str, set[str]] = {}
    for name, field in _read(request):
        found.setdefault(name, set()).add(field)
    return found


def check_template(request: ExecutionRequest) -> None:
    """Checks that outputs of steps stand only where they may.

    Raises:
        InvalidCommand: they do not; or ``inputs`` are not the steps that the text refers to.
    """
    used = inputs_of(request)
    for name in {*used} ^ {*request.inputs}:
        what = "is not used in the text" if name in request.inputs else "is used but not listed"
        raise InvalidCommand(f"inputs: {name!r} {what}")
    for fixed in _fixed(request):
        for path in step_outputs(fixed):
            raise InvalidCommand(
                f"{{{{ {path} }}}} cannot stand here: what a step gave goes into shell text, "
                "arguments, env and the working directory alone"
            )
    for key, value in request.env.items():
        if step_outputs(value) and DECISIVE.fullmatch(key):
            raise InvalidCommand(f"env: {decides(key)}")
    # The values do not matter: each place is looked at.
    _filled(request.command, {STEPS: Written()})


def quoted(text: str, *, shell: str = "bash") -> str:
    """Shell text in which each output of a step is a quoted word that is still its placeholder.

    Raises:
        InvalidCommand: one stands where no value may be put in.
    """
    return substitute_shell(text, {STEPS: Written()}, shell=shell, names=Names.STEPS)


def filled(request: ExecutionRequest, steps: Mapping[str, object]) -> ExecutionRequest:
    """The request with what the steps gave put in: quoted in shell text, as it is elsewhere.

    Raises:
        InvalidCommand: a value is not there, or is not one text; names the placeholder.
    """
    lookup = {STEPS: steps}
    where = request.working_dir
    return request.model_copy(
        update={
            "command": _filled(request.command, lookup),
            "env": {
                key: substitute_value(value, lookup, names=Names.STEPS)
                for key, value in request.env.items()
            },
            "working_dir": (
                None
                if where is None
                else Path(substitute_value(str(where), lookup, names=Names.STEPS))
            ),
            "inputs": (),
        }
    )


def _filled(command: Command, lookup: Mapping[str, object]) -> Command:
    match command:
        case Shell():
            text = substitute_shell(command.command, lookup, shell=command.shell, names=Names.STEPS)
            return command.model_copy(update={"command": text})
        case Script():
            return command
        case Exec() | AwsCli():
            program = command.program if isinstance(command, Exec) else "aws"
            args = substitute_words(command.args, lookup, names=Names.STEPS, program=program)
            return command.model_copy(update={"args": args})
        case AwsSdk():
            params = substitute_parameters(command.params, lookup, names=Names.STEPS)
            return command.model_copy(update={"params": params})


def _read(request: ExecutionRequest) -> Iterator[tuple[str, str]]:
    for text, is_shell in _open(request):
        for path in step_outputs(text, shell=is_shell):
            found = _OUTPUT.fullmatch(path)
            if found is None:
                raise InvalidCommand(
                    f"{{{{ {path} }}}}: in a plan this is a step's output, and those are "
                    f"steps.NAME.FIELD, with a field of {', '.join(FIELDS)}"
                )
            yield found["name"], found["field"]


def _open(request: ExecutionRequest) -> Iterator[tuple[str, bool]]:
    """The texts that may hold outputs, each with whether a shell reads it."""
    match request.command:
        case Shell(command=text):
            yield text, True
        case Exec(args=args) | AwsCli(args=args):
            yield from ((arg, False) for arg in args)
        case AwsSdk(params=params):
            yield from ((text, False) for text in texts(params))
    yield from ((value, False) for value in request.env.values())
    if request.working_dir is not None:
        yield str(request.working_dir), False


def _fixed(request: ExecutionRequest) -> Iterator[str]:
    """The texts that decide what runs."""
    match request.command:
        case Shell(shell=shell):
            yield shell
        case Exec(program=program):
            yield program
        case Script(path=path, interpreter=interpreter):
            yield from (str(path), interpreter or "")
        case (
            AwsCli(service=service, operation=operation, profile=profile, region=region)
            | AwsSdk(service=service, operation=operation, profile=profile, region=region)
        ):
            yield from (service, operation, profile or "", region or "")


class Written:
    """Stands for a value by the placeholder it is written as; any path leads to another."""

    def __init__(self, path: str = STEPS) -> None:
        self._path = path

    def __getitem__(self, key: str | int) -> Written:
        return Written(f"{self._path}.{key}" if isinstance(key, str) else f"{self._path}[{key}]")

    def __fspath__(self) -> str:
        return f"{{{{ {self._path} }}}}"

    __str__ = __fspath__
