"""The options of ``aws SERVICE OPERATION``, but the global ones, and what each takes."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Literal

from cloudops_nb.aws.cli_names import OTHER_OPTIONS, WAIT
from cloudops_nb.aws.operations import (
    Operation,
    Parameter,
    called_by,
    cli_service,
    find_operation,
)
from cloudops_nb.errors import InvalidCommand, UnknownName

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
_PAGES: Mapping[str, Takes] = {"--max-items": "one", "--starting-token": "one"}
_LIMITED_PAGES: Mapping[str, Takes] = {**_PAGES, "--page-size": "one"}


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
    return {**own, **no, **_ADDED, **_pages(operation)}


def written_out(service: str, operation: str, option: str, options: Mapping[str, Takes]) -> str:
    """An option of ``aws SERVICE OPERATION`` by its name in full.

    The CLI's parser takes every unambiguous beginning of a name. Where not all of its options are
    known, ``options`` being empty included, it is left to the CLI.

    Raises:
        InvalidCommand: it is the beginning of several, or of none; names those it may mean.
    """
    if option in options or not options or operation in OTHER_OPTIONS.get(service, ()):
        return option
    meant = [name for name in options if name.startswith(option)]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise InvalidCommand(f"{option} could be {', '.join(sorted(meant))}: write it out")
    import botocore

    raise UnknownName(
        f"aws {service} {operation} has no option {option} (as of botocore {botocore.__version__})",
        difflib.get_close_matches(option, options, n=2),
    )


def _pages(operation: Operation) -> Mapping[str, Takes]:
    if operation.paginator is None:
        return {}
    return _PAGES if operation.paginator.limit_key is None else _LIMITED_PAGES
