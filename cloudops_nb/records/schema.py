"""What rows are known to hold before one is seen. Knows nothing of where that knowledge is from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

FieldKind = Literal[
    "string", "integer", "number", "boolean", "timestamp", "structure", "tags", "object"
]


@dataclass(frozen=True, slots=True)
class Field:
    """A member of a row. ``object`` is what stays as it is: lists, maps, documents.

    ``fields`` are a structure's members; of ``tags`` written as a list, the key's and the value's.
    """

    name: str
    kind: FieldKind
    fields: tuple[Field, ...] = ()

    def value(self, found: Any) -> Any:
        """A value as rows show it: still JSON, but tags a mapping and times ISO 8601 in UTC."""
        match self.kind:
            case "tags":
                return mapping(found, self)
            case "timestamp" if type(found) in (int, float):
                moment = instant(found)
                return found if moment is None else moment.isoformat()
            case "structure" if isinstance(found, dict):
                return _typed(found, self.fields)
            case _:
                return found


@dataclass(frozen=True, slots=True)
class Schema:
    """The members of a row, in the order of their columns.

    ``unfolds``: what is found are containers, and the rows are the members of this list of each;
    the container's other members are part of each row.
    """

    fields: tuple[Field, ...]
    unfolds: str | None = None

    def row(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """A row as it is shown: see ``Field.value``."""
        return _typed(found, self.fields)


def unfolded(found: Any, name: str) -> Iterator[Any]:
    """The members of the list ``name`` of each container, with what is around them."""
    for container in found if isinstance(found, list) else ():
        if not isinstance(container, dict) or not isinstance(container.get(name), list):
            yield container  # not what the schema says: shown as it came
            continue
        around = {key: value for key, value in container.items() if key != name}
        for member in container[name]:
            row = member if isinstance(member, dict) else {name: member}
            yield row | {key: value for key, value in around.items() if key not in row}


def mapping(found: Any, field: Field) -> Any:
    """Tags as a mapping; what is not in the form of tags stays as it is."""
    if not isinstance(found, list) or not field.fields:
        return found
    key, value = (each.name for each in field.fields)
    if not all(isinstance(tag, dict) and isinstance(tag.get(key), str) for tag in found):
        return found
    return {tag[key]: tag.get(value) for tag in found}


def instant(seconds: float) -> datetime | None:
    """Seconds since 1970 as a moment; None where no calendar has it."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _typed(found: Mapping[str, Any], fields: Iterable[Field]) -> dict[str, Any]:
    row = dict(found)
    for field in fields:
        if field.kind in ("tags", "timestamp", "structure") and field.name in row:
            row[field.name] = field.value(row[field.name])
    return row
