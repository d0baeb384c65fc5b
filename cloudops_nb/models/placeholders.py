"""``{{ name }}`` in a cell or a plan: a notebook variable's value, put in as data.

A placeholder is exactly ``{{ name }}`` or ``{{ name.path[0] }}``: a name, then attributes, keys
or positions, one space on either side. Everything else in double braces stays as written
(``{{json .}}``, ``{{ .Names }}``), and so does a placeholder after a backslash in shell text.

In shell text a placeholder must stand where a bare word may; its value is quoted there, and a list
becomes several words. In typed values (plans) the text is put in as it is. Values are put in once
and never read for placeholders themselves.

In a plan, ``{{ steps.NAME… }}`` is left for later: it stands for what an earlier step gave and is
put in when the step starts (``templates.py``). A value that would read as one is refused.

What a value may be is in ``values.py``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from keyword import iskeyword

from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models.aws_options import check_value, mentions_aws
from cloudops_nb.models.interpreters import refusal
from cloudops_nb.models.shell_context import (
    EVALUATING,
    PREFIXES,
    Context,
    Place,
    Refused,
    context_at,
)
from cloudops_nb.models.shell_doubts import doubts
from cloudops_nb.models.shell_syntax import Word, from_bytes, in_bytes, parse
from cloudops_nb.models.values import as_text, as_words, find


class Names(Enum):
    """Which placeholders are put in."""

    ALL = auto()
    NOTEBOOK = auto()
    """Those of a plan's text but what earlier steps will have given, which is left as it is."""
    STEPS = auto()
    """Only what earlier steps gave; it does not decide what runs."""


_NAME = r"[^\W\d]\w*"
_PATH = rf"(?P<path>{_NAME}(?:\.{_NAME}|\[-?\d+\])*)"
PLACEHOLDER = re.compile(rf"\{{\{{ {_PATH} \}}\}}")
"""What has the form of a placeholder."""
_BRACES = re.compile(rf"\{{\{{[ \t]*{_PATH}[ \t]*\}}\}}")
SHELLS = ("bash", "sh", "dash")
"""The shells whose quoting is known here, so that text for them may hold placeholders."""
STEPS = "steps"
"""In a plan, the name for what earlier steps gave."""


def substitute_shell(
    text: str,
    lookup: Mapping[str, object],
    *,
    shell: str = "bash",
    names: Names = Names.ALL,
    program: str = "",
) -> str:
    """Shell text with the placeholders that ``names`` means replaced by their values, quoted.

    ``program`` is the one that the text is arguments of, where that is not in it.

    Placeholders in comments stay. A list is several words; an empty one is refused as a command's
    argument (a filter that is gone may mean "all") but welcome in an array or a ``for`` list.

    Raises:
        InvalidCommand: an unknown name, a value that is not text or a list of it, or a placeholder
            where the shell, or a program that reads its words as code, would read its value as
            anything but data: in quotes, here-documents, arithmetic, ``eval``, after ``ssh host``
            … The message names the placeholder and its line.
    """
    found = [match for match in _BRACES.finditer(text) if _counts_in_shell(match, lookup, names)]
    if not found:
        return text
    # A stand-in of the same length keeps every offset and is a bare word to any shell.
    source = bytearray(in_bytes(text))
    spans = []
    for number, match in enumerate(found):
        start, end = (len(in_bytes(text[:at])) for at in match.span())
        room = end - start - 1
        source[start:end] = b"Z%s" % str(number).zfill(room)[-room:].encode()
        spans.append((start, end))
    stood_in = from_bytes(bytes(source))
    root = parse(stood_in)
    doubt = _doubt(shell) or doubts(stood_in, root, bash=_name(shell) == "bash")
    in_aws = mentions_aws(program) or mentions_aws(text)
    pieces = []
    put_in: dict[Word, Sequence[str]] = {}  # by stand-in
    last = 0
    for match, (start, end) in zip(found, spans, strict=True):
        pieces.append(text[last : match.start()])
        last = match.end()
        if _is_left(match, names):
            _check_form(match)
            pieces.append(match[0])
            continue
        try:
            if doubt:
                raise Refused(f"cannot be put in: {doubt} (to keep the text as it is: --raw)")
            output = names is Names.STEPS
            context = context_at(bytes(source), root, start, end, output=output)
            if context.place is Place.COMMENT:
                pieces.append(match[0])
                continue
            words = _words(match, context, lookup, in_aws=in_aws)
            if context.before is not None:
                before = [each for word in context.before for each in put_in.get(word, (word,))]
                _check_words(before, context.start, words, names)
            if context.whole:
                put_in[source[start:end].decode()] = words
            quote = shlex.quote if context.plain else _always_quote
            pieces.append(" ".join(quote(word) for word in words))
        except Refused as refused:
            if _is_placeholder(match):
                line = text.count("\n", 0, match.start()) + 1
                raise InvalidCommand(f"{match[0]} (line {line}) {refused}") from None
            pieces.append(match[0])
    filled = "".join([*pieces, text[last:]])
    check_left(text, filled, names)
    return filled


def substitute_value(text: str, lookup: Mapping[str, object], *, names: Names = Names.ALL) -> str:
    """Text that no shell reads with every placeholder replaced by its value as it is.

    Raises:
        InvalidCommand: an unknown name, or a value that is not one text.
    """
    filled = PLACEHOLDER.sub(
        lambda match: (
            as_text(match["path"], find(match["path"], lookup))
            if substitutes(match, names)
            else match[0]
        ),
        text,
    )
    check_left(text, filled, names)
    return filled


def substitute_words(
    words: Iterable[str],
    lookup: Mapping[str, object],
    *,
    names: Names = Names.ALL,
    program: str = "",
) -> tuple[str, ...]:
    """Arguments (of ``program``) with every placeholder replaced; one that is exactly a placeholder
    for a list becomes as many arguments as the list has.

    Raises:
        InvalidCommand: an unknown name, an empty list, a value that is not text or a list of it, or
            a placeholder in what ``bash -c``, ``ssh`` and the like read as code, or a step's output
            where it is decided what runs.
    """
    result: list[str] = []
    for word in words:
        put_in = next((m for m in PLACEHOLDER.finditer(word) if substitutes(m, names)), None)
        if put_in is None:
            result.append(word)
            continue
        start = word[: put_in.start()]
        filled: tuple[str, ...]
        if put_in[0] == word:
            filled = _several(put_in["path"], lookup)
            for text in filled:
                check_left("", text, names)
                if mentions_aws(program):
                    check_value(text)
        else:
            filled = (substitute_value(word, lookup, names=names).removeprefix(start),)
        before = (program, *result) if program else result
        try:
            _check_words(before, start, filled, names)
        except Refused as refused:
            raise InvalidCommand(f"{put_in[0]} {refused}") from None
        result += (start + filled[0], *filled[1:])
    return tuple(result)


def _check_words(before: Sequence[Word], start: str, words: Sequence[str], names: Names) -> None:
    reason = refusal(before, start, words, output=names is Names.STEPS)
    if reason:
        raise Refused(reason)


def stand_in(text: str) -> str:
    """The text with a bare word for every placeholder, so that shell syntax can be read in it."""
    return PLACEHOLDER.sub(lambda match: "Z" * len(match[0]), text)


def step_outputs(text: str, *, shell: bool = False) -> list[str]:
    """The paths of all that stands for an earlier step's output in a text.

    In text for a ``shell`` a backslash before it takes that meaning away.
    """
    return [
        match["path"]
        for match in PLACEHOLDER.finditer(text)
        if _variable(match) == STEPS and not (shell and _is_escaped(match))
    ]


def _is_left(match: re.Match[str], names: Names) -> bool:
    return names is Names.NOTEBOOK and _variable(match) == STEPS


def substitutes(match: re.Match[str], names: Names) -> bool:
    """Whether a match of ``PLACEHOLDER`` is one of those that ``names`` means."""
    if names is Names.STEPS:
        return _variable(match) == STEPS
    return _is_placeholder(match) and not _is_left(match, names)


def check_left(template: str, filled: str, names: Names) -> None:
    """Makes sure that no value put into ``template`` reads as a step's output itself.

    Raises:
        InvalidCommand: one does.
    """
    if names is Names.NOTEBOOK and len(step_outputs(filled)) > len(step_outputs(template)):
        raise InvalidCommand(
            f"the value put in reads as {{{{ {step_outputs(filled)[-1]} }}}}, a step's output; "
            "values are data and are not filled in again"
        )


def _is_placeholder(match: re.Match[str]) -> bool:
    # Go templates say {{ else }} and {{ break }}; no variable can have such a name.
    return PLACEHOLDER.fullmatch(match[0]) is not None and not iskeyword(_variable(match))


def _variable(match: re.Match[str]) -> str:
    return re.split(r"[.\[]", match["path"], maxsplit=1)[0]


def _is_escaped(match: re.Match[str]) -> bool:
    before = match.string[: match.start()]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _counts_in_shell(match: re.Match[str], lookup: Mapping[str, object], names: Names) -> bool:
    if _is_escaped(match):
        return False
    if names is not Names.ALL and _variable(match) == STEPS:
        return True
    if names is Names.STEPS:
        return False
    # `{{name}}` is not the form, but where it could be meant it must not slip by unnoticed.
    return _is_placeholder(match) or _variable(match) in lookup


def _check_form(match: re.Match[str]) -> None:
    if not _is_placeholder(match):
        raise InvalidCommand(f"{match[0]} is not put in: write it {{{{ {match['path']} }}}}")


def _words(
    match: re.Match[str], context: Context, lookup: Mapping[str, object], *, in_aws: bool
) -> tuple[str, ...]:
    path = match["path"]
    _check_form(match)
    value = find(path, lookup)
    if context.whole and context.place is Place.LIST:
        words = as_words(path, value)
    elif context.whole and context.place is Place.WORDS:
        words = _several(path, lookup)
    else:
        words = (as_text(path, value),)
    if in_aws and context.whole and context.place is not Place.LIST:
        for word in words:
            check_value(word)
    if context.place is Place.PROGRAM and words[0] in EVALUATING | PREFIXES:
        raise Refused(f"is `{words[0]}`, which runs its words as code; write it out")
    return words


def _several(path: str, lookup: Mapping[str, object]) -> tuple[str, ...]:
    words = as_words(path, find(path, lookup))
    if not words:
        raise InvalidCommand(
            f"{{{{ {path} }}}} is an empty list: the command would run without these arguments"
        )
    return words


def _always_quote(word: str) -> str:
    # `shlex.quote` leaves safe characters alone, but a bare `for` can be a keyword, a bare `A=b` an
    # assignment and a bare 2 before `>` a file descriptor.
    return "'" + word.replace("'", "'\"'\"'") + "'"


def _name(shell: str) -> str:
    return shell.rpartition("/")[2]


def _doubt(shell: str) -> str | None:
    if _name(shell) in SHELLS:
        return None
    return f"how {_name(shell)} reads quotes is not known here (bash, sh and dash are)"
