"""Records as HTML: elements of ours around escaped text; no script, no handler, no address.

Structure carries the meaning, and the style sheet only makes it pleasant: a viewer that drops it
still shows states by symbol and word, output in ``pre`` under its label, and tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from itertools import groupby

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
from cloudops_nb.render.style import share_css, state_css, style_sheet, text_css

# The last two keep MathJax from reading "$HOME … $PATH" as a formula.
_CLASSES = "cloudops-record tex2jax_ignore mathjax_ignore"
_UNFOLDED_LINES = 4  # of a command
_NARROW = 40  # characters of a table's cell that stay on one line


def result_html(result: ExecutionResult | PlanExecutionResult) -> str:
    """The record of a command or plan."""
    return record_html(describe(result))


def record_html(record: Record) -> str:
    """Any record, as one ``div``."""
    return framed(_record(record))


def framed(html: str) -> str:
    """Any HTML of ours in a record's ``div``, with its look."""
    return f'<div class="{_CLASSES}"><style>{style_sheet()}</style>{html}</div>'


def _record(record: Record) -> str:
    parts = [_headline(record.headline)]
    for aside, blocks in groupby(record.blocks, key=_is_aside):
        if aside:
            notes = " · ".join(_note_text(note) for note in blocks if isinstance(note, Note))
            parts.append(f'<div class="co-quiet">{notes}</div>')
        else:
            parts += map(_block, blocks)
    return "\n".join(parts)


def _is_aside(block: Block) -> bool:
    return isinstance(block, Note) and block.tone == "aside"


def _headline(headline: Headline) -> str:
    parts = [_state(headline.status)] if headline.status else []
    parts += map(escape, headline.facts)
    if headline.title:
        # bdi: a title in Hebrew must not swap places with the facts beside it.
        parts.append(f'<bdi class="co-title">{escape(headline.title)}</bdi>')
    if headline.took:
        parts.append(f'<span class="co-quiet co-whole">{headline.took}</span>')
    bar = "".join(
        f'<span style="{share_css(status, number)}"></span>'
        for status, number in headline.shares
        if number
    )
    return f"<div>{' · '.join(parts)}</div>" + (f'<div class="co-bar">{bar}</div>' if bar else "")


def _state(status: ExecutionStatus) -> str:
    shown = state(status).replace(" ", "&nbsp;")
    return f'<b style="{state_css(status)}">{shown}</b>'


def _block(block: Block) -> str:
    match block:
        case Command():
            return _command(block)
        case Note():
            return f"<div>{_note_text(block)}</div>"
        case Excerpt():
            return _excerpt(block)
        case Table():
            return _table(block)
        case Drawing():
            return _drawing(block)
        case Record():
            # A quotation is indented even where the style sheet is gone.
            return f"<blockquote>{_record(block)}</blockquote>"


def _command(block: Command) -> str:
    prompt = '<span class="co-prompt co-quiet">$ </span>'
    lines = [escape(line) for line in block.lines]
    if block.gap:
        lines.append(f"<i>{block.gap}</i>")
    if len(lines) <= _UNFOLDED_LINES:
        return _pre(prompt + "\n".join(lines))
    rest = _pre("\n".join(lines[1:]))
    return f"<details><summary>{prompt}<code>{lines[0]}</code></summary>{rest}</details>"


def _note_text(note: Note) -> str:
    label, text = f"{escape(note.label)}:", escape(note.text)
    if note.tone == "bad":
        label = f'<b style="{state_css(ExecutionStatus.FAILED)}">{label}</b>'
    return f"{label} {_pre(text)}" if "\n" in text else f"{label} <code>{text}</code>"


def _excerpt(block: Excerpt) -> str:
    label = f'<small class="co-quiet">{block.stream}</small>'
    if block.gap:
        gap = f'<i class="co-quiet">{block.gap}</i>'
        body = "".join((_lines(block.head), gap, _lines(block.tail)))
    else:
        body = _lines(block.head + block.tail)
    return f'<div class="co-out co-{block.stream}">{label}{body}</div>'


def _lines(lines: Iterable[Line]) -> str:
    shown = "\n".join(map(_line, lines))
    return _pre(shown) if shown else ""


def _line(line: Line) -> str:
    text = "".join(
        f'<span style="{css}">{escape(part)}</span>' if (css := text_css(style)) else escape(part)
        for part, style in line.segments
    )
    return f'{text} <i class="co-quiet">{cut_marker(line)}</i>' if line.cut else text


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    rows = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    html = f"<table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table>"
    if table.more:
        html += f'<div class="co-quiet">… {table.more} …</div>'
    if table.title:
        return f"<details><summary>{table.title}:</summary>{html}</details>"
    return html


def _drawing(block: Drawing) -> str:
    # The text is for who cannot see the svg, and for viewers that drop it: JupyterLab, in untrusted
    # notebooks, keeps the labels alone, in a heap. They stay hidden where the style sheet is gone.
    text = f"<details><summary>as text</summary>{_pre(escape(block.text))}</details>"
    return f'<div class="co-drawing" style="display:none">{block.svg}</div>{text}'


def _cell(cell: str | ExecutionStatus) -> str:
    if isinstance(cell, ExecutionStatus):
        return f"<td>{_state(cell)}</td>"
    wide = ' class="co-long"' if len(cell) > _NARROW else ""
    return f"<td{wide}>{escape(cell)}</td>"


def _pre(inner: str) -> str:
    return f"<pre>\n{inner}</pre>"  # HTML drops a line's end right after <pre>, so one is given
