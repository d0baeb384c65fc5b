"""Rows out of output, and frames out of rows."""

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.errors import RecordsUnavailable
from cloudops_nb.records import Records, parse_records


def test_a_list_of_objects_gives_a_row_each() -> None:
    records = parse_records('[{"a": 1}, {"a": 2}]')
    assert (records, records.kind) == ([{"a": 1}, {"a": 2}], "json")


def test_an_object_gives_one_row() -> None:
    assert parse_records('{"a": 1}') == [{"a": 1}]


def test_a_path_leads_to_the_rows_inside_an_object() -> None:
    text = '{"Users": [{"Name": "ann"}], "IsTruncated": false}'
    assert parse_records(text, path="Users") == [{"Name": "ann"}]


def test_an_empty_list_at_the_path_gives_no_rows() -> None:
    assert parse_records('{"Users": []}', path="Users") == []


def test_an_object_without_the_path_gives_itself() -> None:
    assert parse_records('{"Other": 1}', path="Users") == [{"Other": 1}]


def test_a_query_wins_over_the_path() -> None:
    text = '{"Users": [{"Name": "ann"}], "Next": {"x": 1}}'
    assert parse_records(text, path="Users", query="Next") == [{"x": 1}]


def test_values_that_are_no_objects_become_rows_with_a_value() -> None:
    assert parse_records('["a", 1, null]') == [{"value": "a"}, {"value": 1}, {"value": None}]


def test_a_query_that_finds_a_false_value_has_found_it() -> None:
    assert parse_records('{"n": 0}', query="n") == [{"value": 0}]


def test_a_query_that_finds_nothing_gives_no_rows() -> None:
    assert parse_records('{"n": 0}', query="m") == []


def test_json_lines_give_a_row_each_whatever_ends_them() -> None:
    records = parse_records('{"a": 1}\n\n{"a": 2}\r\n{"a": 3}')
    assert (records, records.kind) == ([{"a": 1}, {"a": 2}, {"a": 3}], "json_lines")


def test_json_lines_may_hold_line_separators_of_unicode() -> None:
    rows = [{"a": "one\u2028two\x85three"}, {"a": "\u2029"}]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    assert parse_records(text) == rows


def test_plain_text_gives_its_lines() -> None:
    records = parse_records("one\ntwo \x0c two\r\n\nfour\n")
    assert [row["line"] for row in records] == ["one", "two \x0c two", "", "four"]
    assert records.kind == "text"


def test_lines_that_are_json_but_no_objects_are_text() -> None:
    assert parse_records("1\n2") == [{"line": "1"}, {"line": "2"}]


def test_no_output_gives_no_rows() -> None:
    assert parse_records("") == []
    assert parse_records("", query="a.b") == []


def test_colours_do_not_hide_json() -> None:
    assert parse_records('\x1b[1;34m{"a"\x1b[0m: 1}') == [{"a": 1}]


def test_a_run_of_brackets_is_text_and_no_crash() -> None:
    text = "[" * 100_000
    assert parse_records(text) == [{"line": text}]


def test_a_number_too_long_for_python_is_text_and_no_crash() -> None:
    assert parse_records("1" * 5000).kind == "text"


def test_a_query_on_plain_text_is_refused_and_shows_the_text() -> None:
    with pytest.raises(RecordsUnavailable, match=r"needs JSON.*An error occurred"):
        parse_records("\nAn error occurred\n", query="a")


@pytest.mark.parametrize("query", ["a[", "no_such_function(@)", "abs(@)", ""])
def test_a_bad_query_is_refused_by_its_text(query: str) -> None:
    with pytest.raises(RecordsUnavailable, match=r"query"):
        parse_records('{"a": 1}', query=query)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(st.text(max_size=5), _json, max_size=4), max_size=5))
def test_rows_survive_being_printed_as_json_and_read_back(rows: list[dict[str, object]]) -> None:
    assert parse_records(json.dumps(rows)) == rows


@given(st.lists(st.dictionaries(st.text(max_size=3), _json, max_size=4), max_size=5))
def test_whatever_json_rows_hold_they_become_a_frame(rows: list[dict[str, object]]) -> None:
    assert len(Records(rows).to_pandas()) == len(rows)


@given(st.text())
def test_any_output_has_records_and_a_frame(text: str) -> None:
    records = parse_records(text)
    assert len(records.to_pandas()) == len(records)


# Frames


def frame(*rows: dict[str, object]) -> pd.DataFrame:
    return Records(rows).to_pandas()


def test_no_rows_give_an_empty_frame() -> None:
    assert frame().empty


def test_times_become_aware_and_utc() -> None:
    result = frame({"t": "2024-05-01T10:00:00+02:00"}, {"t": "2024-05-01T10:00:00.5Z"}, {})
    assert str(result["t"].dt.tz) == "UTC"
    assert result["t"][0] == pd.Timestamp("2024-05-01T08:00:00Z")
    assert pd.isna(result["t"][2])


@pytest.mark.parametrize("text", ["2024-05-01T10:00:00", "2024-05-01", "9999-99-99T99:99:99Z"])
def test_what_is_no_certain_moment_stays_text(text: str) -> None:
    assert frame({"t": text})["t"][0] == text


def test_the_last_moment_of_the_calendar_is_no_crash() -> None:
    assert str(frame({"t": "9999-12-31T23:59:59Z"})["t"][0]).startswith("9999-12-31")


def test_whole_numbers_stay_whole_where_some_are_missing() -> None:
    result = frame({"n": 1}, {"n": None}, {})
    assert str(result["n"].dtype) == "Int64"
    assert result["n"].to_list() == [1, pd.NA, pd.NA]


def test_large_whole_numbers_stay_exact_where_some_are_missing() -> None:
    number = 2**53 + 1
    assert frame({"n": number}, {"n": None})["n"][0] == number


def test_fractions_and_truth_values_are_not_made_whole() -> None:
    result = frame({"f": 1.5, "b": True}, {})
    assert result["f"][0] == 1.5
    assert result["b"][0] is True


def test_nested_objects_become_dotted_columns() -> None:
    assert frame({"a": {"b": {"c": 1}}, "d": 2}).to_dict("records") == [{"a.b.c": 1, "d": 2}]


def test_keys_with_dots_inside_nested_objects_are_no_crash() -> None:
    result = frame({"labels": {"app.kubernetes.io/name": "web"}}, {})
    assert result["labels.app.kubernetes.io/name"][0] == "web"


def test_lists_stay_lists() -> None:
    assert frame({"a": [1, 2]})["a"][0] == [1, 2]


# The sequence


def test_records_are_a_sequence() -> None:
    records = parse_records('[{"a": 1}, {"a": 2}, {"a": 3}]')
    assert len(records) == 3
    assert records[-1] == {"a": 3}
    assert records[1:] == [{"a": 2}, {"a": 3}]
    assert records[1:].kind == "json"
    assert list(records) == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert repr(records) == "<Records: 3 rows from json>"


def test_joined_records_say_where_each_came_from() -> None:
    joined = Records.concat(
        [({"region": "a"}, Records([{"x": 1}])), ({"region": "b"}, Records([{"x": 2}]))]
    )
    assert joined == [{"region": "a", "x": 1}, {"region": "b", "x": 2}]


def test_a_rows_own_column_is_not_overwritten_by_ours() -> None:
    joined = Records.concat([({"region": "a"}, Records([{"region": "theirs"}]))])
    assert joined == [{"cloudops_region": "a", "region": "theirs"}]


def test_joined_records_of_one_kind_keep_it() -> None:
    text = parse_records("line")
    assert Records.concat([({}, text), ({}, text)]).kind == "text"
    assert Records.concat([({}, text), ({}, parse_records("{}"))]).kind == "json"
