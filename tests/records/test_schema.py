"""Rows whose schema is known: their values, their frames, and where they are from."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.errors import RecordsUnavailable
from cloudops_nb.records import Field, Records, Schema, parse_records

TAGS = Field("Tags", "tags", (Field("Key", "string"), Field("Value", "string")))
SCHEMA = Schema(
    (
        Field("Id", "string"),
        Field("Size", "integer"),
        Field("Ratio", "number"),
        Field("Public", "boolean"),
        Field("Made", "timestamp"),
        Field("State", "structure", (Field("Code", "integer"), Field("Since", "timestamp"))),
        Field("Disks", "object"),
        TAGS,
    )
)
DTYPES = {
    "Id": "string",
    "Size": "Int64",
    "Ratio": "Float64",
    "Public": "boolean",
    "Made": "datetime64[us, UTC]",
    "State.Code": "Int64",
    "State.Since": "datetime64[us, UTC]",
    "Disks": "object",
    "Tags": "object",
}
FULL: dict[str, Any] = {
    "Id": "a",
    "Size": 2**53 + 1,
    "Ratio": 0.5,
    "Public": True,
    "Made": "2024-05-01T10:00:00+02:00",
    "State": {"Code": 16, "Since": 1714550400.25},
    "Disks": [{"Name": "x"}],
    "Tags": [{"Key": "Name", "Value": "web"}, {"Key": "env", "Value": "prod"}],
}


def typed(*rows: dict[str, Any], **columns: Any) -> Records:
    return Records(rows, schema=SCHEMA, columns=columns)


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(dtype) for name, dtype in frame.dtypes.items()}


@pytest.mark.parametrize("rows", [[], [{}], [FULL], [FULL, {}], [{}, {"State": None}]])
def test_columns_their_order_and_types_do_not_depend_on_the_rows(rows: list[Any]) -> None:
    assert list(dtypes(typed(*rows).to_pandas()).items()) == list(DTYPES.items())


def test_values_arrive_in_their_columns() -> None:
    row = typed(FULL).to_pandas().iloc[0]
    assert row["Size"] == 2**53 + 1
    assert row["Made"] == pd.Timestamp("2024-05-01T08:00:00Z")
    assert row["State.Since"] == pd.Timestamp("2024-05-01T08:00:00.250Z")
    assert row["Disks"] == [{"Name": "x"}]
    assert row["Tags"] == {"Name": "web", "env": "prod"}


def test_lists_of_one_length_stay_a_column_of_lists() -> None:
    frame = typed({"Disks": [1, 2]}, {"Disks": [3, 4]}).to_pandas()
    assert frame["Disks"].to_list() == [[1, 2], [3, 4]]


def test_tags_become_columns_when_asked_for() -> None:
    frame = typed(FULL, {}, {"Tags": []}).to_pandas(tags=["env", "absent"])
    assert list(frame.columns[:2]) == ["tag:env", "tag:absent"]
    assert frame["tag:env"].fillna("-").to_list() == ["prod", "-", "-"]
    assert dtypes(frame)["tag:absent"] == "string"


def test_tags_may_be_written_as_a_mapping() -> None:
    schema = Schema((Field("tags", "tags"),))
    records = Records([{"tags": {"env": "prod"}}], schema=schema)
    assert records.to_pandas(tags=["env"])["tag:env"].to_list() == ["prod"]


def test_tags_of_rows_that_are_not_known_to_have_any_are_refused() -> None:
    with pytest.raises(RecordsUnavailable, match=r"'env'.*not known to have tags"):
        Records([{"Tags": []}]).to_pandas(tags=["env"])


def test_rows_stay_json_with_tags_as_mappings_and_times_in_iso_8601() -> None:
    (row,) = typed(FULL)
    assert json.loads(json.dumps(row)) == row
    assert row["Tags"] == {"Name": "web", "env": "prod"}
    assert row["State"] == {"Code": 16, "Since": "2024-05-01T08:00:00.250000+00:00"}


def test_seconds_since_1970_and_iso_8601_mean_the_same_moment() -> None:
    made = typed({"Made": 1714557600}, {"Made": 1714557600.0}).to_pandas()["Made"]
    assert made.to_list() == [pd.Timestamp("2024-05-01T10:00:00Z")] * 2


def test_times_of_headers_are_read_too() -> None:
    made = typed({"Made": "Wed, 01 May 2024 10:00:00 GMT"}, {}).to_pandas()["Made"]
    assert made[0] == pd.Timestamp("2024-05-01T10:00:00Z")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Size", "XXXX-masked"),
        ("Size", 2**70),
        ("Public", "yes"),
        ("Made", "soon"),
        ("Made", 1e30),
        ("Id", {"a": 1}),
        ("State", "gone"),
        ("Tags", "XXXX-masked"),
    ],
)
def test_a_value_that_its_type_cannot_hold_is_kept_as_it_is(field: str, value: object) -> None:
    frame = typed({field: value}, FULL).to_pandas()
    assert frame[field][0] == value


def test_members_that_the_schema_does_not_know_come_last() -> None:
    frame = typed({**FULL, "New": {"Thing": 1}, "State": {"Code": 1, "Newer": "x"}}).to_pandas()
    assert frame["New.Thing"][0] == 1
    assert list(frame.columns)[-1] == "New.Thing"
    assert frame["State.Newer"][0] == "x"


def test_columns_of_ours_have_types_without_a_row() -> None:
    made = datetime(2024, 5, 1, tzinfo=UTC).isoformat()
    frame = typed(account=None, region="eu-west-1", requested_at=made).to_pandas()
    assert list(dtypes(frame).items())[:3] == [
        ("account", "string"),
        ("region", "string"),
        ("requested_at", "datetime64[us, UTC]"),
    ]


def test_a_name_that_any_row_has_is_theirs_in_all_rows() -> None:
    records = typed({"Id": "a"}, {"region": "theirs"}, region="ours")
    assert [row["cloudops_region"] for row in records] == ["ours", "ours"]
    frame = records.to_pandas()
    assert frame["cloudops_region"].to_list() == ["ours", "ours"]
    assert frame["region"][1] == "theirs"


def test_types_survive_the_joining_of_several_commands_of_which_some_gave_nothing() -> None:
    other = Schema((Field("Name", "string"), Field("Size", "integer")))
    joined = Records.concat(
        [
            ({"region": "a"}, typed(FULL)),
            ({"region": "b"}, Records([{"Name": "n"}], schema=other)),
            ({"region": "c"}, typed()),
            ({"region": "d"}, typed({"Size": 1})),
        ]
    )
    frame = joined.to_pandas()
    assert dtypes(frame) == {"region": "string", **DTYPES, "Name": "string"}
    assert frame["region"].to_list() == ["a", "b", "d"]
    assert frame["Name"].fillna("-").to_list() == ["-", "n", "-"]
    assert frame["Size"].to_list() == [2**53 + 1, pd.NA, 1]


def test_a_slice_keeps_what_its_rows_are_from_and_its_columns() -> None:
    joined = Records.concat(
        [({"region": "a"}, typed({"Id": "1"}, {"Id": "2"})), ({"region": "b"}, typed({"Id": "3"}))]
    )
    assert [(row["region"], row["Id"]) for row in joined[::-1]] == [
        ("b", "3"),
        ("a", "2"),
        ("a", "1"),
    ]
    assert joined[2] == joined[-1] == {"region": "b", "Id": "3"}
    assert list(joined[3:].to_pandas().columns) == ["region", *DTYPES]


# Reading


UNFOLDING = Schema((Field("Id", "string"), Field("Owner", "string")), unfolds="Things")


def test_containers_are_unfolded_and_what_they_say_is_part_of_each_row() -> None:
    boxes = [{"Owner": "o", "Things": [{"Id": "1"}, {"Id": "2", "Owner": "own"}]}, {"Things": []}]
    records = parse_records(json.dumps({"Boxes": boxes}), path="Boxes", schema=UNFOLDING)
    assert records == [{"Id": "1", "Owner": "o"}, {"Id": "2", "Owner": "own"}]


@pytest.mark.parametrize("text", ["", "{}", '{"RequestCharged": null}', '{"Boxes": null}'])
def test_an_answer_without_its_list_has_no_rows_and_all_columns(text: str) -> None:
    records = parse_records(text, path="Boxes", schema=UNFOLDING)
    assert records == []
    assert list(records.to_pandas().columns) == ["Id", "Owner"]


@pytest.mark.parametrize("arguments", [{"query": "Boxes"}, {}])
def test_a_query_of_the_users_own_has_no_schema(arguments: dict[str, str]) -> None:
    text = '{"Boxes": [{"Size": 1}]}'
    records = parse_records(text, path=None, schema=SCHEMA, **arguments)
    assert "Id" not in records.to_pandas().columns


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Key", "Value"]), inner)
    ),
    max_leaves=6,
)
_names = st.sampled_from(["Id", "Size", "Ratio", "Public", "Made", "State", "Disks", "Tags", "x"])


@given(st.lists(st.dictionaries(_names, _values, max_size=4), max_size=4))
def test_whatever_comes_instead_of_what_the_schema_says_there_is_a_frame(rows: list[Any]) -> None:
    records = typed(*rows)
    assert len(records.to_pandas(tags=["env"])) == len(list(records)) == len(rows)
