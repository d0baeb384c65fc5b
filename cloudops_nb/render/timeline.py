"""Who ran when: a row for each command of a result, or for each run of commands of a large one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from xml.etree.ElementTree import Element

from cloudops_nb.models.results import ExecutionResult, ExecutionStatus, PlanExecutionResult
from cloudops_nb.render.describe_plan import plan_headline
from cloudops_nb.render.describe_result import result_headline
from cloudops_nb.render.picture import (
    CHARACTER,
    Picture,
    add,
    add_bars,
    add_pieces,
    canvas,
    fitting,
    label,
)
from cloudops_nb.render.record import one_line
from cloudops_nb.render.spans import Course, clock, course, groups, load, ticks
from cloudops_nb.render.tallies import (
    Piece,
    aligned,
    in_words,
    joined,
    outcome,
    padded,
    tally,
    tip,
    widths,
)
from cloudops_nb.render.text import width

_SINGLE_ROWS = 100  # with more commands than that, a row stands for several
_GROUPED_ROWS = (40, 20, 10, 5)
_TITLE = 28  # columns
_TIPS = (300, 30)  # bytes
_PLOT = 560  # pixels
_TEXT_PLOT = 40  # columns
_COLUMNS = 80  # of a grouped row
_HINT = "dotted: waiting · striped: an attempt that did not complete"
_ROW, _TALL_ROW = 20, 26  # pixels, like the two below
_TOP, _BOTTOM = 22, 22  # the scale, and the hint


@dataclass(frozen=True, slots=True)
class _Chart:
    """All that a picture of a result is drawn from."""

    results: tuple[ExecutionResult, ...]
    courses: tuple[Course, ...]
    end: float

    def at(self, seconds: float, room: float = _PLOT) -> float:
        return seconds / self.end * room


def timeline(result: ExecutionResult | PlanExecutionResult) -> Picture:
    """Draws when the commands of ``result`` waited, ran, paused between attempts and ended.

    With more than 100 commands (fewer, where most were retried often) a row stands for several;
    its height is how many ran at a time.
    """
    if isinstance(result, PlanExecutionResult):
        results, headline = result.results, plan_headline(result)
        starts = [each.started_at for each in results]
        origin = result.started_at or min(starts, default=None)
        least = result.total_duration.total_seconds()
    else:
        results, headline = (result,), result_headline(result)
        origin, least = result.started_at, result.duration.total_seconds()
    courses = tuple(course(each, origin) for each in results) if origin else ()
    end = max([least, 0.001, *(each.ended for each in courses)])
    chart = _Chart(results, courses, end)
    drawings = [partial(_grouped, chart, most) for most in _GROUPED_ROWS]
    if len(results) <= _SINGLE_ROWS:
        drawings = [*(partial(_single, chart, tips) for tips in _TIPS), *drawings]
    return fitting(headline, drawings)


def _single(chart: _Chart, tips: int) -> tuple[Element, str]:
    """A row for each command."""
    names = [label(each.title, _TITLE) for each in chart.results]
    endings = [[(each.status, outcome(each))] for each in chart.results]
    room = widths(endings)
    root, left = _frame(chart, names, room, _ROW, _HINT)
    lines = []
    for index, (result, each) in enumerate(zip(chart.results, chart.courses, strict=True)):
        top = _TOP + index * _ROW
        row = add(root, "g")
        add(row, "title", one_line(tip(index, result.title, result), tips))
        _label(row, names[index], left, top + _ROW / 2 + 4)
        add_pieces(row, endings[index], room, left + _PLOT + 10, top + _ROW / 2 + 4)
        _draw(chart, row, each, left, top + _ROW / 2)
        lines.append(_text_row(chart, each))
    return root, _table(chart, names, lines, endings, ". waiting, x did not complete")


def _draw(chart: _Chart, row: Element, each: Course, left: float, middle: float) -> None:
    waits = [(left + chart.at(start), left + chart.at(end)) for start, end in each.waits]
    if waits:
        path = "".join(f"M{start:.1f} {middle:.1f}H{end:.1f}" for start, end in waits)
        add(row, "path", look="co-wait", d=path)
    bars: dict[ExecutionStatus, list[tuple[float, float]]] = {}
    for span in each.attempts:
        x = left + chart.at(span.start)
        bars.setdefault(span.status, []).append((x, max(left + chart.at(span.end), x + 2)))
    for status, some in bars.items():
        add_bars(row, status, some, middle)
    if not each.attempts:
        mark = add(row, "g", look=f"co-{each.status}")
        x = left + chart.at(each.ended)
        add(mark, "circle", look="co-box", cx=x, cy=middle, r=4)


def _text_row(chart: _Chart, each: Course) -> str:
    cells = [" "] * _TEXT_PLOT

    def fill(start: float, end: float, char: str) -> None:
        first = min(int(chart.at(start, _TEXT_PLOT)), _TEXT_PLOT - 1)
        last = min(int(chart.at(end, _TEXT_PLOT)), _TEXT_PLOT - 1)
        cells[first : last + 1] = char * (last + 1 - first)

    for start, end in each.waits:
        fill(start, end, ".")
    for span in each.attempts:
        fill(span.start, span.end, "#" if span.status is ExecutionStatus.COMPLETED else "x")
    if not each.attempts:
        fill(each.ended, each.ended, "o")
    return "".join(cells)


def _grouped(chart: _Chart, most: int) -> tuple[Element, str]:
    """A row for each of at most ``most`` runs of commands."""
    parts = groups(len(chart.results), most)
    names = [
        f"#{part[0]:,} to #{part[-1]:,}" if len(part) > 1 else f"#{part[0]:,}" for part in parts
    ]
    counts = [
        tally(each.status for each in chart.results[part[0] : part[-1] + 1]) for part in parts
    ]
    endings = aligned(counts)
    courses = [chart.courses[part[0] : part[-1] + 1] for part in parts]
    loads = [_stack(each, chart.end) for each in courses]
    highest = max((max(part[0][1]) for part in loads if part), default=0) or 1
    ran = f"how many ran at a time, on average; up to {_number(highest)}"
    room = widths(endings)
    root, left = _frame(chart, names, room, _TALL_ROW, f"dotted: waiting · height: {ran}")
    lines = []
    for index, stack in enumerate(loads):
        bottom = _TOP + (index + 1) * _TALL_ROW - 3
        row = add(root, "g")
        add(row, "title", f"{names[index]} · {in_words(counts[index], len(parts[index]))}")
        _label(row, names[index], left, bottom - 6)
        add_pieces(row, endings[index], room, left + _PLOT + 10, bottom - 6)
        first = min((each.attempts[0].start for each in courses[index] if each.attempts), default=0)
        if first:
            path = f"M{left:.1f} {bottom - 1}H{left + chart.at(first):.1f}"
            add(row, "path", look="co-wait", d=path)
        for status, heights in stack:
            area = _area(heights, highest, left, bottom)
            add(row, "path", look=f"co-{status} co-fill", d=area)
        lines.append(_text_load(stack, highest))
    return root, _table(chart, names, lines, endings, f".:+# {ran}")


def _number(load: float) -> str:
    return f"{load:,.0f}" if load >= 10 else f"{load:.1f}".removesuffix(".0")


def _stack(courses: Sequence[Course], end: float) -> list[tuple[ExecutionStatus, list[float]]]:
    """For each state the height of what is stacked up to it, the whole first."""
    total = [0.0] * _COLUMNS
    stack: list[tuple[ExecutionStatus, list[float]]] = []
    for status, _ in tally(span.status for each in courses for span in each.attempts):
        total = [
            sum(both) for both in zip(total, load(courses, status, _COLUMNS, end), strict=True)
        ]
        stack.insert(0, (status, total))
    return stack


def _area(heights: list[float], highest: float, left: float, bottom: float) -> str:
    step = _PLOT / _COLUMNS
    path = f"M{left:.1f} {bottom}"
    level = 0.0
    for column, height in enumerate(heights):
        # Little is still seen: what runs for a moment is a line, never nothing.
        new = round(max(height / highest * (_TALL_ROW - 6), 1.5) if height > 1e-9 else 0, 1)
        if new != level:
            path += f"H{left + column * step:.0f}V{bottom - new:.1f}"
            level = new
    return f"{path}H{left + _PLOT:.0f}V{bottom}z"


def _text_load(stack: list[tuple[ExecutionStatus, list[float]]], highest: float) -> str:
    if not stack:
        return " " * _TEXT_PLOT
    whole = stack[0][1]
    share = _COLUMNS // _TEXT_PLOT
    peaks = [max(whole[start : start + share]) for start in range(0, _COLUMNS, share)]
    return "".join(" .:+#"[ceil(peak / highest * 4)] for peak in peaks)


def _frame(
    chart: _Chart, names: Sequence[str], room: Sequence[int], row: int, hint: str
) -> tuple[Element, float]:
    """The picture with its scale, and where the plot begins."""
    left = max(map(width, names), default=0) * CHARACTER + 14
    right = sum(room) * CHARACTER
    bottom = _TOP + len(names) * row + 4
    words = in_words(tally(each.status for each in chart.results), len(chart.results))
    size = left + _PLOT + max(right, 40), bottom + _BOTTOM
    root = canvas(size, "Timeline", f"{words}, in {clock(chart.end)}. {hint}")
    for tick in ticks(chart.end, 7):
        x = left + chart.at(tick)
        add(root, "path", look="co-grid", d=f"M{x:.1f} {_TOP - 4}V{bottom}")
        add(root, "text", clock(tick), look="co-note co-mid", x=x, y=_TOP - 9)
    add(root, "text", hint, look="co-note", x=left, y=bottom + _BOTTOM - 6)
    return root, left


def _label(row: Element, name: str, x: float, y: float) -> None:
    add(row, "text", name, look="co-end", x=x - 10, y=y)


def _table(
    chart: _Chart,
    names: Sequence[str],
    lines: Sequence[str],
    endings: Sequence[list[Piece]],
    hint: str,
) -> str:
    columns, room = max(map(width, names), default=0), widths(endings)
    rows = [
        f"{padded(name, columns)} |{line}| {joined(pieces, room)}".rstrip()
        for name, line, pieces in zip(names, lines, endings, strict=True)
    ]
    return "\n".join([*rows, f"{' ' * columns} 0 to {clock(chart.end)}; {hint}"])
