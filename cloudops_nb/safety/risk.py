"""How much harm a prepared command could do, as far as its text shows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models import (
    AwsCli,
    AwsSdk,
    ExecutionRequest,
    PreparedCommand,
    RiskLevel,
    Script,
    Shell,
)
from cloudops_nb.models.aws_options import could_be, mentions_aws
from cloudops_nb.models.placeholders import stand_in
from cloudops_nb.safety.read_only import cli_names, is_read_only

# "batch-delete-image", "admin-delete-user": the only prefixes botocore's operations have.
_DESTRUCTIVE_OPERATION = re.compile(r"(batch-|admin-)?(delete|terminate|deregister|purge)(-|$)")
_DELETES = tuple("--delete"[:length] for length in range(len("--de"), len("--delete") + 1))
_STAND_IN = re.compile(r"Z{13}")  # "{{ steps.a.b }}" has 15 characters
# What runs its standard input as shell text, so that a here-document is judged as its text.
_READERS = frozenset(("bash", "dash", "ksh", "sh", "ssh", "zsh"))


def classify(prepared: PreparedCommand) -> RiskLevel:
    """``destructive`` for a plain AWS delete or terminate, found in shell text, too; ``read_only``
    for AWS CLI calls that are known to change nothing, alone.

    All else is ``modify``: what is not known to be safe is not called safe.
    """
    command = prepared.request.command
    calls: Sequence[Sequence[str | None]]
    match command:
        case AwsSdk():
            calls = [("aws", *cli_names(prepared))]
        case AwsCli():
            calls = [("aws", command.service, command.operation, *command.args)]
        case Shell():
            calls = _aws_calls(_readable(prepared.request, command.command))
        case Script():
            calls = _aws_calls((prepared.script or b"").decode("utf-8", "replace"))
        case _:
            calls = [prepared.argv]
    if any(_is_destructive(words) for words in calls):
        return RiskLevel.DESTRUCTIVE
    return RiskLevel.READ_ONLY if is_read_only(prepared) else RiskLevel.MODIFY


def is_riskier(risk: RiskLevel, than: RiskLevel) -> bool:
    """Whether one level is above another."""
    levels = list(RiskLevel)
    return levels.index(risk) > levels.index(than)


def check_operations_fixed(prepared: PreparedCommand) -> None:
    """Makes sure that no ``aws`` call takes its service, operation or account from a step.

    Raises:
        InvalidCommand: one does.
    """
    for words in _calls_of_aws(prepared):
        for name in _names(words)[:2]:
            if name is not None and _STAND_IN.search(name):
                raise InvalidCommand(
                    "a step's output stands where aws reads its service or operation; "
                    "write those out"
                )
        for word, after in zip(words, (*words[1:], None), strict=True):
            option, equals, value = (word or "").partition("=")
            if could_be(option, "decisive") and _STAND_IN.search(
                (value if equals else after) or ""
            ):
                raise InvalidCommand(
                    f"a step's output stands as the value of {option}, which decides what is "
                    "reached; write it out"
                )


def aws_options(prepared: PreparedCommand) -> Counter[str]:
    """The names of the options that ``aws`` calls in a command are given, without their values."""
    words = (word for call in _calls_of_aws(prepared) for word in call)
    return Counter(
        word.partition("=")[0] for word in words if word is not None and word.startswith("--")
    )


def aws_files(prepared: PreparedCommand) -> int:
    """How many values of ``aws`` calls in a command the CLI reads from a file."""
    words = (word for call in _calls_of_aws(prepared) for word in call if word is not None)
    values = (word.partition("=")[2] if word.startswith("--") else word for word in words)
    return sum(value.startswith(("file://", "fileb://")) for value in values)


def _calls_of_aws(prepared: PreparedCommand) -> Iterator[Sequence[str | None]]:
    """The words that follow each ``aws``; what earlier steps will give is a stand-in."""
    match prepared.request.command:
        case Shell(command=text):
            calls: Sequence[Sequence[str | None]] = _aws_calls(_readable(prepared.request, text))
        case _:
            template = prepared.request.inputs
            calls = [[stand_in(word) if template else word for word in prepared.argv]]
    for words in calls:
        for index, word in enumerate(words):
            if word is not None and word.rpartition("/")[2] == "aws":
                yield words[index + 1 :]


def _readable(request: ExecutionRequest, text: str) -> str:
    return stand_in(text) if request.inputs else text


def _is_destructive(words: Sequence[str | None]) -> bool:
    """Whether a command calls ``aws`` destructively: itself, or by way of another.

    Other commands take one as their arguments (``sudo``, ``xargs``, ``timeout 5``) or as text for
    a shell (``bash -c``, ``ssh host``, ``eval``). Better one that only prints it is refused, too.
    """
    for index, word in enumerate(words):
        if word is None:
            continue
        if is_destructive_aws_call(words[index:]):
            return True
        if len(word.split()) > 1 and any(map(_is_destructive, _aws_calls(word))):
            return True
    return False


def is_destructive_aws_call(words: Sequence[str | None]) -> bool:
    """Whether ``words`` call ``aws`` to delete or terminate something. None is an unknown word."""
    if not words or words[0] is None or words[0].rpartition("/")[2] != "aws":
        return False
    names = _names(words[1:])
    if None in names[:2]:  # a variable may hold options, or nothing
        return any(word is not None and _DESTRUCTIVE_OPERATION.match(word) for word in names[:4])
    if len(names) < 2:
        return False
    service, operation = names[0], names[1]
    if service == "s3":
        return operation in ("rm", "rb", "mv") or (
            # Also abbreviated, as argparse accepts it; "--d" could be "--dryrun".
            operation == "sync" and any(word and word in _DELETES for word in words)
        )
    return bool(_DESTRUCTIVE_OPERATION.match(operation or ""))


def _names(words: Sequence[str | None]) -> list[str | None]:
    """Service, operation and what else is no option; global options may stand between them."""
    names: list[str | None] = []
    rest = iter(words)
    for word in rest:
        if word is None or not word.startswith("-"):
            names.append(word)
        elif "=" not in word and could_be(word, "takes_value"):
            next(rest, None)
    return names


def _aws_calls(text: str) -> Sequence[Sequence[str | None]]:
    if not mentions_aws(text):
        return ()
    # Not at the top: the parser is only needed where a shell text mentions aws.
    from cloudops_nb.models.shell_syntax import commands_in, inputs_in

    calls: list[Sequence[str | None]] = [*commands_in(text)]
    for words, fed in inputs_in(text):
        if any(word is not None and word.rpartition("/")[2] in _READERS for word in words):
            calls += _aws_calls(fed)
    return calls
