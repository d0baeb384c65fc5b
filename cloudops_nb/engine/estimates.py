"""How long a plan will still take, from how long the same commands took before. Pure: no clock."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

REMEMBERED = 10_000
_WEIGHT = 0.3  # of the newest: what a command takes drifts, and one outlier is no trend


class Durations:
    """What commands took, in seconds, by their lines; the 10,000 seen last are remembered."""

    def __init__(self) -> None:
        self._seconds: OrderedDict[str, float] = OrderedDict()

    def add(self, line: str, seconds: float) -> None:
        """Takes note of a command that completed."""
        before = self._seconds.pop(line, seconds)
        self._seconds[line] = before + _WEIGHT * (seconds - before)
        if len(self._seconds) > REMEMBERED:
            self._seconds.popitem(last=False)

    def of(self, line: str) -> float | None:
        """What the command may take; None if it was not seen."""
        return self._seconds.get(line)


class Estimate:
    """The work that is left of one plan.

    Args:
        expected: for each command, the seconds it may take; None where nothing is known.
        limit: how many may run at a time.
    """

    def __init__(self, expected: Sequence[float | None], limit: int) -> None:
        self._expected = list(expected)
        self._limit = limit
        self._left = len(self._expected)
        self._unknown = sum(seconds is None for seconds in self._expected)
        self._known_seconds = sum(seconds or 0.0 for seconds in self._expected)
        self._ended = 0
        self._ended_seconds = 0.0

    @property
    def known(self) -> bool:
        """Whether there is anything to estimate from."""
        return self._typical() is not None or not self._left

    def ended(self, index: int, seconds: float | None) -> None:
        """Takes note that a command is over; ``seconds`` is None if it did not run to its end."""
        expected = self._expected[index]
        self._left -= 1
        if expected is None:
            self._unknown -= 1
        else:
            self._known_seconds -= expected
        if seconds is not None:
            self._ended += 1
            self._ended_seconds += seconds

    def seconds_left(self, running: Mapping[int, float], elapsed: float) -> float | None:
        """The seconds until the plan ends; None while nothing is known.

        Args:
            running: the seconds that each running command has taken so far, by index.
            elapsed: the seconds since the plan began.
        """
        if not self._left:
            return 0.0
        typical = self._typical()
        if typical is None:
            return None
        work = self._known_seconds + self._unknown * typical
        longest = 0.0
        for index, so_far in running.items():
            expected = self._expected[index]
            rest = max((typical if expected is None else expected) - so_far, 0.0)
            work -= (typical if expected is None else expected) - rest
            longest = max(longest, rest)
        return max(work / self._at_once(sum(running.values()), elapsed), longest, 0.0)

    def _typical(self) -> float | None:
        """What a command may take of which nothing is known."""
        if self._ended:
            return self._ended_seconds / self._ended
        known = self._left - self._unknown
        return self._known_seconds / known if known else None

    def _at_once(self, running_seconds: float, elapsed: float) -> float:
        """How many commands run at a time: as many as did so far, which has the limits, needs and
        waits of the plan in it.
        """
        busy = self._ended_seconds + running_seconds
        possible = float(min(self._limit, self._left))
        return min(busy / elapsed, possible) if busy and elapsed > 0 else possible
