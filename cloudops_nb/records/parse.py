"""Reads rows out of what a command printed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from cloudops_nb.errors import RecordsUnavailable
from cloudops_nb.records.part import Kind
from cloudops_nb.records.rows import Records
from cloudops_nb.records.schema import Schema, unfolded

# ECMA-48 control sequences: programs told to colour (FORCE_COLOR) colour their JSON, too.
_CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_LINE_END = re.compile(r"\r\n|\n|\r")
_NOT_JSON = (ValueError, RecursionError)  # the second: a run of brackets that nothing closes


def parse_records(
    text: str,
    *,
    path: str | None = None,
    query: str | None = None,
    schema: Schema | None = None,
    columns: Mapping[str, Any] | None = None,
) -> Records:
    """Reads rows out of a command's standard output.

    JSON gives its list (found at ``path`` when it is an object that has one), or one row; JSON
    lines give a row each; anything else gives its lines as ``{"line": …}``. Members that are no
    objects become ``{"value": …}``. ``path`` and ``query`` are JMESPath; ``query`` is what the user
    asked for and wins.

    ``schema`` is that of the rows at ``path``, and holds for nothing else; with it, an object
    that lacks the path has no rows. ``columns`` stand in front of each row.

    Raises:
        RecordsUnavailable: ``query`` was given and the output is not JSON, or it is no JMESPath.
    """
    plain = _CONTROL_SEQUENCE.sub("", text) if "\x1b" in text else text
    del text
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
            return Records(({"line": line} for line in lines), "text", columns=columns)
    del plain  # of a large output, more than what was read out of it
    if query is not None:
        document, schema = search(query, document), None
    elif path is not None and isinstance(document, dict):
        found = search(path, document)
        # An operation that found nothing may leave its list out.
        document = found if found is not None or schema is not None else document
        if schema is not None and schema.unfolds is not None:
            document = list(unfolded(document, schema.unfolds))
    elif document:
        schema = None  # nothing that an operation answers
    if document is None:
        return Records((), kind, schema=schema, columns=columns)
    members = document if isinstance(document, list) else [document]
    rows = (m if isinstance(m, dict) else {"value": m} for m in members)
    return Records(rows, kind, schema=schema, columns=columns)


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
