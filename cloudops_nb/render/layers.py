"""Layered layout of an acyclic graph (Sugiyama): ranks by longest path, few crossings, short lines.

Own code, since grandalf, the one library for this without a binary, is GPL or EPL and at rest since
2023. Pure; lengths are in the caller's unit.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise
from statistics import fmean

Needs = Mapping[int, Sequence[int]]

_SWEEPS = 12


@dataclass(frozen=True, slots=True)
class Layers:
    """Vertices rank by rank, and lines between vertices of neighbouring ranks.

    A vertex that is not among those laid out is a bend, where a line passes a rank; ``bends`` tells
    which vertex the line comes from. Long lines from one vertex share their bends.
    """

    ranks: tuple[tuple[int, ...], ...]
    lines: frozenset[tuple[int, int]]
    bends: Mapping[int, int]


def levels(count: int, needs: Needs) -> list[int]:
    """The rank of each vertex: one more than the highest of those it needs.

    Raises:
        graphlib.CycleError: ``needs`` has a cycle.
    """
    level = [0] * count
    for vertex in TopologicalSorter(needs).static_order():
        level[vertex] = max((level[need] + 1 for need in needs.get(vertex, ())), default=0)
    return level


def layered(count: int, needs: Needs) -> Layers:
    """Ranks of the vertices from 0 to ``count``, ordered so that few lines cross."""
    level = levels(count, needs)
    ranks: list[list[int]] = [[] for _ in range(max(level, default=-1) + 1)]
    for vertex in range(count):
        ranks[level[vertex]].append(vertex)
    lines = set()
    passing: dict[tuple[int, int], int] = {}  # the bend of a vertex in a rank
    for vertex, needed in sorted(needs.items()):
        for need in sorted(set(needed)):
            last = need
            for rank in range(level[need] + 1, level[vertex]):
                if (need, rank) not in passing:
                    passing[need, rank] = count + len(passing)
                    ranks[rank].append(passing[need, rank])
                lines.add((last, passing[need, rank]))
                last = passing[need, rank]
            lines.add((last, vertex))
    bends = {bend: need for (need, _), bend in passing.items()}
    return Layers(_ordered(ranks, lines), frozenset(lines), bends)


def crossings(ranks: Iterable[Sequence[int]], lines: Iterable[tuple[int, int]]) -> int:
    """How many pairs of lines cross."""
    place = {vertex: index for rank in ranks for index, vertex in enumerate(rank)}
    rank_of = {vertex: number for number, rank in enumerate(ranks) for vertex in rank}
    crossed = 0
    ends: dict[int, list[int]] = {}
    for start, end in sorted(lines, key=lambda line: (place[line[0]], place[line[1]])):
        before = ends.setdefault(rank_of[start], [])
        crossed += len(before) - bisect_right(before, place[end])
        insort(before, place[end])
    return crossed


def _ordered(
    ranks: Sequence[Sequence[int]], lines: Iterable[tuple[int, int]]
) -> tuple[tuple[int, ...], ...]:
    """The best of a few sweeps, forth and back, that sort ranks by their neighbours' middle."""
    before, after = _neighbours(lines)
    current = [list(rank) for rank in ranks]
    best, fewest = current, crossings(current, lines)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        current = [list(rank) for rank in current]
        forth = sweep % 2 == 0
        neighbours = before if forth else after
        place: dict[int, float] = {}
        for rank in current if forth else reversed(current):
            middle = {
                vertex: fmean(place[other] for other in neighbours[vertex])
                if vertex in neighbours
                else index
                for index, vertex in enumerate(rank)
            }
            rank.sort(key=middle.__getitem__)
            place |= {vertex: index for index, vertex in enumerate(rank)}
        if (crossed := crossings(current, lines)) < fewest:
            best, fewest = current, crossed
    return tuple(map(tuple, best))


def placed(layers: Layers, sizes: Mapping[int, float], gap: float) -> dict[int, float]:
    """The middle of each vertex across its rank: near its neighbours, ``gap`` from the next.

    Args:
        sizes: of each vertex, bends too, across its rank.
    """
    before, after = _neighbours(layers.lines)
    place: dict[int, float] = {}
    for rank in layers.ranks:
        place |= dict(zip(rank, _apart([0.0] * len(rank), rank, sizes, gap), strict=True))
    for sweep in range(_SWEEPS):
        neighbours = (before, after)[sweep % 2]
        for rank in layers.ranks if sweep % 2 == 0 else layers.ranks[::-1]:
            wanted = [
                fmean(place[other] for other in neighbours.get(vertex, (vertex,)))
                for vertex in rank
            ]
            place |= dict(zip(rank, _apart(wanted, rank, sizes, gap), strict=True))
    first = min((place[vertex] - sizes[vertex] / 2 for vertex in place), default=0.0)
    return {vertex: middle - first for vertex, middle in place.items()}


def _apart(
    wanted: Sequence[float], rank: Sequence[int], sizes: Mapping[int, float], gap: float
) -> list[float]:
    """The middles nearest to ``wanted`` (least squares) that keep order and distance.

    Less the room that those before it need, each may not be below the one before: this is isotonic
    regression, by pooling adjacent violators.
    """
    needed = [0.0]
    for one, other in pairwise(rank):
        needed.append(needed[-1] + (sizes[one] + sizes[other]) / 2 + gap)
    pools: list[tuple[float, int]] = []  # mean and number
    for want, room in zip(wanted, needed, strict=False):
        mean, number = want - room, 1
        while pools and pools[-1][0] > mean:
            earlier, many = pools.pop()
            mean = (mean * number + earlier * many) / (number + many)
            number += many
        pools.append((mean, number))
    means = [mean for mean, number in pools for _ in range(number)]
    return [mean + room for mean, room in zip(means, needed, strict=False)]


def _neighbours(
    lines: Iterable[tuple[int, int]],
) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """For each vertex those its lines come from, and those they go to."""
    before: dict[int, list[int]] = {}
    after: dict[int, list[int]] = {}
    for start, end in sorted(lines):
        before.setdefault(end, []).append(start)
        after.setdefault(start, []).append(end)
    return before, after
