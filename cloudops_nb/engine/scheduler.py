"""Decides what of a plan starts when. Pure: no clock, no input or output.

Every strategy compiles to one thing, edges of need and a limit. Each edge is looked at once, so a
whole plan costs O(commands + edges).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloudops_nb.models import DependencyGraph, ExecutionPlan, Parallel, Serial


@dataclass(frozen=True, slots=True)
class Start:
    """Start the command at ``index``."""

    index: int


@dataclass(frozen=True, slots=True)
class Skip:
    """Do not run the command at ``index``: the one at ``because`` did not complete.

    ``because`` is None when the plan was stopped.
    """

    index: int
    because: int | None


Decision = Start | Skip


class Scheduler:
    """The state of a plan's run: told what ended, it answers what to start or skip.

    Args:
        count: number of commands, known by their indices from 0.
        needs: for a command, those that must have completed before it starts; acyclic.
        limit: how many may run at a time; None for no limit.
    """

    def __init__(
        self,
        count: int,
        needs: Mapping[int, Sequence[int]] | None = None,
        limit: int | None = None,
    ) -> None:
        self._waiting_for = [0] * count
        self._needed_by: list[list[int]] = [[] for _ in range(count)]
        for index, needed in (needs or {}).items():
            distinct = set(needed)
            self._waiting_for[index] = len(distinct)
            for other in distinct:
                self._needed_by[other].append(index)
        self._ready = deque(index for index in range(count) if not self._waiting_for[index])
        self._decided = [False] * count
        self._limit = limit
        self._running = 0
        self._unfinished = count

    @property
    def finished(self) -> bool:
        """Whether every command has ended or was skipped."""
        return self._unfinished == 0

    def begin(self) -> list[Decision]:
        """The first decisions."""
        return self._start_ready()

    def ended(self, index: int, *, completed: bool) -> list[Decision]:
        """Takes note that a running command ended; ``completed`` is False if it failed."""
        self._running -= 1
        self._unfinished -= 1
        decisions: list[Decision] = []
        if completed:
            for dependent in self._needed_by[index]:
                self._waiting_for[dependent] -= 1
                if not self._waiting_for[dependent] and not self._decided[dependent]:
                    self._ready.append(dependent)
        else:
            decisions += self._skip_dependents(index)
        return decisions + self._start_ready()

    def stop(self) -> list[Decision]:
        """Skips all that has not started; what runs goes on until it is reported as ended."""
        self._ready.clear()
        return [self._skip(i, None) for i, decided in enumerate(self._decided) if not decided]

    def _start_ready(self) -> list[Decision]:
        started: list[Decision] = []
        while self._ready and (self._limit is None or self._running < self._limit):
            index = self._ready.popleft()
            self._decided[index] = True
            self._running += 1
            started.append(Start(index))
        return started

    def _skip_dependents(self, failed: int) -> list[Decision]:
        skipped: list[Decision] = []
        todo = deque([failed])
        while todo:
            for dependent in self._needed_by[todo.popleft()]:
                if not self._decided[dependent]:
                    skipped.append(self._skip(dependent, failed))
                    todo.append(dependent)
        return skipped

    def _skip(self, index: int, because: int | None) -> Skip:
        self._decided[index] = True
        self._unfinished -= 1
        return Skip(index, because)


def schedule(plan: ExecutionPlan) -> Scheduler:
    """The scheduler of a plan that passed ``plan.check``."""
    count = len(plan.commands)
    match plan.strategy:
        case Serial(stop_on_error=True):
            return Scheduler(count, {index: (index - 1,) for index in range(1, count)}, limit=1)
        case Serial():
            return Scheduler(count, limit=1)
        case Parallel(max_concurrency=limit):
            return Scheduler(count, limit=limit)
        case DependencyGraph(dependencies=needs):
            return Scheduler(count, needs)
