"""Records as plain text: no escape sequences, and nothing that output could pass itself off as.

What a command printed always stands behind a gutter (``|`` standard output, ``!`` standard error),
so no line of it can look like one of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cloudops_nb.models.results import (
    ExecutionResult,
    ExecutionStatus,
    PlanExecutionResult,
)
from cloudops_nb.render.ansi import Line
from cloudops_nb.render.describe import describe
from cloudops_nb.render.record import (
    Block,
    Command,
    Drawing,
    Excerpt,
    Headline,
    Note,
    Record,
    Table,
    cut_marker,
    state,
)

_GUTTERS = {"stdout": "  | ", "stderr": "  ! "}


def result_text(result: ExecutionResult | PlanExecutionResult) -> str:
    """The record of a command or plan."""
    return record_text(describe(result))


def record_text(record: Record) -> str:
    """Any record; its last line has no end."""
    return "\n".join(_record(record))


def headline_text(headline: Headline) -> str:
    """The first line alone, for a record among others."""
    first = (state(headline.status),) if headline.status else ()
    parts = (*first, *headline.facts, headline.title, headline.took)
    return " · ".join(part for part in parts if part)


def _record(record: Record) -> Iterator[str]:
    yield headline_text(record.headline)
    for block in record.blocks:
        yield from _block(block)


def _block(block: Block) -> Iterator[str]:
    match block:
        case Command():
            yield from _indented("$ ", "  ", block.lines)
            if block.gap:
                yield f"  {block.gap}"
        case Note():
            yield from _indented("", "  ", f"{block.label}: {block.text}".split("\n"))
        case Excerpt():
            yield from _excerpt(block)
        case Table():
            yield from _table(block)
        case Drawing():
            yield from _indented("  ", "  ", block.text.split("\n"))
        case Record():
            yield from _indented("", "  ", list(_record(block)))


def _indented(first: str, other: str, lines: Sequence[str]) -> Iterator[str]:
    for index, line in enumerate(lines):
        yield (other if index else first) + line


def _excerpt(block: Excerpt) -> Iterator[str]:
    yield block.stream
    gutter = _GUTTERS[block.stream]
    yield from (gutter + _line(line) for line in block.head)
    if block.gap:
        yield f"  {block.gap}"
    yield from (gutter + _line(line) for line in block.tail)


def _line(line: Line) -> str:
    return f"{line.text} {cut_marker(line)}" if line.cut else line.text


def _table(table: Table) -> Iterator[str]:
    if table.title:
        yield f"{table.title}:"
    rows = [table.columns, *([_cell(cell) for cell in row] for row in table.rows)]
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    # Nothing is padded to the width of the last column: it holds durations.
    for row in rows:
        padded = (cell + " " * (room - width(cell)) for cell, room in zip(row, widths, strict=True))
        yield f"  {'  '.join(padded)}".rstrip()
    if table.more:
        yield f"  … {table.more} …"


def _cell(cell: str | ExecutionStatus) -> str:
    return state(cell) if isinstance(cell, ExecutionStatus) else cell


def width(text: str) -> int:
    """Columns that ``text`` takes in a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
