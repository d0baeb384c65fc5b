"""Pages as the one JSON document that the AWS CLI prints, a record a line, written as they come."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jmespath
from botocore.utils import set_value_from_jmespath

from cloudops_nb.aws.pages import Document
from cloudops_nb.redaction import MASK

if TYPE_CHECKING:
    from botocore.model import Shape


class Answer:
    """The document as text, piece by piece; what cannot be written yet is merged in memory.

    The records under the first key are written as they come, the others and what is not a record
    at the end. Times are ISO 8601, bytes base64; what AWS's models call sensitive is masked.

    Args:
        shape: the operation's output.
        keys: where the records are, as JMESPath; the first has the records proper.
        paginated: whether only what is under the keys is part of the whole, as in the AWS CLI.
    """

    def __init__(self, shape: Shape | None, keys: Sequence[str], *, paginated: bool) -> None:
        self._shape = shape if shape is not None and _has_secrets(shape) else None
        self._streamed = keys[0] if keys and keys[0].isidentifier() else None
        self._keys = keys[1:] if self._streamed else keys
        self._paginated = paginated
        self._merged: Document = {}
        self._begun = False

    def add(self, document: Document) -> bytes:
        """Takes a page; returns what of it can be written."""
        written = b""
        if self._shape is not None:
            document = _masked(self._shape, document)
        if self._streamed is not None:
            records = document.pop(self._streamed, None)
            if isinstance(records, list):
                written = self._lines(records)
            elif records is not None:
                document[self._streamed] = records
        if not self._paginated:
            self._merged = document
            return written
        for key in self._keys:
            self._merge(key, document)
        return written

    def end(self, rest: Mapping[str, Any]) -> bytes:
        """The end of the document, with what it has beside the records."""
        merged = {**self._merged, **rest}
        if self._streamed is None or self._streamed in merged:
            return _text(merged) + b"\n" if merged else b""
        members = [_text(key) + b": " + _text(value) for key, value in merged.items()]
        closed = b"\n]" if self._begun else b'{"%s": []' % self._streamed.encode()
        return closed + b"".join(b",\n" + member for member in members) + b"}\n"

    def close(self) -> bytes:
        """The end of a document that stays incomplete, so that what came of it can be read."""
        return self.end({})

    def _lines(self, records: list[Any]) -> bytes:
        assert self._streamed is not None  # records come from under it
        if not records:
            return b""
        lead = b",\n" if self._begun else b'{"%s": [\n' % self._streamed.encode()
        self._begun = True
        return lead + b",\n".join(map(_text, records))

    def _merge(self, key: str, document: Document) -> None:
        found = jmespath.search(key, document)
        if found is None:
            return
        before = jmespath.search(key, self._merged)
        # As botocore's build_full_result does: lists grow, numbers and texts are added up.
        whole = found if before is None else before + found
        set_value_from_jmespath(self._merged, key, whole)


def _plain(value: Any) -> str:
    match value:
        case datetime.datetime():
            return value.isoformat()
        case bytes() | bytearray():
            return base64.b64encode(value).decode()
        case _:
            return str(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=_plain)


def _text(value: Any) -> bytes:
    # A lone surrogate, which UTF-8 does not have, becomes its JSON escape.
    return _ENCODER.encode(value).encode("utf-8", "backslashreplace")


@lru_cache(maxsize=1024)
def _has_secrets(shape: Shape) -> bool:
    pending, seen = [shape], set()
    while pending:
        each = pending.pop()
        if each.metadata.get("sensitive"):
            return True
        if each.name not in seen:  # shapes may contain themselves
            seen.add(each.name)
            pending += _inner(each)
    return False


def _inner(shape: Shape) -> Sequence[Shape]:
    match shape.type_name:
        case "structure":
            return tuple(shape.members.values())  # type: ignore[attr-defined]
        case "list":
            return (shape.member,)  # type: ignore[attr-defined]
        case "map":
            return (shape.key, shape.value)  # type: ignore[attr-defined]
        case _:
            return ()


def _masked(shape: Shape, value: Any) -> Any:
    if shape.metadata.get("sensitive"):
        return f"{MASK}{shape.name}"
    match value:
        case dict() if shape.type_name == "structure":
            members = shape.members  # type: ignore[attr-defined]
            return {
                key: _masked(members[key], item) if key in members else item
                for key, item in value.items()
            }
        case dict() if shape.type_name == "map":
            return {key: _masked(shape.value, item) for key, item in value.items()}  # type: ignore[attr-defined]
        case list() if shape.type_name == "list":
            return [_masked(shape.member, item) for item in value]  # type: ignore[attr-defined]
        case _:
            return value
