"""A plan as boxes and lines: levels from left to right, or downwards where that is narrower."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from cloudops_nb.models.results import ExecutionResult
from cloudops_nb.render.describe_result import was_started
from cloudops_nb.render.layers import Layers, Needs, layered, placed
from cloudops_nb.render.picture import CHARACTER, add, canvas, label
from cloudops_nb.render.record import SYMBOLS, one_line, state, took
from cloudops_nb.render.text import width

_DETAIL = 26  # columns
_WAITS = 100  # bytes
_PAGE = 1_100  # pixels: wider than that is scrolled
_MARGIN = 4
_HEAD = 6  # an arrow's
_BEND = 4  # pixels that a passing line takes across its rank


@dataclass(frozen=True, slots=True)
class Box:
    """A command; ``tip`` is what hovering tells, ``result`` is None before it was run."""

    index: int
    name: str
    tip: str
    result: ExecutionResult | None

    @property
    def detail(self) -> str:
        """Its second line: state and time."""
        if self.result is None:
            return ""
        status = self.result.status
        first = SYMBOLS[status] if self.result.success else state(status)
        time = took(self.result.duration) if was_started(self.result) else ""
        return label(f"{first} {time}".strip(), _DETAIL)

    @property
    def is_done(self) -> bool:
        """Whether what needs it could start, as far as is known."""
        return self.result is None or self.result.success


@dataclass(frozen=True, slots=True)
class _Plane:
    """Where things are: ``along`` runs through the ranks, ``across`` within one."""

    downwards: bool
    wide: float
    high: float

    @property
    def depth(self) -> float:
        return self.high if self.downwards else self.wide

    @property
    def breadth(self) -> float:
        return self.wide if self.downwards else self.high

    @property
    def pitch(self) -> float:
        """From one rank to the next."""
        return self.depth + (30 if self.downwards else 56)

    @property
    def gap(self) -> float:
        return 18 if self.downwards else 12

    def point(self, along: float, across: float) -> tuple[float, float]:
        x, y = (across, along) if self.downwards else (along, across)
        return x + _MARGIN, y + _MARGIN


def draw_boxes(boxes: Sequence[Box], needs: Needs, description: str) -> Element:
    """The picture of at most some dozens of commands."""
    columns = max((max(width(box.name), width(box.detail)) for box in boxes), default=0)
    wide = max(columns * CHARACTER + 20, 60)
    high = 38 if any(box.result for box in boxes) else 24
    if not any(needs.values()):
        return _grid(boxes, wide, high, description)
    layers = layered(len(boxes), needs)
    planes = [_Plane(downwards, wide, high) for downwards in (False, True)]
    places = [_places(plane, layers, len(boxes)) for plane in planes]
    sizes = [_size(plane, layers, place) for plane, place in zip(planes, places, strict=True)]
    chosen = int(sizes[0][0] > max(_PAGE, sizes[1][0]) or sizes[1][0] < sizes[0][0] > _PAGE)
    plane, place = planes[chosen], places[chosen]
    root = canvas(sizes[chosen], "Plan", description)
    _draw_lines(root, plane, layers, place, boxes)
    for rank, members in enumerate(layers.ranks):
        for vertex in members:
            if vertex < len(boxes):
                middle = plane.point(rank * plane.pitch + plane.depth / 2, place[vertex])
                _draw_box(root, boxes[vertex], needs.get(vertex, ()), middle, (wide, high))
    return root


def _places(plane: _Plane, layers: Layers, boxes: int) -> dict[int, float]:
    members = [vertex for rank in layers.ranks for vertex in rank]
    sizes = {vertex: plane.breadth if vertex < boxes else _BEND for vertex in members}
    return placed(layers, sizes, plane.gap)


def _size(plane: _Plane, layers: Layers, place: Mapping[int, float]) -> tuple[float, float]:
    along = (len(layers.ranks) - 1) * plane.pitch + plane.depth
    x, y = plane.point(along, max(place.values()) + plane.breadth / 2)
    return x + _MARGIN, y + _MARGIN


def _grid(boxes: Sequence[Box], wide: float, high: float, description: str) -> Element:
    """Rows of boxes that wait for nothing, as a page is read."""
    columns = max(min(int(_PAGE // (wide + 16)), len(boxes)), 1)
    rows = -(-len(boxes) // columns)
    size = columns * (wide + 16) - 16 + 2 * _MARGIN, rows * (high + 12) - 12 + 2 * _MARGIN
    root = canvas(size, "Plan", description)
    for box in boxes:
        row, column = divmod(box.index, columns)
        x, y = _MARGIN + wide / 2 + column * (wide + 16), _MARGIN + high / 2 + row * (high + 12)
        _draw_box(root, box, (), (x, y), (wide, high))
    return root


def _draw_lines(
    root: Element, plane: _Plane, layers: Layers, place: Mapping[int, float], boxes: Sequence[Box]
) -> None:
    rank_of = {vertex: number for number, rank in enumerate(layers.ranks) for vertex in rank}
    paths: dict[bool, list[str]] = {True: [], False: []}
    heads = []
    for start, end in sorted(layers.lines):
        along = rank_of[start] * plane.pitch + plane.depth
        target = rank_of[end] * plane.pitch - (_HEAD if end < len(boxes) else 0)
        middle = (along + target) / 2
        points = [
            plane.point(along, place[start]),
            plane.point(middle, place[start]),
            plane.point(middle, place[end]),
            plane.point(target, place[end]),
        ]
        first, *others = (f"{x:.0f} {y:.0f}" for x, y in points)
        is_done = boxes[layers.bends.get(start, start)].is_done
        paths[is_done].append(f"M{first}C{' '.join(others)}")
        if end < len(boxes):
            heads.append(_head(plane, target, place[end]))
    for bend, source in layers.bends.items():
        along = rank_of[bend] * plane.pitch
        ends = [plane.point(at, place[bend]) for at in (along, along + plane.depth)]
        first, last = (f"{x:.0f} {y:.0f}" for x, y in ends)
        paths[boxes[source].is_done].append(f"M{first}L{last}")
    for is_done, parts in paths.items():
        if parts:
            look = "co-edge" if is_done else "co-edge co-broken"
            add(root, "path", look=look, d="".join(parts))
    add(root, "path", look="co-head", d="".join(dict.fromkeys(heads)))


def _head(plane: _Plane, along: float, across: float) -> str:
    corners = [(along, across - 4), (along + _HEAD, across), (along, across + 4)]
    return "M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in (plane.point(*at) for at in corners)) + "z"


def _draw_box(
    root: Element,
    box: Box,
    needed: Sequence[int],
    middle: tuple[float, float],
    size: tuple[float, float],
) -> None:
    (x, y), (wide, high) = middle, size
    group = add(root, "g")
    told = box.tip
    if needed:
        waits = ", ".join(f"#{need}" for need in sorted(needed))
        told += f" · needs {one_line(waits, _WAITS)}"
    add(group, "title", told)
    shape = add(group, "g", look=f"co-{box.result.status}" if box.result else "co-planned")
    corner = {"x": x - wide / 2, "y": y - high / 2, "width": wide, "height": high}
    add(shape, "rect", look="co-box", rx=5, **corner)
    add(group, "text", box.name, look="co-mid", x=x, y=y + (-3 if box.detail else 4))
    if box.detail:
        add(shape, "text", box.detail, look="co-mid", x=x, y=y + 13)
