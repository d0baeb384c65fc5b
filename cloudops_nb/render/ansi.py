"""Terminal output as lines of styled text, with nothing left in it that acts on its own.

Kept: SGR styles and, within a line, what carriage return, backspace and "erase in line" do to a
progress display. Every other escape sequence is dropped. Characters that are invisible or reorder
text are written out: ``␀``, ``⟨U+202E⟩``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple
from unicodedata import category

from cloudops_nb.render.sgr import PLAIN, Style, apply

MAX_LINE = 2_000
"""Characters of a line that are shown."""

_MAX_RAW_LINE = 4 * MAX_LINE  # read of a line: room for escape sequences, and a bound on the work
_MAX_MARKS = 4  # combining marks on one character; no orthography needs more, "zalgo" does

_TOKEN = re.compile(
    r"\x1b\[(?P<parameters>[0-?]*)[ -/]*(?P<final>[@-~])"  # control sequence
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # OSC, DCS, SOS, PM, APC: a whole string
    r"|\x1b[ -/]*[0-~]"  # other escapes; an unfinished string loses its opening and stays as text
    r"|(?P<move>[\r\b])"
    r"|(?P<text>[^\x1b\r\b]+|\x1b)"
)
_UNUSUAL = re.compile(r"[^\n\t -~]")
_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"  # needed to spell Persian and many an emoji


class Segment(NamedTuple):
    """A run of text in one style."""

    text: str
    style: Style = PLAIN


@dataclass(frozen=True, slots=True)
class Line:
    """One line. ``cut`` is its length in characters where it was too long to show whole, else 0."""

    segments: tuple[Segment, ...]
    cut: int = 0

    @property
    def text(self) -> str:
        """The line without its styles."""
        return "".join(segment.text for segment in self.segments)

    def shortened(self, limit: int) -> Line:
        """The line's first ``limit`` characters; itself, where it is no longer."""
        text = self.text
        if len(text) <= limit:
            return self
        segments = []
        room = limit
        for segment in self.segments:
            segments.append(segment._replace(text=segment.text[:room]))
            room -= len(segment.text)
            if room <= 0:
                break
        return Line(tuple(segments), self.cut or len(text))

    def unstyled(self) -> Line:
        """The same text in no style."""
        return Line((Segment(self.text),), self.cut)


def parse(text: str) -> list[Line]:
    """The lines of ``text``, each up to ``MAX_LINE`` characters; a style lasts across lines."""
    lines: list[Line] = []
    style = PLAIN
    for raw in text.replace("\r\n", "\n").split("\n"):
        if raw.isascii() and raw.isprintable():
            cut = len(raw) if len(raw) > MAX_LINE else 0
            lines.append(Line((Segment(raw[:MAX_LINE], style),) if raw else (), cut))
            continue
        row = _Row()
        bounded, whole = _bounded(raw)
        for token in _TOKEN.finditer(bounded):
            if token["text"]:
                row.write(token["text"], style)
            elif token["move"]:
                row.move(token["move"])
            elif token["final"] == "m":
                style = apply(style, token["parameters"])
            elif token["final"] == "K":
                row.erase(token["parameters"])
        cut = 0 if whole and len(row.cells) <= MAX_LINE else len(raw)
        lines.append(Line(_segments(row.cells[:MAX_LINE]), cut))
    return lines


def plain(text: str) -> str:
    """``text`` without styles and sequences, its lines kept: for titles, names and errors."""
    return "\n".join(f"{line.text}…" if line.cut else line.text for line in parse(text))


def coloured(text: str) -> str:
    """All of ``text`` for a terminal: SGR styles and carriage returns kept, all else that acts
    dropped or written out.
    """

    def shown(token: re.Match[str]) -> str:
        if token["text"]:
            return _UNUSUAL.sub(lambda found: _spelled(found[0], category(found[0])), token["text"])
        if token["move"] == "\r":
            return "\r"
        is_style = token["final"] == "m" and not token["parameters"].strip("0123456789;:")
        return token[0] if is_style else ""

    return _TOKEN.sub(shown, text)


def _bounded(raw: str) -> tuple[str, bool]:
    """What is read of a line, and whether that is all there is to see of it."""
    if len(raw) <= _MAX_RAW_LINE:
        return raw, True
    if "\r" not in raw:
        return raw[:_MAX_RAW_LINE], False
    # A progress display: what it says in the end is what was written last.
    end = raw[-_MAX_RAW_LINE:]
    return end.partition("\r")[2] or end, True


class _Row:
    """A line of a terminal while it is written: cells, and where the next one goes."""

    def __init__(self) -> None:
        self.cells: list[tuple[str, Style]] = []
        self._column = 0

    def write(self, text: str, style: Style) -> None:
        end = self._column + len(text)
        self.cells[self._column : end] = [(char, style) for char in text]
        self._column = end

    def move(self, control: str) -> None:
        self._column = 0 if control == "\r" else max(self._column - 1, 0)

    def erase(self, mode: str) -> None:
        if mode == "2":
            self._column = 0
        if mode in ("", "0", "2"):
            del self.cells[self._column :]


def _segments(cells: Iterable[tuple[str, Style]]) -> tuple[Segment, ...]:
    return tuple(
        Segment("".join(char for char, _ in group), style)
        for style, group in groupby(_visible(cells), key=itemgetter(1))
    )


def _visible(cells: Iterable[tuple[str, Style]]) -> Iterator[tuple[str, Style]]:
    marks = 0
    for char, style in cells:
        if " " <= char <= "~" or char == "\t":
            marks = 0
            yield char, style
            continue
        kind = category(char)
        # Joiners count: a run of them is invisible, too.
        marks = marks + 1 if kind in ("Mn", "Me") or char in _JOINERS else 0
        if marks <= _MAX_MARKS:
            yield _spelled(char, kind), style
        elif marks == _MAX_MARKS + 1:
            yield "⟨marks⟩", style


def _spelled(char: str, kind: str) -> str:
    if char < " ":
        return chr(0x2400 + ord(char))  # Unicode's control pictures
    if char == "\x7f":
        return "␡"
    if kind in _INVISIBLE and char not in _JOINERS:
        return f"⟨U+{ord(char):04X}⟩"
    return char
