"""Before a command may start: approval and the journal."""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.errors import ApprovalRequired, JournalUnavailable
from cloudops_nb.history import Intent, MemoryJournal, Outcome
from cloudops_nb.models import (
    AwsCli,
    ExecutionRequest,
    ExecutionStatus,
    Parallel,
    Script,
    Serial,
    Started,
)
from cloudops_nb.safety import ApprovalRequest
from tests.conftest import MakeEngine
from tests.support import Gate, Recorder, plan, request, result_of, run, run_plan


def terminate(*args: str, **fields: object) -> ExecutionRequest:
    command = AwsCli(service="ec2", operation="terminate-instances", args=args)
    return ExecutionRequest.model_validate({"command": command, **fields})


def refused(engine: ExecutionEngine, work: object, approve: str | None = None) -> str:
    with pytest.raises(ApprovalRequired) as caught:
        engine.submit(work, approve=approve)
    return caught.value.digest


def test_what_destroys_is_refused_and_its_digest_lets_it_run(
    engine: ExecutionEngine, aws: Path
) -> None:
    work = terminate("--instance-ids", "i-1")
    digest = refused(engine, work)
    assert aws.read_text() == ""
    result = run(engine, work, approve=digest)
    assert result.stdout == "ec2 terminate-instances --instance-ids i-1\n"
    assert result.id == work.id


def test_what_only_reads_needs_no_approval(engine: ExecutionEngine, aws: Path) -> None:
    command = AwsCli(service="ec2", operation="describe-instances")
    assert run(engine, ExecutionRequest(command=command)).success


@pytest.mark.usefixtures("aws")
def test_a_digest_is_the_same_for_the_same_work_each_time(engine: ExecutionEngine) -> None:
    assert refused(engine, terminate("i-1")) == refused(engine, terminate("i-1"))


@pytest.mark.parametrize(
    "other",
    [
        terminate("i-1", "i-2"),
        terminate("i-2"),
        terminate("i-1", env={"AWS_REGION": "us-east-1"}),
        terminate("i-1", timeout_ms=1000),
        terminate("i-1", working_dir="/"),
        ExecutionRequest(command=terminate("i-1").command.model_copy(update={"region": "r"})),
        ExecutionRequest(command=terminate("i-1").command.model_copy(update={"profile": "p"})),
    ],
    ids=["more", "another", "env", "timeout", "directory", "region", "profile"],
)
def test_a_digest_approves_nothing_else(
    engine: ExecutionEngine, aws: Path, other: ExecutionRequest
) -> None:
    digest = refused(engine, terminate("i-1"))
    assert refused(engine, other, approve=digest) != digest
    assert aws.read_text() == ""


def test_a_digest_approves_no_other_program_of_that_name(
    engine: ExecutionEngine, aws: Path, tmp_path: Path
) -> None:
    digest = refused(engine, terminate("i-1"))
    program = tmp_path / "bin" / "aws"
    program.write_text(program.read_text() + "echo and more\n")
    assert refused(engine, terminate("i-1"), approve=digest) != digest


@pytest.mark.usefixtures("aws")
def test_a_digest_approves_no_other_script(engine: ExecutionEngine, tmp_path: Path) -> None:
    script = tmp_path / "x.sh"
    script.write_text("#!/bin/sh\naws s3 rb s3://a\n")
    work = ExecutionRequest.model_validate({"command": {"type": "script", "path": str(script)}})
    digest = refused(engine, work)
    script.write_text("#!/bin/sh\naws s3 rb s3://b\n")
    assert refused(engine, work, approve=digest) != digest


def test_one_destructive_command_holds_back_the_whole_plan(
    engine: ExecutionEngine, aws: Path
) -> None:
    work = plan(Serial(), "aws s3 ls", "true; aws s3 rb s3://b")
    digest = refused(engine, work)
    assert aws.read_text() == ""
    swapped = work.model_copy(update={"commands": work.commands[::-1]})
    parallel = work.model_copy(update={"strategy": Parallel()})
    assert len({digest, refused(engine, swapped), refused(engine, parallel)}) == 3
    result = engine.submit(work, approve=digest).result(30)
    assert result.success
    assert aws.read_text() == "s3 ls\ns3 rb s3://b\n"


@pytest.mark.usefixtures("aws")
def test_execute_takes_a_digest_as_well(engine: ExecutionEngine) -> None:
    async def main() -> None:
        work = terminate("i-1")
        with pytest.raises(ApprovalRequired) as caught:
            await engine.execute(work)
        assert await engine.execute(work, approve=caught.value.digest) == work.id
        assert (await engine.wait_for_completion(work.id)).success
        series = plan(Serial(), terminate("i-2"))
        with pytest.raises(ApprovalRequired) as caught:
            await engine.execute_plan(series)
        await engine.execute_plan(series, approve=caught.value.digest)
        assert (await engine.wait_for_completion(series.id)).success

    asyncio.run(main())


def test_an_approver_is_shown_what_will_run_and_decides(make_engine: MakeEngine) -> None:
    class Approver:
        def __init__(self) -> None:
            self.asked: list[ApprovalRequest] = []

        async def approve(self, asked: ApprovalRequest) -> None:
            self.asked.append(asked)
            if asked.given != "please":
                raise ApprovalRequired("say please", asked.digest)

    approver, work = Approver(), plan(Serial(), "echo a", "echo b")
    engine = make_engine(approver=approver)
    refused(engine, work)
    assert engine.submit(work, approve="please").result(30).success
    first, second = approver.asked
    assert first.digest == second.digest
    assert [command.line for command in first.commands] == ["echo a", "echo b"]
    assert first.commands[0].argv[1:] == ("-c", "echo a")
    assert len(first.risks) == 2


def test_what_was_refused_leaves_no_trace(engine: ExecutionEngine, recorder: Recorder) -> None:
    refused(engine, "aws s3 rb s3://b")
    assert engine.summaries() == []
    assert recorder.events == []
    assert list(engine.journal.entries) == []


# The journal


def test_the_intent_is_there_before_the_start_and_the_outcome_before_the_result(
    make_engine: MakeEngine,
) -> None:
    order: list[str] = []

    class Journal(MemoryJournal):
        def write(self, entry: Intent | Outcome) -> None:
            order.append(type(entry).__name__)
            super().write(entry)

    class Handler:
        def on_event(self, event: object) -> None:
            order.append(type(event).__name__)

    journal = Journal()
    engine = make_engine(journal=journal, handlers=[Handler()])
    execution = engine.submit("exit 3")
    result = result_of(execution)
    engine.close()
    assert order.index("Intent") < order.index("Started")
    assert order.index("Outcome") < order.index("Failed")
    intent, outcome = journal.entries
    assert isinstance(intent, Intent)
    assert isinstance(outcome, Outcome)
    assert (intent.execution_id, intent.line, intent.plan_id) == (result.id, "exit 3", None)
    assert intent.timestamp <= result.started_at
    assert (outcome.execution_id, outcome.status, outcome.exit_code) == (
        result.id, ExecutionStatus.FAILED, 3,
    )  # fmt: skip


def test_the_journal_knows_which_plan_a_command_belongs_to(make_engine: MakeEngine) -> None:
    journal, work = MemoryJournal(), plan(Serial(), "false", "true")
    run_plan(make_engine(journal=journal), work)
    intent, failed, skipped = journal.entries
    assert isinstance(intent, Intent)
    assert intent.plan_id == work.id
    assert isinstance(failed, Outcome)
    assert isinstance(skipped, Outcome)
    assert [failed.status, skipped.status] == ["failed", "skipped"]


class Unwritable(MemoryJournal):
    """Takes entries of one kind, or none."""

    def __init__(self, refuses: type, error: Exception) -> None:
        super().__init__()
        self.refuses = refuses
        self.error = error

    def write(self, entry: Intent | Outcome) -> None:
        if isinstance(entry, self.refuses):
            raise self.error
        super().write(entry)


ERRORS = [JournalUnavailable("disk full"), RuntimeError("bug in a journal")]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_a_journal_that_cannot_be_written_keeps_a_command_from_starting(
    make_engine: MakeEngine, tmp_path: Path, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder()
    engine = make_engine(journal=Unwritable(Intent, error), handlers=[recorder])
    result = run(engine, f"touch {tmp_path}/ran")
    assert result.status is ExecutionStatus.FAILED
    assert result.error is not None
    assert str(error) in result.error
    assert (result.exit_code, result.stdout) == (None, "")
    assert not (tmp_path / "ran").exists()
    recorder.wait_for_type("failed")
    assert not any(isinstance(event, Started) for event in recorder.events)
    caplog.clear()


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_an_outcome_that_cannot_be_kept_is_logged_and_nobody_waits_for_ever(
    make_engine: MakeEngine, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    engine = make_engine(journal=Unwritable(Outcome, error))
    assert run(engine, "true").success
    assert run_plan(engine, plan(Serial(), "true", "false", "true")).stats.skipped == 1
    assert "is not in the journal" in caplog.text


def test_a_sealed_command_is_what_the_journal_was_told(make_engine: MakeEngine) -> None:
    journal = MemoryJournal()
    engine = make_engine(journal=journal)
    run(engine, request("true"))
    run(engine, request("true"))
    run(engine, request("true", env={"A": "1"}))
    digests = [entry.digest for entry in journal.entries if isinstance(entry, Intent)]
    assert digests[0] == digests[1] != digests[2]


def test_nothing_blocks_while_one_approval_is_pending(make_engine: MakeEngine, gate: Gate) -> None:
    class Approver:
        async def approve(self, asked: ApprovalRequest) -> None:
            if asked.given == "wait":
                await asyncio.to_thread(gate.path.read_text)

    engine = make_engine(approver=Approver())
    thread = threading.Thread(target=engine.run, args=("true",), kwargs={"approve": "wait"})
    thread.start()
    assert run(engine, "echo meanwhile").stdout == "meanwhile\n"
    gate.open()
    thread.join(30)


def test_prepared_commands_are_not_changed_by_who_looks_at_them(engine: ExecutionEngine) -> None:
    prepared = engine._preparation.command(request("true")).prepared
    assert prepared is not None
    with pytest.raises(AttributeError):
        prepared.line = "x"
    assert replace(prepared, line="x").argv == prepared.argv


def test_a_script_that_was_changed_after_it_was_judged_does_not_run(
    make_engine: MakeEngine, tmp_path: Path, gate: Gate
) -> None:
    engine = make_engine(max_concurrent_executions=1)
    script, witness = tmp_path / "script.sh", tmp_path / "ran"
    script.write_text("#!/bin/sh\ntrue\n")
    first = engine.submit(str(gate))
    waiting = engine.submit(ExecutionRequest(command=Script(path=script)))
    script.write_text(f"#!/bin/sh\ntouch {witness}\n")
    gate.open()
    assert result_of(first).success
    result = result_of(waiting)
    assert (result.status, result.exit_code) == ("failed", None)
    assert result.error is not None
    assert "was changed after it was submitted" in result.error
    assert not witness.exists()
