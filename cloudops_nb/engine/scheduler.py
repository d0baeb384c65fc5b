"""Decides what of a plan starts when. Pure: no clock, no input or output.

Every strategy compiles to edges and a limit. Two kinds of edge: a *need* wants the other command
completed, an order only ended, however that was. Each edge is looked at once, so a whole plan costs
O(commands + edges).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from cloudops_nb.models import DependencyGraph, ExecutionPlan, Parallel, Serial
from cloudops_nb.models.links import Edges, merged


class Reason(Enum):
    """Why a command is skipped, where no other command is to blame."""

    STOPPED = auto()
    """The plan was stopped."""
    FAILURES = auto()
    """More commands failed than the plan allows."""
    CONDITION = auto()
    """Its own condition does not hold."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start the command at ``index``."""

    index: int


@dataclass(frozen=True, slots=True)
class Judge:
    """See whether the condition of the command at ``index`` holds, and tell by ``judged``."""

    index: int


@dataclass(frozen=True, slots=True)
class Skip:
    """Do not run the command at ``index``. ``because``: the command that did not complete."""

    index: int
    because: int | Reason


Decision = Start | Judge | Skip


class Scheduler:
    """The state of a plan's run: told what ended, it answers what to start, judge or skip.

    All edges together are acyclic.

    Args:
        count: number of commands, known by their indices from 0.
        needs: for a command, those that must have completed before it starts.
        limit: how many may run at a time; None for no limit.
        after: for a command, those that must have ended before it starts.
        conditions: for a command that has a condition, those the condition refers to: they must
            have ended, and whether they had to complete is for the condition to say, not for
            ``needs`` or ``stop_on_error``.
        stop_on_error: after a command that did not complete, all that is not running is skipped.
        allowed_failures: with more commands than this not completed, nothing more is started; None
            for no limit.
    """

    def __init__(
        self,
        count: int,
        needs: Mapping[int, Sequence[int]] | None = None,
        limit: int | None = None,
        *,
        after: Mapping[int, Sequence[int]] | None = None,
        conditions: Mapping[int, Sequence[int]] | None = None,
        stop_on_error: bool = False,
        allowed_failures: int | None = None,
    ) -> None:
        self._conditions = {index: frozenset(of) for index, of in (conditions or {}).items()}
        self._waiting_for = [0] * count
        self._needed_by: list[list[int]] = [[] for _ in range(count)]
        self._followed_by: dict[int, list[int]] = {}
        for index, needed in (needs or {}).items():
            for other in set(needed).difference(self._conditions.get(index, ())):
                self._waiting_for[index] += 1
                self._needed_by[other].append(index)
        self._ordered = (after or {}).keys() | self._conditions.keys()
        self._doomed: dict[int, int] = {}
        for index in self._ordered:
            for other in self._conditions.get(index, frozenset()).union(
                (after or {}).get(index, ())
            ):
                self._waiting_for[index] += 1
                self._followed_by.setdefault(other, []).append(index)
        self._ready: deque[int] = deque()
        self._decided = [False] * count
        self._failed: dict[int, None] = {}  # a set in the order of its entries
        self._stop_on_error = stop_on_error
        self._allowed_failures = allowed_failures
        self.limit = limit
        self._running = 0
        self._unfinished = count

    @property
    def finished(self) -> bool:
        """Whether every command has ended or was skipped."""
        return self._unfinished == 0

    @property
    def too_many_failures(self) -> bool:
        """Whether more commands failed than may."""
        return self._allowed_failures is not None and self.failures > self._allowed_failures

    @property
    def failures(self) -> int:
        """How many commands ran and did not complete."""
        return len(self._failed)

    def begin(self, completed: Iterable[int] = ()) -> list[Decision]:
        """The first decisions; what is ``completed`` already is not run again."""
        roots = [index for index, waiting in enumerate(self._waiting_for) if not waiting]
        decisions: list[Decision] = []
        done = tuple(completed)
        for index in done:
            self._decided[index] = True
            self._unfinished -= 1
        for index in roots:
            if not self._decided[index]:
                self._open(index, decisions)
        for index in done:
            self._settle(index, None, decisions)
        return decisions + self._start_ready()

    def ended(self, index: int, *, completed: bool) -> list[Decision]:
        """Takes note that a running command ended; ``completed`` is False if it failed."""
        self._running -= 1
        self._unfinished -= 1
        were_too_many = self.too_many_failures
        if not completed:
            self._failed[index] = None
        decisions: list[Decision] = []
        self._settle(index, None if completed else index, decisions)
        if self.too_many_failures and not were_too_many:
            decisions = [each for each in decisions if isinstance(each, Skip)]
            decisions += self._skip_all(Reason.FAILURES)
        return decisions + self._start_ready()

    def judged(self, index: int, *, holds: bool) -> list[Decision]:
        """Takes note of whether a command's condition holds."""
        if self._decided[index]:  # the plan was stopped meanwhile
            return []
        decisions: list[Decision] = []
        if holds:
            self._ready.append(index)
        else:
            decisions.append(self._skip(index, Reason.CONDITION))
            self._settle(index, index, decisions)
        return decisions + self._start_ready()

    def stop(self) -> list[Decision]:
        """Skips all that has not started; what runs goes on until it is reported as ended."""
        return self._skip_all(Reason.STOPPED)

    def _skip_all(self, reason: Reason) -> list[Decision]:
        self._ready.clear()
        return [self._skip(i, reason) for i, decided in enumerate(self._decided) if not decided]

    def _start_ready(self) -> list[Decision]:
        started: list[Decision] = []
        while self._ready and (self.limit is None or self._running < self.limit):
            index = self._ready.popleft()
            self._decided[index] = True
            self._running += 1
            started.append(Start(index))
        return started

    def _settle(self, index: int, culprit: int | None, decisions: list[Decision]) -> None:
        """Tells those that wait for a command that it is over; ``culprit`` is why it, and so what
        needs it, did not complete, and None if it did.
        """
        over: deque[tuple[int, int | None]] = deque([(index, culprit)])
        while over:
            index, culprit = over.popleft()
            for dependent in self._needed_by[index]:
                if culprit is None:
                    self._advance(dependent, decisions, over)
                elif dependent in self._ordered:
                    # Not yet: what comes after it would overtake what it comes after.
                    self._doomed.setdefault(dependent, culprit)
                    self._advance(dependent, decisions, over)
                elif not self._decided[dependent]:
                    decisions.append(self._skip(dependent, culprit))
                    over.append((dependent, culprit))
            for follower in self._followed_by.get(index, ()):
                self._advance(follower, decisions, over)

    def _advance(
        self, index: int, decisions: list[Decision], over: deque[tuple[int, int | None]]
    ) -> None:
        self._waiting_for[index] -= 1
        if self._waiting_for[index] or self._decided[index]:
            return
        culprit = self._doomed.get(index, self._unforgiven(index))
        if culprit is None:
            self._open(index, decisions)
        else:
            decisions.append(self._skip(index, culprit))
            over.append((index, culprit))

    def _open(self, index: int, decisions: list[Decision]) -> None:
        if index in self._conditions:
            decisions.append(Judge(index))
        else:
            self._ready.append(index)

    def _unforgiven(self, index: int) -> int | None:
        """The first failure that keeps a command of a series that stops at errors from running."""
        if not self._stop_on_error:
            return None
        referred = self._conditions.get(index, frozenset())
        # Passes over what is referred to at most, so that all commands together cost O(edges).
        return next((failed for failed in self._failed if failed not in referred), None)

    def _skip(self, index: int, because: int | Reason) -> Skip:
        self._decided[index] = True
        self._unfinished -= 1
        return Skip(index, because)


def schedule(plan: ExecutionPlan) -> Scheduler:
    """The scheduler of a plan that passed ``plan.check``."""
    count = len(plan.commands)
    limit: int | None = None
    stop_on_error = False
    needs: Edges = {}
    after: Edges = {}
    match plan.strategy:
        case Serial(stop_on_error=stop_on_error):
            after = {index: (index - 1,) for index in range(1, count)}
            limit = 1
        case Parallel(max_concurrency=limit):
            pass
        case DependencyGraph(dependencies=dependencies):
            needs = dependencies
    return Scheduler(
        count,
        merged(needs, plan.links.all_inputs()),
        limit,
        after=after,
        conditions=plan.links.conditions(),
        stop_on_error=stop_on_error,
        allowed_failures=plan.allowed_failures,
    )
