"""How much harm a prepared command could do, as far as its text shows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cloudops_nb.models import AwsCli, PreparedCommand, RiskLevel, Script, Shell

_DESTRUCTIVE_OPERATION = re.compile(r"(delete|terminate|deregister|purge)(-|$)")
_MENTIONS_AWS = re.compile(r"\baws\b")


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
            calls = _aws_calls(_read(prepared.argv[-1]))
        case _:
            calls = [prepared.argv]
    if any(is_destructive_aws_call(words) for words in calls):
        return RiskLevel.DESTRUCTIVE
    return RiskLevel.MODIFY


def is_destructive_aws_call(words: Sequence[str | None]) -> bool:
    """Whether ``words`` call ``aws`` to delete or terminate something. None is an unknown word."""
    if not words or words[0] is None or words[0].rpartition("/")[2] != "aws":
        return False
    names = _without_global_options(words[1:])
    if len(names) < 2:
        return False
    service, operation = names[0], names[1]
    if service == "s3":
        return operation in ("rm", "rb") or (
            operation in ("sync", "mv") and (operation == "mv" or "--delete" in words)
        )
    return operation is not None and bool(_DESTRUCTIVE_OPERATION.match(operation))


_FLAGS = {"--debug", "--no-verify-ssl", "--no-paginate", "--no-sign-request", "--no-cli-pager"}


def _without_global_options(words: Sequence[str | None]) -> list[str | None]:
    """``words`` from the service on: options before it are left out with their values."""
    rest = list(words)
    while rest and rest[0] is not None and rest[0].startswith("--"):
        alone = rest[0] in _FLAGS or "=" in rest[0]
        del rest[: 1 if alone else 2]
    return rest


def _aws_calls(text: str) -> Sequence[Sequence[str | None]]:
    if not _MENTIONS_AWS.search(text):
        return ()
    # Not at the top: the parser is only needed where a shell text mentions aws.
    from cloudops_nb.models.shell_syntax import commands_in

    return commands_in(text)


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
