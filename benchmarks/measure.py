"""How a figure is taken: ours and the peer's in turn, medians, and their ratio."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter


@dataclass(frozen=True)
class Row:
    """One line of the table. ``ratio`` is ours to the peer's, in what the goal speaks of."""

    what: str
    ours: str
    peer: str
    ratio: float
    goal: str
    met: bool


def alternate(
    ours: Callable[[], None], peer: Callable[[], None], rounds: int
) -> tuple[float, float]:
    """Median seconds of both. They take turns, so that a noisy moment hits both."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for run, kept in zip((ours, peer), times, strict=True):
            started = perf_counter()
            run()
            kept.append(perf_counter() - started)
    return statistics.median(times[0]), statistics.median(times[1])


def milliseconds(seconds: float) -> str:
    """``0.00123`` as ``1.23 ms``."""
    return f"{seconds * 1000:.2f} ms"


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | ours | peer | ratio | goal | met |", "|---|---|---|---|---|---|"]
    for row in rows:
        met = "yes" if row.met else "no"
        lines.append(
            f"| {row.what} | {row.ours} | {row.peer} | {row.ratio:.2f} | {row.goal} | {met} |"
        )
    return "\n".join(lines)
