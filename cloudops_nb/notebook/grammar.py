"""What may stand on the line of a ``%%cloudops`` cell, and what its help says."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from keyword import iskeyword
from typing import NoReturn, TypeVar

from IPython.core.error import UsageError

from cloudops_nb.errors import InvalidCommand, ValidationError
from cloudops_nb.models.durations import parse_duration
from cloudops_nb.models.requests import VIAS
from cloudops_nb.models.retry import MAX_ATTEMPTS
from cloudops_nb.models.thresholds import parse_threshold

_T = TypeVar("_T")

NOT_YET = (
    "--dry-run",
    "--record",
    "--replay",
    "--step",
)
"""Options of the grammar that are not built yet: refused, never ignored."""

_EXAMPLES = """\
examples:
  %%cloudops
  kubectl get pods --namespace {{ namespace }}

  %%cloudops --each region=us-east-1,eu-west-1 --out fleet
  aws ec2 describe-instances

  %%cloudops --parallel 4 --timeout 30s
  ping -c 1 db-1.internal
  ping -c 1 db-2.internal

  %%cloudops --plan
  - {name: build, shell: make build}
  - {name: test, shell: make test, needs: build}
  - {shell: "mail ops <<< {{ steps.test.stderr }}", when: steps.test.status == 'failed'}

{{ name }} puts a notebook variable in, outside quotes: it is quoted for the shell already, and a
list becomes several words. Cancel, or the notebook's stop button, ends a running cell's processes.

%cloudops run COMMAND | ps | attach [ID] | logs ID | show ID | cancel ID|all | resume [ID] |
          config [NAME=VALUE] | doctor | sandbox start|stop
"""


def usage(message: str) -> UsageError:
    """The error of a wrong line; IPython shows it as one line."""
    return UsageError(f"%%cloudops: {message}")


class _Parser(argparse.ArgumentParser):
    """Raises instead of leaving the process."""

    def error(self, message: str) -> NoReturn:
        raise usage(message.removeprefix("argument "))


def parser() -> argparse.ArgumentParser:
    """The grammar; what it cannot read it raises as ``UsageError``."""
    # No abbreviations: what is short for one option today may be short for two tomorrow.
    grammar = _Parser(
        prog="%%cloudops",
        add_help=False,
        allow_abbrev=False,
        usage="%%%%cloudops [options], and on the lines below, the commands",
        description="Runs commands: live, cancellable and recorded.",
        epilog=_EXAMPLES,
        # A fixed width: the text is a docstring, not a terminal's.
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(
            prog, max_help_position=26, width=100
        ),
    )

    def flags(group: argparse._ArgumentGroup, **helps: str) -> None:
        for name, text in helps.items():
            group.add_argument(f"--{name.replace('_', '-')}", action="store_true", help=text)

    what = grammar.add_argument_group("what the lines below are (without these: one script)")
    flags(what, serial="a command each; the first failure stops")
    what.add_argument(
        "--parallel",
        nargs="?",
        type=_checked(_count),
        const=0,
        metavar="N",
        help="a command each, all at once or N at a time",
    )
    flags(what, plan="a plan in YAML or JSON: steps, and what each of them needs")
    what.add_argument(
        "--each",
        action="extend",
        nargs="+",
        type=_checked(_each),
        default=[],
        metavar="KEY=V1,V2",
        help="a script to run for every value, {{ KEY }} bound, region and profile set; several "
        "keys: for every combination",
    )
    flags(what, keep_going="go on after a failure")
    what.add_argument(
        "--max-failures",
        type=_checked(parse_threshold),
        metavar="N|P%",
        help="when more than N commands, or P%% of them, have failed, start no more",
    )
    flags(what, raw="leave {{ name }} as it is written")

    where = grammar.add_argument_group("what they run with")
    where.add_argument("--profile", metavar="P", help="AWS profile")
    where.add_argument("--region", metavar="R", help="AWS region")
    where.add_argument(
        "--env",
        action="extend",
        nargs="+",
        type=_checked(_variable),
        default=[],
        metavar="K=V",
        help="a variable for the commands; K alone passes on the kernel's own",
    )
    where.add_argument(
        "--via",
        choices=tuple(VIAS),
        metavar="WAY",
        help="how an aws line runs: cli, as a process; sdk, in a warm worker; auto (usual), in one "
        "where the outcome is the same",
    )
    where.add_argument("--cwd", metavar="DIR", help="directory")
    where.add_argument("--shell", default="bash", metavar="SHELL", help="what reads it (bash)")
    flags(where, strict="fail on the first error: set -euo pipefail")
    where.add_argument(
        "--timeout",
        type=_checked(parse_duration),
        metavar="TIME",
        help="how long each command may take: 90s, 2m",
    )
    where.add_argument(
        "--retries",
        type=_checked(_retries),
        metavar="N",
        help="try again up to N times, waiting longer each time, what failed and may go well yet",
    )
    flags(where, idempotent="running it again does no harm: what changes something is retried, too")
    where.add_argument(
        "--approve", metavar="DIGEST", help="run the risky commands this digest was shown for"
    )

    result = grammar.add_argument_group("what comes of it")
    result.add_argument(
        "--out", type=_checked(_name), metavar="NAME", help="bind the result to this variable"
    )
    result.add_argument("--query", metavar="JMESPATH", help="where the records are in the output")
    result.add_argument("--title", metavar="TEXT", help="what to call it")
    flags(
        result,
        bg="return at once and leave it running",
        no_raise="a failure is a result, and does not stop Run All",
        quiet="show nothing but a failure",
    )
    return grammar


def _checked(function: Callable[[str], _T]) -> Callable[[str], _T]:
    """The function as argparse wants it: its refusal is put after the option's name."""

    def convert(text: str) -> _T:
        try:
            return function(text)
        except ValidationError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _count(text: str) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text):
        raise InvalidCommand(f"takes a whole number above 0, not {text!r}")
    return int(text)


def _retries(text: str) -> int:
    number = _count(text)
    if number >= MAX_ATTEMPTS:
        raise InvalidCommand(f"takes at most {MAX_ATTEMPTS - 1}, not {text}")
    return number


def _name(text: str) -> str:
    if not text.isidentifier() or iskeyword(text):
        raise InvalidCommand(f"takes a Python name, not {text!r}")
    return text


def _each(text: str) -> tuple[str, str]:
    key, _, values = text.partition("=")
    if not key.isidentifier() or iskeyword(key) or not values:
        raise InvalidCommand(f"takes KEY=V1,V2 with a Python name as its key, not {text!r}")
    return key, values


def _variable(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text.partition("=")[0]):
        raise InvalidCommand(f"takes NAME=VALUE or NAME, not {text!r}")
    return text
