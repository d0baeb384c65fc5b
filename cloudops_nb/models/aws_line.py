"""``aws …`` as words, and the account and region that commands are aimed at."""

from __future__ import annotations

from collections.abc import Sequence

from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models.aws_options import global_option
from cloudops_nb.models.commands import AwsCli, AwsSdk
from cloudops_nb.models.requests import ExecutionRequest


def aws_command(words: Sequence[str]) -> AwsCli | None:
    """The words of an ``aws`` command line as a typed command; None if they are not one.

    Global options may stand before the service, as the AWS CLI allows; they become arguments.
    ``aws --version``, ``aws help`` and a line with an option before the service that is unknown or
    ambiguous are no commands of a service, so None as well.
    """
    if not words or words[0] != "aws":
        return None
    rest = list(words[1:])
    options: list[str] = []
    while rest and rest[0].startswith("-"):
        try:
            option = global_option(rest[0])
        except InvalidCommand:
            return None
        if option is None:
            return None
        taken = 2 if option.takes_value and "=" not in rest[0] else 1
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
    if isinstance(command, AwsCli | AwsSdk):
        given = {"profile": profile, "region": region}
        unset = {name: value for name, value in given.items() if getattr(command, name) is None}
        return request.model_copy(update={"command": command.model_copy(update=unset)})
    env: dict[str, str] = {}
    if profile is not None:
        env["AWS_PROFILE"] = profile
    if region is not None:
        env |= {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    return request.model_copy(update={"env": env | request.env})
