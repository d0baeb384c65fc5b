"""Durations as people write them."""

from __future__ import annotations

import re

from cloudops_nb.errors import InvalidCommand

_UNITS = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
_NUMBER = r"(\d+(?:\.\d+)?)"
_FORM = re.compile(
    rf"{_NUMBER}|(?=.)(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?(?:{_NUMBER}ms)?", re.ASCII
)


def parse_duration(text: str) -> int:
    """``90s``, ``2m``, ``1h30m``, ``1.5s``, ``500ms`` or ``120`` (seconds), in milliseconds.

    Raises:
        InvalidCommand: the text is no duration, or not more than nothing.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise InvalidCommand(f"{text!r} is not a duration; write 90s, 2m, 1h30m or 500ms")
    seconds, *parts = match.groups(default="0")
    total = float(seconds) * _UNITS["s"]
    total += sum(float(part) * unit for part, unit in zip(parts, _UNITS.values(), strict=True))
    milliseconds = round(total)
    if milliseconds <= 0:
        raise InvalidCommand(f"a duration of {text!r} is no time at all")
    return milliseconds
