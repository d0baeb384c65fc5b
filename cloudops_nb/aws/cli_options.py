"""The options of ``aws SERVICE OPERATION``, but the global ones, and what each takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from cloudops_nb.aws.cli_names import WAIT
from cloudops_nb.aws.operations import (
    Operation,
    Parameter,
    called_by,
    cli_service,
    find_operation,
)

Takes = Literal["none", "one", "optional", "several"]
"""How many words the CLI reads as an option's value."""

SKELETON = "--generate-cli-skeleton"

# What the CLI adds to operations. Source: cliinputjson.py, generatecliskeleton.py and paginate.py
# in awscli/customizations; --cli-input-yaml is CLI 2's.
_ADDED: Mapping[str, Takes] = {
    "--cli-input-json": "one",
    "--cli-input-yaml": "one",
    SKELETON: "optional",
}
_PAGES: Mapping[str, Takes] = {
    "--max-items": "one",
    "--page-size": "one",
    "--starting-token": "one",
}


def takes(parameter: Parameter) -> Takes:
    """How many words the CLI reads as a parameter's value, as its shape has it."""
    match parameter.type:
        case "boolean":
            return "none"
        case "list":
            return "several"
        case "structure" if parameter.is_switch:
            return "optional"
        case _:
            return "one"


def operation_asked(service: str, operation: str, words: Sequence[str]) -> Operation | None:
    """The operation that the options after ``aws SERVICE OPERATION`` are those of.

    Of ``wait NAME`` it is the one that the waiter calls. None for a command of the CLI's own.
    """
    if operation == WAIT:
        found = cli_service(service)
        waited = found.waiters.get(words[0]) if found is not None and words else None
        return find_operation(service, waited) if waited is not None else None
    return called_by(service, operation)


def options_of(operation: Operation) -> Mapping[str, Takes]:
    """The options of a command that calls an operation."""
    own = {each.option: takes(each) for each in operation.parameters.values()}
    no = {f"--no-{name[2:]}": kind for name, kind in own.items() if kind == "none"}
    return {**own, **no, **_ADDED, **(_PAGES if operation.paginator is not None else {})}
