"""Styles of terminal text: SGR, ECMA-48 8.3.117, with 16, 256 and true colours (ISO 8613-6).

Not kept: blinking, and concealment, since a record must not hide what a reader might copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

Color = int | str
"""0 to 15 of the terminal's palette, which a theme decides, or ``#rrggbb``."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a piece of text was asked to look."""

    fg: Color | None = None
    bg: Color | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    inverse: bool = False
    strike: bool = False


PLAIN = Style()


_SWITCHES: dict[int, dict[str, Any]] = {
    1: {"bold": True},
    2: {"dim": True},
    3: {"italic": True},
    4: {"underline": True},
    7: {"inverse": True},
    9: {"strike": True},
    21: {"underline": True},
    22: {"bold": False, "dim": False},
    23: {"italic": False},
    24: {"underline": False},
    27: {"inverse": False},
    29: {"strike": False},
}


@lru_cache(maxsize=1024)  # output that changes colour with every character repeats itself
def apply(style: Style, parameters: str) -> Style:
    """``style`` after one SGR sequence; what is unknown or malformed in it changes nothing."""
    if parameters.startswith(("<", "=", ">", "?")):
        return style  # a private sequence that only ends like SGR
    fields = iter(parameters.split(";"))
    for field in fields:
        code, *sub = (int(part) if _is_number(part) else 0 for part in field.split(":"))
        if code == 0:
            style = PLAIN if not field.strip("0") else style  # empty is 0; no number is nothing
        elif code in (38, 48):
            color = _color(sub) if sub else _color(_color_fields(fields))
            if color is not None:
                style = replace(style, fg=color) if code == 38 else replace(style, bg=color)
        elif code == 4 and sub[:1] == [0]:
            style = replace(style, underline=False)
        else:
            style = replace(style, **_SWITCHES.get(code, {}), **_palette(code))
    return style


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= 4


def _palette(code: int) -> dict[str, Any]:
    for field, base, bright in (("fg", 30, 90), ("bg", 40, 100)):
        if code == base + 9:
            return {field: None}
        if base <= code < base + 8:
            return {field: code - base}
        if bright <= code < bright + 8:
            return {field: code - bright + 8}
    return {}


def _color_fields(fields: Iterator[str]) -> list[int]:
    kind = next(fields, "")
    count = {"5": 1, "2": 3}.get(kind, 0)
    values = [value for _, value in zip(range(count), fields, strict=False)]
    return [int(value) if _is_number(value) else 0 for value in (kind, *values)]


def _color(numbers: list[int]) -> Color | None:
    """A colour of ISO 8613-6: ``5, index`` or ``2, [colour space,] red, green, blue``."""
    match numbers:
        case [5, index] if index < 16:
            return index
        case [5, index] if index < 232:
            # xterm's 6×6×6 cube: its steps are 0, 95, 135, … 255.
            red, rest = divmod(index - 16, 36)
            return _hex(*(step and 55 + 40 * step for step in (red, *divmod(rest, 6))))
        case [5, index] if index < 256:
            return _hex(*[8 + 10 * (index - 232)] * 3)
        case [2, red, green, blue] | [2, _, red, green, blue, *_]:
            return _hex(red, green, blue)
    return None


def _hex(red: int, green: int, blue: int) -> str:
    return "#" + "".join(f"{min(value, 255):02x}" for value in (red, green, blue))
