"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("90s", 90_000),
        ("2m", 120_000),
        ("1h30m", 5_400_000),
        ("1h2m3s4ms", 3_723_004),
        ("500ms", 500),
        ("120", 120_000),
        ("0.5", 500),
        ("1.5s", 1_500),
        (" 2m ", 120_000),
        ("90m", 5_400_000),
    ],
)
def test_a_duration_is_read_in_milliseconds(text: str, milliseconds: int) -> None:
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "s",
        "5x",
        "1:30",
        "-1s",
        "1m1h",
        "1s1s",
        "1 m",
        "1e3",
        "٣s",
        "0",
        "0s",
        "inf",
        ".5s",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidCommand, match="duration"):
        parse_duration(text)


@given(h=st.integers(0, 99), m=st.integers(0, 99), s=st.integers(0, 99), ms=st.integers(0, 9999))
def test_units_add_up(h: int, m: int, s: int, ms: int) -> None:
    total = ((h * 60 + m) * 60 + s) * 1000 + ms
    if total:
        assert parse_duration(f"{h}h{m}m{s}s{ms}ms") == total
