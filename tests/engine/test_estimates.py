"""How long a plan will still take."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.engine.estimates import REMEMBERED, Durations, Estimate
from cloudops_nb.models import Parallel, Progress, Serial
from tests.support import Gate, Recorder, plan, plan_result_of, request, run, run_plan


def test_nothing_known_is_no_estimate() -> None:
    assert Estimate([None, None], 4).seconds_left({0: 1.0}, 1.0) is None


def test_before_anything_ran_work_is_shared_by_as_many_as_may_run() -> None:
    assert Estimate([2.0] * 6, 3).seconds_left({}, 0.0) == 4.0
    assert Estimate([2.0] * 6, 1).seconds_left({}, 0.0) == 12.0
    assert Estimate([2.0, 2.0], 10).seconds_left({}, 0.0) == 2.0


def test_what_nothing_is_known_of_takes_as_long_as_the_others() -> None:
    estimate = Estimate([None, None, None], 1)
    estimate.ended(0, 4.0)
    assert estimate.seconds_left({}, 4.0) == 8.0
    assert Estimate([3.0, None], 1).seconds_left({}, 0.0) == 6.0


def test_what_runs_has_done_a_part_of_its_work() -> None:
    assert Estimate([10.0, 10.0], 1).seconds_left({0: 4.0}, 4.0) == 16.0
    # One that takes longer than it should has nothing left that could be told.
    assert Estimate([10.0, 10.0], 1).seconds_left({0: 15.0}, 15.0) == 10.0


def test_as_many_run_at_a_time_as_did_so_far() -> None:
    estimate = Estimate([5.0] * 20, 10)
    for index in range(8):  # four pairs, one after another: needs, a lock or a slow host
        estimate.ended(index, 5.0)
    assert estimate.seconds_left({}, 20.0) == 30.0


def test_the_longest_that_runs_is_waited_for() -> None:
    estimate = Estimate([1.0, 1.0, 60.0], 3)
    estimate.ended(0, 1.0)
    estimate.ended(1, 1.0)
    assert estimate.seconds_left({2: 1.0}, 1.0) == 59.0


def test_skipped_commands_leave_no_work_and_the_end_is_now() -> None:
    estimate = Estimate([5.0, 5.0, None], 1)
    estimate.ended(1, None)
    estimate.ended(2, None)
    assert estimate.seconds_left({}, 0.0) == 5.0
    estimate.ended(0, 5.0)
    assert estimate.seconds_left({}, 5.0) == 0.0


seconds = st.floats(0, 1e6)


@given(st.lists(st.none() | seconds, min_size=1, max_size=20), st.integers(1, 10), st.data())
def test_an_estimate_is_never_negative_and_there_once_something_is_known(
    expected: list[float | None], limit: int, data: st.DataObject
) -> None:
    estimate = Estimate(expected, limit)
    known = any(each is not None for each in expected)
    elapsed = 0.0
    for index in data.draw(st.permutations(range(len(expected)))):
        left = estimate.seconds_left({index: data.draw(seconds)}, elapsed)
        assert left is None or 0 <= left < float("inf")
        if known and all(each is not None for each in expected):
            assert left is not None
        took = data.draw(st.none() | seconds)
        estimate.ended(index, took)
        elapsed += took or 0.0
    assert estimate.seconds_left({}, elapsed) == 0.0


def test_durations_follow_what_a_command_takes_now_and_forget_the_oldest() -> None:
    durations = Durations()
    durations.add("a", 10.0)
    assert durations.of("a") == 10.0
    for _ in range(20):
        durations.add("a", 20.0)
    assert durations.of("a") == pytest.approx(20.0, rel=0.01)
    for number in range(REMEMBERED):
        durations.add(str(number), 1.0)
    assert durations.of("a") is None
    assert durations.of("b") is None


# Through the engine


def estimates(recorder: Recorder) -> list[float | None]:
    return [event.eta_seconds for event in recorder.events if isinstance(event, Progress)]


def test_a_first_plan_learns_from_its_own_commands(
    engine: ExecutionEngine, recorder: Recorder
) -> None:
    run_plan(engine, plan(Serial(), "sleep 0.06; true", "sleep 0.06 && true"))
    recorder.wait_for_type("plan_completed")
    first, second, last = estimates(recorder)
    assert first is None
    assert second is not None
    assert second > 0.05
    assert last == 0.0


def test_a_command_seen_before_gives_an_estimate_at_once(
    engine: ExecutionEngine, recorder: Recorder
) -> None:
    took = run(engine, "sleep 0.2").duration.total_seconds()
    run_plan(engine, plan(Parallel(), "sleep 0.2", "sleep 0.2"))
    recorder.wait_for_type("plan_completed")
    assert estimates(recorder)[0] == pytest.approx(took)


def test_a_failure_says_nothing_of_how_long_success_takes(
    engine: ExecutionEngine, recorder: Recorder
) -> None:
    run(engine, "false")
    run_plan(engine, plan(Parallel(), "false"))
    recorder.wait_for_type("plan_completed")
    assert estimates(recorder)[0] is None


def test_what_was_carried_over_is_no_work(engine: ExecutionEngine, tmp_path: Path) -> None:
    gate, recorder = Gate(tmp_path / "gate"), Recorder()
    run(engine, "sleep 0.2")
    first = run_plan(
        engine,
        plan(Serial(), request("sleep 0.2"), request(f"[ -e {tmp_path}/mended ] && {gate}")),
    )
    (tmp_path / "mended").touch()
    engine.subscribe(recorder)
    execution = engine.resume(first.id)
    gate.open()
    plan_result_of(execution)
    recorder.wait_for_type("plan_completed")
    assert estimates(recorder) == [None, 0.0]
