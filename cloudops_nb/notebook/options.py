"""The options of a ``%%cloudops`` cell: parsing, help and completion."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches

from cloudops_nb.aws.profiles import profiles
from cloudops_nb.models.placeholders import PLACEHOLDER
from cloudops_nb.models.requests import VIAS, Via
from cloudops_nb.models.thresholds import Threshold
from cloudops_nb.notebook.grammar import NOT_YET, parser, usage

_REPEATABLE = ("--each", "--env")
_STRICT_SHELLS = ("bash", "ksh", "zsh")

# Those a new account has; any other can be typed.
REGIONS = tuple(
    "us-east-1 us-east-2 us-west-1 us-west-2 ca-central-1 sa-east-1 eu-central-1 eu-north-1 "
    "eu-west-1 eu-west-2 eu-west-3 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 "
    "ap-southeast-1 ap-southeast-2".split()
)
_VALUES = {
    "--region": REGIONS,
    "--shell": ("bash", "dash", "python3", "sh", "zsh"),
    "--timeout": ("30s", "2m", "10m"),
    "--max-failures": ("0", "10%", "25%"),
    "--via": tuple(VIAS),
}
_KEYS = ("profile=", "region=")


@dataclass(frozen=True, kw_only=True, slots=True)
class CellOptions:
    """What the line of a cell asks for. ``timeout`` is in milliseconds; ``each`` and ``env`` are as
    written, with placeholders; ``max_concurrency`` None is no limit but the engine's; ``retries``
    counts the attempts after the first.

    Raises:
        UsageError: options that do not go together.
    """

    serial: bool = False
    parallel: bool = False
    max_concurrency: int | None = None
    plan: bool = False
    each: tuple[tuple[str, str], ...] = ()
    profile: str | None = None
    region: str | None = None
    env: tuple[str, ...] = ()
    via: Via | None = None
    cwd: str | None = None
    shell: str = "bash"
    strict: bool = False
    timeout: int | None = None
    retries: int | None = None
    idempotent: bool = False
    keep_going: bool = False
    max_failures: Threshold | None = None
    out: str | None = None
    query: str | None = None
    bg: bool = False
    approve: str | None = None
    title: str | None = None
    no_raise: bool = False
    quiet: bool = False
    raw: bool = False

    def __post_init__(self) -> None:
        how = [name for name in ("serial", "parallel", "plan") if getattr(self, name)]
        if len(how) > 1:
            raise usage(f"--{how[0]} and --{how[1]} do not go together")
        if self.plan:
            for name, given in (
                ("each", bool(self.each)),
                ("shell", self.shell != "bash"),
                ("strict", self.strict),
            ):
                if given:
                    raise usage(f"--plan and --{name} do not go together: write it in the steps")
        for option, given in (
            ("--keep-going", self.keep_going),
            ("--max-failures", self.max_failures is not None),
        ):
            if given and not (how or self.each):
                raise usage(
                    f"{option} needs several commands: --serial, --parallel, --each, --plan"
                )
        if self.max_failures is not None and self.serial and not self.keep_going:
            raise usage("--serial stops at the first failure: add --keep-going")
        if self.idempotent and self.retries is None:
            raise usage("--idempotent needs --retries: it says that they do no harm")
        repeated = [key for key, count in Counter(key for key, _ in self.each).items() if count > 1]
        if repeated:
            raise usage(f"--each {repeated[0]}=… is given twice; list all its values once")
        for name in ("profile", "region"):
            if getattr(self, name) is not None and name in dict(self.each):
                raise usage(f"--{name} and --each {name}=… do not go together")
        if self.strict and self.shell.rpartition("/")[2] not in _STRICT_SHELLS:
            raise usage(f"--strict needs bash, ksh or zsh; {self.shell} may not know pipefail")


def parse_options(line: str) -> CellOptions:
    """Parses the line of a ``%%cloudops`` cell.

    Raises:
        UsageError: an option is unknown, not built yet, given twice or with a wrong value, or does
            not go with another; one line that names it.
    """
    words = _split(line)
    names = [word.partition("=")[0] for word in words if word.startswith("--")]
    for name, count in Counter(names).items():
        if name in NOT_YET:
            raise usage(f"{name} is not available yet")
        if count > 1 and name not in _REPEATABLE:
            raise usage(f"{name} is given {count} times")
    parsed, unknown = parser().parse_known_args(words)
    if unknown:
        raise usage(_unknown(unknown[0]))
    given = vars(parsed)
    parallel = given.pop("parallel")
    return CellOptions(
        **given
        | {
            "parallel": parallel is not None,
            "max_concurrency": parallel or None,
            "each": tuple(parsed.each),
            "env": tuple(parsed.env),
        }
    )


def help_text() -> str:
    """All options with examples: the magic's docstring, and what ``%cloudops`` prints."""
    return parser().format_help()


def option_names() -> list[str]:
    """All options that work, sorted."""
    return sorted(parser()._option_string_actions)


def complete(line: str) -> list[str]:
    """What may follow the line up to the cursor (with or without its ``%%cloudops``).

    Each answer replaces the text after the last space, ``=`` or comma.
    """
    *before, last = re.split(r"\s+", line.removeprefix("%%cloudops"))
    option, equals, _ = last.partition("=")
    piece = re.split(r"[=,]", last)[-1]
    if equals and option.startswith("--") and (values := _values(option)):
        return _matching(values, piece)
    governing = next((word for word in reversed(before) if word.startswith("--")), "")
    if before and (values := _values(before[-1])):
        return _matching(values, piece)
    if governing == "--each" and not last.startswith("-"):
        if equals:
            return _matching(_values(f"--{option}") if f"{option}=" in _KEYS else (), piece)
        if before[-1] == "--each" or last:
            return _matching(_KEYS, piece)
    if last and not last.startswith("-"):
        return []
    used = {word.partition("=")[0] for word in before} - set(_REPEATABLE)
    return [name for name in option_names() if name.startswith(last) and name not in used]


def _values(option: str) -> tuple[str, ...]:
    return profiles() if option == "--profile" else _VALUES.get(option, ())


def _split(line: str) -> list[str]:
    # A placeholder is one word whatever is in it; U+001F is on nobody's keyboard.
    joined = PLACEHOLDER.sub(lambda match: match[0].replace(" ", "\x1f"), line)
    try:
        words = shlex.split(joined)
    except ValueError as error:
        raise usage(f"{str(error).lower()} in the options") from None
    return [word.replace("\x1f", " ") for word in words]


def _unknown(word: str) -> str:
    if not word.startswith("-"):
        return f"unexpected {word!r}: commands go on the lines below the options"
    name = word.partition("=")[0]
    close = get_close_matches(name, option_names(), n=1)
    return f"no option {name}" + (f"; did you mean {close[0]}?" if close else "; see %%cloudops?")


def _matching(values: tuple[str, ...], piece: str) -> list[str]:
    return [value for value in values if value.startswith(piece)]
