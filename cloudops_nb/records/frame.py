"""Rows as a pandas frame, built a column at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import pandas as pd

from cloudops_nb.errors import RecordsUnavailable
from cloudops_nb.records.columns import column, inferred, labels
from cloudops_nb.records.part import Part, Row
from cloudops_nb.records.schema import Field, Schema, mapping

_TAG = "tag:"
_NOTHING: Row = {}


def to_frame(
    parts: Sequence[Part], names: Mapping[str, str], tags: tuple[str, ...]
) -> pd.DataFrame:
    """See ``Records.to_pandas``. ``names`` is what the parts' own columns are called."""
    # Rows of one schema are built in one go: a plan may have thousands of parts.
    groups: dict[Schema | None, list[int]] = {}
    for number, part in enumerate(parts):
        groups.setdefault(part.schema, []).append(number)
    if tags and not any(schema is not None and _tags(schema) for schema in groups):
        raise RecordsUnavailable(
            f"no column for the tag {tags[0]!r}: these records are not known to have tags"
        )
    frames = [
        _group([parts[number] for number in numbers], schema, names, tags)
        for schema, numbers in groups.items()
    ]
    if len(frames) == 1:
        return frames[0]
    joined = pd.concat(frames, ignore_index=True)
    starts = {}
    position = 0
    for number in chain.from_iterable(groups.values()):
        starts[number] = position
        position += len(parts[number].rows)
    order = [
        starts[number] + row for number, part in enumerate(parts) for row in range(len(part.rows))
    ]
    return joined.take(order).reset_index(drop=True)


def _group(
    parts: list[Part], schema: Schema | None, names: Mapping[str, str], tags: tuple[str, ...]
) -> pd.DataFrame:
    rows = parts[0].rows if len(parts) == 1 else [row for part in parts for row in part.rows]
    theirs = dict(_inferred(rows) if schema is None else _columns(rows, schema.fields))
    columns: dict[str, Any] = {}
    for name, shown in names.items():
        values = [part.columns.get(name) for part in parts]
        # A tag of a command may be called like a nested column.
        key = f"cloudops_{shown}" if shown in theirs else shown
        columns[key] = labels(values).repeat([len(part.rows) for part in parts])
    field = None if schema is None else _tags(schema)
    if field is not None:
        for key in tags:
            columns[f"{_TAG}{key}"] = column(list(_tagged(rows, field, key)), "string")
    return pd.DataFrame(columns | theirs, index=range(len(rows)), copy=False)


def _columns(
    rows: Sequence[Row], fields: Sequence[Field], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    """The columns of a schema's fields, then those of members that the schema does not know."""
    present = set().union(*rows)
    for field in fields:
        cells = [row.get(field.name) for row in rows] if field.name in present else None
        name = f"{prefix}{field.name}"
        if field.kind == "structure" and (
            cells is None or all(cell is None or isinstance(cell, dict) for cell in cells)
        ):
            inner = (
                [_NOTHING] * len(rows) if cells is None else [cell or _NOTHING for cell in cells]
            )
            yield from _columns(inner, field.fields, f"{name}.")
            continue
        if cells is not None and field.kind == "tags":
            cells = [mapping(cell, field) for cell in cells]
        yield name, column([None] * len(rows) if cells is None else cells, field.kind)
    unknown = present - {field.name for field in fields}
    if unknown:  # AWS answers more than the models here say; rows keep the order of the answer
        rest = [{key: row[key] for key in row if key in unknown} for row in rows]
        yield from ((f"{prefix}{name}", values) for name, values in _inferred(rest))


def _inferred(rows: Sequence[Row]) -> Iterator[tuple[str, Any]]:
    flat = [dict(_flat(row)) for row in rows]
    for name in dict.fromkeys(chain.from_iterable(flat)):
        yield name, inferred([row.get(name) for row in flat])


def _flat(row: Row, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _tags(schema: Schema) -> Field | None:
    return next((field for field in schema.fields if field.kind == "tags"), None)


def _tagged(rows: Iterable[Row], field: Field, key: str) -> Iterator[Any]:
    for row in rows:
        tags = mapping(row.get(field.name), field)
        yield tags.get(key) if isinstance(tags, dict) else None
