"""What a console shows: the last lines of every command, and what has changed since the last look.

Text comes in as it was read, in pieces that may end anywhere: inside a line, a CRLF, an escape
sequence. Lines go out whole, numbered and self-contained (each begins with the colours in force),
so that whoever draws them may start, filter or leave out anywhere.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import Literal, NamedTuple

MAX_LINES = 1000
"""Lines a transcript remembers of all commands together; the page shows no more, either."""
MAX_NEW_LINES = 500
"""Lines one ``take`` gives at most; more in a burst than a page draws in one frame is left out."""
MAX_LINE_CHARS = 2000
"""Visible characters of a line; the rest is counted and left to the log."""

_FLOOD_LINES = 100  # instead, as long as every take has to leave some out: nobody reads them
_ROW_LINES = 300
_NEW_CHARS = 128 * 1024
_ALL_CHARS = 512 * 1024
_ROW_CHARS = 64 * 1024
_ALL_ROWS_CHARS = 8 * 1024 * 1024
_WAITING_CHARS = 64 * 1024
_RAW_CHARS = 4 * MAX_LINE_CHARS  # of one line, its colours included

_SGR = re.compile(r"\x1b\[([\d;:]*)m")
_ENDS = {
    "22": ("1", "2"),
    "23": ("3",),
    "24": ("4",),
    "27": ("7",),
    "28": ("8",),
    "29": ("9",),
    "39": ("fg",),
    "49": ("bg",),
}
_FLAGS = frozenset("1234789")

Kind = Literal["stdout", "stderr", "note"]


class Line(NamedTuple):
    """One line, as it goes to the page.

    A jump in ``number`` (among all lines) or ``row_number`` (among those of its command) says how
    many lines were left out. A line that has not ended yet comes again, under the same number.
    """

    number: int
    row_number: int
    row: int
    kind: Kind
    text: str
    cut: int
    """Characters missing at the end."""
    at: int
    """When it was read, its end if it was read in parts; milliseconds since 1970."""


class Transcript:
    """The output of ``rows`` commands, bounded in lines and characters."""

    def __init__(self, rows: int) -> None:
        self._waiting: list[tuple[_Source, str, int]] = []
        self._sources: dict[tuple[int, Kind], _Source] = {}
        self._count = 0
        self.flooded = False
        """Whether the last ``take`` had to leave lines out; the next gives fewer, then."""
        self._row_counts = [0] * rows
        self._fresh: list[Line] = []
        self._all = _Tail(MAX_LINES, _ALL_CHARS)
        row_chars = min(_ROW_CHARS, _ALL_ROWS_CHARS // rows)
        self._rows = [_Tail(_ROW_LINES, row_chars) for _ in range(rows)]

    def push(self, row: int, kind: Kind, text: str, at: int = 0) -> None:
        """Adds text that was read ``at`` that time. Cheap: most of the work is left to ``take``."""
        source = self._source(row, kind)
        self._hold(source, text, at)
        if source.waiting > 2 * _WAITING_CHARS:
            self._squash(source)

    def skip(self, row: int, kind: Kind, lines: int) -> None:
        """Counts lines that a command printed and nobody kept; they are in its log."""
        source = self._source(row, kind)
        text, at = self._pull(source)
        self._skip(source, text + "\n" * lines, at)

    def note(self, row: int, text: str, at: int = 0) -> None:
        """Adds a remark of ours among a command's lines."""
        self.push(row, "note", text + "\n", at)

    def take(self) -> list[Line]:
        """The lines that are new or have changed: ``MAX_NEW_LINES``, and those not ended yet.

        In a burst each command and stream keeps its last lines, and none is crowded out by others.
        """
        self._leave_out()
        waiting, self._waiting = self._waiting, []
        for source, text, at in waiting:
            source.waiting = 0
            self._feed(source, text, at)
        lines, self._fresh = self._fresh, []
        chars = 0
        for kept, line in enumerate(reversed(lines)):
            chars += len(line.text)
            if chars > _NEW_CHARS and kept:
                del lines[:-kept]
                break
        return sorted([*lines, *_unended({source for source, _, _ in waiting})])

    def tail(self, row: int | None = None) -> list[Line]:
        """The last lines as of the last ``take``, of one command or of all."""
        ended = self._all if row is None else self._rows[row]
        sources = (s for s in self._sources.values() if row is None or s.row == row)
        return sorted([*ended, *_unended(sources)])

    def _source(self, row: int, kind: Kind) -> _Source:
        source = self._sources.get((row, kind))
        if source is None:
            source = self._sources[row, kind] = _Source(row, kind)
        return source

    def _hold(self, source: _Source, text: str, at: int) -> None:
        self._waiting.append((source, text, at))
        source.waiting += len(text)

    def _pull(self, source: _Source) -> tuple[str, int]:
        """What a source has waiting, and when the last of it was read."""
        pulled = [item for item in self._waiting if item[0] is source]
        self._waiting = [item for item in self._waiting if item[0] is not source]
        source.waiting = 0
        return "".join(text for _, text, _ in pulled), pulled[-1][2] if pulled else source.at

    def _squash(self, source: _Source) -> None:
        """Bounds what a flooding stream has waiting between two ``take``."""
        text, at = self._pull(source)
        end = len(text) - _WAITING_CHARS
        start = text.rfind("\n", 0, end) + 1
        self._skip(source, text[:start], at)
        if end - start > _WAITING_CHARS:  # of one line, which is cut as it grows
            self._feed(source, text[start:end], at)
            start = end
        self._hold(source, text[start:], at)

    def _leave_out(self) -> None:
        """Skips the first lines of those streams that have more than their share waiting."""
        counts = Counter[_Source]()
        for source, text, _ in self._waiting:
            counts[source] += text.count("\n")
        room = _FLOOD_LINES if self.flooded else MAX_NEW_LINES
        self.flooded = counts.total() > room
        if not self.flooded:
            return
        # The fewest lines first; of as many, the latest last, which get what room is left.
        for done, (source, count) in enumerate(sorted(counts.items(), key=itemgetter(1))):
            share = min(count, room // (len(counts) - done))
            room -= share
            if share < count:
                text, at = self._pull(source)
                start = len(text.rsplit("\n", share + 1)[0]) + 1
                self._skip(source, text[:start], at)
                self._hold(source, text[start:], at)

    def _skip(self, source: _Source, text: str, at: int) -> None:
        """Counts whole lines without looking at them."""
        lines = text.count("\n")
        if lines and source.number is not None:  # a line on the page is ended, not torn
            self._feed(source, text[: text.index("\n") + 1], at)
            lines -= 1
        if lines:
            self._count += lines
            self._row_counts[source.row] += lines
            source.style.clear()  # the colours in force behind them are not known

    def _feed(self, source: _Source, text: str, at: int) -> None:
        source.at = at
        *ended, rest = text.split("\n")
        for part in ended:
            line = source.end(part, self._number(source))
            self._fresh.append(line)
            self._all.append(line)
            self._rows[source.row].append(line)
        if rest:
            self._number(source)
            source.grow(rest)

    def _number(self, source: _Source) -> tuple[int, int]:
        if source.number is None:
            source.number = (self._count, self._row_counts[source.row])
            self._count += 1
            self._row_counts[source.row] += 1
        return source.number


class _Source:
    """One stream of one command, and its line that has not ended yet."""

    __slots__ = ("at", "cut", "kind", "number", "raw", "row", "style", "waiting")

    def __init__(self, row: int, kind: Kind) -> None:
        self.row = row
        self.kind: Kind = kind
        self.waiting = 0
        self.at = 0
        self.number: tuple[int, int] | None = None
        self.raw = ""
        self.cut = 0
        self.style: dict[str, str] = {}

    def grow(self, part: str) -> None:
        """Adds to the line. After a carriage return what follows replaces it."""
        raw = self.raw + part
        if "\r" in raw:
            body = raw.rstrip("\r")
            before, overwritten, last = body.rpartition("\r")
            _follow(self.style, before)
            raw = last + raw[len(body) :][:1]
            self.cut = 0 if overwritten else self.cut
        self.cut += max(0, len(raw) - _RAW_CHARS)
        self.raw = raw[:_RAW_CHARS]

    def line(self, number: tuple[int, int]) -> Line:
        """The line as far as it is known."""
        text, cut = _shorten(self.raw.rstrip("\r"))
        if self.style:
            text = f"\x1b[{';'.join(self.style.values())}m{text}"
        return Line(*number, self.row, self.kind, text, self.cut + cut, self.at)

    def end(self, part: str, number: tuple[int, int]) -> Line:
        """Ends the line with ``part``. The next begins in the colours in force here."""
        self.grow(part)
        line = self.line(number)
        _follow(self.style, self.raw)
        self.raw = ""
        self.cut = 0
        self.number = None
        return line


def _unended(sources: Iterable[_Source]) -> Iterator[Line]:
    return (source.line(source.number) for source in sources if source.number is not None)


class _Tail:
    """The last lines that ended."""

    def __init__(self, lines: int, chars: int) -> None:
        self._lines = deque[Line]()
        self._max_lines = lines
        self._max_chars = chars
        self._chars = 0

    def append(self, line: Line) -> None:
        self._lines.append(line)
        self._chars += len(line.text)
        while len(self._lines) > self._max_lines or (
            self._chars > self._max_chars and len(self._lines) > 1
        ):
            self._chars -= len(self._lines.popleft().text)

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines)


def _follow(style: dict[str, str], text: str) -> None:
    """Changes ``style`` as the SGR sequences in ``text`` say (ECMA-48 8.3.117, xterm's colours)."""
    for body in _SGR.findall(text):
        params = iter(body.split(";"))
        for param in params:
            code = param.partition(":")[0].lstrip("0")
            if not code:
                style.clear()
            elif code in _ENDS:
                for slot in _ENDS[code]:
                    style.pop(slot, None)
            elif code in ("38", "48"):
                colour = param
                if ":" not in param:
                    kind = next(params, "")
                    count = {"5": 1, "2": 3}.get(kind, 0)
                    colour = ";".join([code, kind, *islice(params, count)])
                style["fg" if code == "38" else "bg"] = colour
            elif code in _FLAGS:
                style[code] = param
            elif len(code) == 2 and code[0] in "39":
                style["fg"] = code
            elif (len(code) == 2 and code[0] == "4") or (len(code) == 3 and code[:2] == "10"):
                style["bg"] = code


def _shorten(text: str) -> tuple[str, int]:
    """The first ``MAX_LINE_CHARS`` visible characters, and how many were left out."""
    if len(text) <= MAX_LINE_CHARS:
        return text, 0
    end, room = 0, MAX_LINE_CHARS
    for sequence in _SGR.finditer(text):
        if sequence.start() - end > room:
            break
        room -= sequence.start() - end
        end = sequence.end()
    end = min(end + room, len(text))
    return text[:end], len(_SGR.sub("", text[end:]))
