"""How a figure is taken: ours and the peer's in turn, medians, and what the goal says of them."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import perf_counter

QUICK = "CLOUDOPS_BENCH_QUICK"
"""Set by ``--quick``: fewer repeats of the same work. Such figures only show that it runs."""
_NONE = "–"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    ours: str
    goal: str
    met: str
    peer: str = _NONE
    ratio: str = _NONE


@dataclass(frozen=True)
class Goal:
    """A bound on a figure or a ratio, such as ``at most 50 ms``."""

    bound: float
    unit: str = ""
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether a figure keeps to it."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}{self.unit}"


def times(full: int, quick: int) -> int:
    """How often to repeat something: ``full``, or ``quick`` in a quick run."""
    return quick if QUICK in os.environ else full


def beside(
    what: str, ours: str, peer: str, ratio: float, goal: Goal | None, *, broken: Iterable[str] = ()
) -> Row:
    """A row about the ratio of ours to the peer's; ``broken``: other promises not kept."""
    bound = f"{goal}×" if goal is not None else _NONE
    return Row(what, ours, bound, _verdict(goal, ratio, broken), peer, f"{ratio:.2f}")


def alone(
    what: str, value: float, goal: Goal, *, notes: str = "", broken: Iterable[str] = ()
) -> Row:
    """A row whose goal is a figure; ``broken``: other promises that were not kept."""
    ours = f"{value:.3g}{goal.unit}" + (f"; {notes}" if notes else "")
    return Row(what, ours, str(goal), _verdict(goal, value, broken))


def _verdict(goal: Goal | None, value: float, broken: Iterable[str]) -> str:
    if troubles := ", ".join(broken):
        return f"no: {troubles}"
    if goal is None:
        return _NONE
    return "yes" if goal.met(value) else "no"


def seconds(run: Callable[[], object]) -> float:
    """How long a run took."""
    started = perf_counter()
    run()
    return perf_counter() - started


def alternate(rounds: int, *runs: Callable[[], object]) -> list[float]:
    """Median seconds of each. They take turns, so that a noisy moment hits all of them."""
    measured = [[seconds(run) for run in runs] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*measured, strict=True)]


def percentile(values: list[float], percent: float) -> float:
    """The value that so many percent do not exceed (nearest rank)."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def milliseconds(duration: float) -> str:
    """``0.00123`` as ``1.23 ms``."""
    return f"{duration * 1000:.2f} ms"


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | ours | peer | ratio | goal | met |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {row.what} | {row.ours} | {row.peer} | {row.ratio} | {row.goal} | {row.met} |"
        for row in rows
    ]
    return "\n".join(lines)
