"""Plans through the engine: order, limits, what is skipped and why, and the sums."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.errors import InvalidPlan, NotResumable
from cloudops_nb.executors.scripted import Scripted, ScriptedExecutor
from cloudops_nb.models import (
    DependencyGraph,
    ExecutionMetadata,
    ExecutionPlan,
    ExecutionStatus,
    Parallel,
    PlanCompleted,
    PlanExecutionResult,
    PlanStarted,
    Progress,
    RetryConfig,
    Serial,
    Shell,
)
from cloudops_nb.models.retry import FixedBackoff
from tests.conftest import MakeEngine
from tests.support import (
    Gate,
    Recorder,
    plan,
    plan_result_of,
    request,
    run_plan,
)


def statuses(result: PlanExecutionResult) -> list[str]:
    return [str(each.status) for each in result.results]


# Serial


def test_serial_runs_one_after_another(engine: ExecutionEngine, tmp_path: Path) -> None:
    file = tmp_path / "file"
    result = run_plan(engine, plan(Serial(), *(f"echo {n} >> {file}; cat {file}" for n in "abc")))
    assert [each.stdout for each in result.results] == ["a\n", "a\nb\n", "a\nb\nc\n"]
    assert result.status is ExecutionStatus.COMPLETED
    assert result.success


def test_serial_stops_at_the_first_failure_and_says_why(engine: ExecutionEngine) -> None:
    result = run_plan(engine, plan(Serial(), "true", request("exit 3", name="b"), "true", "true"))
    assert statuses(result) == ["completed", "failed", "skipped", "skipped"]
    assert [each.error for each in result.results] == [
        None, "exit code 3", *["not run: command 1 (b) failed"] * 2,
    ]  # fmt: skip
    assert result.status is ExecutionStatus.FAILED
    assert [each.exit_code for each in result.results] == [0, 3, None, None]


def test_serial_goes_on_if_told_to(engine: ExecutionEngine) -> None:
    result = run_plan(engine, plan(Serial(stop_on_error=False), "true", "false", "echo c"))
    assert statuses(result) == ["completed", "failed", "completed"]
    assert result.status is ExecutionStatus.FAILED


def test_a_timeout_stops_a_series_and_is_counted_as_such(engine: ExecutionEngine) -> None:
    result = run_plan(engine, plan(Serial(), request("sleep 60", timeout_ms=50), "true"))
    assert statuses(result) == ["timeout", "skipped"]
    assert result.results[1].error == "not run: command 0 (sleep 60) timed out"
    assert result.status is ExecutionStatus.FAILED
    assert (result.stats.timeout, result.stats.failed) == (1, 0)


# Parallel


def test_parallel_runs_all_at_once(engine: ExecutionEngine, tmp_path: Path) -> None:
    # Each waits for the other: one after another they would never end.
    there = [f"{tmp_path}/a", f"{tmp_path}/b"]
    commands = [
        f"mkfifo {mine}; while [ ! -p {theirs} ]; do :; done; echo met"
        for mine, theirs in (there, reversed(there))
    ]
    result = run_plan(engine, plan(Parallel(), *commands))
    assert [each.stdout for each in result.results] == ["met\n", "met\n"]


def test_parallel_keeps_its_limit(engine: ExecutionEngine, tmp_path: Path) -> None:
    recorder = Recorder()
    engine.subscribe(recorder)
    gates = [Gate(tmp_path / f"gate{n}") for n in range(4)]
    execution = engine.submit(plan(Parallel(max_concurrency=2), *map(str, gates)))
    for n, gate in enumerate(gates):
        recorder.wait_for_type("started", min(n + 2, 4))
        running = sum(each.status == "running" for each in engine.summaries()[1:])
        assert running == min(2, 4 - n)
        gate.open()
        recorder.wait_for_type("completed", n + 1)
    assert plan_result_of(execution).success


def test_parallel_failures_keep_nobody_from_running(engine: ExecutionEngine) -> None:
    result = run_plan(engine, plan(Parallel(max_concurrency=1), "false", "true", "false"))
    assert statuses(result) == ["failed", "completed", "failed"]


# Graphs


def test_a_graph_runs_what_is_needed_first(engine: ExecutionEngine, tmp_path: Path) -> None:
    file = tmp_path / "file"
    commands = [f"echo {n} >> {file}" for n in "dcba"]
    result = run_plan(
        engine, plan(DependencyGraph(dependencies={0: (1,), 1: (2,), 2: (3,)}), *commands)
    )
    assert result.success
    assert file.read_text().split() == ["a", "b", "c", "d"]


def test_what_depends_on_a_failure_is_skipped_and_the_rest_goes_on(
    engine: ExecutionEngine,
) -> None:
    needs = {1: (0,), 2: (1, 3), 4: (3,)}
    commands = [request("false", name="broken"), "true", "true", "true", "echo on"]
    result = run_plan(engine, plan(DependencyGraph(dependencies=needs), *commands))
    assert statuses(result) == ["failed", "skipped", "skipped", "completed", "completed"]
    assert result.results[2].error == "not run: command 0 (broken) failed"
    assert result.results[4].stdout == "on\n"


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        ({0: (1,), 1: (0,)}, "cycle"),
        ({0: (2,)}, "names command 2"),
        ({1: (1,)}, "depends on itself"),
    ],
)
def test_a_graph_that_makes_no_sense_is_refused_before_anything_starts(
    engine: ExecutionEngine, tmp_path: Path, needs: dict[int, tuple[int, ...]], message: str
) -> None:
    work = plan(DependencyGraph(dependencies=needs), f"touch {tmp_path}/ran", "true")
    with pytest.raises(InvalidPlan, match=message):
        engine.submit(work)
    assert engine.summaries() == []
    assert not (tmp_path / "ran").exists()


# Failure thresholds


def test_more_failures_than_the_plan_allows_start_nothing_more(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    gate, recorder = Gate(tmp_path / "gate"), Recorder()
    engine.subscribe(recorder)
    work = plan(
        Parallel(max_concurrency=2), f"{gate}; echo done", "false", "exit 3", "true", "true",
        max_failures=1,
    )  # fmt: skip
    execution = engine.submit(work)
    recorder.wait_for_type("skipped", 2)
    gate.open()  # what was under way when the plan stopped ends by itself
    result = plan_result_of(execution)
    assert statuses(result) == ["completed", "failed", "failed", "skipped", "skipped"]
    assert result.results[0].stdout == "done\n"
    assert result.results[4].error == "not run: too many failures (2; max_failures is 1)"
    assert result.status is ExecutionStatus.FAILED


def test_what_waits_for_a_slot_or_a_lock_is_not_started_after_too_many_failures(
    make_engine: MakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    engine, gate, recorder = (
        make_engine(max_concurrent_executions=2),
        Gate(tmp_path / "g"),
        Recorder(),
    )
    engine.subscribe(recorder)
    ran = f"touch {tmp_path}/ran"
    first = request(f"{gate}; echo done", lock="taken")
    locked = [request(ran, lock=name) for name in ("taken", "failing")]
    failing = request("false", lock="failing")
    work = plan(Parallel(), first, failing, ran, *locked, ran, max_failures=0)
    execution = engine.submit(work)
    recorder.wait_for_type("failed")
    gate.open()
    result = plan_result_of(execution)
    assert statuses(result) == ["completed", "failed", *["skipped"] * 4]
    reasons = {each.error for each in result.results[2:]}
    assert reasons == {"not run: too many failures (1; max_failures is 0)"}
    assert recorder.types.count("started") == 2
    assert not (tmp_path / "ran").exists()


def test_a_share_of_failures_stops_a_series_that_goes_on_after_a_failure(
    engine: ExecutionEngine,
) -> None:
    work = plan(Serial(stop_on_error=False), *["false"] * 5, max_failures="20%")
    assert statuses(run_plan(engine, work)) == ["failed", "failed", *["skipped"] * 3]


def test_a_graph_stops_at_its_threshold_and_still_blames_a_need_first(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    gate, recorder = Gate(tmp_path / "gate"), Recorder()
    engine.subscribe(recorder)
    commands = [request("false", name="bad"), "true", str(gate), "true"]
    needs = {1: (0,), 3: (2,)}
    work = plan(DependencyGraph(dependencies=needs), *commands, max_failures=0)
    execution = engine.submit(work)
    recorder.wait_for_type("skipped", 2)
    gate.open()
    result = plan_result_of(execution)
    assert statuses(result) == ["failed", "skipped", "completed", "skipped"]
    assert result.results[1].error == "not run: command 0 (bad) failed"
    assert result.results[3].error == "not run: too many failures (1; max_failures is 0)"


def test_a_command_that_is_tried_again_fails_once(engine: ExecutionEngine) -> None:
    retry = RetryConfig(
        max_attempts=3, backoff=FixedBackoff(delay=timedelta(milliseconds=1)), idempotent=True
    )
    first = request("exit 75", retry=retry)
    work = plan(Parallel(max_concurrency=1), first, "true", max_failures=1)
    result = run_plan(engine, work)
    assert statuses(result) == ["failed", "completed"]
    assert result.results[0].attempts == 3


# Conditions


def test_a_condition_decides_whether_a_step_runs(engine: ExecutionEngine) -> None:
    work = plan(
        Serial(),
        request('echo \'[{"State": "running"}]\'', name="list"),
        request("echo yes", when="steps.list.records[0].State == 'running'"),
        request("echo no", name="no", when="steps.list.records[0].State == 'stopped'"),
        request("echo on", when="steps.no.status == 'skipped' && steps.list.exit_code == `0`"),
    )
    result = run_plan(engine, work)
    assert statuses(result) == ["completed", "completed", "skipped", "completed"]
    assert result.results[2].error == (
        "not run: its condition does not hold: steps.list.records[0].State == 'stopped'"
    )


def test_a_condition_on_a_failure_makes_a_handler_and_the_series_stays_stopped(
    engine: ExecutionEngine,
) -> None:
    work = plan(
        Serial(),
        request("echo broken >&2; exit 3", name="build"),
        request("true", name="test"),
        request("echo told", when="steps.build.status == 'failed'"),
        request("echo why", when="contains(steps.build.stderr, 'broken')"),
        request("true", name="clean"),
        request("true", when="steps.test.status == 'skipped'"),
    )
    result = run_plan(engine, work)
    assert statuses(result) == [
        "failed", "skipped", "completed", "completed", "skipped", "skipped"
    ]  # fmt: skip
    assert result.results[5].error == "not run: command 0 (build) failed"


def test_a_plan_completes_without_what_its_conditions_left_out(engine: ExecutionEngine) -> None:
    work = plan(
        DependencyGraph(dependencies={2: (1,)}),
        request("true", name="build"),
        request("true", name="alarm", when="steps.build.status == 'failed'"),
        request("true", name="calm"),
    )
    execution = engine.submit(work)
    result = plan_result_of(execution)
    assert statuses(result) == ["completed", "skipped", "skipped"]
    assert result.success
    with pytest.raises(NotResumable, match="completed"):
        engine.resume(execution.id)


def test_a_handler_in_a_parallel_plan_waits_for_what_it_handles(engine: ExecutionEngine) -> None:
    work = plan(
        Parallel(max_concurrency=1),
        request("true", name="cure", when="steps.ill.status == 'failed'"),
        request("exit 1", name="ill"),
    )
    result = run_plan(engine, work)
    assert statuses(result) == ["completed", "failed"]
    assert result.results[0].started_at >= result.results[1].completed_at


def test_what_needs_a_step_that_its_condition_skipped_is_skipped_unless_it_asks_itself(
    engine: ExecutionEngine,
) -> None:
    work = plan(
        DependencyGraph(dependencies={2: (1,), 3: (1,)}),
        request("true", name="a"),
        request("true", name="b", when="steps.a.status == 'failed'"),
        request("true", name="c"),
        request("true", name="d", when="steps.b.status == 'skipped'"),
    )
    result = run_plan(engine, work)
    assert statuses(result) == ["completed", "skipped", "skipped", "completed"]
    assert result.results[2].error == "not run: command 1 (b) was skipped"


def test_a_condition_that_cannot_be_judged_fails_its_step_and_says_why(
    engine: ExecutionEngine, recorder: Recorder
) -> None:
    work = plan(
        Parallel(),
        request("echo text", name="a", query="[0]"),
        request("true", name="b", when="steps.a.records[0]"),
        request("true", name="c", when="steps.a.exit_code"),
    )
    result = run_plan(engine, work)
    assert statuses(result) == ["completed", "failed", "failed"]
    assert result.results[1].error.startswith("not started: step `a`: the query '[0]' needs JSON")
    assert "it gives the number 0" in result.results[2].error
    recorder.wait_for_type("plan_completed")
    assert recorder.types.count("started") == 1


def test_a_step_whose_output_was_cut_hands_nothing_on(make_engine: MakeEngine) -> None:
    engine = make_engine(max_output_size_bytes=10)
    work = plan(
        Serial(),
        request("echo 0123456789abcdef", name="a"),
        request("true", when="steps.a.stdout == 'x'"),
    )
    result = run_plan(engine, work)
    assert "step `a`: 7 bytes of its output were left out" in result.results[1].error


def test_a_plan_that_is_cancelled_judges_no_condition_any_more(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate
) -> None:
    work = plan(
        Serial(),
        request(str(gate), name="a"),
        request("true", when="steps.a.status == 'cancelled'"),
    )
    execution = engine.submit(work)
    recorder.wait_for_type("started")
    execution.cancel()
    result = plan_result_of(execution)
    assert statuses(result) == ["cancelled", "skipped"]
    assert result.results[1].error == "not run: the plan was cancelled"


def test_a_condition_outside_a_plan_is_refused(engine: ExecutionEngine) -> None:
    with pytest.raises(InvalidPlan, match="when: only a step of a plan has earlier steps"):
        engine.submit(request("true", when="steps.a.success"))


# Results


def test_results_are_in_plan_order_however_they_ended(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    gates = [Gate(tmp_path / f"gate{n}") for n in range(3)]
    recorder = Recorder()
    engine.subscribe(recorder)
    work = plan(Parallel(), *(f"{gate}; echo {n}" for n, gate in enumerate(gates)))
    execution = engine.submit(work)
    for n, gate in enumerate(reversed(gates)):
        gate.open()
        recorder.wait_for_type("completed", n + 1)
    result = plan_result_of(execution)
    assert [each.stdout for each in result.results] == ["0\n", "1\n", "2\n"]
    assert [each.id for each in result.results] == [command.id for command in work.commands]
    assert {each.plan_id for each in result.results} == {work.id}


def test_a_plans_result_tells_how_it_went(engine: ExecutionEngine) -> None:
    result = run_plan(engine, plan(Serial(stop_on_error=False), "true", "false"))
    assert result.description == "a plan"
    assert result.started_at is not None
    assert timedelta(0) < result.total_duration
    assert result.total_duration >= result.results[0].duration + result.results[1].duration
    assert (result.stats.total, result.stats.completed, result.stats.failed) == (2, 1, 1)
    assert PlanExecutionResult.from_json(result.model_dump_json()) == result


def test_a_plans_frames_have_a_row_a_command_and_a_row_a_record(engine: ExecutionEngine) -> None:
    def listing(region: str, text: str) -> object:
        return request(
            f"echo '{text}'", name=region, metadata=ExecutionMetadata(tags={"where": region})
        )

    result = run_plan(engine, plan(Parallel(), listing("eu", '[{"n": 1}]'), listing("us", "[]")))
    assert result.to_pandas()["name"].to_list() == ["eu", "us"]
    assert result.records.to_pandas()[["command", "where", "n"]].to_dict("records") == [
        {"command": "eu", "where": "eu", "n": 1}
    ]


def test_plans_run_side_by_side(engine: ExecutionEngine) -> None:
    executions = [engine.submit(plan(Serial(), "echo a", "echo b")) for _ in range(5)]
    for execution in executions:
        assert [each.stdout for each in plan_result_of(execution).results] == ["a\n", "b\n"]


# Events


def test_events_of_a_plan_come_in_the_documented_order(engine: ExecutionEngine) -> None:
    recorder = Recorder()
    work = plan(Serial(), request("true", name="a"), "false", "true")
    engine.subscribe(recorder, work.id)
    result = run_plan(engine, work)
    recorder.wait_for_type("plan_completed")
    assert recorder.types == [
        "plan_started", "progress", "started", "completed", "progress", "started", "failed",
        "skipped", "progress", "plan_completed",
    ]  # fmt: skip
    started, first, *_, last = recorder.events
    assert isinstance(started, PlanStarted)
    assert (started.description, started.total) == ("a plan", 3)
    assert isinstance(first, Progress)
    assert first.current_command is None
    progress = [event for event in recorder.events if isinstance(event, Progress)]
    assert [(each.completed, each.failed, each.total) for each in progress] == [
        (0, 0, 3), (1, 0, 3), (3, 1, 3),
    ]  # fmt: skip
    assert [each.current_command for each in progress] == [None, "true", "false"]
    assert isinstance(last, PlanCompleted)
    assert last.result == result
    about_the_plan = [e for e in recorder.events if getattr(e, "execution_id", None) is None]
    assert [event.sequence for event in about_the_plan] == list(range(len(about_the_plan)))


# Any plan


@st.composite
def any_plan(draw: st.DrawFn) -> ExecutionPlan:
    count = draw(st.integers(1, 6))
    needs = {
        node: tuple(draw(st.lists(st.integers(0, node - 1), max_size=2, unique=True)))
        for node in range(1, count)
    }
    strategy = draw(
        st.builds(Serial, stop_on_error=st.booleans())
        | st.builds(Parallel, max_concurrency=st.none() | st.integers(1, 3))
        | st.just(DependencyGraph(dependencies=needs))
    )
    lines = draw(st.lists(st.sampled_from(["ok", "bad"]), min_size=count, max_size=count))
    commands = []
    for node, line in enumerate(lines):
        when = None
        if node and draw(st.booleans()):
            other = draw(st.integers(0, node - 1))
            status = draw(st.sampled_from(["completed", "failed", "skipped"]))
            when = f"steps.s{other}.status == '{status}'"
        commands.append(request(line, name=f"s{node}", when=when))
    takes_threshold = strategy != Serial() and draw(st.booleans())
    return plan(
        strategy, *commands, max_failures=draw(st.integers(0, 3)) if takes_threshold else None
    )


@given(work=any_plan())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_stats_of_any_plan_sum_to_its_commands(work: ExecutionPlan, shared: object) -> None:
    engine, recorder = shared
    result = run_plan(engine, work)
    recorder.wait_for(lambda event: getattr(event, "result", None) is result)
    stats = result.stats
    assert stats.total == len(work.commands) == len(result.results)
    assert stats.completed + stats.failed + stats.skipped == stats.total
    assert result.success is (stats.failed == 0)  # then only conditions have left anything out
    for command, each in zip(work.commands, result.results, strict=True):
        expected = {"ok": "completed", "bad": "failed"}[command.command.line]
        assert each.status in (expected, "skipped")
        ends = [
            event.event_type
            for event in recorder.events
            if getattr(event, "execution_id", None) == each.id and event.event_type != "started"
        ]
        assert ends == [str(each.status)]


@pytest.fixture
def shared(make_engine: MakeEngine) -> tuple[ExecutionEngine, Recorder]:
    recorder = Recorder()
    responses = {"ok": Scripted(), "bad": Scripted(exit_code=1)}
    executors = {Shell: ScriptedExecutor(responses)}
    return make_engine(executors=executors, handlers=[recorder]), recorder


def test_a_plan_of_a_thousand_commands_is_carried_out(make_engine: MakeEngine) -> None:
    executor = ScriptedExecutor({"ok": Scripted(stdout="out\n")})
    engine = make_engine(executors={Shell: executor}, max_in_memory_executions=10_000)
    result = run_plan(engine, plan(Parallel(), *["ok"] * 1000))
    assert result.stats.completed == 1000
    assert len(executor.ran) == 1000
