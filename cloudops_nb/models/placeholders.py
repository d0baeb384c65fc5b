"""``{{ name }}`` in a cell or a plan: a notebook variable's value, put in as data.

A placeholder is exactly ``{{ name }}`` or ``{{ name.path[0] }}``: a name, then attributes, keys
or positions, one space on either side. Everything else in double braces stays as written
(``{{json .}}``, ``{{ .Names }}``), and so does a placeholder after a backslash in shell text.

In shell text a placeholder must stand where a bare word may; its value is quoted there, and a list
becomes several words. In typed values (plans) the text is put in as it is. Values are put in once
and never read for placeholders themselves.

What a value may be is in ``values.py``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from keyword import iskeyword

from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models.shell_context import (
    EVALUATING,
    PREFIXES,
    Context,
    Place,
    Refused,
    context_at,
)
from cloudops_nb.models.shell_doubts import doubts
from cloudops_nb.models.shell_syntax import in_bytes, parse
from cloudops_nb.models.values import as_text, as_words, find

_NAME = r"[^\W\d]\w*"
_PATH = rf"(?P<path>{_NAME}(?:\.{_NAME}|\[-?\d+\])*)"
PLACEHOLDER = re.compile(rf"\{{\{{ {_PATH} \}}\}}")
"""What has the form of a placeholder."""
_BRACES = re.compile(rf"\{{\{{[ \t]*{_PATH}[ \t]*\}}\}}")
SHELLS = ("bash", "sh", "dash")
"""The shells whose quoting is known here, so that text for them may hold placeholders."""


def substitute_shell(text: str, lookup: Mapping[str, object], *, shell: str = "bash") -> str:
    """Shell text with every placeholder replaced by its value, quoted.

    Placeholders in comments stay. A list is several words; an empty one is refused as a command's
    argument (a filter that is gone may mean "all") but welcome in an array or a ``for`` list.

    Raises:
        InvalidCommand: an unknown name, a value that is not text or a list of it, or a placeholder
            where the shell would read its value as anything but data: in quotes, here-documents,
            arithmetic, ``eval`` … The message names the placeholder and its line.
    """
    found = [match for match in _BRACES.finditer(text) if _counts_in_shell(match, lookup)]
    if not found:
        return text
    # A stand-in of the same length keeps every offset and is a bare word to any shell.
    source = bytearray(in_bytes(text))
    spans = []
    for match in found:
        start, end = (len(in_bytes(text[:at])) for at in match.span())
        source[start:end] = b"Z" * (end - start)
        spans.append((start, end))
    root = parse(source.decode())
    doubt = _doubt(shell) or doubts(source.decode(), root, bash=_name(shell) == "bash")
    pieces = []
    last = 0
    for match, (start, end) in zip(found, spans, strict=True):
        pieces.append(text[last : match.start()])
        last = match.end()
        try:
            if doubt:
                raise Refused(f"cannot be put in: {doubt} (to keep the text as it is: --raw)")
            pieces.append(_quoted(match, context_at(bytes(source), root, start, end), lookup))
        except Refused as refusal:
            if _is_placeholder(match):
                line = text.count("\n", 0, match.start()) + 1
                raise InvalidCommand(f"{match[0]} (line {line}) {refusal}") from None
            pieces.append(match[0])
    return "".join([*pieces, text[last:]])


def substitute_value(text: str, lookup: Mapping[str, object]) -> str:
    """Text that no shell reads with every placeholder replaced by its value as it is.

    Raises:
        InvalidCommand: an unknown name, or a value that is not one text.
    """
    return PLACEHOLDER.sub(
        lambda match: (
            as_text(match["path"], find(match["path"], lookup))
            if _is_placeholder(match)
            else match[0]
        ),
        text,
    )


def substitute_words(words: Iterable[str], lookup: Mapping[str, object]) -> tuple[str, ...]:
    """Arguments with every placeholder replaced; one that is exactly a placeholder for a list
    becomes as many arguments as the list has.

    Raises:
        InvalidCommand: an unknown name, an empty list, or a value that is not text or a list of it.
    """
    result: list[str] = []
    for word in words:
        match = PLACEHOLDER.fullmatch(word)
        if match and _is_placeholder(match):
            result += _several(match["path"], lookup)
        else:
            result.append(substitute_value(word, lookup))
    return tuple(result)


def stand_in(text: str) -> str:
    """The text with a bare word for every placeholder, so that shell syntax can be read in it."""
    return PLACEHOLDER.sub(lambda match: "Z" * len(match[0]), text)


def _is_placeholder(match: re.Match[str]) -> bool:
    # Go templates say {{ else }} and {{ break }}; no variable can have such a name.
    return PLACEHOLDER.fullmatch(match[0]) is not None and not iskeyword(_variable(match))


def _variable(match: re.Match[str]) -> str:
    return re.split(r"[.\[]", match["path"], maxsplit=1)[0]


def _counts_in_shell(match: re.Match[str], lookup: Mapping[str, object]) -> bool:
    before = match.string[: match.start()]
    if (len(before) - len(before.rstrip("\\"))) % 2:
        return False
    # `{{name}}` is not the form, but where it could be meant it must not slip by unnoticed.
    return _is_placeholder(match) or _variable(match) in lookup


def _quoted(match: re.Match[str], context: Context, lookup: Mapping[str, object]) -> str:
    if context.place is Place.COMMENT:
        return match[0]
    path = match["path"]
    if not _is_placeholder(match):
        raise InvalidCommand(f"{match[0]} is not put in: write it {{{{ {path} }}}}")
    value = find(path, lookup)
    if context.whole and context.place is Place.LIST:
        words = as_words(path, value)
    elif context.whole and context.place is Place.WORDS:
        words = _several(path, lookup)
    else:
        words = (as_text(path, value),)
    if context.place is Place.PROGRAM and words[0] in EVALUATING | PREFIXES:
        raise Refused(f"is `{words[0]}`, which runs its words as code; write it out")
    quote = shlex.quote if context.plain else _always_quote
    return " ".join(quote(word) for word in words)


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
