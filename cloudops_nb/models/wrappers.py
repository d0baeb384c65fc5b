"""Commands that run the words after them as a command: whether a word chooses what they run.

What is not in the table is taken for a program of its own. Of what is in it, a word is the program
only where that is certain: after an option that is not known here, or a word that only the running
shell knows, the next may be anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from cloudops_nb.models.shell_syntax import Word


class _Wrapper(NamedTuple):
    options: str = ""
    """Names without dashes; ``:`` after one that takes the next word as its value."""
    operands: int = 0
    """Words that come before the program."""
    assigns: bool = False
    """Whether ``NAME=value`` may come before it."""


# From the manuals of bash 5.2, coreutils 9.1, findutils 4.9, util-linux 2.38, time 1.9, sudo 1.9
# and doas 6.8.
_WRAPPERS = {
    "builtin": _Wrapper(),
    "chroot": _Wrapper("groups: skip-chdir userspec:", operands=1),
    "command": _Wrapper("V p v"),
    "coproc": _Wrapper(),
    "doas": _Wrapper("C: L a: n s u:", assigns=True),
    "env": _Wrapper(
        "0 C: block-signal chdir: debug default-signal i ignore-environment ignore-signal "
        "list-signal-handling null u: unset: v",
        assigns=True,
    ),
    "exec": _Wrapper("a: c l"),
    "flock": _Wrapper(
        "E: F conflict-exit-code: e exclusive n no-fork nb nonblock o close s shared timeout: "
        "u unlock verbose w: wait: x",
        operands=1,
    ),
    "ionice": _Wrapper("c: class: classdata: ignore n: t"),
    "nice": _Wrapper("adjustment: n:"),
    "nohup": _Wrapper(),
    "setsid": _Wrapper("c ctty f fork w wait"),
    "stdbuf": _Wrapper("e: error: i: input: o: output:"),
    "sudo": _Wrapper(
        "A B C: D: E H K P R: S T: U: a: askpass b background bell c: chdir: chroot: close-from: "
        "command-timeout: g: group: h: host: i k login n non-interactive other-user: p: "
        "preserve-env preserve-groups prompt: r: reset-timestamp role: s set-home shell stdin t: "
        "type: u: user:",
        assigns=True,
    ),
    "time": _Wrapper("a append f: format: o: output: p portability q quiet v verbose"),
    "timeout": _Wrapper("f foreground k: kill-after: p preserve-status s: signal: v verbose", 1),
    "xargs": _Wrapper(
        "0 E: I: L: P: a: arg-file: d: delimiter: eof exit interactive max-args: max-chars: "
        "max-lines max-procs: n: no-run-if-empty null o open-tty p process-slot-var: r replace "
        "s: t verbose x"
    ),
}
_FIND_RUNS = frozenset(["-exec", "-execdir", "-ok", "-okdir"])
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=", re.ASCII)


def names_program(before: Sequence[Word], start: str) -> bool:
    """Whether a word could choose the program that runs, after these words of its command.

    Args:
        before: all words before it, without assignments and redirections.
        start: the part of the word that is certain; what follows in it may be anything.
    """
    while before:
        first, *rest = before
        name = (first or "").rpartition("/")[2]
        if first is None:  # it may expand to nothing
            before = rest
        elif name == "find":
            runs = [index for index, word in enumerate(rest) if word in _FIND_RUNS]
            if not runs:
                return False
            before = rest[runs[-1] + 1 :]
        elif name in _WRAPPERS:
            wrapper = _WRAPPERS[name]
            program = _program_of(wrapper, rest)
            if program is None:
                return True
            if program >= len(rest):
                assigned = wrapper.assigns and program == len(rest) and _ASSIGNMENT.match(start)
                return not assigned
            before = rest[program:]
        else:
            return False
    return True


def _program_of(wrapper: _Wrapper, words: Sequence[Word]) -> int | None:
    """Where the program is, or will be, among the words after a wrapper; None: that is not known.

    One more than there are words: an option still wants its value.
    """
    options = frozenset(wrapper.options.split())
    operands, only_operands = wrapper.operands, False
    index = 0
    while index < len(words):
        word = words[index]
        if word is None:
            return None
        index += 1
        if word.startswith("-") and not only_operands:
            only_operands = word == "--"
            taken = _taken(word, options)
            if taken is None:
                return None
            index += taken
        elif wrapper.assigns and "=" in word:
            continue
        elif operands:
            operands -= 1
        else:
            return index - 1
    return index + operands


def _taken(option: str, options: frozenset[str]) -> int | None:
    """How many words after an option are its value; None: that is not known."""
    if option.startswith("--"):
        name, equals, _ = option[2:].partition("=")
        if not name or name in options:
            return 0
        return int(not equals) if f"{name}:" in options else None
    for index, letter in enumerate(option[1:], 2):
        if f"{letter}:" in options:
            return 1 if index == len(option) else 0
        if letter not in options:
            return None
    return 0
