"""Rows read out of a command's output, and their way to pandas."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from cloudops_nb.errors import RecordsUnavailable

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]
Kind = Literal["json", "json_lines", "text"]

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")
# ECMA-48 control sequences: programs told to colour (FORCE_COLOR) colour their JSON, too.
_CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_LINE_END = re.compile(r"\r\n|\n|\r")
_NOT_JSON = (ValueError, RecursionError)  # the second: a run of brackets that nothing closes


class Records(Sequence[Row]):
    """A sequence of rows (dicts). ``kind`` says how the output was read."""

    def __init__(self, rows: Iterable[Row], kind: Kind = "json") -> None:
        self._rows = list(rows)
        self.kind = kind

    @classmethod
    def concat(cls, parts: Iterable[tuple[Row, Records]]) -> Records:
        """The rows of all parts, each with its part's columns in front.

        Where a row has a column of the same name, the row keeps it and ours is called
        ``cloudops_<name>``.
        """
        rows: list[Row] = []
        kinds: set[Kind] = set()
        for columns, records in parts:
            kinds.add(records.kind)
            for row in records:
                ours = {f"cloudops_{k}" if k in row else k: v for k, v in columns.items()}
                rows.append({**ours, **row})
        return cls(rows, kinds.pop() if len(kinds) == 1 else "json")

    def to_pandas(self) -> pd.DataFrame:
        """A frame, a row a record; nested objects become ``outer.inner`` columns.

        Columns of ISO 8601 times become timezone-aware (UTC); columns of whole numbers stay
        whole (``Int64``) where values are missing.
        """
        import pandas as pd

        rows = [dict(_flat(row)) for row in self._rows]
        frame = pd.DataFrame(rows)
        for column in frame.columns:
            # Asked of the rows: in the frame a column of integers with gaps is one of floats.
            values = [row.get(column) for row in rows]
            present = [value for value in values if value is not None]
            if not present:
                continue
            if all(isinstance(v, str) and _TIMESTAMP.fullmatch(v) for v in present):
                # A time that no calendar has (or this pandas cannot hold) stays as it was written.
                with contextlib.suppress(ValueError):
                    frame[column] = pd.to_datetime(frame[column], utc=True, format="ISO8601")
            elif len(present) < len(values) and all(_is_int64(v) for v in present):
                frame[column] = pd.array(values, dtype="Int64")
        return frame

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Records(self._rows[index], self.kind)
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Records):
            return self._rows == other._rows
        return self._rows == other if isinstance(other, list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Records: {len(self)} rows from {self.kind}>"


def parse_records(text: str, *, path: str | None = None, query: str | None = None) -> Records:
    """Reads rows out of a command's standard output.

    JSON gives its list (found at ``path`` when it is an object that has one), or one row; JSON
    lines give a row each; anything else gives its lines as ``{"line": …}``. Members that are no
    objects become ``{"value": …}``. ``path`` and ``query`` are JMESPath; ``query`` is what the user
    asked for and wins.

    Raises:
        RecordsUnavailable: ``query`` was given and the output is not JSON, or it is no JMESPath.
    """
    plain = _CONTROL_SEQUENCE.sub("", text)
    try:
        document = json.loads(plain)
        kind: Kind = "json"
    except _NOT_JSON:
        lines = _lines(plain)
        try:
            document = [json.loads(line) for line in lines if line.strip()]
            kind = "json_lines"
        except _NOT_JSON:
            document = None
        if document is None or not all(isinstance(row, dict) for row in document):
            if query is not None and plain.strip():
                raise RecordsUnavailable(
                    f"the query {query!r} needs JSON, but the output is plain text: "
                    f"{next(line for line in lines if line.strip())[:80]!r}"
                ) from None
            return Records(({"line": line} for line in lines), "text")
    if query is not None:
        document = search(query, document)
    elif path is not None and isinstance(document, dict):
        found = search(path, document)
        document = found if found is not None else document
    if document is None:
        return Records((), kind)
    members = document if isinstance(document, list) else [document]
    return Records((m if isinstance(m, dict) else {"value": m} for m in members), kind)


def search(query: str, document: Any) -> Any:
    """What the JMESPath expression ``query`` finds in ``document``.

    Raises:
        RecordsUnavailable: the expression is malformed or does not fit the document.
    """
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(query, document)
    except JMESPathError as error:
        raise RecordsUnavailable(f"query {query!r}: {error}") from None


def _lines(text: str) -> list[str]:
    # Not str.splitlines(): it cuts at form feeds and U+2028, too, which JSON strings may hold.
    *lines, rest = _LINE_END.split(text)
    return [*lines, rest] if rest else lines


def _flat(row: Row, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _is_int64(value: object) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63
