"""Which finished executions are forgotten. Pure: told the time, it answers with ids."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from uuid import UUID

from cloudops_nb.config import ExecutionConfig


@dataclass(frozen=True, slots=True)
class _Ended:
    ids: tuple[UUID, ...]
    commands: int
    moment: float


class Retention:
    """Remembers what ended, in that order. What runs is not in here, so it is never forgotten.

    Moments are seconds of one monotonic clock. Each execution is looked at twice in its life, so
    that ending the thousandth costs what ending the first did.
    """

    def __init__(self) -> None:
        self._ended: deque[_Ended] = deque()
        self._commands = 0

    def add(self, ids: tuple[UUID, ...], commands: int, moment: float) -> None:
        """Takes note of a command or plan that ended: its ids, and how many commands it had."""
        self._ended.append(_Ended(ids, commands, moment))
        self._commands += commands

    def retire(self, config: ExecutionConfig, moment: float) -> list[UUID]:
        """The ids to forget now: what ended too long ago, and the oldest above the bound.

        A plan is forgotten with its commands, as a whole.
        """
        forgotten: list[UUID] = []
        while self._ended:
            oldest = self._ended[0]
            # The newest stays whatever its size: somebody is about to ask for it.
            above_bound = self._commands > config.max_in_memory_executions and len(self._ended) > 1
            if not above_bound and moment - oldest.moment <= config.execution_retention_secs:
                break
            self._ended.popleft()
            self._commands -= oldest.commands
            forgotten += oldest.ids
        return forgotten
