"""Rows read out of a command's output, and their way to pandas."""

from __future__ import annotations

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

        frame = pd.json_normalize(self._rows)
        for column in frame.columns:
            values = [value for value in frame[column] if not _is_missing(value)]
            if not values:
                continue
            if all(isinstance(v, str) and _TIMESTAMP.fullmatch(v) for v in values):
                frame[column] = pd.to_datetime(frame[column], utc=True, format="ISO8601")
            elif len(values) < len(frame) and self._all_whole(column):
                frame[column] = frame[column].astype("Int64")
        return frame

    def _all_whole(self, column: str) -> bool:
        # Asked of the rows: json_normalize has turned a column with gaps into floats by now.
        found = [value for row in self._rows if (value := _dig(row, column)) is not None]
        return all(type(value) is int and abs(value) < 2**63 for value in found)

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
    except ValueError:
        try:
            document = [json.loads(line) for line in plain.splitlines() if line.strip()]
            kind = "json_lines"
        except ValueError:
            document = None
        if document is None or not all(isinstance(row, dict) for row in document):
            if query is not None and plain.strip():
                raise RecordsUnavailable(
                    f"the query {query!r} needs JSON, but the output is plain text: "
                    f"{plain.strip().splitlines()[0][:80]!r}"
                ) from None
            return Records(({"line": line} for line in plain.splitlines()), "text")
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


def _is_missing(value: object) -> bool:
    return value is None or value != value  # noqa: PLR0124 - NaN is what differs from itself


def _dig(row: Row, column: str) -> Any:
    if column in row:
        return row[column]
    value: Any = row
    for part in column.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value
