"""What one command may use at most."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from pydantic import Field

from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models.base import InputModel
from cloudops_nb.models.durations import parse_duration

_SIZE = re.compile(r"(\d+)\s*([KMGT]?)(?:iB|B)?", re.ASCII | re.IGNORECASE)
_KEYS = ("cpu", "memory", "processes")


def _optional() -> int | None:
    field: int | None = Field(None, gt=0, exclude_if=lambda value: value is None)
    return field


class ResourceLimits(InputModel):
    """Limits of one command; what is None has none.

    Args:
        cpu_seconds: CPU time of each of its processes.
        memory_bytes: of all its processes together where a control group can be had, else the
            address space of each.
        processes: all its processes and threads at one time.
    """

    cpu_seconds: int | None = _optional()
    memory_bytes: int | None = _optional()
    processes: int | None = _optional()


def parse_limits(texts: Mapping[str, str]) -> ResourceLimits:
    """Limits as people write them: ``{"cpu": "30s", "memory": "512M", "processes": "64"}``.

    Raises:
        InvalidCommand: an unknown key, or a value that is none; names it.
    """
    readers: dict[str, Callable[[str], int]] = dict(
        zip(_KEYS, (_seconds, parse_size, _count), strict=True)
    )
    values: dict[str, int] = {}
    for key, text in texts.items():
        if key not in readers:
            raise InvalidCommand(f"unknown limit `{key}`; there are {', '.join(_KEYS)}")
        values[key] = readers[key](text)
    return ResourceLimits(
        cpu_seconds=values.get("cpu"),
        memory_bytes=values.get("memory"),
        processes=values.get("processes"),
    )


def parse_size(text: str) -> int:
    """``512M``, ``2GiB`` or ``1048576`` in bytes; K, M, G and T are powers of 1024.

    Raises:
        InvalidCommand: the text is no size, or not more than nothing.
    """
    match = _SIZE.fullmatch(text.strip())
    size = int(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " ") if match else 0
    if size <= 0:
        raise InvalidCommand(f"{text!r} is not a size; write 512M, 2G or a number of bytes")
    return size


def _seconds(text: str) -> int:
    milliseconds = parse_duration(text)
    if milliseconds % 1000:
        raise InvalidCommand(f"a CPU limit is in whole seconds, not {text!r}")
    return milliseconds // 1000


def _count(text: str) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text):
        raise InvalidCommand(f"processes is a whole number above 0, not {text!r}")
    return int(text)
