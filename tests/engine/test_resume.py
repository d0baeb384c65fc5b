"""A plan run again from where it failed."""

from pathlib import Path
from uuid import uuid4

import pytest

from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.errors import (
    ApprovalRequired,
    ExecutionNotCompleted,
    ExecutionNotFound,
    NotResumable,
)
from cloudops_nb.models import (
    Completed,
    DependencyGraph,
    ExecutionStatus,
    Parallel,
    PlanExecutionResult,
    Progress,
    Serial,
)
from tests.conftest import MakeEngine
from tests.support import Gate, Recorder, plan, plan_result_of, request, run, run_plan


def statuses(result: PlanExecutionResult) -> list[str]:
    return [str(each.status) for each in result.results]


def test_what_completed_is_carried_over_and_the_rest_is_run(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    work = plan(
        Serial(),
        request(f"echo a >> {file}; echo done", name="a"),
        request(f"echo b >> {file}; [ -e {tmp_path}/mended ]", name="b"),
        request(f"echo c >> {file}", name="c"),
    )
    first = run_plan(engine, work)
    assert statuses(first) == ["completed", "failed", "skipped"]
    (tmp_path / "mended").touch()
    second = plan_result_of(engine.resume(first.id))
    assert second.success
    assert file.read_text().split() == ["a", "b", "b", "c"]
    assert second.results[0].stdout == "done\n"
    assert [each.resumed_from for each in second.results] == [first.results[0].id, None, None]
    assert second.resumed_from == first.id
    ids = {first.id, second.id, *(each.id for each in (*first.results, *second.results))}
    assert len(ids) == 8
    assert {each.plan_id for each in second.results} == {second.id}
    assert PlanExecutionResult.from_json(second.model_dump_json()) == second


def test_a_plan_can_be_resumed_again_and_still_says_what_did_the_work(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    work = plan(Parallel(), "echo a", f"[ -e {tmp_path}/mended ]")
    first = run_plan(engine, work)
    second = plan_result_of(engine.resume(first.id))
    (tmp_path / "mended").touch()
    third = plan_result_of(engine.resume(second.id))
    assert third.success
    assert third.results[0].resumed_from == first.results[0].id
    assert third.results[0].stdout == "a\n"


def test_strategy_and_options_are_as_they_were(engine: ExecutionEngine, tmp_path: Path) -> None:
    needs = DependencyGraph(dependencies={1: (0,), 3: (2,)})
    work = plan(needs, f"[ -e {tmp_path}/mended ]", "true", "true", "false", max_failures=1)
    first = run_plan(engine, work)
    assert statuses(first) == ["failed", "skipped", "completed", "failed"]
    (tmp_path / "mended").touch()
    execution = engine.resume(first.id)
    assert statuses(plan_result_of(execution)) == ["completed", "completed", "completed", "failed"]
    assert execution.work.strategy == needs
    assert execution.work.max_failures == 1


def test_conditions_and_outputs_see_what_was_carried_over(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    work = plan(
        Serial(),
        request("echo i-1", name="make"),
        request(f"[ -e {tmp_path}/mended ]", name="check"),
        request(
            "echo {{ steps.make.stdout }}", inputs=("make",), when="steps.make.stdout == 'i-1'"
        ),
    )
    first = run_plan(engine, work)
    (tmp_path / "mended").touch()
    assert plan_result_of(engine.resume(first.id)).results[2].stdout == "i-1\n"


def test_what_was_cancelled_is_resumed_too(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate
) -> None:
    execution = engine.submit(plan(Serial(), "true", str(gate), "true"))
    recorder.wait_for_type("started", 2)
    execution.cancel()
    first = plan_result_of(execution)
    assert statuses(first) == ["completed", "cancelled", "skipped"]
    again = engine.resume(first.id)
    gate.open()
    assert plan_result_of(again).success


def test_events_tell_what_was_carried_over_before_the_first_progress(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    first = run_plan(engine, plan(Serial(), "true", f"[ -e {tmp_path}/mended ]"))
    (tmp_path / "mended").touch()
    recorder = Recorder()
    engine.subscribe(recorder)
    second = plan_result_of(engine.resume(first.id))
    recorder.wait_for_type("plan_completed")
    assert recorder.types == [
        "plan_started", "completed", "progress", "started", "completed", "progress",
        "plan_completed",
    ]  # fmt: skip
    carried, progress = recorder.events[1:3]
    assert isinstance(carried, Completed)
    assert carried.result.resumed_from == first.results[0].id
    assert isinstance(progress, Progress)
    assert (progress.completed, progress.total) == (1, 2)
    assert second.results[0].id == carried.execution_id


def test_logs_of_a_resumed_plan_hold_what_was_carried_over(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    first = run_plan(engine, plan(Serial(), "echo a", f"echo b; [ -e {tmp_path}/mended ]"))
    (tmp_path / "mended").touch()
    execution = engine.resume(first.id)
    plan_result_of(execution)
    assert execution.logs() == "a\nb\n"


def test_a_log_of_ones_own_is_not_written_over(engine: ExecutionEngine, tmp_path: Path) -> None:
    log = tmp_path / "own.log"
    work = plan(Serial(), request(f"echo x; [ -e {tmp_path}/mended ]", output_log_path=log), "true")
    first = run_plan(engine, work)
    (tmp_path / "mended").touch()
    second = plan_result_of(engine.resume(first.id))
    assert second.success
    assert log.read_text() == "x\n"
    assert second.results[0].log_path == tmp_path / f"own.log.{second.results[0].id}"


def test_there_must_be_something_to_resume(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate
) -> None:
    with pytest.raises(ExecutionNotFound):
        engine.resume(uuid4())
    done = run_plan(engine, plan(Serial(), "true"))
    with pytest.raises(NotResumable, match="all of it completed"):
        engine.resume(done.id)
    with pytest.raises(NotResumable, match=f"it is a command of plan {done.id}"):
        engine.resume(done.results[0].id)
    with pytest.raises(NotResumable, match="single command; submit it again"):
        engine.resume(run(engine, "false").id)
    execution = engine.submit(plan(Serial(), str(gate)))
    with pytest.raises(ExecutionNotCompleted):
        engine.resume(execution.id)
    gate.open()
    assert plan_result_of(execution).status is ExecutionStatus.COMPLETED


def test_a_resumed_plan_needs_its_approval_again(
    engine: ExecutionEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "bin"
    directory.mkdir()
    (directory / "aws").write_text(f"#!/bin/sh\n[ -e {tmp_path}/mended ]\n")
    (directory / "aws").chmod(0o755)
    monkeypatch.setenv("PATH", str(directory), prepend=":")
    work = plan(Serial(), "true", "aws s3 rb s3://b")
    with pytest.raises(ApprovalRequired) as held_back:
        engine.submit(work)
    first = plan_result_of(engine.submit(work, approve=held_back.value.digest))
    with pytest.raises(ApprovalRequired) as again:
        engine.resume(first.id)
    assert again.value.digest == held_back.value.digest
    (tmp_path / "mended").touch()
    assert plan_result_of(engine.resume(first.id, approve=again.value.digest)).success


def test_a_plan_of_which_only_the_record_is_left_cannot_be_resumed(
    make_engine: MakeEngine,
) -> None:
    past = make_engine()
    first = run_plan(past, plan(Serial(), "false"))
    past.close()
    with pytest.raises(NotResumable, match="only its record is kept"):
        make_engine().resume(first.id)


def test_what_was_carried_over_is_still_known_when_the_engine_has_gone(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    engine = make_engine()
    first = run_plan(engine, plan(Serial(), "echo a", f"[ -e {tmp_path}/mended ]"))
    (tmp_path / "mended").touch()
    second = plan_result_of(engine.resume(first.id))
    engine.close()
    kept = plan_result_of(make_engine().get(second.id))
    assert kept.results[0].resumed_from == first.results[0].id
    assert kept.results[0].stdout == "a\n"
