"""The pure scheduler: every node decided once, needs and limit respected."""

from collections.abc import Mapping, Sequence
from time import perf_counter

from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.engine.scheduler import Scheduler, Skip, Start, schedule
from cloudops_nb.models import DependencyGraph, Parallel, Serial
from tests.support import plan


def started(decisions: Sequence[Start | Skip]) -> list[int]:
    return [each.index for each in decisions if isinstance(each, Start)]


def skipped(decisions: Sequence[Start | Skip]) -> dict[int, int | None]:
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


def test_stopping_skips_what_has_not_started_without_a_culprit() -> None:
    scheduler = of(Parallel(max_concurrency=1))
    scheduler.begin()
    assert scheduler.stop() == [Skip(1, None), Skip(2, None)]
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


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, dict[int, tuple[int, ...]], int | None]:
    count = draw(st.integers(1, 12))
    needs = {
        node: tuple(draw(st.lists(st.integers(0, node - 1), max_size=4)))
        for node in range(1, count)
        if draw(st.booleans())
    }
    # Names are shuffled, so that needs point up as well as down.
    names = draw(st.permutations(range(count)))
    renamed = {names[node]: tuple(names[need] for need in of) for node, of in needs.items()}
    return count, renamed, draw(st.none() | st.integers(1, 4))


def culprits(needs: Mapping[int, Sequence[int]], node: int, failed: set[int]) -> set[int]:
    """The failed commands that ``node`` depends on, directly or not."""
    found: set[int] = set()
    todo = list(needs.get(node, ()))
    while todo:
        each = todo.pop()
        found |= {each} & failed
        todo += needs.get(each, ())
    return found


@given(graph=graphs(), data=st.data())
def test_any_run_decides_every_node_once_and_keeps_needs_and_limit(
    graph: tuple[int, dict[int, tuple[int, ...]], int | None], data: st.DataObject
) -> None:
    count, needs, limit = graph
    scheduler = Scheduler(count, needs, limit)
    running: set[int] = set()
    completed: set[int] = set()
    failed: set[int] = set()
    skips: dict[int, int | None] = {}
    stopped = False

    def take(decisions: Sequence[Start | Skip]) -> None:
        for decision in decisions:
            node = decision.index
            assert node not in running | completed | failed | set(skips), "decided twice"
            if isinstance(decision, Start):
                assert set(needs.get(node, ())) <= completed, "started before what it needs"
                assert not stopped
                running.add(node)
                assert limit is None or len(running) <= limit
            else:
                skips[node] = decision.because
                if decision.because is not None:
                    assert decision.because in culprits(needs, node, failed)

    take(scheduler.begin())
    while running:
        if not stopped and data.draw(st.integers(0, 9)) == 0:
            stopped = True
            take(scheduler.stop())
        node = data.draw(st.sampled_from(sorted(running)))
        running.remove(node)
        success = data.draw(st.booleans())
        (completed if success else failed).add(node)
        take(scheduler.ended(node, completed=success))
        free = limit is None or len(running) < limit
        ready = {n for n in range(count) if set(needs.get(n, ())) <= completed}
        undecided = set(range(count)) - running - completed - failed - set(skips)
        assert not (free and ready & undecided), "what could start was left waiting"
    assert scheduler.finished
    assert completed | failed | set(skips) == set(range(count))
    if not stopped:
        assert set(skips) == {n for n in range(count) if culprits(needs, n, failed)} - failed


def test_a_hundred_thousand_commands_cost_little() -> None:
    count = 100_000
    begin = perf_counter()
    scheduler = Scheduler(count, {index: (index - 1,) for index in range(1, count)}, limit=1)
    scheduler.begin()
    for index in range(count // 2):
        scheduler.ended(index, completed=True)
    assert len(scheduler.ended(count // 2, completed=False)) == count // 2 - 1
    assert perf_counter() - begin < 10  # 0.3 s here; anything quadratic takes minutes
