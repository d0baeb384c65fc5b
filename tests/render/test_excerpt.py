"""A long output is shown by its head and its tail, within a budget."""

import pytest

from cloudops_nb.render.excerpt import excerpt
from cloudops_nb.render.record import Excerpt
from cloudops_nb.render.sgr import PLAIN

BUDGET = 40_000  # as HTML and text together


def texts(shown: Excerpt) -> list[str]:
    return [line.text for line in shown.head + shown.tail]


def numbered(count: int) -> list[str]:
    return [f"line {n}" for n in range(count)]


def test_forty_lines_are_shown_whole() -> None:
    shown = excerpt("\n".join(numbered(40)) + "\n", "stdout", BUDGET)

    assert (texts(shown), shown.omitted) == (numbered(40), 0)


def test_of_more_lines_the_first_ten_and_the_last_twenty_are_shown() -> None:
    lines = numbered(1000)
    shown = excerpt("\n".join(lines), "stdout", BUDGET)

    assert texts(shown) == lines[:10] + lines[-20:]
    assert shown.omitted == 970


def test_forty_lines_of_more_than_eight_kilobytes_are_not_whole() -> None:
    assert excerpt("\n".join(["x" * 300] * 40), "stdout", BUDGET).omitted == 10


def test_without_a_head_only_the_end_is_shown() -> None:
    shown = excerpt("\n".join(numbered(30)), "stderr", BUDGET, head=0, tail=6)

    assert (texts(shown), shown.omitted) == (numbered(30)[-6:], 24)


def test_blank_lines_around_the_output_are_left_out() -> None:
    assert texts(excerpt("\n\nAn error\n\n", "stderr", BUDGET)) == ["An error"]


def test_a_line_above_two_thousand_characters_is_cut() -> None:
    [line] = excerpt("x" * 5000, "stdout", BUDGET).head

    assert (len(line.text), line.cut) == (2000, 5000)


def test_where_the_budget_is_tight_lines_are_cut_shorter() -> None:
    shown = excerpt("\n".join(["x" * 2000] * 30), "stdout", BUDGET)

    assert {len(line.text) for line in shown.head + shown.tail} == {500}
    assert shown.omitted == 0


def test_where_colours_alone_are_too_much_they_are_left_out() -> None:
    rainbow = "".join(f"\x1b[38;5;{n % 200 + 20}mx" for n in range(80))
    shown = excerpt("\n".join([rainbow] * 30), "stdout", BUDGET)

    assert texts(shown) == ["x" * 80] * 30
    assert {segment.style for line in shown.head for segment in line.segments} == {PLAIN}


@pytest.mark.parametrize("worst", ["\U000e0041", "'", "\x1b[1;38;5;99;48;5;9mx\x1b[3my"])
@pytest.mark.parametrize(("head", "tail", "budget"), [(10, 20, 18_000), (0, 6, 3_000)])
def test_the_heaviest_text_there_is_fits(worst: str, head: int, tail: int, budget: int) -> None:
    text = "\n".join([worst * 10_000] * 50)
    shown = excerpt(text, "stdout", budget, head=head, tail=tail)

    assert shown.head + shown.tail
    assert sum(len(line.encode()) for line in texts(shown)) <= budget
    assert shown.omitted + len(shown.head + shown.tail) == 50
