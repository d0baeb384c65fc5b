"""Cancelling: what is cancelled ends cancelled, and all of it is gone."""

import asyncio
import signal
import threading
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from cloudops_nb.engine import Execution, ExecutionEngine
from cloudops_nb.errors import ExecutionNotRunning
from cloudops_nb.models import (
    DependencyGraph,
    ExecutionEvent,
    ExecutionPlan,
    ExecutionStatus,
    Parallel,
    Serial,
    Started,
)
from tests.conftest import MakeEngine
from tests.support import (
    PATIENCE,
    Gate,
    Recorder,
    carrying,
    plan,
    plan_result_of,
    request,
    result_of,
    run,
)


def test_a_cancelled_command_ends_cancelled(engine: ExecutionEngine, recorder: Recorder) -> None:
    execution = engine.submit("echo up; exec sleep 60")
    recorder.wait_for_line("up")
    asyncio.run(engine.cancel(execution.id))
    result = result_of(execution)
    assert (result.status, result.error) == ("cancelled", "cancelled")
    assert (result.exit_code, result.signal) == (-signal.SIGTERM, "SIGTERM")
    assert result.stdout == "up\n"
    recorder.wait_for_type("cancelled")
    assert recorder.types == ["started", "stdout", "cancelled"]


def test_what_is_printed_while_it_is_stopped_is_kept(
    engine: ExecutionEngine, recorder: Recorder
) -> None:
    execution = engine.submit("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done")
    recorder.wait_for_line("up")
    execution.cancel()
    result = result_of(execution)
    assert (result.status, result.exit_code, result.success) == ("cancelled", 0, False)
    assert result.stdout == "up\nbye\n"


def test_a_command_that_waits_for_a_slot_never_starts(
    make_engine: MakeEngine, gate: Gate, tmp_path: Path
) -> None:
    engine = make_engine(max_concurrent_executions=1)
    recorder = Recorder()
    engine.subscribe(recorder)
    first = engine.submit(str(gate))
    recorder.wait_for_type("started")
    second = engine.submit(f"touch {tmp_path}/ran")
    third = engine.submit("true")
    second.cancel()
    result = result_of(second)  # at once: the first still runs
    assert (result.status, result.exit_code) == ("cancelled", None)
    assert result.error == "cancelled before it started"
    assert (result.stdout, result.duration.total_seconds()) == ("", 0)
    gate.open()
    assert result_of(first).success
    assert result_of(third).success  # its slot was given back
    assert not (tmp_path / "ran").exists()
    recorder.wait_for_type("completed", 2)
    told = [e.event_type for e in recorder.events if getattr(e, "execution_id", 0) == second.id]
    assert told == ["cancelled"]


def test_what_is_cancelled_as_soon_as_it_is_submitted_is_cancelled(
    engine: ExecutionEngine,
) -> None:
    for _ in range(20):
        execution = engine.submit("sleep 60")
        execution.cancel()
        assert result_of(execution).status is ExecutionStatus.CANCELLED


def test_cancelling_what_has_ended_is_an_error_but_not_for_a_handle(
    engine: ExecutionEngine,
) -> None:
    execution = engine.submit("true")
    result_of(execution)
    with pytest.raises(ExecutionNotRunning, match="completed"):
        asyncio.run(engine.cancel(execution.id))
    execution.cancel()
    assert execution.status == "completed"


def test_cancelling_again_while_it_is_stopped_changes_nothing(
    engine: ExecutionEngine, recorder: Recorder
) -> None:
    execution = engine.submit(
        "trap 'echo term; sleep 0.1; exit 5' TERM; echo up; while :; do sleep 0.01; done"
    )
    recorder.wait_for_line("up")
    for _ in range(5):
        execution.cancel()
    result = result_of(execution)
    assert (result.status, result.exit_code) == ("cancelled", 5)
    assert result.stdout == "up\nterm\n"


def is_start_of(execution_id: UUID, event: ExecutionEvent) -> bool:
    return isinstance(event, Started) and event.execution_id == execution_id


def test_a_cancel_and_a_natural_end_at_once_give_one_result(engine: ExecutionEngine) -> None:
    recorder = Recorder()
    engine.subscribe(recorder)
    for n in range(30):
        execution = engine.submit("true")
        if n % 3:
            recorder.wait_for(partial(is_start_of, execution.id))
        execution.cancel()
        assert result_of(execution).status in ("completed", "cancelled")
    recorder.wait_for(lambda event: event.event_type in ("completed", "cancelled"), 30)


def test_many_threads_may_submit_and_cancel_at_once(engine: ExecutionEngine) -> None:
    ends: list[ExecutionStatus] = []

    def work() -> None:
        for n in range(10):
            execution = engine.submit("sleep 60" if n % 2 else "true")
            if n % 2:
                execution.cancel()
            ends.append(result_of(execution).status)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(ends) == ["cancelled"] * 20 + ["completed"] * 20


# Plans


def test_a_cancelled_plan_stops_what_runs_and_starts_nothing_more(
    engine: ExecutionEngine, recorder: Recorder, tmp_path: Path
) -> None:
    work = plan(
        Parallel(max_concurrency=2), "true", "echo up; sleep 60", "echo up; sleep 60",
        f"touch {tmp_path}/ran",
    )  # fmt: skip
    execution = engine.submit(work)
    recorder.wait_for(lambda event: getattr(event, "line", "") == "up", 2)
    asyncio.run(engine.cancel(execution.id))
    result = plan_result_of(execution)
    assert result.status is ExecutionStatus.CANCELLED
    assert [each.status for each in result.results] == [
        "completed", "cancelled", "cancelled", "skipped",
    ]  # fmt: skip
    assert result.results[3].error == "not run: the plan was cancelled"
    assert (result.stats.cancelled, result.stats.skipped, result.stats.total) == (2, 1, 4)
    assert not (tmp_path / "ran").exists()
    for command in work.commands:
        assert carrying(str(command.id).encode()) == []


def test_commands_of_a_cancelled_plan_that_wait_for_a_slot_never_start(
    make_engine: MakeEngine,
) -> None:
    engine = make_engine(max_concurrent_executions=1)
    recorder = Recorder()
    engine.subscribe(recorder)
    execution = engine.submit(plan(Parallel(), "echo up; sleep 60", "true", "true"))
    recorder.wait_for_line("up")
    execution.cancel()
    result = plan_result_of(execution)
    assert [each.status for each in result.results] == ["cancelled"] * 3
    assert result.results[2].error == "cancelled before it started"
    recorder.wait_for_type("plan_completed")
    assert recorder.types.count("started") == 1


def test_a_plan_that_is_cancelled_before_it_begins_keeps_the_order_of_events(
    engine: ExecutionEngine, recorder: Recorder
) -> None:
    go = threading.Event()

    class HoldTheLoop:
        def present(self, execution: Execution) -> None:
            """Called before the start: the loop finds the start and the cancel together."""
            engine._loop.call_soon(go.wait, PATIENCE)

    execution = engine.submit(plan(Serial(), "true", "true"), presenter=HoldTheLoop())
    execution.cancel()
    go.set()
    result = plan_result_of(execution)
    assert (result.status, result.stats.skipped) == ("cancelled", 2)
    recorder.wait_for_type("plan_completed")
    assert recorder.types == [
        "plan_started", "progress", "skipped", "skipped", "progress", "plan_completed",
    ]  # fmt: skip


class CancelsAtOnce:
    """As a click does that comes as soon as there is something to click on."""

    def __init__(self, engine: ExecutionEngine, index: int | None = None) -> None:
        self._engine = engine
        self._index = index

    def present(self, execution: Execution) -> None:
        shown = execution.shown
        if isinstance(shown, ExecutionPlan) and self._index is not None:
            self._engine.request_cancel(shown.commands[self._index].id)
        else:
            execution.cancel()


@pytest.mark.parametrize("work", ["sleep 60", plan(Serial(), "sleep 60", "true")])
def test_what_is_cancelled_as_soon_as_it_is_shown_does_not_run(
    engine: ExecutionEngine, recorder: Recorder, work: str | ExecutionPlan
) -> None:
    result = engine.submit(work, presenter=CancelsAtOnce(engine)).result(PATIENCE)
    assert result.status == "cancelled"
    assert "started" not in recorder.types


def test_a_command_that_is_cancelled_as_soon_as_its_plan_is_shown_does_not_run(
    engine: ExecutionEngine,
) -> None:
    work = plan(Parallel(), "sleep 60", "true")
    result = plan_result_of(engine.submit(work, presenter=CancelsAtOnce(engine, index=0)))
    assert [each.status for each in result.results] == ["cancelled", "completed"]


def test_one_command_of_a_plan_can_be_cancelled(
    engine: ExecutionEngine, recorder: Recorder
) -> None:
    first, second = request("echo up; sleep 60", name="first"), request("true")
    execution = engine.submit(plan(DependencyGraph(dependencies={1: (0,)}), first, second, "true"))
    recorder.wait_for_line("up")
    asyncio.run(engine.cancel(first.id))
    result = plan_result_of(execution)
    assert [each.status for each in result.results] == ["cancelled", "skipped", "completed"]
    assert result.results[1].error == "not run: command 0 (first) was cancelled"
    assert result.status is ExecutionStatus.FAILED


def test_a_command_that_is_cancelled_before_its_turn_never_starts(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate
) -> None:
    second = request("true")
    execution = engine.submit(plan(Serial(stop_on_error=False), str(gate), second, "true"))
    recorder.wait_for_type("started")
    asyncio.run(engine.cancel(second.id))
    gate.open()
    statuses = [each.status for each in plan_result_of(execution).results]
    assert statuses == ["completed", "cancelled", "completed"]


def test_a_plan_cancelled_while_its_last_command_ends_is_answered(engine: ExecutionEngine) -> None:
    for _ in range(15):
        execution = engine.submit(plan(Serial(), "true", "true"))
        execution.cancel()
        assert plan_result_of(execution).status in ("cancelled", "completed")


def test_a_cancelled_engine_goes_on_working(engine: ExecutionEngine, recorder: Recorder) -> None:
    execution = engine.submit("echo up; sleep 60")
    recorder.wait_for_line("up")
    execution.cancel()
    result_of(execution)
    assert run(engine, "echo again").stdout == "again\n"
