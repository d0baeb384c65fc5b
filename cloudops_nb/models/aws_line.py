"""``aws …`` as words, and the account and region that commands are aimed at."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cloudops_nb.models.commands import AwsCli
from cloudops_nb.models.requests import ExecutionRequest

GLOBAL_WITH_VALUE = frozenset(
    "--ca-bundle --cli-binary-format --cli-connect-timeout --cli-error-format --cli-read-timeout "
    "--color --endpoint-url --output --profile --query --region".split()
)
"""Global options that take a value: the "options" of awscli/data/cli.json, of CLI 1.46 and 2."""
_GLOBAL_FLAGS = frozenset(
    "--debug --no-cli-auto-prompt --no-cli-pager --no-paginate --no-sign-request "
    "--no-verify-ssl".split()
)

_WORD = re.compile(r"\baws\b")


def mentions_aws(text: str) -> bool:
    """Whether the word ``aws`` stands anywhere in the text; asked before the text is parsed."""
    return bool(_WORD.search(text))


def aws_command(words: Sequence[str]) -> AwsCli | None:
    """The words of an ``aws`` command line as a typed command; None if they are not one.

    Global options may stand before the service, as the AWS CLI allows; they become arguments.
    ``aws --version``, ``aws help`` and a line with an option this does not know are no commands of
    a service, so None as well.
    """
    if not words or words[0] != "aws":
        return None
    rest = list(words[1:])
    options: list[str] = []
    while rest and rest[0].startswith("-"):
        name, equals, _ = rest[0].partition("=")
        if name in GLOBAL_WITH_VALUE and (equals or len(rest) > 1):
            taken = 1 if equals else 2
        elif rest[0] in _GLOBAL_FLAGS:
            taken = 1
        else:
            return None
        options += rest[:taken]
        del rest[:taken]
    if len(rest) < 2 or rest[1].startswith("-") or not (rest[0].strip() and rest[1].strip()):
        return None
    return AwsCli(service=rest[0], operation=rest[1], args=(*rest[2:], *options))


def aimed(
    request: ExecutionRequest, *, profile: str | None, region: str | None
) -> ExecutionRequest:
    """The request with a profile and a region, where it has none.

    An AWS command takes them as its fields. Any other gets ``AWS_PROFILE``, ``AWS_REGION`` and
    ``AWS_DEFAULT_REGION`` in its environment, which every AWS tool reads.
    """
    command = request.command
    if isinstance(command, AwsCli):
        changed = AwsCli(
            service=command.service,
            operation=command.operation,
            args=command.args,
            profile=command.profile if command.profile is not None else profile,
            region=command.region if command.region is not None else region,
        )
        return request.model_copy(update={"command": changed})
    env: dict[str, str] = {}
    if profile is not None:
        env["AWS_PROFILE"] = profile
    if region is not None:
        env |= {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    return request.model_copy(update={"env": env | request.env})
