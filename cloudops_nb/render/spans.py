"""When the commands of a result waited, ran and paused: seconds since it was submitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cloudops_nb.models.results import ExecutionResult, ExecutionStatus
from cloudops_nb.render.describe_result import was_started

_ATTEMPTS = 20  # shown of one command: the last ones


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` to ``end`` one attempt ran, and ended with ``status``."""

    start: float
    end: float
    status: ExecutionStatus


@dataclass(frozen=True, slots=True)
class Course:
    """The course of one command: its attempts; before and between them it waited.

    Of a command that never started ``ended`` is when that was decided.
    """

    attempts: tuple[Span, ...]
    ended: float
    status: ExecutionStatus

    @property
    def waits(self) -> list[tuple[float, float]]:
        """From the plan's start to the first attempt, and from each attempt to the next."""
        if not self.attempts:
            return []
        ends = [0.0, *(span.end for span in self.attempts)]
        return [
            (end, span.start)
            for end, span in zip(ends, self.attempts, strict=False)
            if span.start > end
        ]


def course(result: ExecutionResult, origin: datetime) -> Course:
    """The course of a command of a plan that was submitted at ``origin``."""
    first = _seconds(origin, result.started_at)
    if not was_started(result):
        return Course((), first, result.status)
    ended = first + result.duration.total_seconds()
    spans = []
    start = first
    for attempt in result.earlier_attempts[-_ATTEMPTS:]:
        start = _seconds(origin, attempt.started_at)
        end = start + attempt.duration.total_seconds()
        spans.append(Span(start, end, attempt.status))
        start = end + attempt.waited.total_seconds()
    spans.append(Span(start, max(start, ended), result.status))
    return Course(tuple(spans), max(start, ended), result.status)


def load(
    courses: Sequence[Course], status: ExecutionStatus, columns: int, end: float
) -> list[float]:
    """How many attempts that ended with ``status`` ran at a time, on average in each column.

    Args:
        columns: into how many equal parts the time from 0 to ``end`` is divided.
    """
    step = end / columns
    changes = [0.0] * (columns + 1)  # of the number that run through whole columns
    parts = [0.0] * columns
    for each in courses:
        for span in each.attempts:
            if span.status is not status:
                continue
            first = min(int(span.start / step), columns - 1)
            last = min(int(span.end / step), columns - 1)
            if first == last:
                parts[first] += (span.end - span.start) / step
                continue
            parts[first] += first + 1 - span.start / step
            parts[last] += span.end / step - last
            changes[first + 1] += 1
            changes[last] -= 1
    running = 0.0
    loads = []
    for change, part in zip(changes, parts, strict=False):
        running += change
        loads.append(running + part)
    return loads


def groups(count: int, most: int) -> list[range]:
    """The indices below ``count`` in at most ``most`` runs of a round length, the last shorter."""
    sizes = (scale * step for scale in map((10).__pow__, range(20)) for step in (1, 2, 5))
    size = next(size for size in sizes if size * most >= count)
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


_STEPS = (
    *(scale * step for scale in (0.001, 0.01, 0.1, 1.0) for step in (1, 2, 5)),
    *(10.0, 15.0, 30.0),
    *(scale * step for scale in (60.0, 3600.0) for step in (1, 2, 5, 10, 15, 30)),
)


def ticks(end: float, most: int) -> list[float]:
    """Round times from 0 to ``end``, at most ``most`` and the 0."""
    step = next((each for each in _STEPS if end / each <= most), None)
    if step is None:
        step = 86_400.0 * -(-end // (86_400 * most))
    return [index * step for index in range(int(end / step) + 1)]


def clock(seconds: float) -> str:
    """A tick: ``0.5 s``, ``1 min 30 s``, ``2 h``, ``3 d``."""
    for size, unit, smaller, less in (
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if seconds >= size:
            rest = round(seconds % size / smaller)
            return f"{int(seconds // size):,} {unit}" + (f" {rest} {less}" if rest else "")
    return f"{round(seconds, 3):g} s"


def _seconds(origin: datetime, moment: datetime) -> float:
    """A clock that was set back moves nothing before the start."""
    return max((moment - origin).total_seconds(), 0.0)
