"""How much harm a prepared command could do, as far as its text shows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cloudops_nb.models import AwsCli, PreparedCommand, RiskLevel, Script, Shell
from cloudops_nb.models.aws_line import GLOBAL_WITH_VALUE, mentions_aws

# "batch-delete-image", "admin-delete-user": the only prefixes botocore's operations have.
_DESTRUCTIVE_OPERATION = re.compile(r"(batch-|admin-)?(delete|terminate|deregister|purge)(-|$)")
_DELETES = tuple("--delete"[:length] for length in range(len("--de"), len("--delete") + 1))
# What runs its standard input as shell text, so that a here-document is judged as its text.
_READERS = frozenset(("bash", "dash", "ksh", "sh", "ssh", "zsh"))


def classify(prepared: PreparedCommand) -> RiskLevel:
    """``destructive`` for a plain AWS delete or terminate, found in shell text, too.

    All else is ``modify``: what is not known to be safe is not called safe.
    """
    command = prepared.request.command
    calls: Sequence[Sequence[str | None]]
    match command:
        case AwsCli():
            calls = [("aws", command.service, command.operation, *command.args)]
        case Shell():
            calls = _aws_calls(command.command)
        case Script():
            calls = _aws_calls((prepared.script or b"").decode("utf-8", "replace"))
        case _:
            calls = [prepared.argv]
    if any(_is_destructive(words) for words in calls):
        return RiskLevel.DESTRUCTIVE
    return RiskLevel.MODIFY


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
        # argparse, which the CLI parses with, accepts abbreviations.
        elif len(word) > 2 and any(option.startswith(word) for option in GLOBAL_WITH_VALUE):
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
