"""How much of a record's bound its parts take, before any of it is written down.

``html`` and ``text`` write the same record, and a notebook keeps both: the bound is for the two
together. A property test holds that nothing weighs less here than it takes there.
"""

from __future__ import annotations

from collections.abc import Iterable

from cloudops_nb.models.results import ExecutionStatus
from cloudops_nb.render.ansi import Line
from cloudops_nb.render.record import (
    Block,
    Command,
    Drawing,
    Excerpt,
    Headline,
    Note,
    Record,
    Table,
    state,
    weight,
)
from cloudops_nb.render.style import text_css

# Markup, what indents a line and what stands between two parts, in both forms: the most there is.
_PART = 200
_LINE = 12
_SPAN = len('<span style=""></span>')
_CUT = 120
_STATE = 100
_FACT = 10
_CELL = len("<td></td>") + 2
_LONG = len(' class="co-long"')


def both(text: str) -> int:
    """Bytes of ``text`` in both forms."""
    return weight(text) + len(text.encode())


def line_weight(line: Line) -> int:
    """Bytes of a line of output in both forms."""
    markup = sum(len(css) + _SPAN for _, style in line.segments if (css := text_css(style)))
    return both(line.text) + markup + bool(line.cut) * _CUT + _LINE


def weigh(block: Block) -> int:
    """Bytes of a block in both forms, or a little more."""
    match block:
        case Command():
            return _PART + both(block.gap) + _lines(block.lines)
        case Note():
            return _PART + both(block.label) + _lines(block.text.split("\n"))
        case Excerpt():
            return _PART + both(block.gap) + sum(map(line_weight, block.head + block.tail))
        case Table():
            return _PART + both(block.title) + both(block.more) + _rows(block)
        case Drawing():
            return _PART + len(block.svg.encode()) + _lines(block.text.split("\n"))
        case Record():
            return _headline(block.headline) + sum(map(weigh, block.blocks))


def fitting(tables: Iterable[Table], room: int) -> Table:
    """The first of ``tables`` that weighs at most ``room``; the last, where none does."""
    for table in tables:
        if weigh(table) <= room:
            break
    return table


def _lines(lines: Iterable[str]) -> int:
    return sum(both(line) + _LINE for line in lines)


def _headline(headline: Headline) -> int:
    texts = (*headline.facts, headline.title, headline.took)
    told = sum(both(text) + _FACT for text in texts)
    return _PART + _STATE * (1 + len(headline.shares)) + told


def _rows(table: Table) -> int:
    rows = [table.columns, *table.rows]
    html = sum(_cell(cell) for row in rows for cell in row) + len(rows) * 2 * _LINE
    # As text each cell is padded to its column's width, and no text is wider than it has bytes.
    widths = [max(map(_bytes, column)) for column in zip(*rows, strict=True)]
    return html + len(rows) * sum(widths)


def _cell(cell: str | ExecutionStatus) -> int:
    if isinstance(cell, ExecutionStatus):
        return _CELL + _STATE
    # What takes no room on a line, like a combining mark, is padded although it has bytes.
    return _CELL + _LONG + (weight(cell) if cell.isascii() else both(cell))


def _bytes(cell: str | ExecutionStatus) -> int:
    return len((state(cell) if isinstance(cell, ExecutionStatus) else cell).encode())
