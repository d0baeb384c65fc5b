"""What an executor tells the engine while it runs a command: its progress, and that it waits."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future

from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.executors.base import PROCESSES, Exit, OutputSink, Pool, Surroundings
from cloudops_nb.executors.process import ProcessExecutor
from cloudops_nb.executors.scripted import Scripted, ScriptedExecutor
from cloudops_nb.models import (
    CommandProgress,
    Exec,
    ExecutionRequest,
    ExecutionStatus,
    Parallel,
    PreparedCommand,
    Shell,
    Waiting,
)
from tests.conftest import MakeEngine
from tests.support import Recorder, plan, request, result_of, run, run_plan

Play = Callable[[OutputSink], Awaitable[None]]


class Playing:
    """Runs a coroutine of the test's own."""

    def __init__(self, play: Play, pool: Pool = PROCESSES) -> None:
        self._play = play
        self.pool = pool

    def prepare(self, asked: ExecutionRequest, around: Surroundings) -> PreparedCommand:
        return ScriptedExecutor({asked.command.line: Scripted()}).prepare(asked, around)

    async def run(self, prepared: PreparedCommand, sink: OutputSink) -> Exit:
        await self._play(sink)
        return Exit(0, account=account)


async def account() -> str:
    return "123456789012"


class Parked:
    """A command that is parked until the test lets it go."""

    def __init__(self) -> None:
        self.let_go: Future[None] = Future()

    async def __call__(self, sink: OutputSink) -> None:
        sink.write("stdout", b"before ")
        async with sink.parked("waits for new credentials"):
            await asyncio.wrap_future(self.let_go)
        sink.write("stdout", b"after")


def recorded(engine: ExecutionEngine) -> Recorder:
    recorder = Recorder()
    engine.subscribe(recorder)
    return recorder


def test_a_parked_command_is_pending_for_its_reason_until_it_goes_on(
    make_engine: MakeEngine,
) -> None:
    parked = Parked()
    engine = make_engine(executors={Shell: Playing(parked)})
    recorder = recorded(engine)
    execution = engine.submit("x")
    told = recorder.wait_for_type("waiting")
    assert isinstance(told, Waiting)
    assert (told.reason, told.lock) == ("waits for new credentials", None)
    [summary] = engine.summaries()
    assert (summary.status, summary.reason) == ("pending", "waits for new credentials")
    parked.let_go.set_result(None)
    result = result_of(execution)
    assert (result.status, result.stdout) == ("completed", "before after")
    recorder.wait_for_type("completed")
    assert [each for each in recorder.types if each != "stdout"] == [
        "started", "waiting", "resumed", "completed",
    ]  # fmt: skip


def test_the_time_a_command_is_parked_does_not_count_for_its_timeout(
    make_engine: MakeEngine,
) -> None:
    parked = Parked()
    engine = make_engine(executors={Shell: Playing(parked), Exec: ProcessExecutor()})
    recorder = recorded(engine)
    execution = engine.submit(request("x", timeout_ms=200))
    recorder.wait_for_type("waiting")
    run(engine, ExecutionRequest(command=Exec(program="sleep", args=("0.4",))))
    parked.let_go.set_result(None)
    assert result_of(execution).status is ExecutionStatus.COMPLETED


def test_the_rest_of_the_timeout_holds_once_it_goes_on(make_engine: MakeEngine) -> None:
    async def play(sink: OutputSink) -> None:
        async with sink.parked("a moment"):
            pass
        await asyncio.Event().wait()

    result = run(make_engine(executors={Shell: Playing(play)}), request("x", timeout_ms=100))
    assert result.status is ExecutionStatus.TIMEOUT


def test_a_parked_command_can_be_cancelled(make_engine: MakeEngine) -> None:
    engine = make_engine(executors={Shell: Playing(Parked())})
    recorder = recorded(engine)
    execution = engine.submit("x")
    recorder.wait_for_type("waiting")
    execution.cancel()
    assert result_of(execution).status is ExecutionStatus.CANCELLED
    assert engine.summaries()[0].reason is None


def test_others_run_in_the_place_of_a_parked_command(make_engine: MakeEngine) -> None:
    parked = Parked()
    executors = {Shell: Playing(parked), Exec: ProcessExecutor()}
    engine = make_engine(executors=executors, max_concurrent_executions=1)
    recorder = recorded(engine)
    first = engine.submit("x")
    recorder.wait_for_type("waiting")
    assert run(engine, ExecutionRequest(command=Exec(program="true"))).success
    parked.let_go.set_result(None)
    assert result_of(first).success


def test_a_command_that_goes_on_waits_for_a_place_again(make_engine: MakeEngine) -> None:
    parked = Parked()
    second: Future[None] = Future()
    executors = {
        Shell: Playing(parked),
        Exec: ScriptedExecutor({"y": Scripted(stdout="y", until=second)}),
    }
    engine = make_engine(executors=executors, max_concurrent_executions=1)
    recorder = recorded(engine)
    first = engine.submit("x")
    recorder.wait_for_type("waiting")
    other = engine.submit(ExecutionRequest(command=Exec(program="y")))
    recorder.wait_for_type("started", 2)
    parked.let_go.set_result(None)
    assert first.status is ExecutionStatus.PENDING
    second.set_result(None)
    assert result_of(other).success
    assert result_of(first).success


def test_who_comes_late_is_told_that_a_command_is_parked(make_engine: MakeEngine) -> None:
    parked = Parked()
    engine = make_engine(executors={Shell: Playing(parked)})
    recorder = recorded(engine)
    execution = engine.submit("x")
    recorder.wait_for_type("waiting")
    late = Recorder("batches")
    engine.attach(execution.id, late)
    late.wait_for_type("waiting")
    assert late.types == ["started", "output", "waiting"]
    parked.let_go.set_result(None)
    result_of(execution)


def test_pools_do_not_count_against_each_other(make_engine: MakeEngine) -> None:
    until: Future[None] = Future()
    executors = {
        Shell: ScriptedExecutor({"x": Scripted(until=until)}),
        Exec: ScriptedExecutor({"y": Scripted()}, Pool("others", 1)),
    }
    engine = make_engine(executors=executors, max_concurrent_executions=1)
    first = engine.submit("x")
    assert run(engine, ExecutionRequest(command=Exec(program="y"))).success
    until.set_result(None)
    assert result_of(first).success


def test_a_pool_runs_as_many_as_its_limit_and_no_more(make_engine: MakeEngine) -> None:
    running = most = 0
    both = asyncio.Event()

    async def play(sink: OutputSink) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 3:
            both.set()
        await both.wait()
        running -= 1

    pool = Pool("calls", 3)
    engine = make_engine(executors={Shell: Playing(play, pool)}, max_concurrent_executions=1)
    result = run_plan(engine, plan(Parallel(), *"abcdef"))
    assert (result.success, most) == (True, 3)


def test_progress_is_told_with_each_note(make_engine: MakeEngine) -> None:
    async def play(sink: OutputSink) -> None:
        sink.progress(pages=1, records=1000)
        sink.progress(pages=2, records=2000, note="throttled")

    engine = make_engine(executors={Shell: Playing(play)})
    recorder = recorded(engine)
    result = run(engine, "x")
    last = recorder.wait_for(lambda event: getattr(event, "note", None) is not None)
    assert isinstance(last, CommandProgress)
    assert last.text == "2 pages, 2,000 records; throttled"
    assert result.account == "123456789012"


def test_progress_without_news_is_told_some_twenty_times_a_second(
    make_engine: MakeEngine,
) -> None:
    async def play(sink: OutputSink) -> None:
        for page in range(10_000):
            sink.progress(pages=page, records=page)

    engine = make_engine(executors={Shell: Playing(play)})
    recorder = recorded(engine)
    seconds = run(engine, "x").duration.total_seconds()
    recorder.wait_for_type("completed")
    assert 1 <= recorder.types.count("command_progress") <= seconds * 20 + 1
