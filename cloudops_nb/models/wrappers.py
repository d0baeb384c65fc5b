"""Commands that run the words after them as a command: whether a word chooses what they run.

What is not in the table is taken for a program of its own. Of what is in it, a word is the program
only where that is certain: after an option that is not known here, or a word that only the running
shell knows, the next may be anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from functools import cache
from typing import NamedTuple

from cloudops_nb.models.shell_syntax import Word


class _Wrapper(NamedTuple):
    options: str = ""
    """As ``option_value`` reads them."""
    operands: int = 0
    """Words that come before the program."""
    assigns: bool = False
    """Whether ``NAME=value`` may come before it."""


# From the manuals of bash 5.2, coreutils 9.1, findutils 4.9, util-linux 2.38, time 1.9, sudo 1.9,
# procps 4.0, sshpass 1.09 and doas 6.8. Of those without options here no word is certain after one.
WRAPPERS = {
    "builtin": _Wrapper(),
    "busybox": _Wrapper(),
    "chroot": _Wrapper("groups: skip-chdir userspec:", operands=1),
    "chrt": _Wrapper(operands=1),
    "command": _Wrapper("V p v"),
    "coproc": _Wrapper(),
    "doas": _Wrapper("C: L a: n s u:", assigns=True),
    "env": _Wrapper(
        "0 C: block-signal chdir: debug default-signal i ignore-environment ignore-signal "
        "list-signal-handling null u: unset: v",
        assigns=True,
    ),
    "exec": _Wrapper("a: c l"),
    "fakeroot": _Wrapper(),
    "flock": _Wrapper(
        "E: F c! close command! conflict-exit-code: e exclusive n no-fork nb nonblock o s shared "
        "timeout: u unlock verbose w: wait: x",
        operands=1,
    ),
    "ionice": _Wrapper("c: class: classdata: ignore n: t"),
    "nice": _Wrapper("adjustment: n:"),
    "nohup": _Wrapper(),
    "nsenter": _Wrapper(),
    "pkexec": _Wrapper(),
    "prlimit": _Wrapper(),
    "runuser": _Wrapper(
        "- G: P T c! command! f fast g: group: l login m p preserve-environment pty s< "
        "session-command! shell< supp-group: u: user: w: whitelist-environment:"
    ),
    "setpriv": _Wrapper(),
    "setsid": _Wrapper("c ctty f fork w wait"),
    "sshpass": _Wrapper("P: d: e f: p: v"),
    "stdbuf": _Wrapper("e: error: i: input: o: output:"),
    "strace": _Wrapper(),
    "sudo": _Wrapper(
        "A B C: D: E H K P R: S T: U: a: askpass b background bell c: chdir: chroot: close-from: "
        "command-timeout: g: group: h: host: i k login n non-interactive other-user: p: "
        "preserve-env preserve-groups prompt: r: reset-timestamp role: s set-home shell stdin t: "
        "type: u: user:",
        assigns=True,
    ),
    "systemd-run": _Wrapper(),
    "taskset": _Wrapper(operands=1),
    "time": _Wrapper("a append f: format: o: output: p portability q quiet v verbose"),
    "timeout": _Wrapper("f foreground k: kill-after: p preserve-status s: signal: v verbose", 1),
    "unshare": _Wrapper(),
    "watch": _Wrapper(
        "b beep c color d? differences e equexit: errexit exec* g chgexit interval: n: no-title "
        "no-wrap p precise q: t w x*"
    ),
    "xargs": _Wrapper(
        "0 E: I: L: P: a: arg-file: d: delimiter: eof exit interactive max-args: max-chars: "
        "max-lines max-procs: n: no-run-if-empty null o open-tty p process-slot-var: r replace "
        "s: t verbose x"
    ),
}
_NEXT = (":", "<", "!")
_MARKS = ":<!?+*"
_FIND_RUNS = frozenset(["-exec", "-execdir", "-ok", "-okdir"])
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=", re.ASCII)


class Next(Enum):
    """What a word is to the command that it follows."""

    ARGUMENT = auto()
    PROGRAM = auto()
    UNKNOWN = auto()


def nested(before: Sequence[Word]) -> tuple[Sequence[int], Next]:
    """Where among the words of a command one begins that the one before it runs, itself included,
    and what the word after them is to the last. Where that is not known, any may begin one.
    """
    starts: list[int] = []
    at = 0
    while at < len(before):
        starts.append(at)
        rest = before[at + 1 :]
        name = (before[at] or "").rpartition("/")[2]
        if before[at] is None:  # it may expand to nothing
            at += 1
        elif name == "find":
            runs = [index for index, word in enumerate(rest) if word in _FIND_RUNS]
            if not runs:
                return starts, Next.ARGUMENT
            at += runs[-1] + 2
        elif name in WRAPPERS:
            program = _program_of(WRAPPERS[name], rest)
            if program is None or program > len(rest):
                return range(len(before)), Next.UNKNOWN
            at += program + 1
        else:
            return starts, Next.ARGUMENT
    return starts, Next.PROGRAM


def assigned(before: Sequence[Word], start: str) -> str | None:
    """The name that a word beginning with ``start`` sets (``env X=``); None if it could be more."""
    commands, following = nested(before)
    last = (before[commands[-1]] or "").rpartition("/")[2] if commands else ""
    assignment = _ASSIGNMENT.match(start)
    if following is Next.PROGRAM and assignment and last in WRAPPERS and WRAPPERS[last].assigns:
        return assignment[1]
    return None


def _program_of(wrapper: _Wrapper, words: Sequence[Word]) -> int | None:
    """Where the program is, or will be, among the words after a wrapper; None: that is not known.

    One more than there are words: an option still wants its value.
    """
    options = options_in(wrapper.options)
    operands, only_operands = wrapper.operands, False
    index = 0
    while index < len(words):
        word = words[index]
        if word is None:
            return None
        index += 1
        if word.startswith("-") and not only_operands:
            only_operands = word == "--"
            found = option_value(word, options)
            if found is None:
                return None
            index += found[1]
        elif wrapper.assigns and "=" in word:
            continue
        elif operands:
            operands -= 1
        else:
            return index - 1
    return index + operands


@cache
def options_in(table: str) -> Mapping[str, str]:
    """The marks of options by name, from a table of names with their marks."""
    return {name.rstrip(_MARKS): name[len(name.rstrip(_MARKS)) :] for name in table.split()}


def option_value(option: str, options: Mapping[str, str]) -> tuple[str, bool] | None:
    """The mark of the value that an option has, and whether that is the next word; None: the option
    is not known. The mark is empty where it has none.

    Args:
        option: the word, of short options several.
        options: names without dashes, each with a mark if it takes a value; that of ``?`` and ``+``
            is in the same word. A long name may be shortened. With dashes: exactly this word.
    """
    if option in options:
        return options[option], options[option] in _NEXT
    if option.startswith("--"):
        name, equals, _ = option[2:].partition("=")
        names = [each for each in options if name and each.startswith(name) and len(each) > 1]
        if name and not names:
            return None
        mark = options[name if name in names else names[0]] if name else ""
        return mark, mark in _NEXT and not equals
    for index, letter in enumerate(option[1:], 2):
        if letter not in options:
            return None
        if options[letter]:
            return options[letter], options[letter] in _NEXT and index == len(option)
    return "", False
