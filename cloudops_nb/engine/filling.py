"""Puts what earlier steps gave into a prepared command, and nothing else.

What was sealed when the plan was submitted stands: program and its hash, the rest of the
environment, account, timeout. Only where the request's text has a placeholder does the filled
command differ from the approved one. Reads logs: not for the loop's thread.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cloudops_nb.config import expanded, is_directory
from cloudops_nb.engine.handover import document
from cloudops_nb.errors import InvalidCommand, StepValueUnavailable
from cloudops_nb.models import (
    AwsCli,
    AwsSdk,
    ExecutionRequest,
    ExecutionResult,
    PreparedCommand,
    Shell,
)
from cloudops_nb.models.commands import MAX_ARGUMENT_BYTES
from cloudops_nb.models.parameters import texts
from cloudops_nb.models.placeholders import STEPS, Names, step_outputs, substitute_words
from cloudops_nb.models.templates import fields_of, filled
from cloudops_nb.redaction import MASK
from cloudops_nb.safety import aws_files, aws_options, classify, is_riskier

_MASKED = re.compile(rf"{MASK}\w+")


def fill(prepared: PreparedCommand, results: Mapping[str, ExecutionResult]) -> PreparedCommand:
    """The command with what these steps, by their names, gave put in.

    Raises:
        StepValueUnavailable: a value is not there, is masked or too long, names no directory, or
            makes the command do more harm than was approved.
    """
    template = prepared.request
    steps = {name: _given(results[name], fields) for name, fields in fields_of(template).items()}
    try:
        request = filled(template, steps)
        argv = _argv(prepared, request, steps)
        parameters, secrets = _call(prepared, request)
        _check_texts(template, (*argv, *texts(parameters)), request.env)
    except InvalidCommand as error:
        raise StepValueUnavailable(str(error)) from None
    text = request.command.command if isinstance(request.command, Shell) else None
    done = replace(
        prepared,
        request=request,
        line=request.command.line,
        argv=argv,
        parameters=parameters,
        secrets=secrets,
        cwd=_directory(prepared, request),
        environment=prepared.environment | request.env,
        script=prepared.script if text is None else text.encode(),
        region=_region(prepared, request),
    )
    if is_riskier(classify(done), classify(prepared)):
        raise StepValueUnavailable(
            f"with {_names(template)}, the command is {classify(done)}, and it was approved as "
            f"{classify(prepared)}; write the value out, so that it is judged with it"
        )
    added = aws_options(done) - aws_options(prepared)
    if added:
        raise StepValueUnavailable(
            f"{_names(template)} would be read as an option of aws: {min(added)[:80]}"
        )
    if aws_files(done) > aws_files(prepared):
        raise StepValueUnavailable(
            f"{_names(template)} begins with file:// and would make aws read a file; if that is "
            "meant, write file:// out"
        )
    return done


def _given(result: ExecutionResult, fields: set[str]) -> dict[str, Any]:
    if result.exit_code is None and not result.duration:
        raise StepValueUnavailable(f"step `{result.title}` was not run, so it gave nothing")
    given = document(result, fields)
    for stream in ("stdout", "stderr"):
        size = len(given.get(stream, "").encode())
        if size > MAX_ARGUMENT_BYTES:
            raise StepValueUnavailable(
                f"step `{result.title}`: its {stream} is {size} bytes, and at most "
                f"{MAX_ARGUMENT_BYTES} go into a command; hand on the name of a file"
            )
    return given


def _argv(
    prepared: PreparedCommand, request: ExecutionRequest, steps: Mapping[str, object]
) -> tuple[str, ...]:
    if isinstance(request.command, Shell):
        return (*prepared.argv[:-1], request.command.command)
    return substitute_words(prepared.argv, {STEPS: steps}, names=Names.STEPS)


def _call(
    prepared: PreparedCommand, request: ExecutionRequest
) -> tuple[dict[str, Any] | None, Mapping[str, str]]:
    """The parameters of a call that is made without a process, and what of them is secret."""
    if not isinstance(request.command, AwsSdk):
        return None, prepared.secrets
    # Not at the top: botocore is loaded only where there is such a call.
    from cloudops_nb.aws.operations import find_operation
    from cloudops_nb.aws.parameters import secrets_in, typed_parameters

    command = request.command
    operation = find_operation(command.service, command.operation)
    typed_parameters(operation, command.params)
    return command.params, secrets_in(operation, command.params)


def _check_texts(template: ExecutionRequest, argv: tuple[str, ...], env: Mapping[str, str]) -> None:
    written = " ".join((template.command.line, *template.env.values()))
    for text in (*argv, *env.values()):
        size = len(text.encode())
        if size > MAX_ARGUMENT_BYTES:
            raise StepValueUnavailable(
                f"{_names(template)}: a text of {size} bytes, and at most {MAX_ARGUMENT_BYTES} can "
                "be passed; hand on the name of a file"
            )
        masked = next((mask for mask in _MASKED.findall(text) if mask not in written), None)
        if masked is not None:
            raise StepValueUnavailable(
                f"{_names(template)}: a secret in it was masked ({masked}), so it is not known"
            )


def _directory(prepared: PreparedCommand, request: ExecutionRequest) -> Path:
    if not step_outputs(str(prepared.request.working_dir)):
        return prepared.cwd
    directory = expanded(request.working_dir or "")
    if not directory.is_absolute() or not is_directory(directory):
        raise StepValueUnavailable(
            f"{_names(prepared.request)}: the working directory is {str(directory)[:200]!r}, which "
            "is not an absolute path of a directory"
        )
    return directory


def _region(prepared: PreparedCommand, request: ExecutionRequest) -> str | None:
    """Where it goes, for the record; of what decides this, only ``--region`` takes an output."""
    if isinstance(request.command, AwsCli):
        return request.command.effective("region") or prepared.region
    return prepared.region


def _names(template: ExecutionRequest) -> str:
    return f"what {' and '.join(f'`{name}`' for name in template.inputs)} gave"
