"""The pure scheduler: every node decided once, needs and limit respected."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.engine.scheduler import Decision, Judge, Reason, Scheduler, Skip, Start, schedule
from cloudops_nb.models import DependencyGraph, Parallel, Serial
from tests.support import plan


def started(decisions: Sequence[Decision]) -> list[int]:
    return [each.index for each in decisions if isinstance(each, Start)]


def skipped(decisions: Sequence[Decision]) -> dict[int, int | Reason]:
    return {each.index: each.because for each in decisions if isinstance(each, Skip)}


def of(strategy: object, count: int = 3) -> Scheduler:
    return schedule(plan(strategy, *["true"] * count))


def test_serial_starts_one_after_another() -> None:
    scheduler = of(Serial())
    assert started(scheduler.begin()) == [0]
    assert started(scheduler.ended(0, completed=True)) == [1]
    assert started(scheduler.ended(1, completed=True)) == [2]
    assert scheduler.ended(2, completed=True) == []
    assert scheduler.finished


def test_serial_skips_the_rest_after_a_failure() -> None:
    scheduler = of(Serial())
    scheduler.begin()
    assert scheduler.ended(0, completed=False) == [Skip(1, 0), Skip(2, 0)]
    assert scheduler.finished


def test_serial_goes_on_after_a_failure_if_told_to() -> None:
    scheduler = of(Serial(stop_on_error=False))
    scheduler.begin()
    assert started(scheduler.ended(0, completed=False)) == [1]
    assert started(scheduler.ended(1, completed=False)) == [2]


def test_parallel_starts_all() -> None:
    assert started(of(Parallel()).begin()) == [0, 1, 2]


def test_parallel_keeps_its_limit_and_its_order() -> None:
    scheduler = of(Parallel(max_concurrency=2), 4)
    assert started(scheduler.begin()) == [0, 1]
    assert started(scheduler.ended(1, completed=False)) == [2]
    assert started(scheduler.ended(0, completed=True)) == [3]


def test_a_graph_starts_what_has_all_it_needs() -> None:
    scheduler = of(DependencyGraph(dependencies={2: (0, 1), 3: (2,)}), 4)
    assert started(scheduler.begin()) == [0, 1]
    assert scheduler.ended(0, completed=True) == []
    assert started(scheduler.ended(1, completed=True)) == [2]
    assert started(scheduler.ended(2, completed=True)) == [3]


def test_a_graph_skips_all_below_a_failure_and_names_it_as_the_reason() -> None:
    scheduler = of(DependencyGraph(dependencies={1: (0,), 2: (1,), 3: ()}), 4)
    assert started(scheduler.begin()) == [0, 3]
    assert scheduler.ended(0, completed=False) == [Skip(1, 0), Skip(2, 0)]
    assert not scheduler.finished  # 3 still runs


def test_a_need_that_is_named_twice_is_one() -> None:
    scheduler = Scheduler(2, {1: (0, 0)})
    scheduler.begin()
    assert started(scheduler.ended(0, completed=True)) == [1]


def test_stopping_skips_what_has_not_started_and_blames_nobody() -> None:
    scheduler = of(Parallel(max_concurrency=1))
    scheduler.begin()
    assert scheduler.stop() == [Skip(1, Reason.STOPPED), Skip(2, Reason.STOPPED)]
    assert scheduler.stop() == []
    assert scheduler.ended(0, completed=True) == []
    assert scheduler.finished


def test_stopping_before_the_beginning_skips_all() -> None:
    scheduler = of(Serial())
    assert len(scheduler.stop()) == 3
    assert scheduler.begin() == []
    assert scheduler.finished


def test_no_commands_are_finished_at_once() -> None:
    assert Scheduler(0).finished


@dataclass(frozen=True)
class Case:
    """Any plan the scheduler may be given; ``fate`` is what becomes of each command."""

    count: int
    needs: dict[int, tuple[int, ...]]
    after: dict[int, tuple[int, ...]]
    conditions: dict[int, tuple[int, ...]]
    limit: int | None
    stop_on_error: bool
    allowed_failures: int | None

    def scheduler(self) -> Scheduler:
        return Scheduler(
            self.count,
            self.needs,
            self.limit,
            after=self.after,
            conditions=self.conditions,
            stop_on_error=self.stop_on_error,
            allowed_failures=self.allowed_failures,
        )

    def must_complete(self, node: int) -> set[int]:
        return set(self.needs.get(node, ())) - set(self.conditions.get(node, ()))

    def must_end(self, node: int) -> set[int]:
        return {*self.after.get(node, ()), *self.conditions.get(node, ())}


@st.composite
def cases(draw: st.DrawFn) -> Case:
    count = draw(st.integers(1, 12))
    # Names are shuffled, so that edges point up as well as down.
    names = draw(st.permutations(range(count)))

    def edges() -> dict[int, tuple[int, ...]]:
        return {
            names[node]: tuple(
                names[other] for other in draw(st.lists(st.integers(0, node - 1), max_size=3))
            )
            for node in range(1, count)
            if draw(st.booleans())
        }

    stop_on_error = draw(st.booleans())
    if stop_on_error:  # only a series has it
        after = {names[node]: (names[node - 1],) for node in range(1, count)}
    else:
        after = edges()
    return Case(
        count,
        edges(),
        after,
        edges(),
        draw(st.none() | st.integers(1, 4)),
        stop_on_error,
        draw(st.none() | st.integers(0, 4)),
    )


class Run:
    """Plays a plan and holds every decision against what the case allows at that moment."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.scheduler = case.scheduler()
        self.running: set[int] = set()
        self.judging: set[int] = set()
        self.held: set[int] = set()
        self.completed: set[int] = set()
        self.failed: list[int] = []
        self.skips: dict[int, int | Reason] = {}
        self.stopped = False

    @property
    def over(self) -> set[int]:
        return self.completed | set(self.failed) | set(self.skips)

    @property
    def too_many(self) -> bool:
        most = self.case.allowed_failures
        return most is not None and len(self.failed) > most

    def take(self, decisions: Sequence[Decision]) -> None:
        case = self.case
        for decision in decisions:
            node = decision.index
            assert node not in self.running | self.over, "decided twice"
            if isinstance(decision, Skip):
                assert self.may_skip(node, decision.because)
                self.skips[node] = decision.because
                self.judging.discard(node)
                continue
            assert not self.stopped
            assert not self.too_many
            assert case.must_complete(node) <= self.completed, "before what it needs"
            assert case.must_end(node) <= self.over, "before what it comes after"
            if case.stop_on_error:
                assert set(self.failed) <= set(case.conditions.get(node, ()))
            if isinstance(decision, Judge):
                assert node in case.conditions
                assert node not in self.judging | self.held, "judged twice"
                self.judging.add(node)
            else:
                assert node in self.held or node not in case.conditions, "not judged"
                self.running.add(node)
                assert case.limit is None or len(self.running) <= case.limit

    def may_skip(self, node: int, because: int | Reason) -> bool:
        match because:
            case Reason.STOPPED:
                return self.stopped
            case Reason.FAILURES:
                return self.too_many
            case Reason.CONDITION:
                return node in self.judging
            case culprit:
                # The root of what went wrong, not another command that was skipped for it.
                assert culprit in self.failed or self.skips[culprit] is Reason.CONDITION
                if self.case.must_complete(node) & (set(self.failed) | set(self.skips)):
                    return True
                return self.case.stop_on_error and culprit in self.failed

    def answer(self, node: int, holds: bool) -> None:
        if holds:
            self.judging.discard(node)
            self.held.add(node)
        self.take(self.scheduler.judged(node, holds=holds))

    def end(self, node: int, completed: bool) -> None:
        self.running.remove(node)
        if completed:
            self.completed.add(node)
        else:
            self.failed.append(node)
        self.take(self.scheduler.ended(node, completed=completed))

    def check_nothing_waits_in_vain(self) -> None:
        case = self.case
        if case.limit is not None and len(self.running) >= case.limit:
            return
        for node in set(range(case.count)) - self.running - self.over - self.judging:
            waits_for = case.must_complete(node) | case.must_end(node)
            assert not waits_for <= self.over, "left waiting"


@given(case=cases(), data=st.data())
def test_any_run_decides_every_command_once_and_keeps_edges_limit_and_threshold(
    case: Case, data: st.DataObject
) -> None:
    run = Run(case)
    carried = set()
    if data.draw(st.booleans()):  # resumed: completed is what has all that it needs
        for node in range(case.count):
            if case.must_complete(node) | case.must_end(node) <= carried and data.draw(
                st.booleans()
            ):
                carried.add(node)
    run.completed |= carried
    run.take(run.scheduler.begin(sorted(carried)))
    while run.running or run.judging:
        if not run.stopped and data.draw(st.integers(0, 9)) == 0:
            run.stopped = True
            run.take(run.scheduler.stop())
            late = sorted(run.judging)
            assert not late
            continue
        run.check_nothing_waits_in_vain()
        node = data.draw(st.sampled_from(sorted(run.running | run.judging)))
        if node in run.judging:
            run.answer(node, data.draw(st.booleans()))
        else:
            run.end(node, data.draw(st.booleans()))
    assert run.scheduler.finished
    assert run.over == set(range(case.count))


def test_conditions_are_judged_when_what_they_refer_to_has_ended() -> None:
    scheduler = Scheduler(3, conditions={1: (0,), 2: (1,)})
    assert scheduler.begin() == [Start(0)]
    assert scheduler.ended(0, completed=False) == [Judge(1)]
    assert scheduler.judged(1, holds=False) == [Skip(1, Reason.CONDITION), Judge(2)]
    assert scheduler.judged(2, holds=True) == [Start(2)]
    assert scheduler.ended(2, completed=True) == []
    assert scheduler.finished


def test_a_condition_that_is_false_skips_what_needs_the_command() -> None:
    scheduler = Scheduler(4, {2: (1,), 3: (2,)}, conditions={1: (0,)})
    scheduler.begin()
    assert scheduler.ended(0, completed=True) == [Judge(1)]
    assert scheduler.judged(1, holds=False) == [Skip(1, Reason.CONDITION), Skip(2, 1), Skip(3, 1)]


def test_what_a_condition_refers_to_is_not_also_needed_to_complete() -> None:
    scheduler = Scheduler(2, {1: (0,)}, conditions={1: (0,)})
    scheduler.begin()
    assert scheduler.ended(0, completed=False) == [Judge(1)]


def test_a_series_that_stopped_runs_only_what_refers_to_the_failure() -> None:
    after = {index: (index - 1,) for index in range(1, 5)}
    scheduler = Scheduler(
        5, limit=1, after=after, conditions={2: (0,), 4: (0, 2)}, stop_on_error=True
    )
    scheduler.begin()
    assert scheduler.ended(0, completed=False) == [Skip(1, 0), Judge(2)]
    assert scheduler.judged(2, holds=True) == [Start(2)]
    assert scheduler.ended(2, completed=False) == [Skip(3, 0), Judge(4)]


def test_a_condition_that_is_false_does_not_stop_a_series() -> None:
    after = {1: (0,), 2: (1,)}
    scheduler = Scheduler(3, limit=1, after=after, conditions={1: (0,)}, stop_on_error=True)
    scheduler.begin()
    assert scheduler.ended(0, completed=True) == [Judge(1)]
    assert scheduler.judged(1, holds=False) == [Skip(1, Reason.CONDITION), Start(2)]


def test_an_answer_that_comes_after_the_stop_changes_nothing() -> None:
    scheduler = Scheduler(3, conditions={1: (0,)}, needs={2: (1,)})
    scheduler.begin()
    scheduler.ended(0, completed=True)
    assert scheduler.stop() == [Skip(1, Reason.STOPPED), Skip(2, Reason.STOPPED)]
    assert scheduler.judged(1, holds=True) == []
    assert scheduler.finished


def test_more_failures_than_allowed_start_nothing_more() -> None:
    scheduler = Scheduler(5, limit=2, allowed_failures=1)
    assert started(scheduler.begin()) == [0, 1]
    assert started(scheduler.ended(0, completed=False)) == [2]  # one is allowed
    assert scheduler.ended(1, completed=False) == [
        Skip(3, Reason.FAILURES),
        Skip(4, Reason.FAILURES),
    ]
    assert not scheduler.finished  # 2 still runs
    assert scheduler.ended(2, completed=False) == []
    assert scheduler.finished


def test_no_failure_allowed_stops_at_the_first() -> None:
    scheduler = Scheduler(3, limit=1, allowed_failures=0)
    scheduler.begin()
    assert set(skipped(scheduler.ended(0, completed=False)).values()) == {Reason.FAILURES}


def test_what_completed_before_is_not_started_again() -> None:
    scheduler = Scheduler(4, {1: (0,), 2: (1,), 3: (2,)})
    assert scheduler.begin([0, 1]) == [Start(2)]
    assert scheduler.ended(2, completed=True) == [Start(3)]
    scheduler.ended(3, completed=True)
    assert scheduler.finished


def test_a_hundred_thousand_commands_cost_little() -> None:
    count = 100_000
    begin = perf_counter()
    chain = {index: (index - 1,) for index in range(1, count)}
    scheduler = Scheduler(count, limit=1, after=chain, stop_on_error=True)
    scheduler.begin()
    for index in range(count // 2):
        scheduler.ended(index, completed=True)
    assert len(scheduler.ended(count // 2, completed=False)) == count // 2 - 1
    assert perf_counter() - begin < 10  # 0.3 s here; anything quadratic takes minutes


def test_a_random_graph_of_a_hundred_thousand_commands_costs_little() -> None:
    count = 100_000
    rng = random.Random(7)
    below = {n: [rng.randrange(n) for _ in range(rng.randrange(6))] for n in range(1, count)}
    conditions = {n: others[:1] for n, others in below.items() if n % 10 == 0}
    begin = perf_counter()
    scheduler = Scheduler(count, below, 64, conditions=conditions, allowed_failures=count)
    todo = scheduler.begin()
    decided = 0
    while todo:
        decision = todo.pop()
        if isinstance(decision, Judge):
            todo += scheduler.judged(decision.index, holds=decision.index % 3 > 0)
            continue
        decided += 1
        if isinstance(decision, Start):
            todo += scheduler.ended(decision.index, completed=decision.index % 50 > 0)
    assert decided == count
    assert scheduler.finished
    assert perf_counter() - begin < 10  # 0.5 s here; anything quadratic takes minutes
