"""Results that are read back from the log directory."""

import asyncio
import json
import os
import stat
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.engine import Execution, ExecutionEngine
from cloudops_nb.engine.archive import Archive
from cloudops_nb.errors import (
    ExecutionNotFound,
    ExecutionNotRunning,
    LogUnavailable,
    SerializationError,
)
from cloudops_nb.models import (
    Exec,
    ExecutionMetadata,
    ExecutionPlan,
    ExecutionRequest,
    ExecutionResult,
    ExecutionStatus,
    Parallel,
    PlanExecutionResult,
    Serial,
)
from tests.conftest import MakeEngine
from tests.support import Gate, plan, request, result_of, run, run_plan, wait_until


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "logs"


def get_result(engine: ExecutionEngine, execution_id: UUID) -> Any:
    return asyncio.run(engine.get_result(execution_id))


def is_forgotten(engine: ExecutionEngine, execution_id: UUID) -> bool:
    return execution_id not in engine._memory._runs


def put(directory: Path, content: str | bytes) -> UUID:
    """A result file with this content, under a new id."""
    execution_id = uuid4()
    directory.mkdir(mode=0o700, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    (directory / f"{execution_id}.json").write_bytes(data)
    return execution_id


# After retirement


def test_a_retired_result_is_read_from_disk_with_all_that_was_in_it(
    make_engine: MakeEngine, directory: Path
) -> None:
    engine = make_engine(max_in_memory_executions=1)
    metadata = ExecutionMetadata(tags={"stage": "dev"})
    work = request(
        'echo \'{"rows": [{"n": 1}]}\'; echo e >&2; exit 3',
        name="look",
        query="rows",
        metadata=metadata,
    )
    before = run(engine, work)
    run(engine, "true")
    wait_until(lambda: is_forgotten(engine, work.id))
    after = get_result(engine, work.id)
    assert after == before
    assert (after.name, after.tags, after.query) == ("look", {"stage": "dev"}, "rows")
    assert list(after.records) == [{"n": 1}]
    assert (after.stderr, after.exit_code) == ("e\n", 3)


def test_what_is_shown_of_a_command_tells_its_tags_masked_now_and_later(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "c0ffee-c0ffee-c0ffee")
    tags = {"team": "web", "token": "c0ffee-c0ffee-c0ffee"}
    work = request("true").model_copy(update={"metadata": ExecutionMetadata(tags=tags)})
    engine = make_engine()
    handle = engine.submit(work)
    handle.result()
    engine.close()

    for shown in (handle.shown, make_engine().get(work.id).shown):
        assert isinstance(shown, ExecutionRequest)
        assert shown.metadata.tags["team"] == "web"
        assert "c0ffee" not in shown.metadata.tags["token"]


def test_all_ways_to_ask_work_for_what_was_retired(make_engine: MakeEngine) -> None:
    engine = make_engine(max_in_memory_executions=1)
    work = request("echo out")
    run(engine, work)
    run(engine, "true")
    wait_until(lambda: is_forgotten(engine, work.id))

    async def ask() -> tuple[Any, ...]:
        return (
            await engine.get_status(work.id),
            (await engine.wait_for_completion(work.id)).id,
            await engine.read_logs(work.id),
        )

    assert asyncio.run(ask()) == (ExecutionStatus.COMPLETED, work.id, "out\n")
    assert engine.get_log_path(work.id).read_text() == "out\n"
    handle = engine.get(work.id)
    assert handle.done()
    assert result_of(handle).stdout == handle.logs() == "out\n"
    assert "completed: echo out" in repr(handle)
    assert isinstance(handle.shown, ExecutionRequest)
    assert handle.shown.command.line == "echo out"
    with pytest.raises(ExecutionNotRunning, match="completed"):
        engine.request_cancel(work.id)


def test_a_result_can_be_found_at_every_moment(make_engine: MakeEngine) -> None:
    engine = make_engine(max_in_memory_executions=1)
    first = engine.submit("true")
    result_of(first)
    for _ in range(20):
        run(engine, "true")
        assert engine.get(first.id).status is ExecutionStatus.COMPLETED
    wait_until(lambda: is_forgotten(engine, first.id))
    assert engine.get(first.id).status is ExecutionStatus.COMPLETED


def test_where_a_result_cannot_be_written_it_is_forgotten_and_that_is_said(
    make_engine: MakeEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = make_engine(max_in_memory_executions=1)
    execution = engine.submit("true")
    result_of(execution)
    engine.reconfigure(log_dir="/dev/null/logs")
    engine.submit(request("true", output_log_path=tmp_path / "elsewhere.log")).result(30)
    wait_until(lambda: is_forgotten(engine, execution.id))
    assert "1 results could not be kept" in caplog.text
    assert result_of(execution).success
    engine.reconfigure(log_dir=tmp_path / "logs")


def test_a_retired_result_is_found_after_the_log_directory_was_changed(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    engine = make_engine(max_in_memory_executions=1)
    work = request("echo out")
    run(engine, work)
    run(engine, "true")
    wait_until(lambda: is_forgotten(engine, work.id))
    engine.reconfigure(log_dir=tmp_path / "elsewhere")
    assert get_result(engine, work.id).stdout == "out\n"
    assert work.id in engine.ids()
    again = engine.submit(work)  # its id is taken
    assert again.id != work.id
    assert result_of(again).success


# In another kernel


def test_closing_keeps_what_ended_for_the_next_kernel(make_engine: MakeEngine) -> None:
    engine = make_engine(enable_auto_cleanup=False)
    work = request("echo out")
    before = run(engine, work)
    engine.close()
    tomorrow = make_engine()
    assert get_result(tomorrow, work.id) == before
    assert tomorrow.get(work.id).logs() == "out\n"


def test_closing_keeps_what_it_cancelled(make_engine: MakeEngine, gate: Gate) -> None:
    engine = make_engine()
    execution = engine.submit(str(gate))
    engine.close()
    assert make_engine().get(execution.id).status is ExecutionStatus.CANCELLED


def test_an_engine_that_ran_nothing_leaves_no_directory(
    make_engine: MakeEngine, directory: Path
) -> None:
    make_engine().close()
    assert not directory.exists()


def test_a_log_of_its_own_place_is_found_again(make_engine: MakeEngine, tmp_path: Path) -> None:
    engine = make_engine()
    work = request("echo out", output_log_path=tmp_path / "mine.log")
    run(engine, work)
    engine.close()
    tomorrow = make_engine()
    assert tomorrow.get_log_path(work.id) == tmp_path / "mine.log"
    assert get_result(tomorrow, work.id).stdout == "out\n"


def test_a_result_outlives_its_log(make_engine: MakeEngine) -> None:
    engine = make_engine()
    result = run(engine, "echo out")
    engine.close()
    result.log_path.unlink()
    later = get_result(make_engine(), result.id)
    assert later.success
    with pytest.raises(LogUnavailable):
        later.stdout  # noqa: B018


def test_secrets_of_a_request_are_not_on_disk(
    make_engine: MakeEngine, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", "s3cret-of-old")
    engine = make_engine()
    work = request(
        "echo s3cret-of-old s3cret-of-mine",
        env={"MY_TOKEN": "s3cret-of-mine"},
        name="s3cret-of-old",
    )
    run(engine, work)
    engine.close()
    assert b"s3cret" not in b"".join(path.read_bytes() for path in directory.iterdir())
    shown = make_engine().get(work.id).work
    assert isinstance(shown, ExecutionRequest)
    assert shown.env == {}


def test_a_plan_from_a_file_does_not_get_the_id_of_yesterday(make_engine: MakeEngine) -> None:
    work = plan(Serial(), "true")
    yesterday = make_engine()
    run_plan(yesterday, work)
    yesterday.close()
    engine = make_engine()
    execution = engine.submit(work)
    execution.result(30)
    assert execution.id != work.id
    assert get_result(engine, work.id).plan_id == work.id


# Plans


@pytest.fixture
def past_plan(make_engine: MakeEngine) -> tuple[ExecutionPlan, PlanExecutionResult]:
    engine = make_engine()
    work = plan(Serial(), request("echo one", name="first"), "exit 3", "echo never")
    result = run_plan(engine, work)
    engine.close()
    return work, result


def test_a_plan_is_read_back_with_the_output_of_its_commands(
    make_engine: MakeEngine, past_plan: tuple[ExecutionPlan, PlanExecutionResult]
) -> None:
    work, before = past_plan
    engine = make_engine()
    assert get_result(engine, work.id) == before
    handle: Execution = engine.get(work.id)
    assert handle.logs() == "one\n"
    assert handle.status is ExecutionStatus.FAILED
    assert isinstance(handle.shown, ExecutionPlan)
    assert handle.shown.strategy == Serial()
    assert [each.id for each in handle.shown.commands] == [each.id for each in work.commands]
    assert "failed: a plan" in repr(handle)


def test_the_commands_of_a_past_plan_are_found_by_their_own_ids(
    make_engine: MakeEngine, past_plan: tuple[ExecutionPlan, PlanExecutionResult]
) -> None:
    work, before = past_plan
    engine = make_engine()
    for command, result in zip(work.commands, before.results, strict=True):
        assert get_result(engine, command.id) == result
    assert engine.get(work.commands[2].id).logs() == ""


# Ids


def test_ids_are_found_by_how_they_begin_in_memory_and_on_disk(
    make_engine: MakeEngine, past_plan: tuple[ExecutionPlan, PlanExecutionResult]
) -> None:
    work, _ = past_plan
    engine = make_engine()
    new = run(engine, "true").id
    assert sorted(engine.ids()) == sorted({work.id, *(each.id for each in work.commands), new})
    for wanted in (work.id, new):
        assert engine.ids(str(wanted)[:13]) == [wanted]


def test_files_of_others_have_no_ids(make_engine: MakeEngine, directory: Path) -> None:
    directory.mkdir(mode=0o700)
    for name in ("notes.json", f"{uuid4()}.txt", f"{uuid4()}.json.bak", f".{uuid4()}.json"):
        (directory / name).touch()
    assert make_engine().ids() == []


# Files


def test_result_files_are_the_owners_alone(make_engine: MakeEngine, directory: Path) -> None:
    engine = make_engine()
    run(engine, "echo out; echo err >&2; echo out")
    engine.close()
    kinds = {path.suffix: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
    assert kinds == {".log": 0o600, ".streams": 0o600, ".json": 0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_what_nobody_knows_may_have_been_rotated_away(make_engine: MakeEngine) -> None:
    with pytest.raises(ExecutionNotFound, match="rotated away"):
        get_result(make_engine(), uuid4())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        "{",
        "[]",
        '{"kind": "command"}',
        '{"kind": "else"}',
        '{"kind": "command_of_plan", "id": 1, "plan_id": 2}',
        "[" * 100_000,
        json.dumps({"kind": "plan", "result": {"results": [None]}}),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(
    make_engine: MakeEngine, directory: Path, content: str | bytes
) -> None:
    execution_id = put(directory, content)
    with pytest.raises(SerializationError, match=rf"{execution_id}\.json is damaged"):
        get_result(make_engine(), execution_id)


@given(place=st.integers(0, 2_000), byte=st.integers(0, 255))
def test_a_file_with_a_byte_changed_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    directory = tmp_path_factory.mktemp("logs")
    result = ExecutionResult(
        id=uuid4(),
        status=ExecutionStatus.FAILED,
        exit_code=-9,
        duration=1,
        started_at="2026-01-01T00:00:00Z",
        completed_at=None,
        log_path=directory / "x.log",
    )
    content = bytearray(
        json.dumps(
            {"kind": "command", "ran": True, "result": json.loads(result.model_dump_json())}
        ).encode()
    )
    content[place % len(content)] = byte
    execution_id = put(directory, bytes(content).replace(str(result.id).encode(), b"@", 1))
    path = directory / f"{execution_id}.json"
    path.write_bytes(path.read_bytes().replace(b"@", str(execution_id).encode(), 1))
    try:
        run = Archive(directory).load(execution_id)
    except SerializationError:
        return
    assert run is not None
    assert run.id == execution_id


def test_a_file_about_another_execution_is_refused(
    make_engine: MakeEngine, directory: Path
) -> None:
    engine = make_engine()
    result = run(engine, "true")
    engine.close()
    copied = put(directory, (directory / f"{result.id}.json").read_bytes())
    with pytest.raises(SerializationError, match="another execution"):
        get_result(make_engine(), copied)


def test_a_command_that_names_itself_as_its_plan_is_refused(
    make_engine: MakeEngine, directory: Path
) -> None:
    own = put(directory, "")
    content = json.dumps({"kind": "command_of_plan", "id": str(own), "plan_id": str(own)})
    (directory / f"{own}.json").write_text(content)
    with pytest.raises(SerializationError, match="another execution"):
        get_result(make_engine(), own)


def test_commands_that_name_each_other_as_their_plans_are_refused(
    make_engine: MakeEngine, directory: Path
) -> None:
    ids = [put(directory, ""), put(directory, "")]
    for own, other in (ids, ids[::-1]):
        content = {"kind": "command_of_plan", "id": str(own), "plan_id": str(other)}
        (directory / f"{own}.json").write_text(json.dumps(content))
    with pytest.raises(SerializationError, match="another execution"):
        get_result(make_engine(), ids[0])


def test_a_command_whose_plan_is_gone_is_not_found(
    make_engine: MakeEngine, directory: Path
) -> None:
    own = put(directory, "")
    content = {"kind": "command_of_plan", "id": str(own), "plan_id": str(uuid4())}
    (directory / f"{own}.json").write_text(json.dumps(content))
    with pytest.raises(ExecutionNotFound):
        get_result(make_engine(), own)


def test_no_link_is_followed_to_a_result(make_engine: MakeEngine, directory: Path) -> None:
    engine = make_engine()
    result = run(engine, "true")
    engine.close()
    real = directory / f"{result.id}.json"
    real.rename(directory / "moved")
    real.symlink_to(directory / "moved")
    with pytest.raises(LogUnavailable, match=str(result.id)):
        get_result(make_engine(), result.id)


def test_a_pipe_in_place_of_a_result_is_refused_and_not_waited_for(
    make_engine: MakeEngine, directory: Path
) -> None:
    own = put(directory, "")
    (directory / f"{own}.json").unlink()
    os.mkfifo(directory / f"{own}.json")
    with pytest.raises(LogUnavailable, match="not a regular file"):
        get_result(make_engine(), own)


# At size


def test_a_thousand_results_are_kept_in_little_time(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    engine = make_engine(max_concurrent_executions=32)
    commands = [ExecutionRequest(command=Exec(program="true")) for _ in range(200)]
    execution = engine.submit(plan(Parallel(), *commands))
    execution.result(90)
    archive = Archive(tmp_path / "elsewhere")
    runs = [engine._memory._runs[each.id] for each in commands]
    begin = perf_counter()
    for _ in range(5):
        for each in runs:
            archive.keep(each)
    assert perf_counter() - begin < 2.0  # 0.06 s on a quiet machine
