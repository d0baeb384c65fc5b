"""What a record says about a list: of executions, or of records."""

from __future__ import annotations

import json
from collections.abc import Sequence

from cloudops_nb.models.results import ExecutionSummary
from cloudops_nb.records import Records
from cloudops_nb.render.record import Headline, Note, Record, Table, count, one_line, took, when
from cloudops_nb.render.weigh import fitting

_SUMMARIES = (100, 50)  # the second where titles are long
_TABLE = 60_000  # bytes of both forms
_RECORDS = 10
_COLUMNS = 8
_TITLE = 160  # bytes of HTML, like the two below
_NAME = 60
_VALUE = 160


class ExecutionTable(tuple[ExecutionSummary, ...]):
    """Summaries that a notebook shows as a table; what ``%cloudops ps`` returns."""

    __slots__ = ()


def describe_summaries(summaries: Sequence[ExecutionSummary]) -> Record:
    """The record of a list of executions, in the order given."""
    headline = Headline(None, (count(len(summaries), "execution"),))
    tables = (_summaries(summaries, rows) for rows in _SUMMARIES)
    return Record(headline, (fitting(tables, _TABLE),) if summaries else ())


def _summaries(summaries: Sequence[ExecutionSummary], shown: int) -> Table:
    rows = tuple(
        (
            str(summary.id),
            summary.status,
            _title(summary),
            when(summary.started_at),
            took(summary.duration),
        )
        for summary in summaries[:shown]
    )
    left = len(summaries) - len(rows)
    more = f"{left:,} more" if left else ""
    return Table(("id", "state", "command", "started", "took"), rows, more=more)


def _title(summary: ExecutionSummary) -> str:
    title = one_line(summary.title or "", _TITLE)
    if summary.reason:
        return f"{title} ({one_line(summary.reason, _TITLE)})"
    if summary.commands == 1:
        return title
    return f"{title} ({count(summary.commands, 'command')})".lstrip()


def describe_records(records: Records) -> Record:
    """The first rows and columns of records, for a look before ``to_pandas()``."""
    headline = Headline(None, (count(len(records), "record"), f"from {_KINDS[records.kind]}"))
    first = list(records[:_RECORDS])
    names = list(dict.fromkeys(name for row in first for name in row))
    rows = tuple(
        tuple(_value(row[name]) if name in row else "" for name in names[:_COLUMNS])
        for row in first
    )
    left = (len(records) - len(first), "record"), (len(names) - _COLUMNS, "column")
    more = " and ".join(f"{count(number, noun)} more" for number, noun in left if number > 0)
    table = Table(tuple(one_line(name, _NAME) for name in names[:_COLUMNS]), rows, more=more)
    return Record(headline, (table, Note("as a DataFrame", ".to_pandas()")) if rows else ())


_KINDS = {"json": "JSON", "json_lines": "JSON lines", "text": "plain text"}


def _value(value: object) -> str:
    if isinstance(value, str):
        return one_line(value, _VALUE)
    try:
        return one_line(json.dumps(value, ensure_ascii=False, default=str), _VALUE)
    except (RecursionError, ValueError):  # nested too deep, or within itself
        return "…"
