"""The line splitter, against a plain reference."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from cloudops_nb.engine import lines as lines_module
from cloudops_nb.engine.lines import MAX_LINE_BYTES, LineSplitter
from tests.support import cut


def split(pieces: list[bytes]) -> list[str]:
    splitter = LineSplitter()
    fed = [line for piece in pieces for line in splitter.feed(piece)]
    return fed + splitter.flush()


def reference(data: bytes) -> list[str]:
    r"""What ends at ``\n``, ``\r\n`` or ``\r``, and the rest, if there is one."""
    *lines, rest = re.split(rb"\r\n|\n|\r", data)
    return [line.decode("utf-8", "replace") for line in (*lines, *([rest] if rest else []))]


_data = st.lists(st.sampled_from([b"a", "ü".encode(), b"\xff", b"\r", b"\n"]), max_size=30)


@given(_data.map(b"".join), st.lists(st.integers(0, 40), max_size=8))
@example(b"a\r", [])
@example(b"\n\r", [])
@example(b"a\r\n", [2])
def test_lines_are_the_references_wherever_they_are_cut(data: bytes, cuts: list[int]) -> None:
    assert split(cut(data, cuts)) == reference(data)


def test_a_line_is_given_as_soon_as_it_ends() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"one\ntw") == ["one"]
    assert splitter.feed(b"o\n") == ["two"]


def test_a_progress_bar_gives_a_line_at_each_return() -> None:
    assert LineSplitter().feed(b"1%\r2%\r3%\n") == ["1%", "2%", "3%"]


@given(
    st.lists(st.sampled_from(["a", "ü", "€", "😀", "\n", "\r\n"]), max_size=60).map("".join),
    st.lists(st.integers(0, 200), max_size=8),
)
def test_long_lines_come_in_whole_characters_wherever_they_are_cut(
    text: str, cuts: list[int]
) -> None:
    data = text.encode()
    original = lines_module.MAX_LINE_BYTES
    lines_module.MAX_LINE_BYTES = 8
    try:
        lines = split(cut(data, cuts))
        assert lines == split([data])
    finally:
        lines_module.MAX_LINE_BYTES = original
    assert "\ufffd" not in "".join(lines)
    assert "".join(lines) == text.replace("\r", "").replace("\n", "")
    assert all(len(line.encode()) <= 8 for line in lines)


def test_a_line_of_exactly_the_limit_before_a_return_is_one_line() -> None:
    line = b"x" * MAX_LINE_BYTES
    assert split([line + b"\r", b"\nend"]) == [line.decode(), "end"]
