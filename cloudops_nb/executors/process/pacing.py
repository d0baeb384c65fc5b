"""Who has to wait, so that a command that prints a little is read at once beside those that flood.

The loop reads a whole buffer of each pipe that has something. Beside four floods the next read of
a quiet pipe would wait for four of those, again and again; a flood that pauses after each of its
reads leaves the loop idle in between. Alone it is never held up.
"""

from __future__ import annotations

from collections.abc import Hashable

PAUSE_SECONDS = 0.002
_FLOOD_BYTES = 64 * 1024  # a pipe of the usual size that was full
_COMPANY_SECONDS = 0.1  # who printed longer ago than this is no company


class Pace:
    """Of all that is read on one loop, who printed last. Pure: it is told the time."""

    def __init__(self) -> None:
        self._latest: tuple[Hashable, float] = (None, float("-inf"))
        self._latest_other = float("-inf")

    def pause(self, reader: Hashable, size: int, moment: float) -> float:
        """Seconds until ``reader``, which just read ``size`` bytes, may read again; mostly 0."""
        latest, at = self._latest
        if latest is not reader:
            self._latest_other = at
        self._latest = reader, moment
        in_company = moment - self._latest_other < _COMPANY_SECONDS
        return PAUSE_SECONDS if size >= _FLOOD_BYTES and in_company else 0.0
