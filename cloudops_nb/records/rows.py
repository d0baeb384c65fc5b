"""A sequence of rows, in parts that each have a schema and columns of their own."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Any

from cloudops_nb.records.part import Kind, Part, Row
from cloudops_nb.records.schema import Schema

if TYPE_CHECKING:
    import pandas as pd


class Records(Sequence[Row]):
    """A sequence of rows (dicts). ``kind`` says how the output was read.

    ``columns`` stand in front of each row: where it comes from. Where a row has a column of such
    a name, the row keeps it and ours is called ``cloudops_<name>``, in all rows. With a ``schema``
    tags are mappings and times ISO 8601 in UTC.
    """

    def __init__(
        self,
        rows: Iterable[Row],
        kind: Kind = "json",
        *,
        schema: Schema | None = None,
        columns: Mapping[str, Any] | None = None,
    ) -> None:
        self._parts: tuple[Part, ...] = (Part(list(rows), columns or {}, schema),)
        self.kind = kind

    @classmethod
    def concat(cls, parts: Iterable[tuple[Row, Records]]) -> Records:
        """The rows of all parts, each with its part's columns in front."""
        joined: list[Part] = []
        kinds: set[Kind] = set()
        for columns, records in parts:
            kinds.add(records.kind)
            joined += (
                replace(part, columns={**columns, **part.columns}) for part in records._parts
            )
        return cls._of(joined, kinds.pop() if len(kinds) == 1 else "json")

    def to_pandas(self, tags: Collection[str] = ()) -> pd.DataFrame:
        """A frame, a row a record; nested objects become ``outer.inner`` columns.

        With a schema the columns, their order and types are the same whatever the rows hold, if
        any: ``string``, ``Int64``, ``Float64``, ``boolean``, ``datetime64[us, UTC]``; lists and
        maps are objects, tags mappings. Without one they are seen from the rows: ISO 8601 times
        become timezone-aware (UTC), whole numbers stay whole (``Int64``) where some are missing.
        A value that its type cannot hold leaves its column as it is.

        Args:
            tags: keys of tags to have as columns, called ``tag:<key>``.

        Raises:
            RecordsUnavailable: ``tags`` were asked for, and the rows are not known to have any.
        """
        from cloudops_nb.records.frame import to_frame

        return to_frame(self._parts, self._names, tuple(tags))

    @classmethod
    def _of(cls, parts: Iterable[Part], kind: Kind) -> Records:
        records = cls((), kind)
        records._parts = tuple(parts)
        return records

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(len(part.rows) for part in self._parts)]

    @cached_property
    def _names(self) -> dict[str, str]:
        """What our columns are called."""
        ours = dict.fromkeys(name for part in self._parts for name in part.columns)
        taken: set[str] = set()
        for part in self._parts if ours else ():
            taken = taken.union(*part.rows)
            if part.schema is not None:
                taken.update(field.name for field in part.schema.fields)
        return {name: f"cloudops_{name}" if name in taken else name for name in ours}

    def _row(self, part: Part, row: Row) -> Row:
        ours = {self._names[name]: value for name, value in part.columns.items()}
        return {**ours, **(row if part.schema is None else part.schema.row(row))}

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, slice):
            position = range(len(self))[index]
            number = bisect_right(self._starts, position) - 1
            part = self._parts[number]
            return self._row(part, part.rows[position - self._starts[number]])
        chosen = range(len(self))[index]
        parts = []
        for number, positions in groupby(chosen, lambda at: bisect_right(self._starts, at) - 1):
            part = self._parts[number]
            rows = [part.rows[position - self._starts[number]] for position in positions]
            parts.append(replace(part, rows=rows))
        # Without a row there are still the columns of all.
        return self._of(parts or [replace(p, rows=[]) for p in self._parts], self.kind)

    def __len__(self) -> int:
        return self._starts[-1]

    def __iter__(self) -> Iterator[Row]:
        return (self._row(part, row) for part in self._parts for row in part.rows)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Records | list):
            return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Records: {len(self)} rows from {self.kind}>"
