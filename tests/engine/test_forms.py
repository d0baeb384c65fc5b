"""What a view is given of a flood."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.engine import forms
from cloudops_nb.engine.forms import Chunk, OutputFormatter, Tail
from cloudops_nb.models import OutputBatch
from tests.support import cut

ID = uuid4()
AT = datetime(2026, 1, 1, tzinfo=UTC)


def chunk(data: bytes) -> Chunk:
    return Chunk(ID, None, "stdout", data, AT)


def tail_of(pieces: list[bytes]) -> Tail:
    first, *rest = pieces
    tail = Tail(chunk(first))
    for piece in rest:
        tail.add(chunk(piece))
    return tail


def text_of(formatter: OutputFormatter, tail: Tail) -> tuple[str, int, int]:
    (event,) = formatter.events(tail)
    assert isinstance(event, OutputBatch)
    return event.text, event.omitted_bytes, event.omitted_lines


@given(
    st.lists(st.sampled_from([b"a", b"bcdef", b"\n", b"x" * 20]), max_size=60).map(b"".join),
    st.lists(st.integers(0, 400), max_size=8),
)
def test_a_tail_and_what_it_leaves_out_are_the_whole(data: bytes, cuts: list[int]) -> None:
    original, forms.TAIL_BYTES = forms.TAIL_BYTES, 50
    try:
        kept, omitted_bytes, omitted_lines = tail_of(cut(data, cuts)).take()
    finally:
        forms.TAIL_BYTES = original
    assert data.endswith(kept)
    assert omitted_bytes == len(data) - len(kept)
    assert omitted_lines == data[:omitted_bytes].count(b"\n")
    assert len(kept) <= 50


def test_a_tail_that_leaves_something_out_begins_with_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forms, "TAIL_BYTES", 8)
    assert tail_of([b"one\ntwo\n", b"three\n"]).take() == (b"three\n", 8, 2)
    assert tail_of([b"one\ntw", b"o\n1234567\n"]).take() == (b"1234567\n", 8, 2)


def test_a_tail_of_one_long_line_begins_inside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "TAIL_BYTES", 4)
    assert tail_of([b"123456", b"789"]).take() == (b"6789", 5, 0)


def test_half_a_character_before_what_was_left_out_spoils_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forms, "TAIL_BYTES", 4)
    formatter = OutputFormatter("tail")
    assert text_of(formatter, tail_of([b"a\n\xc3"])) == ("a\n", 0, 0)
    assert text_of(formatter, tail_of([b"\xbc\nlonger\n", b"end\n"])) == ("end\n", 9, 2)


def test_a_character_that_comes_in_two_tails_is_whole() -> None:
    formatter = OutputFormatter("tail")
    assert text_of(formatter, tail_of([b"a\xc3"])) == ("a", 0, 0)
    assert text_of(formatter, tail_of([b"\xbcb"])) == ("üb", 0, 0)
