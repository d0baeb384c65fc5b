"""The engine's methods, one by one, from any loop and any thread."""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from uuid import uuid4

import pydantic
import pytest

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine import Execution, ExecutionEngine, Subscription
from cloudops_nb.errors import (
    AlreadyInitialized,
    EngineClosed,
    ExecutionNotCompleted,
    ExecutionNotFound,
    ExecutionNotRunning,
    ExecutionTimeout,
    InvalidCommand,
    InvalidPlan,
    InvalidSetting,
    MissingField,
    ScriptNotFound,
    TimeoutTooLarge,
)
from cloudops_nb.models import (
    AwsCli,
    ExecutionEvent,
    ExecutionPlan,
    ExecutionRequest,
    ExecutionResult,
    ExecutionStatus,
    PlanExecutionResult,
    Script,
    Serial,
)
from tests.conftest import MakeEngine
from tests.support import (
    PATIENCE,
    Gate,
    Recorder,
    carrying,
    plan,
    plan_result_of,
    python,
    request,
    result_of,
    run,
    run_plan,
)


async def executed(engine: ExecutionEngine, work: ExecutionRequest) -> ExecutionResult:
    execution_id = await engine.execute(work)
    result = await asyncio.wait_for(engine.wait_for_completion(execution_id), PATIENCE)
    assert isinstance(result, ExecutionResult)
    return result


# execute, execute_plan, submit, run


def test_execute_returns_the_requests_id_while_it_runs(engine: ExecutionEngine, gate: Gate) -> None:
    async def main() -> None:
        work = request(str(gate))
        assert await engine.execute(work) == work.id
        assert await engine.get_status(work.id) in ("pending", "running")
        await asyncio.to_thread(gate.open)
        result = await engine.wait_for_completion(work.id)
        assert result.id == work.id
        assert result.success

    asyncio.run(main())


def test_execute_plan_returns_the_plans_id(engine: ExecutionEngine) -> None:
    async def main() -> None:
        work = plan(Serial(), "echo a", "echo b")
        plan_id = await engine.execute_plan(work)
        result = await engine.wait_for_completion(plan_id)
        assert plan_id == work.id
        assert isinstance(result, PlanExecutionResult)
        assert [each.stdout for each in result.results] == ["a\n", "b\n"]
        assert await engine.get_result(plan_id) == result

    asyncio.run(main())


def test_submit_takes_a_line_a_request_or_a_plan(engine: ExecutionEngine) -> None:
    assert run(engine, "echo $0").stdout.strip().endswith("bash")
    assert run(engine, request("echo b")).stdout == "b\n"
    assert run_plan(engine, plan(Serial(), "true")).success


def test_run_waits_and_returns_the_result(engine: ExecutionEngine) -> None:
    result = engine.run("echo out")
    assert isinstance(result, ExecutionResult)
    assert result.stdout == "out\n"


def test_a_failed_command_is_a_result_and_no_exception(engine: ExecutionEngine) -> None:
    result = engine.run("exit 3")
    assert (result.status, result.success) == (ExecutionStatus.FAILED, False)


def test_a_request_executed_twice_runs_under_two_ids(engine: ExecutionEngine) -> None:
    work = request("echo x")
    first, second = run(engine, work), run(engine, work)
    assert first.id == work.id
    assert second.id != work.id
    assert first.stdout == second.stdout == "x\n"


def test_a_request_executed_twice_at_once_runs_under_two_ids(engine: ExecutionEngine) -> None:
    async def main() -> None:
        work = request("echo x")
        results = await asyncio.gather(*(executed(engine, work) for _ in range(5)))
        assert len({result.id for result in results}) == 5
        assert all(result.success for result in results), [result.error for result in results]

    asyncio.run(main())


def test_a_plan_executed_twice_runs_under_new_ids(engine: ExecutionEngine) -> None:
    work = plan(Serial(), "echo a", "echo b")
    first, second = (run_plan(engine, work) for _ in range(2))
    ids = {each.id for result in (first, second) for each in (result, *result.results)}
    assert len(ids) == 6
    assert second.success


def test_the_ids_of_a_file_can_be_used_again_another_day(make_engine: MakeEngine) -> None:
    work = ExecutionPlan.from_json(plan(Serial(), "echo a").model_dump_json())
    for _ in range(3):  # each engine stands for a new kernel
        assert run_plan(make_engine(), work).success


def test_a_refused_request_keeps_its_id_for_the_next_attempt(engine: ExecutionEngine) -> None:
    work = request("true", timeout_ms=999_999_999)
    with pytest.raises(TimeoutTooLarge):
        engine.submit(work)
    assert run(engine, work.model_copy(update={"timeout_ms": 5000})).id == work.id


@pytest.mark.parametrize(
    ("work", "error"),
    [
        (request(""), MissingField),
        (request("true", timeout_ms=600_001), TimeoutTooLarge),
        (ExecutionRequest(command=Script(path="no-such.sh")), ScriptNotFound),
        (request("true", env={"PATH": "/nowhere"}), InvalidCommand),
        (plan(Serial()), InvalidPlan),
        (plan(Serial(), "true", request("")), MissingField),
    ],
    ids=["empty", "timeout", "script", "program", "no commands", "second command"],
)
def test_what_is_wrong_is_refused_and_nothing_starts(
    engine: ExecutionEngine,
    recorder: Recorder,
    work: ExecutionRequest | ExecutionPlan,
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        engine.submit(work)
    execute = engine.execute_plan if isinstance(work, ExecutionPlan) else engine.execute
    with pytest.raises(error):
        asyncio.run(execute(work))
    assert engine.summaries() == []
    assert recorder.events == []


def test_a_kind_of_command_without_an_executor_is_refused(make_engine: MakeEngine) -> None:
    engine = make_engine(executors={})
    with pytest.raises(InvalidCommand, match="'shell'"):
        engine.submit("true")


# Asking


def test_status_goes_from_pending_over_running_to_its_end(
    make_engine: MakeEngine, gate: Gate, tmp_path: Path
) -> None:
    engine = make_engine(max_concurrent_executions=1)
    recorder = Recorder()
    engine.subscribe(recorder)
    first = engine.submit(str(gate))
    recorder.wait_for_type("started")
    second_gate = Gate(tmp_path / "second")
    second = engine.submit(str(second_gate))

    async def statuses() -> list[ExecutionStatus]:
        return [await engine.get_status(each.id) for each in (first, second)]

    assert asyncio.run(statuses()) == ["running", "pending"]
    assert asyncio.run(engine.running_count()) == 1
    gate.open()
    recorder.wait_for_type("started", 2)
    assert asyncio.run(statuses()) == ["completed", "running"]
    second_gate.open()
    result_of(second)
    assert asyncio.run(statuses()) == ["completed", "completed"]
    assert asyncio.run(engine.running_count()) == 0


def test_a_result_can_be_had_only_when_it_is_there(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate
) -> None:
    execution = engine.submit(str(gate))
    recorder.wait_for_type("started")
    with pytest.raises(ExecutionNotCompleted, match="running"):
        asyncio.run(engine.get_result(execution.id))
    gate.open()
    result = result_of(execution)
    assert asyncio.run(engine.get_result(execution.id)) == result


def test_nobody_knows_an_id_that_was_never_given(engine: ExecutionEngine) -> None:
    unknown = uuid4()
    for ask in (
        engine.get_status,
        engine.get_result,
        engine.wait_for_completion,
        engine.cancel,
        engine.read_logs,
    ):
        with pytest.raises(ExecutionNotFound, match=str(unknown)):
            asyncio.run(ask(unknown))
    with pytest.raises(ExecutionNotFound):
        engine.get(unknown)


def test_executions_are_listed_oldest_first_with_the_plans_commands(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate
) -> None:
    single = result_of(engine.submit(request("true", name="single")))
    work = plan(Serial(), request("false", name="a"), "true")
    done = run_plan(engine, work)
    running = engine.submit(str(gate))
    recorder.wait_for(lambda event: getattr(event, "execution_id", None) == running.id)
    summaries = asyncio.run(engine.list_executions())
    assert [each.id for each in summaries] == [
        single.id, work.id, *(command.id for command in work.commands), running.id,
    ]  # fmt: skip
    assert [each.status for each in summaries] == [
        "completed", "failed", "failed", "skipped", "running",
    ]  # fmt: skip
    assert [each.title for each in summaries][:3] == ["single", "a plan", "a"]
    assert [each.plan_id for each in summaries] == [None, None, work.id, work.id, None]
    assert [each.commands for each in summaries] == [1, 2, 1, 1, 1]
    assert [each.duration for each in summaries][:3] == [
        single.duration, done.total_duration, done.results[0].duration,
    ]  # fmt: skip
    assert summaries[-1].duration is None
    gate.open()


def test_logs_can_be_read_while_it_runs(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate
) -> None:
    execution = engine.submit(f"echo one; {gate}; echo two >&2")
    recorder.wait_for_line("one")
    assert asyncio.run(engine.read_logs(execution.id)) == "one\n"
    gate.open()
    result_of(execution)
    assert asyncio.run(engine.read_logs(execution.id)) == "one\ntwo\n"
    assert execution.logs() == "one\ntwo\n"


def test_logs_of_a_plan_are_those_of_its_commands_in_order(engine: ExecutionEngine) -> None:
    execution = engine.submit(plan(Serial(), "echo a", "echo b; false", "echo c"))
    plan_result_of(execution)
    assert execution.logs() == "a\nb\n"


def test_a_log_is_where_it_is_said_to_be(engine: ExecutionEngine, tmp_path: Path) -> None:
    result = run(engine, "echo out")
    path = engine.get_log_path(result.id)
    assert path == result.log_path == tmp_path / "logs" / f"{result.id}.log"
    assert path.read_text() == "out\n"


def test_a_log_goes_where_the_request_says(engine: ExecutionEngine, tmp_path: Path) -> None:
    path = tmp_path / "mine" / "out.log"
    result = run(engine, request("echo out", output_log_path=path))
    assert engine.get_log_path(result.id) == result.log_path == path
    assert path.read_text() == "out\n"


def test_a_log_that_is_there_already_is_not_overwritten(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    path = tmp_path / "out.log"
    path.write_text("mine")
    result = run(engine, request("echo out", output_log_path=path))
    assert result.status == "failed"
    assert result.error is not None
    assert "not started" in result.error
    assert "File exists" in result.error
    assert path.read_text() == "mine"


def test_the_log_path_of_what_is_not_known_is_where_it_would_be(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    unknown = uuid4()
    assert engine.get_log_path(unknown) == tmp_path / "logs" / f"{unknown}.log"


# The handle


def test_a_handle_knows_its_id_work_status_and_result(engine: ExecutionEngine) -> None:
    work = request("echo '[1, 2]'")
    execution = engine.submit(work)
    assert isinstance(execution, Execution)
    assert (execution.id, execution.work) == (work.id, work)
    assert execution.records == [{"value": 1}, {"value": 2}]
    assert execution.to_pandas()["value"].to_list() == [1, 2]
    assert execution.status == "completed"
    assert execution.done()
    assert repr(execution) == f"<Execution {work.id} completed: echo '[1, 2]'>"


def test_a_handle_can_be_had_again_by_its_id(engine: ExecutionEngine) -> None:
    execution = engine.submit("echo x")
    assert result_of(engine.get(execution.id)) == result_of(execution)


def test_a_wait_that_is_given_up_leaves_it_running(engine: ExecutionEngine, gate: Gate) -> None:
    execution = engine.submit(str(gate))
    with pytest.raises(ExecutionTimeout, match=r"still (running|pending) after 0.01 s; it goes on"):
        execution.result(timeout=0.01)
    gate.open()
    assert result_of(execution).success


def test_an_awaited_wait_that_is_given_up_leaves_it_running(
    engine: ExecutionEngine, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    execution = engine.submit(str(gate))

    async def give_up() -> None:
        async with asyncio.timeout(0.01):
            await execution

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    gate.open()
    assert result_of(execution).success
    engine.close()
    assert caplog.text == ""  # that its loop is closed by now is no error


def test_a_handle_can_be_awaited_by_many_on_many_loops(engine: ExecutionEngine, gate: Gate) -> None:
    execution = engine.submit(f"{gate}; echo done")
    waiting, results = threading.Barrier(4), []

    async def main() -> None:
        tasks = [asyncio.ensure_future(wait()) for _ in range(2)]
        await asyncio.sleep(0)
        waiting.wait(PATIENCE)
        results.extend(await asyncio.gather(*tasks))

    async def wait() -> object:
        return await execution

    threads = [threading.Thread(target=lambda: asyncio.run(main())) for _ in range(3)]
    for thread in threads:
        thread.start()
    waiting.wait(PATIENCE)
    gate.open()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(results) == 6
    assert all(result is results[0] for result in results)


def test_every_coroutine_can_be_awaited_on_a_loop_of_another_thread(
    engine: ExecutionEngine,
) -> None:
    found: list[object] = []

    async def main() -> None:
        work = request("echo out")
        execution_id = await engine.execute(work)
        result = await engine.wait_for_completion(execution_id)
        found.extend(
            [
                await engine.get_status(execution_id),
                await engine.get_result(execution_id) == result,
                await engine.read_logs(execution_id),
                len(await engine.list_executions()),
                await engine.running_count(),
            ]
        )

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    thread.join(PATIENCE)
    assert found == [ExecutionStatus.COMPLETED, True, "out\n", 1, 0]


def test_a_busy_loop_of_the_caller_stalls_nothing(engine: ExecutionEngine) -> None:
    async def main() -> None:
        execution_id = await engine.execute(request("seq 1 1000"))
        assert engine.get(execution_id).result(PATIENCE).success  # blocks this loop

    asyncio.run(main())


# Presenting


def test_run_presents_before_it_starts_and_waits(make_engine: MakeEngine) -> None:
    class Presenter(Recorder):
        presented: Execution | None = None

        def present(self, execution: Execution) -> "Presenter":
            assert execution.status == "pending"
            self.presented = execution
            return self

    presenter = Presenter()
    engine = make_engine(presenter=presenter)
    result = engine.run("echo out")
    assert presenter.presented is not None
    assert presenter.presented.id == result.id
    presenter.wait_for_type("completed")
    assert presenter.types == ["started", "stdout", "completed"]


def test_a_presenter_may_show_nothing(make_engine: MakeEngine) -> None:
    class Presenter:
        def present(self, execution: Execution) -> None:
            return None

    assert make_engine(presenter=Presenter()).run("true").success


def test_a_presenter_that_raises_means_that_nothing_runs(make_engine: MakeEngine) -> None:
    class Presenter:
        def present(self, execution: Execution) -> None:
            raise RuntimeError("no screen")

    engine = make_engine()
    with pytest.raises(RuntimeError, match="no screen"):
        engine.submit("true", presenter=Presenter())
    assert engine.summaries() == []


def test_an_interrupt_while_run_waits_cancels_it_and_is_raised(tmp_path: Path) -> None:
    program = f"""
import os, signal, threading
from cloudops_nb import ExecutionConfig, ExecutionEngine
engine = ExecutionEngine(ExecutionConfig(log_dir={str(tmp_path)!r}))
class Handler:
    def on_event(self, event):
        if event.event_type == "stdout":
            os.kill(os.getpid(), signal.SIGINT)
engine.subscribe(Handler())
try:
    engine.run("echo up; sleep 60; # {tmp_path}")
except KeyboardInterrupt:
    print(engine.summaries()[0].status)
"""
    done = python(program)
    assert (done.stdout, done.stderr) == ("cancelled\n", "")
    assert carrying(f"# {tmp_path}".encode()) == []


# The process-wide engine


@pytest.fixture
def no_global(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("CLOUDOPS_LOG_DIR", str(tmp_path / "logs"))
    monkeypatch.setattr(ExecutionEngine, "_global", None)
    yield
    if ExecutionEngine._global is not None:
        ExecutionEngine._global.close()


@pytest.mark.usefixtures("no_global")
def test_the_global_engine_is_made_once() -> None:
    engine = ExecutionEngine.init_global(ExecutionConfig(max_concurrent_executions=3))
    assert ExecutionEngine.get_global() is engine
    assert engine.config.max_concurrent_executions == 3
    with pytest.raises(AlreadyInitialized):
        ExecutionEngine.init_global()
    assert ExecutionEngine.get_global() is engine


@pytest.mark.usefixtures("no_global")
def test_a_global_engine_with_defaults_is_made_when_it_is_first_asked_for() -> None:
    barrier, found = threading.Barrier(8), []

    def ask() -> None:
        barrier.wait(PATIENCE)
        found.append(ExecutionEngine.get_global())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(set(map(id, found))) == 1
    with pytest.raises(AlreadyInitialized):
        ExecutionEngine.init_global()


@pytest.mark.usefixtures("no_global")
def test_a_closed_global_engine_makes_room_for_another() -> None:
    first = ExecutionEngine.get_global()
    first.close()
    second = ExecutionEngine.get_global()
    assert second is not first
    assert run(second, "true").success


# Collaborators


def test_a_journal_that_is_empty_and_so_false_is_used_all_the_same(
    make_engine: MakeEngine,
) -> None:
    class Journal(list[object]):
        def write(self, entry: object) -> None:
            self.append(entry)

    journal = Journal()
    assert not journal
    run(make_engine(journal=journal), "true")
    assert len(journal) == 2


# Settings that change


def test_settings_can_change_for_what_comes_next(make_engine: MakeEngine) -> None:
    engine = make_engine()
    changed = engine.reconfigure(max_timeout_ms=700_000, max_concurrent_executions=2)
    assert engine.config is changed
    assert changed.log_dir is not None
    assert run(engine, request("true", timeout_ms=650_000)).success


def test_another_log_directory_is_for_what_comes_next(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate, tmp_path: Path
) -> None:
    before = engine.submit("echo before")
    result_of(before)
    running = engine.submit(f"echo up; {gate}")
    recorder.wait_for_line("up")
    engine.reconfigure(log_dir=tmp_path / "elsewhere")
    gate.open()
    assert result_of(running).stdout == "up\n"
    assert before.logs() == "before\n"
    after = run(engine, "echo after")
    assert after.log_path == tmp_path / "elsewhere" / f"{after.id}.log"


def test_a_change_that_is_wrong_changes_nothing(engine: ExecutionEngine) -> None:
    before = engine.config
    for change in ({"max_timeout_ms": -1}, {"no_such_setting": 1}):
        with pytest.raises(pydantic.ValidationError):
            engine.reconfigure(**change)
    assert engine.config is before


# Closing


def test_closing_kills_what_runs_and_answers_who_waits(
    make_engine: MakeEngine, recorder: Recorder, engine: ExecutionEngine
) -> None:
    commands = [f"echo up; trap '' TERM; sleep 60 & wait; sleep 60 # {n}" for n in range(3)]
    executions = [engine.submit(command) for command in commands]
    work = engine.submit(plan(Serial(), "echo up; sleep 60", "true"))
    recorder.wait_for(lambda event: getattr(event, "line", "") == "up", 4)
    engine.close()
    assert [result_of(each).status for each in executions] == ["cancelled"] * 3
    assert [each.status for each in plan_result_of(work).results] == ["cancelled", "skipped"]
    for execution in executions:
        assert carrying(str(execution.id).encode()) == []


def test_closing_twice_and_from_many_threads_is_once(engine: ExecutionEngine) -> None:
    engine.submit("sleep 60")
    threads = [threading.Thread(target=engine.close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    engine.close()


def test_a_closed_engine_takes_no_more_work(engine: ExecutionEngine) -> None:
    engine.close()
    with pytest.raises(EngineClosed):
        engine.submit("true")
    with pytest.raises(EngineClosed):
        asyncio.run(engine.execute(request("true")))
    with pytest.raises(EngineClosed):
        asyncio.run(engine.execute_plan(plan(Serial(), "true")))
    with pytest.raises(EngineClosed):
        engine.start_cleanup_task()


def test_a_closed_engine_still_answers_questions(engine: ExecutionEngine) -> None:
    execution = engine.submit("echo out")
    result = result_of(execution)
    engine.close()
    assert asyncio.run(engine.get_result(execution.id)) == result
    assert execution.logs() == "out\n"
    with pytest.raises(ExecutionNotRunning):
        asyncio.run(engine.cancel(execution.id))


def test_closing_waits_until_the_last_event_is_published(
    engine: ExecutionEngine, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, close = engine._hub.publish, engine._hub.close
    finished, closed = threading.Event(), threading.Event()

    def late(event: ExecutionEvent) -> None:
        if event.event_type == "completed":
            finished.set()
            closed.wait(0.2)  # must not come: closing waits for the loop, which is here
        publish(event)

    def noted() -> tuple[Subscription, ...]:
        closed.set()
        return close()

    monkeypatch.setattr(engine._hub, "publish", late)
    monkeypatch.setattr(engine._hub, "close", noted)
    engine.submit("true")
    assert finished.wait(PATIENCE)
    engine.close()
    assert recorder.types == ["started", "completed"]


def test_closing_waits_until_handlers_were_given_all_events(make_engine: MakeEngine) -> None:
    loop_ended = threading.Event()

    class Slow(Recorder):
        def on_event(self, event: ExecutionEvent) -> None:
            assert loop_ended.wait(PATIENCE)
            super().on_event(event)

    handler = Slow()
    engine = make_engine(handlers=[handler])

    def watch() -> None:
        engine._loop._thread.join(PATIENCE)
        loop_ended.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    run(engine, "echo out")
    engine.close()
    assert handler.types == ["started", "stdout", "completed"]
    watcher.join(PATIENCE)


def test_closing_does_not_wait_for_ever_for_a_handler(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloudops_nb.engine.engine.HANDLER_SECONDS", 0.05)
    go = threading.Event()

    class Stalled:
        def on_event(self, event: ExecutionEvent) -> None:
            go.wait(PATIENCE)

    engine = make_engine(handlers=[Stalled(), Stalled()])
    run(engine, "true")
    engine.close()
    assert not go.is_set()
    go.set()


def test_a_handler_may_close_the_engine(make_engine: MakeEngine) -> None:
    closed = threading.Event()

    class Handler:
        def on_event(self, event: ExecutionEvent) -> None:
            if event.event_type == "completed":
                engine.close()
                closed.set()

    engine = make_engine(handlers=[Handler()])
    run(engine, "true")
    assert closed.wait(PATIENCE)


def submit_until_closed(
    engine: ExecutionEngine, accepted: list[Execution], begun: threading.Event
) -> None:
    while True:
        try:
            accepted.append(engine.submit("sleep 60"))
        except EngineClosed:
            return
        begun.set()


def test_whatever_is_submitted_while_the_engine_closes_ends_or_is_refused(
    make_engine: MakeEngine,
) -> None:
    for _ in range(5):
        engine = make_engine()
        begun = threading.Event()
        accepted: list[Execution] = []
        target = partial(submit_until_closed, engine, accepted, begun)
        threads = [threading.Thread(target=target) for _ in range(3)]
        for thread in threads:
            thread.start()
        assert begun.wait(PATIENCE)
        engine.close()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        assert all(result_of(each).status == "cancelled" for each in accepted)


def test_an_approval_that_is_pending_when_the_engine_closes_is_answered(
    make_engine: MakeEngine,
) -> None:
    class Slow:
        asked = threading.Event()

        async def approve(self, _: object) -> None:
            self.asked.set()
            await asyncio.sleep(60)

    approver = Slow()
    engine = make_engine(approver=approver)
    with ThreadPoolExecutor() as pool:
        submitted = pool.submit(engine.submit, "true")
        assert approver.asked.wait(PATIENCE)
        engine.close()
        assert isinstance(submitted.exception(PATIENCE), EngineClosed)


def test_a_script_that_ends_leaves_nothing_running_and_no_event_untold(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    program = f"""
from cloudops_nb import ExecutionConfig, ExecutionEngine, JsonlEventHandler
engine = ExecutionEngine(ExecutionConfig(log_dir={str(tmp_path / "logs")!r}))
engine.with_event_handler(JsonlEventHandler({str(events)!r}))
engine.run("echo up")
engine.submit("echo up; sleep 60; # {tmp_path}")
"""
    done = python(program)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert carrying(f"# {tmp_path}".encode()) == []
    types = [json.loads(line)["event_type"] for line in events.read_text().splitlines()]
    assert types[:3] == ["started", "stdout", "completed"]
    assert types[-1] == "cancelled"


def test_an_aws_command_needs_an_aws(engine: ExecutionEngine) -> None:
    work = ExecutionRequest(
        command=AwsCli(service="iam", operation="list-users"), env={"PATH": "/nowhere"}
    )
    with pytest.raises(InvalidCommand, match="AWS CLI"):
        engine.submit(work)


# Settings


@pytest.mark.parametrize("setting", ["cancel_grace_ms", "enable_auto_cleanup"])
def test_a_setting_that_is_fixed_is_not_changed_in_silence(
    engine: ExecutionEngine, setting: str
) -> None:
    before = engine.config
    with pytest.raises(InvalidSetting, match=f"CLOUDOPS_{setting.upper()}"):
        engine.reconfigure(**{setting: 1})
    assert engine.config == before
