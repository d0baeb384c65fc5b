"""Plans in the seeds' own form (``strategy`` and typed ``commands``), with placeholders filled."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models.commands import AwsCli, AwsSdk, Command, Exec, Script, Shell
from cloudops_nb.models.parameters import substitute_parameters
from cloudops_nb.models.placeholders import (
    Names,
    substitute_shell,
    substitute_value,
    substitute_words,
)
from cloudops_nb.models.plans import ExecutionPlan
from cloudops_nb.models.requests import ExecutionRequest
from cloudops_nb.models.templates import inputs_of


def plan_from_wire(text: str, lookup: Mapping[str, object] | None = None) -> ExecutionPlan:
    """The plan that a JSON text in the seeds' form is.

    Raises:
        SerializationError: it is not in that form; names the field.
        InvalidCommand: a placeholder cannot be filled; names the command.
    """
    plan = ExecutionPlan.from_json(text)
    if lookup is None:
        return plan
    commands = []
    for index, request in enumerate(plan.commands):
        try:
            commands.append(_filled(request, lookup))
        except InvalidCommand as error:
            raise InvalidCommand(f"command {index}: {error}") from None
    return plan.model_copy(update={"commands": tuple(commands)})


def _filled(request: ExecutionRequest, lookup: Mapping[str, object]) -> ExecutionRequest:
    value = partial(substitute_value, lookup=lookup, names=Names.NOTEBOOK)
    where = request.working_dir
    filled = request.model_copy(
        update={
            "command": _filled_command(request.command, lookup),
            "env": {name: value(text) for name, text in request.env.items()},
            "working_dir": Path(value(str(where))) if where is not None else None,
        }
    )
    return filled.model_copy(update={"inputs": inputs_of(filled)})


def _filled_command(command: Command, lookup: Mapping[str, object]) -> Command:
    value = partial(substitute_value, lookup=lookup, names=Names.NOTEBOOK)
    words = partial(substitute_words, lookup=lookup, names=Names.NOTEBOOK)
    match command:
        case Shell():
            text = substitute_shell(
                command.command, lookup, shell=command.shell, names=Names.NOTEBOOK
            )
            return Shell(command=text, shell=command.shell)
        case Exec():
            program = value(command.program)
            return Exec(program=program, args=words(command.args, program=program))
        case Script():
            return Script(path=Path(value(str(command.path))), interpreter=command.interpreter)
        case AwsCli():
            return AwsCli(
                service=value(command.service),
                operation=value(command.operation),
                args=words(command.args, program="aws"),
                profile=None if command.profile is None else value(command.profile),
                region=None if command.region is None else value(command.region),
            )
        case AwsSdk():
            return command.model_copy(
                update={
                    "service": value(command.service),
                    "operation": value(command.operation),
                    "params": substitute_parameters(command.params, lookup, names=Names.NOTEBOOK),
                    "profile": None if command.profile is None else value(command.profile),
                    "region": None if command.region is None else value(command.region),
                }
            )
