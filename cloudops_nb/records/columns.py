"""One column of a frame, of values whose type is known or seen from them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from cloudops_nb.records.schema import FieldKind

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")
_TIME = pd.DatetimeTZDtype("us", "UTC")
_LAST_SECOND = 253_402_300_799  # of the year 9999, where Python's calendar ends
_DTYPES: dict[str, Any] = {
    "string": pd.StringDtype(),
    "integer": pd.Int64Dtype(),
    "number": pd.Float64Dtype(),
    "boolean": pd.BooleanDtype(),
    "timestamp": _TIME,
}
_TYPES: dict[str, set[type]] = {
    "string": {str},
    "integer": {int},
    "number": {int, float},
    "boolean": {bool},
}

Column = ExtensionArray | np.ndarray


def column(values: Sequence[Any], kind: FieldKind) -> Column:
    """The values in the type of their kind; as objects where that cannot hold them."""
    types = set(map(type, values)) - {type(None)}
    if not types:
        return missing(len(values), kind)
    try:
        if kind == "timestamp" and types == {str}:
            return _parsed(values)
        if kind == "timestamp" and types <= {int, float}:
            return _counted(values)
        if kind == "string" and types == {str}:
            # Several times as fast as pd.array, which looks at each value on its own.
            return pd.arrays.StringArray(_objects(values))
        if types <= _TYPES.get(kind, set()):
            typed: Column = pd.array(values, dtype=_DTYPES[kind])
            return typed
    except (ValueError, OverflowError):
        return _objects(values)
    return _objects(values)


def missing(count: int, kind: FieldKind) -> Column:
    """A column without a value."""
    if kind not in _DTYPES:
        return np.full(count, None, dtype=object)
    none: Column = pd.array([None], dtype=_DTYPES[kind]).repeat(count)
    return none


def labels(values: Sequence[Any]) -> Column:
    """What stands in front of rows: times, or text. Typed even where there is none."""
    known = [value for value in values if value is not None]
    are_times = bool(known) and all(map(_is_time, known))
    return column(values, "timestamp" if are_times else "string")


def inferred(values: Sequence[Any]) -> Column:
    """The values in the type that they themselves show."""
    present = [value for value in values if value is not None]
    if not present:
        return missing(len(values), "object")
    if all(map(_is_time, present)):
        return column(values, "timestamp")
    if len(present) < len(values) and all(_is_int64(value) for value in present):
        return pd.array(values, dtype="Int64")
    return pd.Series(values).array


def _parsed(values: Sequence[Any]) -> Column:
    """Raises ``ValueError``: a value is no time that a calendar has."""
    texts = pd.Series(values, dtype=object)
    try:
        times = pd.to_datetime(texts, utc=True, format="ISO8601")
    except ValueError:
        # Headers carry times in the format of mail (RFC 5322): `aws s3api head-object`.
        parsed = [None if value is None else parsedate_to_datetime(value) for value in values]
        times = pd.to_datetime(pd.Series(parsed, dtype=object), utc=True)
    typed: Column = times.astype(_TIME).array
    return typed


def _counted(values: Sequence[Any]) -> Column:
    """Seconds since 1970. Raises ``ValueError``: one is beyond the calendar."""
    seconds = np.array([np.nan if value is None else value for value in values], dtype=float)
    if (np.abs(seconds) > _LAST_SECOND).any():
        raise ValueError("beyond the calendar")
    moments = np.full(len(seconds), "NaT", dtype="M8[us]")
    known = ~np.isnan(seconds)
    moments[known] = np.rint(seconds[known] * 1e6).astype("i8").astype("M8[us]")
    typed: Column = pd.DatetimeIndex(moments, tz="UTC").astype(_TIME).array
    return typed


def _objects(values: Sequence[Any]) -> np.ndarray:
    # Not np.array(): lists of one length would become a second dimension.
    return np.fromiter(values, dtype=object, count=len(values))


def _is_time(value: object) -> bool:
    return isinstance(value, str) and _TIMESTAMP.fullmatch(value) is not None


def _is_int64(value: object) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63
