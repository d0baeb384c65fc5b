"""A large plan as bars, one a level or several: how many commands there are, and how they ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from xml.etree.ElementTree import Element

from cloudops_nb.render.picture import BAR, CHARACTER, add, add_bars, add_pieces, canvas
from cloudops_nb.render.tallies import Tally, aligned, in_words, widths
from cloudops_nb.render.text import width

_BAR = 420  # pixels: the longest
_ROW, _NOTE = 30, 14  # of a row and of its note
_LEAST = 3  # pixels: what a single command takes


@dataclass(frozen=True, slots=True)
class LevelRow:
    """Commands of one level or several: ``counts`` is empty before they were run."""

    name: str
    total: int
    counts: Tally
    culprits: str
    """The first of those that failed, by name."""


def draw_levels(rows: Sequence[LevelRow], description: str) -> Element:
    """The picture; an arrow leads from each row to the one that waits for it."""
    names = [f"{row.name} · {row.total:,}" for row in rows]
    left = max(map(width, names), default=0) * CHARACTER + 30
    endings = aligned(row.counts for row in rows)
    room = widths(endings)
    across = left + _BAR + 10 + sum(room) * CHARACTER
    tops = list(accumulate((_ROW + _NOTE * bool(row.culprits) for row in rows), initial=4))
    root = canvas((across, tops[-1]), "Plan, by level", description)
    most = max((row.total for row in rows), default=1)
    for index, (row, top) in enumerate(zip(rows, tops, strict=False)):
        group = add(root, "g")
        add(group, "title", f"{row.name} · {in_words(row.counts, row.total)}")
        if index:
            add(group, "path", look="co-edge", d=f"M9 {tops[index - 1] + 14}V{top}")
            add(group, "path", look="co-head", d=f"M5 {top - 1}L13 {top - 1}L9 {top + 6}z")
        add(group, "text", names[index], x=20, y=top + 11)
        _draw_bar(group, row, left, top, _BAR * row.total / most)
        add_pieces(group, endings[index], room, left + _BAR + 10, top + 11)
        if row.culprits:
            add(group, "text", row.culprits, look="co-note", x=left, y=top + BAR + 13)
    return root


def _draw_bar(group: Element, row: LevelRow, left: float, top: float, across: float) -> None:
    if not row.counts:
        group = add(group, "g", look="co-planned")
        add(group, "rect", look="co-box", x=left, y=top, width=max(across, _LEAST), height=BAR)
        return
    # Few are still seen: the shares are those of what is left when each has its least.
    spare = max(across - _LEAST * len(row.counts), 0)
    x = left
    for status, number in row.counts:
        part = _LEAST + spare * number / row.total
        add_bars(group, status, [(x, x + part)], top + BAR / 2)
        x += part
