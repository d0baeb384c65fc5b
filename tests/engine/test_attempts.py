"""Commands that are tried again: real processes that fail, and then do not."""

import asyncio
import re
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.engine.runs import CommandRun
from cloudops_nb.errors import ApprovalRequired, JournalUnavailable, LogUnavailable, UnsafeRetry
from cloudops_nb.executors.base import Exit, OutputSink
from cloudops_nb.executors.scripted import Scripted, ScriptedExecutor
from cloudops_nb.history import Intent, MemoryJournal, Outcome
from cloudops_nb.models import (
    Exec,
    ExecutionPlan,
    ExecutionRequest,
    ExecutionStatus,
    FixedBackoff,
    Parallel,
    PreparedCommand,
    RetryConfig,
    Retrying,
    Serial,
    Shell,
    Started,
)
from cloudops_nb.models.base import now
from cloudops_nb.redaction import Redactor
from tests.conftest import MakeEngine
from tests.support import (
    Gate,
    Recorder,
    plan,
    plan_result_of,
    request,
    result_of,
    run,
    run_plan,
    wait_until,
)

AT_ONCE = FixedBackoff(delay=timedelta(0))
LATE = FixedBackoff(delay=timedelta(hours=1))
THROTTLED = (
    "echo 'An error occurred (ThrottlingException) when calling the X operation: Rate exceeded' >&2"
)
DENIED = "echo 'An error occurred (AccessDenied) when calling the X operation: no' >&2"


def retry(attempts: int = 3, **fields: Any) -> RetryConfig:
    return RetryConfig(
        **{"max_attempts": attempts, "backoff": AT_ONCE, "idempotent": True} | fields
    )


def counting(path: Path, then: str) -> str:
    """Shell text that has ``$n``, how often it was run, and goes on with ``then``."""
    return f"echo x >> {path}; n=$(wc -l < {path}); echo try $n; {then}"


@pytest.fixture
def count(tmp_path: Path) -> Path:
    return tmp_path / "count"


def runs(count: Path) -> int:
    return len(count.read_text().splitlines())


def test_what_fails_twice_and_then_does_not_completes(engine: ExecutionEngine, count: Path) -> None:
    result = run(engine, request(counting(count, "test $n = 3"), retry=retry()))
    assert (result.status, result.exit_code, result.attempts) == ("completed", 0, 3)
    assert [attempt.number for attempt in result.earlier_attempts] == [1, 2]
    assert {attempt.reason for attempt in result.earlier_attempts} == {"exit code 1"}
    assert (result.error_category, result.not_retried) == (None, None)


def test_output_and_records_are_those_of_the_last_attempt(
    engine: ExecutionEngine, count: Path
) -> None:
    work = request(counting(count, "echo why $n >&2; test $n = 2"), retry=retry())
    result = run(engine, work)
    assert (result.stdout, result.stderr) == ("try 2\n", "why 2\n")
    assert result.to_pandas().to_numpy().tolist() == [["try 2"]]
    assert asyncio.run(engine.read_logs(result.id)) == "try 2\nwhy 2\n"


def test_each_earlier_attempt_keeps_a_log_of_its_own(engine: ExecutionEngine, count: Path) -> None:
    work = request(counting(count, "echo why $n >&2; test $n = 3"), retry=retry())
    result = run(engine, work)
    directory = result.log_path.parent
    assert result.log_path.name == f"{result.id}.log"
    for attempt in result.earlier_attempts:
        assert attempt.log_path == directory / f"{result.id}.attempt-{attempt.number}.log"
        text = attempt.log_path.read_text()
        assert text == f"try {attempt.number}\nwhy {attempt.number}\n"
    assert sorted(path.name for path in directory.iterdir()) == sorted(
        f"{result.id}{which}.log{end}"
        for which in ("", ".attempt-1", ".attempt-2")
        for end in ("", ".streams")
    )


def test_events_tell_each_attempt_in_order(
    engine: ExecutionEngine, recorder: Recorder, count: Path
) -> None:
    # The last line has no end: it is told before the attempt is.
    work = request(counting(count, f"printf half; test $n = 2 || {{ {THROTTLED}; exit 254; }}"))
    run(engine, work.model_copy(update={"retry": retry()}))
    recorder.wait_for_type("completed")
    lines = [getattr(event, "line", event.event_type) for event in recorder.events]
    error = re.search("'(.*)'", THROTTLED)
    assert error is not None
    assert sorted(lines[:4]) == sorted(["started", "try 1", "half", error[1]])
    assert lines[4:] == ["retrying", "started", "try 2", "half", "completed"]
    assert [event.sequence for event in recorder.events] == [*range(len(lines))]
    started = [event for event in recorder.events if isinstance(event, Started)]
    assert [event.attempt for event in started] == [1, 2]
    retrying = recorder.wait_for_type("retrying")
    assert isinstance(retrying, Retrying)
    assert (retrying.attempt, retrying.max_attempts) == (1, 3)
    assert (retrying.reason, retrying.category) == ("ThrottlingException", "retryable")
    assert retrying.next_at == retrying.timestamp + retrying.wait


def test_what_would_fail_again_is_not_tried_again(engine: ExecutionEngine, count: Path) -> None:
    result = run(engine, request(counting(count, f"{DENIED}; exit 254"), retry=retry()))
    assert (result.status, result.attempts, runs(count)) == ("failed", 1, 1)
    assert result.error_category == "non_retryable"
    assert result.not_retried == "AccessDenied"


def test_a_program_that_cannot_be_started_is_not_tried_again(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    program = tmp_path / "vanishing"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o700)
    work = ExecutionRequest(command=Exec(program=str(program)), retry=retry())
    result = run(engine, work)
    assert (result.status, result.attempts) == ("failed", 1)
    assert result.not_retried == "it could not be started"


def test_the_last_failure_says_that_it_was_the_last(engine: ExecutionEngine, count: Path) -> None:
    result = run(engine, request(counting(count, "exit 75"), retry=retry(2)))
    assert (result.status, result.exit_code, result.attempts) == ("failed", 75, 2)
    assert (result.error_category, result.not_retried) == ("retryable", "that was attempt 2 of 2")


def test_a_timeout_is_of_each_attempt_and_may_be_tried_again(
    engine: ExecutionEngine, count: Path
) -> None:
    work = request(counting(count, "test $n = 2 || exec sleep 60"), retry=retry(), timeout_ms=2_500)
    result = run(engine, work)
    assert (result.status, result.attempts, result.stdout) == ("completed", 2, "try 2\n")
    [first] = result.earlier_attempts
    assert (first.status, first.reason) == ("timeout", "timed out")
    assert first.error is not None
    assert first.error.startswith("timed out after 2.5 s")


def test_a_timeout_that_comes_as_the_attempt_ends_does_not_cut_the_wait_short() -> None:
    async def main() -> str | None:
        run = CommandRun(
            prepared=None,
            request=request("x"),
            executor=ScriptedExecutor({}),
            redactor=Redactor(),
            digest="",
            description={},
            log_path=Path("x"),
        )
        run.ask_to_stop(ExecutionStatus.TIMEOUT, "timed out")
        run.forget_timeout()
        return await run.unless_stopped(asyncio.sleep(0.01, "waited"))

    assert asyncio.run(main()) == "waited"


class Lingering(ScriptedExecutor):
    """Cannot stop all of what it runs."""

    async def run(self, prepared: PreparedCommand, sink: OutputSink) -> Exit:
        try:
            return await super().run(prepared, sink)
        except asyncio.CancelledError:
            return Exit(-15, "still running: process 1", left_behind=True)


def test_no_attempt_starts_beside_what_is_left_of_another(make_engine: MakeEngine) -> None:
    executor = Lingering({"stuck": Scripted(until=Future())})
    engine = make_engine(executors={Shell: executor})
    result = run(engine, request("stuck", retry=retry(), timeout_ms=50))
    assert (result.status, executor.ran) == ("timeout", ["stuck"])
    assert result.not_retried == "something of it still runs"


def test_times_of_the_result_span_all_attempts(engine: ExecutionEngine, count: Path) -> None:
    backoff = FixedBackoff(delay=timedelta(milliseconds=20))
    work = request(counting(count, "test $n = 3"), retry=retry(backoff=backoff))
    result = run(engine, work)
    first, second = result.earlier_attempts
    assert result.started_at == first.started_at < second.started_at
    assert result.duration >= first.duration + first.waited + second.duration + second.waited
    assert first.waited >= timedelta(milliseconds=19)
    assert second.started_at - first.started_at >= first.duration + timedelta(milliseconds=19)


def test_cancel_ends_the_wait_at_once(
    engine: ExecutionEngine, recorder: Recorder, count: Path
) -> None:
    execution = engine.submit(request(counting(count, "exit 75"), retry=retry(backoff=LATE)))
    recorder.wait_for_type("retrying")
    assert execution.status is ExecutionStatus.PENDING
    assert asyncio.run(engine.read_logs(execution.id)) == "try 1\n"
    execution.cancel()
    result = result_of(execution)
    assert (result.status, result.exit_code, result.attempts) == ("cancelled", 75, 1)
    assert result.error == "cancelled; the attempt before: exit code 75"
    assert (result.stdout, runs(count)) == ("try 1\n", 1)
    recorder.wait_for_type("cancelled")
    assert recorder.types == ["started", "stdout", "retrying", "cancelled"]


def test_cancel_while_a_timed_out_attempt_is_stopped_is_not_lost(
    make_engine: MakeEngine, count: Path
) -> None:
    engine = make_engine(cancel_grace_ms=5_000)
    recorder = Recorder()
    engine.subscribe(recorder)
    ends = "trap 'echo ending; while ! test -e go; do sleep 0.01; done; exit 1' TERM"
    work = request(
        counting(count, f"{ends}; while :; do sleep 0.01; done"),
        retry=retry(),
        timeout_ms=1_500,
        working_dir=count.parent,
    )
    execution = engine.submit(work)
    recorder.wait_for_line("ending")
    execution.cancel()
    (count.parent / "go").touch()
    result = result_of(execution)
    assert (result.status, result.attempts, runs(count)) == ("timeout", 1, 1)
    assert result.not_retried == "cancelled"


def test_no_slot_is_held_during_a_wait(make_engine: MakeEngine, count: Path) -> None:
    engine = make_engine(max_concurrent_executions=1)
    recorder = Recorder()
    engine.subscribe(recorder)
    waiting = engine.submit(request(counting(count, "exit 75"), retry=retry(backoff=LATE)))
    recorder.wait_for_type("retrying")
    assert run(engine, "echo meanwhile").stdout == "meanwhile\n"
    waiting.cancel()
    assert result_of(waiting).status is ExecutionStatus.CANCELLED


def test_cancel_in_the_queue_of_the_next_attempt_keeps_the_last_ones_output(
    make_engine: MakeEngine, count: Path, gate: Gate
) -> None:
    engine = make_engine(max_concurrent_executions=1)
    recorder = Recorder()
    engine.subscribe(recorder)
    backoff = FixedBackoff(delay=timedelta(milliseconds=50))
    queued = engine.submit(
        request(counting(count, f"{gate}; exit 75"), retry=retry(backoff=backoff))
    )
    blocker = engine.submit(f"echo up; {gate}")  # waits for the slot that the first attempt leaves
    gate.open()
    recorder.wait_for_line("up")
    retrying = recorder.wait_for_type("retrying")
    assert isinstance(retrying, Retrying)
    wait_until(lambda: now() > retrying.next_at + backoff.delay)  # it is in the queue by then
    queued.cancel()
    result = result_of(queued)
    gate.open()
    assert result_of(blocker).success
    assert (result.status, result.attempts, result.stdout) == ("cancelled", 1, "try 1\n")


def test_closing_the_engine_ends_a_wait(make_engine: MakeEngine, count: Path) -> None:
    engine = make_engine()
    recorder = Recorder()
    engine.subscribe(recorder)
    execution = engine.submit(request(counting(count, "exit 75"), retry=retry(backoff=LATE)))
    recorder.wait_for_type("retrying")
    engine.close()
    assert execution.result().status is ExecutionStatus.CANCELLED


def test_what_may_do_harm_twice_is_refused_before_it_runs(
    engine: ExecutionEngine, count: Path
) -> None:
    with pytest.raises(UnsafeRetry, match="--idempotent"):
        engine.submit(request(counting(count, "true"), retry=retry(idempotent=False)))
    work = plan(Serial(), "true", request("make", retry=retry(idempotent=False)))
    with pytest.raises(UnsafeRetry, match=r"^command 1 \(make\): "):
        engine.submit(work)
    assert not count.exists()


def test_a_plans_retry_is_for_the_commands_that_may_be_run_twice(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    (tmp_path / "aws").write_text(f"#!/bin/bash\n{counting(tmp_path / 'reads', 'test $n = 2')}")
    (tmp_path / "aws").chmod(0o700)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    work = plan(
        Parallel(),
        request("aws ec2 describe-instances", env=env),
        request(counting(tmp_path / "writes", "exit 75")),
        request(counting(tmp_path / "own", "test $n = 2"), retry=retry(2)),
        retry=retry(idempotent=False),
    )
    reads, writes, own = run_plan(engine, work).results
    assert (reads.status, reads.attempts) == ("completed", 2)
    assert (own.status, own.attempts) == ("completed", 2)
    assert (writes.status, writes.attempts, writes.error_category) == ("failed", 1, "retryable")
    assert writes.not_retried is not None
    assert "--idempotent" in writes.not_retried


def test_a_change_that_stopped_half_way_needs_a_rollback(engine: ExecutionEngine) -> None:
    work = plan(Serial(), "kill -9 $$", retry=retry(idempotent=False))
    [result] = run_plan(engine, work).results
    assert result.error_category == "rollback_required"
    assert result.not_retried is not None
    assert result.not_retried.startswith("killed by SIGKILL: part of its work may be done")


def test_a_plan_goes_on_when_its_retried_command_completes(
    engine: ExecutionEngine, count: Path
) -> None:
    work = plan(Serial(), request(counting(count, "test $n = 2"), retry=retry()), "echo after")
    result = run_plan(engine, work)
    assert [each.status for each in result.results] == ["completed", "completed"]


def test_cancelling_a_plan_ends_a_wait_in_it(
    engine: ExecutionEngine, recorder: Recorder, count: Path
) -> None:
    work = plan(Serial(), request(counting(count, "exit 75"), retry=retry(backoff=LATE)), "true")
    execution = engine.submit(work)
    recorder.wait_for_type("retrying")
    execution.cancel()
    result = plan_result_of(execution)
    assert [each.status for each in result.results] == ["cancelled", "skipped"]


def test_every_attempt_is_in_the_journal_before_it_starts(
    make_engine: MakeEngine, count: Path
) -> None:
    journal = MemoryJournal()
    run(make_engine(journal=journal), request(counting(count, "test $n = 2"), retry=retry()))
    assert [(type(entry), entry.attempt) for entry in journal.entries] == [
        (Intent, 1),
        (Outcome, 1),
        (Intent, 2),
        (Outcome, 2),
    ]
    assert [entry.status for entry in journal.entries if isinstance(entry, Outcome)] == [
        "failed",
        "completed",
    ]


def test_a_cancel_during_a_wait_leaves_the_outcome_of_the_attempt_alone(
    make_engine: MakeEngine, count: Path
) -> None:
    journal, recorder = MemoryJournal(), Recorder()
    engine = make_engine(journal=journal, handlers=[recorder])
    execution = engine.submit(request(counting(count, "exit 75"), retry=retry(backoff=LATE)))
    recorder.wait_for_type("retrying")
    execution.cancel()
    assert result_of(execution).status == "cancelled"
    [intent, outcome] = journal.entries
    assert isinstance(intent, Intent)
    assert isinstance(outcome, Outcome)
    assert (outcome.attempt, outcome.status, outcome.exit_code) == (1, "failed", 75)


def test_an_attempt_that_could_not_start_has_an_outcome_of_its_own(
    make_engine: MakeEngine, count: Path, tmp_path: Path
) -> None:
    journal = MemoryJournal()
    (tmp_path / "x.attempt-1.log").touch()  # so the first attempt's log cannot be set aside
    work = request(counting(count, "exit 75"), retry=retry(), output_log_path=tmp_path / "x.log")
    run(make_engine(journal=journal), work)
    assert [(type(entry), entry.attempt) for entry in journal.entries] == [
        (Intent, 1),
        (Outcome, 1),
        (Intent, 2),
        (Outcome, 2),
    ]
    last = journal.entries[-1]
    assert isinstance(last, Outcome)
    assert (last.status, last.exit_code) == ("failed", None)


class OneIntent(MemoryJournal):
    def write(self, entry: Intent | Outcome) -> None:
        if isinstance(entry, Intent) and entry.attempt > 1:
            raise JournalUnavailable("the disk is full")
        super().write(entry)


def test_no_attempt_starts_that_cannot_be_recorded(make_engine: MakeEngine, count: Path) -> None:
    journal = OneIntent()
    result = run(make_engine(journal=journal), request(counting(count, "exit 75"), retry=retry()))
    assert [type(entry) for entry in journal.entries] == [Intent, Outcome]
    assert (result.status, result.attempts, runs(count)) == ("failed", 1, 1)
    assert result.error is not None
    assert result.error.startswith("not started: the disk is full; the attempt before: exit code")
    assert result.stdout == "try 1\n"


def test_output_that_cannot_be_kept_is_no_reason_to_try_again(
    make_engine: MakeEngine, count: Path
) -> None:
    engine = make_engine(max_output_size_bytes=1024, oversized_output_strategy="fail_execution")
    work = request(counting(count, "head -c 4096 /dev/zero"), retry=retry())
    result = run(engine, work)
    assert (result.status, result.attempts, runs(count)) == ("failed", 1, 1)
    assert result.not_retried is not None
    assert "max_output_size_bytes" in result.not_retried


def test_a_file_of_the_users_is_not_replaced_by_a_log(
    engine: ExecutionEngine, tmp_path: Path, count: Path
) -> None:
    mine = tmp_path / "x.attempt-1.log"
    mine.write_text("mine")
    work = request(counting(count, "exit 75"), retry=retry(), output_log_path=tmp_path / "x.log")
    result = run(engine, work)
    assert (result.status, mine.read_text(), runs(count)) == ("failed", "mine", 1)
    assert result.error is not None
    assert "File exists" in result.error


def test_retries_are_part_of_what_is_approved(engine: ExecutionEngine) -> None:
    def digest(work: Any) -> str:
        with pytest.raises(ApprovalRequired) as refused:
            engine.submit(work)
        return refused.value.digest

    line = "aws ec2 terminate-instances"
    once = request(line)
    assert digest(once) == digest(request(line))
    assert digest(once) != digest(request(line, retry=retry()))
    planned: ExecutionPlan = plan(Serial(), once)
    assert digest(planned) != digest(planned.model_copy(update={"retry": retry()}))


def test_a_result_says_nothing_of_retries_where_none_were_asked_for(
    engine: ExecutionEngine,
) -> None:
    document = run(engine, "exit 75").model_dump(mode="json")
    assert document.keys().isdisjoint(
        {"attempts", "earlier_attempts", "error_category", "not_retried"}
    )


def test_a_log_that_is_gone_leaves_the_exit_code_to_decide(
    engine: ExecutionEngine, count: Path, tmp_path: Path
) -> None:
    log = tmp_path / "x.log"
    work = request(
        counting(count, f"{DENIED}; rm {log}; exit 75"), retry=retry(2), output_log_path=log
    )
    result = run(engine, work)
    assert result.error is not None
    assert "No such file" in result.error  # it cannot be set aside, either
    with pytest.raises(LogUnavailable):
        _ = result.stdout
