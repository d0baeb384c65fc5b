"""Programs that read a word of theirs as code, or as the name of code: where a value may stand.

One level of quotes is ours. A program that hands its words to a shell once more (``ssh``,
``watch``) or takes code as a word (``python3 -c``) reads a value as code whatever quotes it had.
What is not in the tables, nor in that of ``wrappers``, is taken to read its words as data.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum, auto
from itertools import takewhile
from typing import NamedTuple

from cloudops_nb.models.shell_syntax import Word
from cloudops_nb.models.wrappers import WRAPPERS, Next, assigned, nested, option_value, options_in

DECISIVE = re.compile(
    r"PATH|HOME|ENV|BASH_ENV|BASH_FUNC_.*|BASHOPTS|SHELLOPTS|CDPATH|IFS|PS4|LD_.*|"
    r"AWS_.*|PYTHON(PATH|HOME|STARTUP)|(HTTPS?|ALL)_PROXY|(https?|all)_proxy"
)
"""Variables that choose programs, are read as code, or decide whose account is reached, and by what
way."""


class _Kind(Enum):
    DATA = auto()
    FILE = auto()
    """Names a file of code, or could."""
    CODE = auto()


_DATA, _FILE, _CODE = _Kind.DATA, _Kind.FILE, _Kind.CODE
_MARKS = {":": _DATA, "?": _DATA, "*": _DATA, "<": _FILE, "!": _CODE, "+": _CODE}


class _Reader(NamedTuple):
    options: str
    """As ``wrappers.option_value`` reads them. ``<``: the value names code. ``!``: it is the code,
    which no operand then names. ``+``: it is code, in the same word. ``*``: a command follows.
    """
    operands: Sequence[_Kind] = (_FILE, _DATA)
    """Of the words that are no options; the last of them is that of all further ones. Options end
    with the first that is not data."""
    stops: bool = False
    """Whether options end where one gave the code, too."""
    instead: str = "write it out; code can read the value from the environment: x={{ … }} NAME …"


_SEND = (
    "write it out; what is data there can be sent as input: "
    "printf '%s\\n' {{ … }} | NAME HOST 'IFS= read -r x; ls \"$x\"'"
)

# From the manuals of bash 5.2, OpenSSH 9.2, procps 4.0, util-linux 2.38, shadow 4.13, Python 3.11,
# Perl 5.36, Ruby 3.1 and Node.js 20.
_READERS = {
    ".": _Reader(""),
    "flock": _Reader(WRAPPERS["flock"].options, (_DATA, _FILE, _DATA)),
    "node": _Reader(
        "C: c check conditions: e! -pe! enable-source-maps env-file: eval! h help i import< "
        "inspect inspect-brk interactive no-warnings p! print! r< require< v version"
    ),
    "perl": _Reader(
        "0 1 2 3 4 5 6 7 C? D? E! F? I: M+ S T U V? W X a c d? e! f i? l m+ n p s t u v w x?"
    ),
    "python": _Reader(
        "B E I O P S V W: X: b c! check-hash-based-pycs: d h help i m< q s u v version x",
        stops=True,
    ),
    "ruby": _Reader(
        "0 1 2 3 4 5 6 7 C: E: F? I: K? S T? U W? X: a c copyright d debug e! encoding: "
        "external-encoding: h help i? internal-encoding: l n p r< s v verbose version w x? y"
    ),
    "runuser": _Reader(WRAPPERS["runuser"].options, (_DATA,)),
    "scp": _Reader("3 4 6 A B C D< F< J: O P: R S< T X: c: i: l: o! p q r s v", (_DATA,)),
    "script": _Reader(
        "B: E: I: O: T: a append c! command! e echo: f flush force log-in: log-io: log-out: "
        "log-timing: logging-format: m: o: output-limit: q quiet return t? timing",
        (_DATA,),
    ),
    "sftp": _Reader("4 6 A B: C D< F< J: N P: R: S< X: a b< c: f i: l: o! p q r s: v", (_DATA,)),
    "sg": _Reader("- c!", (_DATA, _CODE)),
    "source": _Reader(""),
    "ssh": _Reader(
        "4 6 A B: C D: E: F< G I< J: K L: M N O: Q: R: S: T V W: X Y a b: c: e: f g i: k l: m: n "
        "o! p: q s t v w: x y",
        (_DATA, _CODE),
        instead=_SEND,
    ),
    "su": _Reader(
        "- -- G: P T c! command! f fast g: group: l login m p preserve-environment pty s< "
        "session-command! shell< supp-group: w: whitelist-environment:",
        (_DATA, _FILE, _DATA),
    ),
    "watch": _Reader(
        WRAPPERS["watch"].options,
        (_CODE,),
        instead="give it the words without a shell: NAME -x ls {{ … }}",
    ),
}
_SHELLS = frozenset(["ash", "bash", "dash", "fish", "ksh", "mksh", "sh", "zsh"])
# What is looked for anywhere in a command, since it is often run by one that is in no table.
_LANGUAGES = frozenset(["node", "perl", "python", "ruby", *_SHELLS])


def refusal(
    before: Sequence[Word], start: str, values: Sequence[str], *, output: bool = False
) -> str | None:
    """Why words may not stand after these of their command; None if they may.

    Args:
        before: all words before them, without assignments and redirections.
        start: the part of the first word that is certain, as its program will see it.
        values: what follows in it, and the further words.
        output: whether a step gave them, so that they may not decide what runs.
    """
    words = list(before)
    state = _state(words)
    for value in values:
        reason = _refusal(words, start, value, output=output)
        if reason:
            return reason
        words.append(start + value)
        start, last, state = "", state, _state(words)
        if state == last:  # a list can be long; what changes nothing need not be read again
            words.pop()
    return None


def input_refusal(words: Sequence[Word]) -> str | None:
    """Why a value may not be the input of a command of these words; None if it may."""
    for index in nested(words)[0]:
        name, between = _name(words[index]), words[index + 1 :]
        if "-" in between:
            between = between[: between.index("-")]
        kind, is_option = _kind(name, between, "")
        is_read = is_option and (kind is not _DATA or name in _SHELLS)
        if is_read or (name in _SHELLS and _has_s(between)):
            return _is_code(name, words[index] or "")
    return None


def _state(words: Sequence[Word]) -> object:
    """What the next word would be to each of the commands."""
    commands, following = nested(words)
    kinds = [_kind(_name(words[index]), words[index + 1 :], "") for index in commands]
    return following, kinds


def _refusal(before: Sequence[Word], start: str, value: str, *, output: bool) -> str | None:
    commands, following = nested(before)
    if output and following is not Next.ARGUMENT:
        name = assigned(before, start)
        if name is None:
            return IS_PROGRAM
        if DECISIVE.fullmatch(name):
            return f"is assigned: {decides(name)}"
    for index, word in enumerate(before):
        name = _name(word)
        kind, is_option = _kind(name, before[index + 1 :], start)
        if kind is _CODE and (index in commands or name in _LANGUAGES):
            return _is_code(name, word or "")
        if index not in commands:
            continue
        if kind is _FILE and output:
            return IS_PROGRAM
        if is_option and not start and value.startswith("-"):
            return f"would be read as an option of `{word}`; if it is meant as one, write it out"
    return None


IS_PROGRAM = "stands where a program is named; that is decided beforehand"


def decides(name: str) -> str:
    """Why no output of a step is the value of a variable that ``DECISIVE`` matches."""
    return f"{name} decides what runs and where, so a step's output cannot be its value"


def _name(word: Word) -> str:
    name = (word or "").rpartition("/")[2]
    return name.rstrip("0123456789.") or name  # python3.11


def _is_code(name: str, written: str) -> str:
    if name in _SHELLS:
        return (
            f"is a script for `{written}`; write the script out and pass the value as $1: "
            f"{written} -c 'echo \"$1\"' _ {{{{ … }}}}"
        )
    return f"is read as code by `{written}`; {_READERS[name].instead.replace('NAME', written)}"


def _kind(name: str, between: Sequence[Word], start: str) -> tuple[_Kind, bool]:
    """What a program takes the word after these for, and whether it may be an option instead."""
    if name in _SHELLS:
        return _kind_in_shell(between)
    if name not in _READERS:
        return _DATA, False
    reader = _READERS[name]
    after = _after(reader, between)
    if after is None:
        return (_CODE if _CODE in reader.operands else _FILE), False
    if after.mark:
        return _MARKS[after.mark], False
    if after.reading and start.startswith("-"):
        mark, _ = option_value(start, options_in(reader.options)) or ("", False)
        return (_MARKS[mark] if mark else _CODE), False
    return after.operands[0], after.reading


class _After(NamedTuple):
    """What a program expects after some words."""

    operands: Sequence[_Kind]
    reading: bool = False
    """Whether options."""
    mark: str = ""
    """Of the option whose value is next."""


def _after(reader: _Reader, between: Sequence[Word]) -> _After | None:
    """None: that is not known."""
    options = options_in(reader.options)
    operands, reading, mark = list(reader.operands), True, ""
    for word in between:
        if mark:
            mark = ""
        elif word is None:
            return None
        elif reading and word.startswith("-") and (word != "-" or word in options):
            found = option_value(word, options)
            if found is None and "=" not in word:
                return None
            given, is_next = found or ("", False)
            if given == "*" or (reader.stops and given in ("!", "<")):
                operands, reading = [_DATA], False
            elif given == "!":
                operands = [_DATA if kind is _FILE else kind for kind in operands]
            reading = reading and (word != "--" or word in options)
            mark = given if is_next else ""
        else:
            reading = reading and operands[0] is _DATA
            operands = operands[1:] or operands
    return _After(operands, reading, mark)


def _has_s(between: Sequence[Word]) -> bool:
    options = takewhile(lambda word: (word or "").startswith("-"), between)
    return any(re.match(r"-\w*s", word or "") for word in options)


def _kind_in_shell(between: Sequence[Word]) -> tuple[_Kind, bool]:
    takes_value = code = as_input = False
    for word in between:
        if word is None:
            return (_DATA if code else _FILE), False
        option = word[:1] in ("-", "+")
        if not option and not takes_value:
            return _DATA, False
        letters = word if option and not word.startswith("--") else ""
        code = code or "c" in letters
        as_input = as_input or "s" in letters
        takes_value = letters.lower().endswith("o") or word in ("--rcfile", "--init-file")
    if code:
        return _CODE, False
    return (_DATA if as_input else _FILE), "--" not in between
