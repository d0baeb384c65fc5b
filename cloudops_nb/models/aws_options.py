"""The AWS CLI's global options: how they are read, and which of them a typed command may have.

Source: ``awscli/data/cli.json`` of CLI 1.46 and CLI 2, and argparse, with which both read a line:
global options may stand anywhere, and every unambiguous beginning of a name means the option.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from cloudops_nb.errors import InvalidCommand


@dataclass(frozen=True, slots=True)
class GlobalOption:
    """One of them. ``refused`` says why a typed command may not have it, and what to do.

    ``decisive``: its value decides what is reached. ``ours``: what it asks for is so anyway, and
    only one version of the CLI knows it, so it is left out.
    """

    name: str
    takes_value: bool = False
    decisive: bool = False
    ours: bool = False
    refused: str | None = None


GLOBAL_OPTIONS: Sequence[GlobalOption] = (
    GlobalOption("--ca-bundle", takes_value=True, decisive=True),
    GlobalOption(
        "--cli-auto-prompt",
        refused="it asks on a terminal, and a command has none; leave it out",
    ),
    GlobalOption("--cli-binary-format", takes_value=True),
    GlobalOption("--cli-connect-timeout", takes_value=True),
    GlobalOption("--cli-error-format", takes_value=True),
    GlobalOption("--cli-read-timeout", takes_value=True),
    GlobalOption("--color", takes_value=True),
    GlobalOption(
        "--debug",
        refused="it prints credentials and signed requests into the log; use it in a terminal",
    ),
    GlobalOption("--endpoint-url", takes_value=True, decisive=True),
    GlobalOption("--no-cli-auto-prompt", ours=True),
    GlobalOption("--no-cli-pager", ours=True),
    GlobalOption("--no-paginate"),
    GlobalOption("--no-sign-request"),
    GlobalOption(
        "--no-verify-ssl",
        refused="whoever answers could be anyone, and is sent the session token; "
        "name the authority with --ca-bundle FILE",
    ),
    GlobalOption("--output", takes_value=True),
    GlobalOption("--profile", takes_value=True, decisive=True),
    GlobalOption("--query", takes_value=True),
    GlobalOption("--region", takes_value=True),
    GlobalOption("--v2-debug"),
    GlobalOption(
        "--version",
        refused="it prints the CLI's version in place of what the command does; "
        "%cloudops doctor tells it",
    ),
)

_WORD = re.compile(r"\baws\b")
_BY_NAME = {option.name: option for option in GLOBAL_OPTIONS}


@dataclass(frozen=True, slots=True)
class Given:
    """A global option as it stands in a line; ``value`` is None where it takes none."""

    option: GlobalOption
    value: str | None = None


def global_option(word: str) -> GlobalOption | None:
    """The global option that a word of a line names, in full, abbreviated or with ``=value``.

    Raises:
        InvalidCommand: it is the beginning of several.
    """
    name = word.partition("=")[0]
    if name in _BY_NAME:
        return _BY_NAME[name]
    if not name.startswith("--") or name == "--":
        return None
    meant = [option for option in GLOBAL_OPTIONS if option.name.startswith(name)]
    if len(meant) > 1:
        names = ", ".join(option.name for option in meant)
        raise InvalidCommand(f"{name} could be {names}: write it out")
    return meant[0] if meant else None


def could_be(word: str, kind: Literal["takes_value", "decisive", "refused"]) -> bool:
    """Whether a word names, or begins the name of, a global option of this kind. Never raises."""
    name = word.partition("=")[0]
    return len(name) > 2 and any(
        option.name.startswith(name) and getattr(option, kind) for option in GLOBAL_OPTIONS
    )


def mentions_aws(text: str) -> bool:
    """Whether the word ``aws`` stands anywhere in the text; asked before the text is parsed."""
    return bool(_WORD.search(text))


def check_value(word: str) -> None:
    """Makes sure that a word that a value became, in a call of ``aws``, does not choose what is
    reached: account, server and trust are for the line's author to write.

    Raises:
        InvalidCommand: it is such an option, or could be.
    """
    if could_be(word, "decisive") or could_be(word, "refused"):
        raise InvalidCommand(
            f"a value would be read as an option of aws: {word.partition('=')[0][:80]}; if it is "
            "meant as one, write it out; else put it into its option's word, --option={{ name }}"
        )


def gives(words: Iterable[str], name: str) -> bool:
    """Whether a global option is among the words, in full or abbreviated. Never raises."""
    for word in words:
        try:
            option = global_option(word)
        except InvalidCommand:
            continue
        if option is not None and option.name == name:
            return True
    return False


def split_global(words: Sequence[str]) -> tuple[list[Given], list[str]]:
    """The global options among the words after ``aws``, and the other words in their order.

    Raises:
        InvalidCommand: an option is ambiguous, has no value, or has one and takes none.
    """
    given: list[Given] = []
    others: list[str] = []
    rest = iter(words)
    for word in rest:
        option = global_option(word)
        if option is None:
            others.append(word)
            continue
        _, equals, value = word.partition("=")
        if not option.takes_value:
            if equals:
                raise InvalidCommand(f"{option.name} takes no value, and has {value!r}")
            given.append(Given(option))
            continue
        if not equals:
            following = next(rest, None)
            if following is None or following.startswith("--"):
                raise InvalidCommand(f"{option.name} has no value")
            value = following
        given.append(Given(option, value))
    return given, others


def value_of(given: Iterable[Given], name: str) -> str | None:
    """The value of an option; of several the last, which is the one the AWS CLI takes."""
    values = [each.value for each in given if each.option.name == name]
    return values[-1] if values else None
