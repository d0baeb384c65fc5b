"""Parameters of API calls: placeholders become values of their own type."""

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given

from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models.parameters import substitute_parameters, texts
from cloudops_nb.models.placeholders import Names
from tests.models.strategies import parameters


@pytest.mark.parametrize(
    ("value", "put_in"),
    [
        (7, 7),
        (1.5, 1.5),
        (True, True),
        ("a", "a"),
        (["a", 2, False], ["a", 2, False]),
        (("a",), ["a"]),
        (range(2), [0, 1]),
        ({"Name": "x", "Values": [1]}, {"Name": "x", "Values": [1]}),
        (pd.Series(["i-1", "i-2"]), ["i-1", "i-2"]),
        (Path("/x"), "/x"),
        (Decimal("1.10"), "1.10"),
        (date(2024, 1, 2), "2024-01-02"),
        (datetime(2024, 1, 2, tzinfo=UTC), "2024-01-02T00:00:00+00:00"),
    ],
    ids=repr,
)
def test_a_text_that_is_a_placeholder_becomes_the_value(value: Any, put_in: Any) -> None:
    found = substitute_parameters({"a": ["{{ x }}"]}, {"x": value})
    assert found == {"a": [put_in]}
    assert type(found["a"][0]) is type(put_in)


def test_a_placeholder_inside_a_text_is_put_in_as_text() -> None:
    assert substitute_parameters({"a": "n={{ n }}"}, {"n": 3}) == {"a": "n=3"}


@pytest.mark.parametrize("value", [None, math.nan, math.inf, b"x", {1, 2}, object(), [None]])
def test_what_has_no_value_in_json_is_refused(value: Any) -> None:
    with pytest.raises(InvalidCommand, match=r"\{\{ x"):
        substitute_parameters({"a": "{{ x }}"}, {"x": value})


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(InvalidCommand, match="no variable `instanc`; did you mean instance"):
        substitute_parameters(["{{ instanc }}"], {"instance": 1})


def test_a_value_is_not_read_for_placeholders_itself() -> None:
    smuggled = {"x": ["{{ steps.a.stdout }}"]}
    with pytest.raises(InvalidCommand, match="values are data"):
        substitute_parameters({"a": "{{ x }}"}, smuggled, names=Names.NOTEBOOK)


def test_outputs_of_steps_are_left_for_later() -> None:
    written = {"a": "{{ steps.a.records[0].Id }}", "b": "{{ n }}"}
    found = substitute_parameters(written, {"n": 1}, names=Names.NOTEBOOK)
    assert found == {"a": "{{ steps.a.records[0].Id }}", "b": 1}


@given(parameters)
def test_what_has_no_placeholder_stays_as_it_is(given_: Any) -> None:
    assert substitute_parameters(given_, {}) == given_


def test_all_texts_are_found() -> None:
    assert [*texts({"a": ["x", {"b": "y"}], "c": 1, "d": "z"})] == ["x", "y", "z"]
