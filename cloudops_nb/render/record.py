"""What a record says: a headline and blocks, as data. ``text`` and ``html`` write the same down.

Two runs of the same cell differ in these formats alone, so that nbval's sanitizer can mask them:

    id         a whole UUID in lower case; in a log's file name, too
    time       2026-07-30 14:03:22 UTC
    duration   0.31 s, 12.48 s, 2 min 03 s or 1 h 02 min 03 s; the last thing on its line of text

Paths are home-relative. Nothing is padded to the width of an id, time or duration.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Literal

from cloudops_nb.models.results import ExecutionStatus, Stream
from cloudops_nb.render.ansi import Line, plain

MAX_BYTES = 65_536
"""Bound of a record, its text and its HTML together, whatever it is about."""


@dataclass(frozen=True, slots=True)
class Headline:
    """The first line: state, facts such as ``exit 3``, title, duration. ``shares`` draw a bar."""

    status: ExecutionStatus | None
    facts: tuple[str, ...] = ()
    title: str = ""
    took: str = ""
    shares: tuple[tuple[ExecutionStatus, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """The lines that were run; ``omitted`` lines more are not shown."""

    lines: tuple[str, ...]
    omitted: int = 0

    @property
    def gap(self) -> str:
        """The line after the last; empty where nothing is left out."""
        return lines_left_out(self.omitted) if self.omitted else ""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Head and tail of one stream; between them ``omitted`` lines are in the log only."""

    stream: Stream
    head: tuple[Line, ...]
    omitted: int = 0
    tail: tuple[Line, ...] = ()

    @property
    def gap(self) -> str:
        """The line between head and tail; empty where nothing is left out."""
        return lines_left_out(self.omitted, ", in the log") if self.omitted else ""


@dataclass(frozen=True, slots=True)
class Note:
    """``label: text``. ``aside`` is for what identifies the run and is seldom read."""

    label: str
    text: str
    tone: Literal["bad", "hint", "aside"] = "hint"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells. With a ``title`` it may be folded; ``more`` says what is left out."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | ExecutionStatus, ...], ...]
    title: str = ""
    more: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture, as an ``svg`` element and as lines of text that say the same."""

    svg: str
    text: str


@dataclass(frozen=True, slots=True)
class Record:
    """A whole record, or within one the account of a command that failed."""

    headline: Headline
    blocks: tuple[Block, ...] = ()


Block = Command | Excerpt | Note | Table | Drawing | Record


SYMBOLS = {
    ExecutionStatus.PENDING: "·",
    ExecutionStatus.RUNNING: "▸",
    ExecutionStatus.COMPLETED: "✓",
    ExecutionStatus.FAILED: "✗",
    ExecutionStatus.CANCELLED: "⊘",
    ExecutionStatus.TIMEOUT: "◷",
    ExecutionStatus.SKIPPED: "○",
    ExecutionStatus.INTERRUPTED: "↯",
}


def state(status: ExecutionStatus) -> str:
    """A status as symbol and word: read without colour, and at a glance."""
    return f"{SYMBOLS[status]} {status}"


def took(duration: timedelta | None) -> str:
    """A duration, in the format above; empty where there is none."""
    if duration is None:
        return ""
    seconds, rest = divmod(duration, timedelta(seconds=1))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min {seconds:02} s"
    if minutes:
        return f"{minutes} min {seconds:02} s"
    return f"{seconds}.{rest // timedelta(milliseconds=10):02} s"


def when(moment: datetime | None) -> str:
    """A moment (UTC, as models keep it), in the format above; empty where there is none."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""


def count(number: int, noun: str) -> str:
    """``1 record``, ``12 records``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def lines_left_out(number: int, where: str = "") -> str:
    """The line that stands for ``number`` lines."""
    return f"… {count(number, 'line')} more{where} …"


def cut_marker(line: Line) -> str:
    """What follows a line that is not shown whole."""
    return f"… line cut, {line.cut:,} characters in all"


def weight(text: str) -> int:
    """Bytes of ``text`` in HTML, the heavier of the two forms."""
    return len(escape(text).encode())


def clipped(text: str, limit: int) -> str:
    """``text`` without control characters and styles, cut to a weight of ``limit`` bytes."""
    shown = plain(text[:limit])
    room = limit - (len(text) > limit)
    for index, char in enumerate(shown):
        room -= weight(char)
        if room < 0:
            return f"{shown[:index]}…"
    return f"{shown}…" if len(text) > limit else shown


def one_line(text: str, limit: int) -> str:
    """``text`` clipped, and on one line."""
    return clipped(" ".join(text[: 4 * limit].split()), limit)
