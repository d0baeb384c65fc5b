"""What a placeholder stands for: finding the value, and its text.

Text for a value: ``str``, numbers, paths, UUIDs, IP addresses as they print; a date or time in
ISO 8601; a bool as ``true`` or ``false`` (as JSON, YAML and AWS write it); an enum member as its
value. A list, tuple, range, and what has ``tolist()`` (a pandas Series, an array) is several.
Refused: None and missing values (NaN, NaT), mappings, bytes, sets (no order), and any other object.
"""

from __future__ import annotations

import datetime
import difflib
import ipaddress
import os
import re
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any
from uuid import UUID

from cloudops_nb.errors import InvalidCommand

_STEP = re.compile(r"\.(\w+)|\[(-?\d+)\]")
_AS_PRINTED = (
    str,
    int,
    float,
    Decimal,
    os.PathLike,
    UUID,
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
)


def find(path: str, lookup: Mapping[str, object]) -> object:
    """The value of ``name.key[0]``. A key is looked up as an item first, then as an attribute; a
    position counts from 0, or from the end if negative (rows, for a table).

    Raises:
        InvalidCommand: there is no such name, key or position; says which are close.
    """
    name = re.split(r"[.\[]", path, maxsplit=1)[0]
    if name not in lookup:
        known = [str(key) for key in lookup if not str(key).startswith("_")]
        raise InvalidCommand(f"{{{{ {path} }}}}: no variable `{name}`{_close(name, known)}")
    value = lookup[name]
    done = name
    for step in _STEP.finditer(path, len(name)):
        key, position = step[1], step[2]
        value = _item(value, int(position)) if key is None else _member(value, key)
        if value is _MISSING:
            what = f"position {position}" if key is None else f"`{key}`"
            raise InvalidCommand(f"{{{{ {path} }}}}: `{done}` has no {what}")
        done += step[0]
    return value


def as_text(path: str, value: object) -> str:
    """The value as one text.

    Raises:
        InvalidCommand: it is a list, or nothing that has one obvious text.
    """
    value = _plain(value)
    if isinstance(value, list | tuple | range):
        raise _refuse(path, "is a list, and one value belongs here; choose one: [0]")
    return _text(path, value)


def as_words(path: str, value: object) -> tuple[str, ...]:
    """The value as texts: a list's elements, or the one text of anything else.

    Raises:
        InvalidCommand: it, or an element, has no obvious text.
    """
    value = _plain(value)
    if isinstance(value, list | tuple | range):
        return tuple(as_text(f"{path}[{n}]", element) for n, element in enumerate(value))
    return (_text(path, value),)


def as_json(path: str, value: object) -> Any:
    """The value as JSON has it: numbers and bools stay, a list or mapping is one of such values.

    Raises:
        InvalidCommand: it, or something in it, has no obvious text either.
    """
    value = _plain(value)
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        if not isfinite(value):
            raise _refuse(path, f"is {value}, which is no number in JSON")
        return value
    if isinstance(value, list | tuple | range):
        return [as_json(f"{path}[{n}]", element) for n, element in enumerate(value)]
    if isinstance(value, Mapping):
        return {str(key): as_json(f"{path}.{key}", item) for key, item in value.items()}
    return _text(path, value)


_MISSING = object()


def _item(value: object, position: int) -> object:
    # pandas: `series[0]` is a label, `.iloc[0]` a position.
    try:
        return getattr(value, "iloc", value)[position]  # type: ignore[index]
    except (LookupError, TypeError):
        return _MISSING


def _member(value: object, key: str) -> object:
    if isinstance(value, Mapping):
        # not value[key]: a defaultdict would make it up
        return value.get(key, _MISSING)
    if not isinstance(value, str | list | tuple):
        try:
            return value[key]  # type: ignore[index]
        except (LookupError, TypeError, ValueError):
            pass
    return getattr(value, key, _MISSING)


def _plain(value: object) -> object:
    """Values of numpy and pandas as Python's own, without importing either."""
    convert = getattr(value, "tolist", None)
    return value if isinstance(value, type) or not callable(convert) else convert()


def _text(path: str, value: object) -> str:
    if isinstance(value, Enum) and not isinstance(value, str):
        value = value.value
    # NaN and NaT differ from themselves.
    if value is None or (isinstance(value, float | datetime.date) and value != value):  # noqa: PLR0124
        raise _refuse(path, "has no value")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Mapping):
        raise _refuse(path, "is a mapping; name one key: .key, or put in json.dumps(…) of it")
    if isinstance(value, set | frozenset):
        raise _refuse(path, "is a set, which has no order; use sorted(…)")
    if not isinstance(value, _AS_PRINTED):
        raise _refuse(path, f"is a {type(value).__name__}, which has no obvious text; use str(…)")
    text = str(value)
    if "\0" in text:
        raise _refuse(path, "has a NUL character inside, which no command can be given")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _refuse(path, "is not valid Unicode text") from None
    return text


def _refuse(path: str, why: str) -> InvalidCommand:
    return InvalidCommand(f"{{{{ {path} }}}} {why}")


def _close(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3)
    return f"; did you mean {', '.join(close)}?" if close else ""
