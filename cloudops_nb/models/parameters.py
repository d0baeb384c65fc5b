"""The parameters of an API call: JSON values, with placeholders put in as values of their type."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Annotated, Any

from pydantic import BeforeValidator, JsonValue

from cloudops_nb.models.placeholders import (
    PLACEHOLDER,
    Names,
    check_left,
    substitute_value,
    substitutes,
)
from cloudops_nb.models.values import as_json, find


def _as_json(value: Any) -> Any:
    match value:
        case bytes() | bytearray():
            return base64.b64encode(value).decode()
        case datetime.date():
            return value.isoformat()
        case float() if not isfinite(value):
            raise ValueError(f"{value} is no number in JSON")
        case Mapping():
            return {key: _as_json(item) for key, item in value.items()}
        case list() | tuple():
            return [_as_json(item) for item in value]
        case _:
            return value


Parameters = Annotated[dict[str, JsonValue], BeforeValidator(_as_json)]
"""As JSON has them: bytes in base64, times in ISO 8601; ``bytes`` and ``datetime`` become that."""


def substitute_parameters(
    value: Any, lookup: Mapping[str, object], *, names: Names = Names.ALL
) -> Any:
    """``value`` with every placeholder in its texts replaced.

    A text that is exactly a placeholder becomes the value itself, a number or a list as well.

    Raises:
        InvalidCommand: an unknown name, or a value that JSON does not have.
    """
    match value:
        case str():
            match = PLACEHOLDER.fullmatch(value)
            if match is None or not substitutes(match, names):
                return substitute_value(value, lookup, names=names)
            found = as_json(match["path"], find(match["path"], lookup))
            for text in texts(found):
                check_left("", text, names)
            return found
        case dict():
            return {
                key: substitute_parameters(item, lookup, names=names) for key, item in value.items()
            }
        case list():
            return [substitute_parameters(item, lookup, names=names) for item in value]
        case _:
            return value


def texts(value: Any) -> Iterator[str]:
    """All texts in a JSON value, but for keys."""
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from texts(item)
        case list():
            for item in value:
                yield from texts(item)
