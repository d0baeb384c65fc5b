"""The shipped fake."""

from concurrent.futures import Future

import pytest

from cloudops_nb.errors import InvalidCommand
from cloudops_nb.executors.scripted import Scripted, ScriptedExecutor
from cloudops_nb.models import ExecutionStatus, Parallel, Shell
from tests.conftest import MakeEngine
from tests.support import Recorder, plan, plan_result_of, request, result_of, run


def engine_with(make_engine: MakeEngine, **responses: Scripted):
    executor = ScriptedExecutor(responses)
    return make_engine(executors={Shell: executor}), executor


def test_it_prints_and_ends_as_it_was_told(make_engine: MakeEngine) -> None:
    engine, executor = engine_with(
        make_engine, x=Scripted(stdout="out\n", stderr="err\n", exit_code=3)
    )
    result = run(engine, "x")
    assert (result.stdout, result.stderr, result.exit_code) == ("out\n", "err\n", 3)
    assert executor.ran == ["x"]


def test_what_it_was_not_told_about_is_refused(make_engine: MakeEngine) -> None:
    engine, executor = engine_with(make_engine)
    with pytest.raises(InvalidCommand, match="'y'"):
        engine.submit("y")
    assert executor.ran == []


def test_it_waits_until_it_is_let_go(make_engine: MakeEngine) -> None:
    until: Future[None] = Future()
    engine, _ = engine_with(make_engine, x=Scripted(until=until))
    execution = engine.submit("x")
    assert not execution.done()
    until.set_result(None)
    assert result_of(execution).success


def test_one_that_is_cancelled_leaves_the_others_waiting(make_engine: MakeEngine) -> None:
    until: Future[None] = Future()
    engine, executor = engine_with(make_engine, x=Scripted(until=until))
    recorder = Recorder()
    engine.subscribe(recorder)
    one, other = request("x"), request("x")
    execution = engine.submit(plan(Parallel(), one, other))
    recorder.wait_for_type("started", 2)
    engine.get(one.id).cancel()
    assert result_of(engine.get(one.id)).status is ExecutionStatus.CANCELLED
    until.set_result(None)
    statuses = [result.status for result in plan_result_of(execution).results]
    assert statuses == [ExecutionStatus.CANCELLED, ExecutionStatus.COMPLETED]
    assert executor.ran == ["x", "x"]
