"""How commands ended, in a few characters and in columns: the words of a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from cloudops_nb.models.results import ExecutionResult, ExecutionStatus
from cloudops_nb.render.describe_plan import BY_URGENCY
from cloudops_nb.render.describe_result import ending, was_started
from cloudops_nb.render.record import SYMBOLS, count, state, took
from cloudops_nb.render.text import width

Tally = list[tuple[ExecutionStatus, int]]
Piece = tuple[ExecutionStatus, str]
"""Text in the colour of a state; empty where it only keeps a column."""


def tally(statuses: Iterable[ExecutionStatus]) -> Tally:
    """How many of each state there are, what completed first and the worst last."""
    counts = Counter(statuses)
    return [(status, counts[status]) for status in reversed(BY_URGENCY) if counts[status]]


def in_words(counts: Tally, total: int) -> str:
    """``15 commands: 12 completed, 3 failed``."""
    words = ", ".join(f"{number:,} {status}" for status, number in counts)
    return f"{count(total, 'command')}: {words}" if words else count(total, "command")


def outcome(result: ExecutionResult) -> str:
    """``✓ 0.31 s``, ``✗ failed · exit 3 · 0.31 s``."""
    time = took(result.duration) if was_started(result) else ""
    if result.success:
        tries = count(result.attempts, "attempt") if result.attempts > 1 else ""
        return f"{SYMBOLS[result.status]} {' · '.join(filter(None, (tries, time)))}"
    return " · ".join(filter(None, (state(result.status), *ending(result), time)))


def tip(index: int, title: str, result: ExecutionResult | None) -> str:
    """``#3 lint · ✗ failed · exit 1 · 0.31 s``, and the error: what is told of one command."""
    ended = (outcome(result), result.error or "") if result else ()
    return " · ".join(filter(None, (f"#{index} {title}", *ended)))


def aligned(rows: Iterable[Tally]) -> list[list[Piece]]:
    """``✓ 12  ✗ 3``: the counts of each row, with a column for each state there is in any."""
    counts = [dict(row) for row in rows]
    states = [status for status, _ in tally(status for row in counts for status in row)]
    return [
        [
            (status, f"{SYMBOLS[status]} {row[status]:,}" if status in row else "")
            for status in states
        ]
        for row in counts
    ]


def widths(rows: Sequence[Sequence[Piece]]) -> list[int]:
    """Columns that the pieces take, two of space after each included."""
    return [max(width(text) for _, text in pieces) + 2 for pieces in zip(*rows, strict=True)]


def padded(text: str, columns: int) -> str:
    """``text`` with spaces after it."""
    return text + " " * (columns - width(text))


def joined(pieces: Sequence[Piece], columns: Sequence[int]) -> str:
    """The pieces, padded to their columns, as one text."""
    return "".join(padded(text, each) for (_, text), each in zip(pieces, columns, strict=True))
