"""Ranks, crossings and places of a layered layout."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.render.layers import Layers, crossings, layered, levels, placed


@st.composite
def acyclic(draw: st.DrawFn, most: int = 14) -> tuple[int, dict[int, tuple[int, ...]]]:
    """A number of vertices and what each needs, in any order of indices."""
    count = draw(st.integers(0, most))
    names = draw(st.permutations(range(count)))
    needs = {}
    for place in range(1, count):
        needed = draw(st.lists(st.integers(0, place - 1), max_size=4))
        needs[names[place]] = tuple(names[each] for each in needed)
    return count, needs


def paths(layers: Layers, count: int) -> set[tuple[int, int]]:
    """Which vertex leads to which, along lines that pass only bends of that vertex."""
    found = set()
    for start, end in layers.lines:
        source = layers.bends.get(start, start)
        if end < count:
            found.add((source, end))
        else:
            assert layers.bends[end] == source
    return found


def test_a_vertex_stands_one_rank_below_the_lowest_it_needs() -> None:
    assert levels(5, {1: (0,), 2: (1,), 3: (0, 2), 4: ()}) == [0, 1, 2, 3, 0]


def test_a_line_over_several_ranks_bends_in_each_it_passes() -> None:
    layers = layered(3, {1: (0,), 2: (1, 0)})

    assert layers.bends == {3: 0}
    assert layers.lines == {(0, 1), (1, 2), (0, 3), (3, 2)}


def test_long_lines_from_one_vertex_share_their_bends() -> None:
    layers = layered(5, {1: (0,), 2: (1,), 3: (2, 0), 4: (2, 0)})

    assert len(layers.bends) == 2


def test_crossed_pairs_are_uncrossed() -> None:
    layers = layered(4, {2: (1,), 3: (0,)})

    assert crossings([[0, 1], [2, 3]], layers.lines) == 1
    assert crossings(layers.ranks, layers.lines) == 0


def test_lines_that_share_an_end_do_not_cross_there() -> None:
    assert crossings([[0, 1], [2]], [(0, 2), (1, 2)]) == 0


def test_a_vertex_stands_in_the_middle_of_what_it_needs() -> None:
    layers = layered(3, {2: (0, 1)})
    place = placed(layers, dict.fromkeys(range(3), 10.0), gap=4)

    assert (place[0], place[1]) == (5.0, 19.0)
    assert round(place[2]) == 12


@given(acyclic())
def test_every_need_is_a_line_and_every_line_a_need(
    drawn: tuple[int, dict[int, tuple[int, ...]]],
) -> None:
    count, needs = drawn
    layers = layered(count, needs)

    assert paths(layers, count) == {(n, vertex) for vertex, all_ in needs.items() for n in all_}
    rank_of = {vertex: at for at, rank in enumerate(layers.ranks) for vertex in rank}
    assert all(rank_of[end] == rank_of[start] + 1 for start, end in layers.lines)
    assert sorted(rank_of) == list(range(count + len(layers.bends)))


@given(acyclic(), st.floats(1, 50), st.floats(0, 20))
def test_nothing_overlaps_within_a_rank(
    drawn: tuple[int, dict[int, tuple[int, ...]]], size: float, gap: float
) -> None:
    layers = layered(*drawn)
    sizes = {vertex: size for rank in layers.ranks for vertex in rank}
    place = placed(layers, sizes, gap)

    for rank in layers.ranks:
        assert all(place[b] - place[a] >= size + gap - 1e-6 for a, b in pairwise(rank))
    assert min(place.values(), default=size / 2) >= size / 2 - 1e-6
