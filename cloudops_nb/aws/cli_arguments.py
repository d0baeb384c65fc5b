"""A typed ``aws`` command as words that say the same however a value looks, and what they reach.

The rules for global options are in ``models/aws_options.py``, those for values in
``cli_values.py``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cloudops_nb.aws.cli_options import SKELETON, Takes, operation_asked, options_of, written_out
from cloudops_nb.aws.cli_values import Values, check_alias
from cloudops_nb.aws.endpoints import check_endpoint
from cloudops_nb.aws.operations import Operation, called_by
from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models import AwsCli
from cloudops_nb.models.aws_options import Given, split_global


@dataclass(frozen=True)
class CliArguments:
    """The words after ``aws``, and what of them decides on the call.

    ``operation`` is what is called and answers, None for a command of the CLI's own making;
    ``reshaped`` says that what is printed is not its answer; ``files`` are what the CLI reads.
    """

    words: tuple[str, ...]
    operation: Operation | None
    profile: str | None
    region: str | None
    endpoint: str | None
    reshaped: bool
    files: tuple[Path, ...]


def cli_arguments(command: AwsCli, environment: Mapping[str, str], cwd: Path) -> CliArguments:
    """The arguments of a command that runs in this environment and directory.

    Raises:
        InvalidCommand: an option or a value is refused by rule, an option is unknown, ambiguous or
            without its value, or a file that is named does not exist; says what to do.
    """
    check_alias(command.service, command.operation, environment)
    given, words = split_global(command.args)
    chosen = _chosen(command, given)
    values = Values(command, environment, cwd, chosen.get("--profile"))
    if (endpoint := chosen.get("--endpoint-url")) is not None:
        check_endpoint(endpoint, signed="--no-sign-request" not in chosen)
    if (bundle := chosen.get("--ca-bundle")) is not None:
        chosen["--ca-bundle"] = str(values.file(bundle))
    asked = operation_asked(command.service, command.operation, words)
    options = options_of(asked) if asked is not None else {}
    rest = list(_rebuilt(command, words, options, values))
    return CliArguments(
        words=(
            command.service,
            command.operation,
            *rest,
            *(name if value is None else f"{name}={value}" for name, value in chosen.items()),
        ),
        operation=called_by(command.service, command.operation),
        profile=chosen.get("--profile"),
        region=chosen.get("--region"),
        endpoint=endpoint,
        reshaped="--query" in chosen or any(word.startswith(SKELETON) for word in rest),
        files=tuple(values.files),
    )


def _chosen(command: AwsCli, given: Sequence[Given]) -> dict[str, str | None]:
    """The global options that are passed on, by their names in full."""
    for each in given:
        if each.option.refused is not None:
            raise InvalidCommand(f"{each.option.name} is refused: {each.option.refused}")
    # Of one that is given several times the last, as the CLI reads it.
    chosen = {each.option.name: each.value for each in given if not each.option.ours}
    for field in ("profile", "region"):
        if (value := command.effective(field)) is not None:
            chosen[f"--{field}"] = value
    return chosen


def _rebuilt(
    command: AwsCli, words: Sequence[str], options: Mapping[str, Takes], values: Values
) -> Iterator[str]:
    """The words with options in full, and each value that is known for one in its option's word.

    What begins with ``-`` can then be no option. Where nothing is known of an option, and where it
    takes several values, words stand as they are, as the CLI's parser reads them.
    """
    rest = deque(words)
    option = ""
    while rest:
        word = rest.popleft()
        if word == "--":
            raise InvalidCommand("versions of the CLI read `--` differently: write --option=value")
        if not word.startswith("--"):
            yield values.taken(option, word)
            continue
        given, equals, value = word.partition("=")
        option = written_out(command.service, command.operation, given, options)
        kind = options.get(option)
        if equals:
            yield f"{option}={values.taken(option, value)}"
        elif kind == "one" or (kind == "optional" and rest and not rest[0].startswith("-")):
            if not rest or rest[0].startswith("--"):
                hint = f"; if {rest[0]} is it, write {option}={rest[0]}" if rest else ""
                raise InvalidCommand(f"{option} has no value{hint}")
            yield f"{option}={values.taken(option, rest.popleft())}"
            option = ""
        else:
            yield option
