"""Secrets of the environment: masked wherever they could come out, withheld where not needed."""

import base64
import logging
from pathlib import Path

import pytest

from cloudops_nb.engine import ExecutionEngine, JsonlEventHandler
from cloudops_nb.errors import ApprovalRequired, ValidationError
from cloudops_nb.history import Intent, MemoryJournal
from cloudops_nb.models import ExecutionMetadata, Serial
from cloudops_nb.redaction import Redactor
from tests.conftest import MakeEngine
from tests.support import Gate, Recorder, plan, request, run, run_plan

SECRET = "s3cret-value-of-ours"


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DEPLOY_TOKEN", SECRET)
    return SECRET


def test_a_secret_is_masked_in_output_log_line_and_error(
    engine: ExecutionEngine, recorder: Recorder
) -> None:
    result = run(engine, request(f"echo {SECRET}; echo {SECRET} >&2; exit 3"))
    recorder.wait_for_type("failed")
    assert result.stdout == result.stderr == "REDACTED_DEPLOY_TOKEN\n"
    assert result.log_path.read_bytes() == b"REDACTED_DEPLOY_TOKEN\n" * 2
    assert result.command is not None
    assert "echo REDACTED_DEPLOY_TOKEN" in result.command
    assert SECRET not in result.model_dump_json()
    assert SECRET not in str([event.model_dump_json() for event in recorder.events])


def test_a_secret_is_masked_in_names_tags_queries_and_descriptions(
    engine: ExecutionEngine, recorder: Recorder
) -> None:
    metadata = ExecutionMetadata(tags={"key": SECRET, SECRET: "value"})
    first = request("echo []", name=SECRET, metadata=metadata, query=f"[?token == '{SECRET}']")
    work = plan(Serial(), first, "false", "true")
    work = work.model_copy(update={"description": f"with {SECRET}"})
    result = run_plan(engine, work)
    recorder.wait_for_type("plan_completed")
    masked = "REDACTED_DEPLOY_TOKEN"
    assert result.results[0].tags == {"key": masked, masked: "value"}
    assert result.results[0].query == f"[?token == '{masked}']"
    assert result.description == "with REDACTED_DEPLOY_TOKEN"
    assert SECRET not in result.model_dump_json()
    assert SECRET not in str([event.model_dump_json() for event in recorder.events])
    assert SECRET not in str(engine.summaries())


def test_a_secret_is_masked_in_what_is_written_by_handlers(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    handler = JsonlEventHandler(tmp_path / "events.jsonl")
    engine = make_engine(handlers=[handler])
    run(engine, f"echo {SECRET}")
    engine.close()
    handler.close()
    assert SECRET not in (tmp_path / "events.jsonl").read_text()


def test_a_secret_is_masked_in_the_journal(make_engine: MakeEngine) -> None:
    journal = MemoryJournal()
    run(make_engine(journal=journal), f"echo {SECRET}")
    assert isinstance(journal.entries[0], Intent)
    assert journal.entries[0].line == "echo REDACTED_DEPLOY_TOKEN"


def test_a_secret_is_masked_where_an_approval_is_asked_for(engine: ExecutionEngine) -> None:
    with pytest.raises(ApprovalRequired) as caught:
        engine.submit(f"aws s3 rb s3://{SECRET}")
    assert "aws s3 rb s3://REDACTED_DEPLOY_TOKEN" in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "work",
    [
        request("true", working_dir=f"/no/{SECRET}"),
        plan(Serial(), request(f"echo {SECRET}", timeout_ms=999_999_999)),
        plan(Serial(), request("login another-s3cret", timeout_ms=999_999_999,
                               env={"MY_TOKEN": "another-s3cret"})),
    ],
    ids=["command", "plan", "its own"],
)  # fmt: skip
def test_a_secret_is_masked_where_work_is_refused(engine: ExecutionEngine, work: object) -> None:
    with pytest.raises(ValidationError, match=r"REDACTED_(DEPLOY|MY)_TOKEN") as caught:
        engine.submit(work)
    assert "s3cret" not in str(caught.value)


def test_a_secret_is_masked_in_the_error_of_a_spawn_that_fails(
    make_engine: MakeEngine, tmp_path: Path, gate: Gate
) -> None:
    engine = make_engine(max_concurrent_executions=1)
    directory = tmp_path / SECRET
    directory.mkdir()
    first = engine.submit(str(gate))
    second = engine.submit(request("true", working_dir=directory))
    directory.rmdir()
    gate.open()
    first.result(30)
    result = second.result(30)
    assert result.error is not None
    assert "REDACTED_DEPLOY_TOKEN: No such file" in result.error


def test_a_secret_is_masked_however_it_is_written(engine: ExecutionEngine) -> None:
    encoded = base64.b64encode(SECRET.encode()).decode()
    result = run(engine, f"printf %s {encoded}")
    assert encoded[:20] not in result.stdout


def test_a_secret_that_arrives_in_pieces_is_masked(
    engine: ExecutionEngine, recorder: Recorder, tmp_path: Path
) -> None:
    gate = Gate(tmp_path / "gate")
    middle = len(SECRET) // 2
    execution = engine.submit(
        f"echo up; printf %s {SECRET[:middle]}; {gate}; echo {SECRET[middle:]}"
    )
    recorder.wait_for_line("up")
    gate.open()
    result = execution.result(30)
    assert result.stdout == "up\nREDACTED_DEPLOY_TOKEN\n"
    recorder.wait_for_type("completed")
    assert SECRET[middle:] not in str([e.model_dump_json() for e in recorder.events[1:-1]])


def test_a_secret_of_the_request_itself_is_passed_and_masked(engine: ExecutionEngine) -> None:
    result = run(engine, request("echo $MY_PASSWORD", env={"MY_PASSWORD": "another-s3cret"}))
    assert result.stdout == "REDACTED_MY_PASSWORD\n"


def test_a_secret_set_while_the_engine_lives_is_masked(
    engine: ExecutionEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(engine, "true")
    monkeypatch.setenv("LATER_TOKEN", "set-later-on")
    assert run(engine, "echo set-later-on").stdout == "REDACTED_LATER_TOKEN\n"


def test_a_redactor_of_ones_own_masks_more(make_engine: MakeEngine) -> None:
    engine = make_engine(redactor=Redactor({"account": "123456789012"}))
    assert run(engine, f"echo 123456789012 {SECRET}").stdout == (
        "REDACTED_account REDACTED_DEPLOY_TOKEN\n"
    )


def test_masked_json_still_gives_records(engine: ExecutionEngine) -> None:
    result = run(engine, f"""echo '[{{"Password": "{SECRET}"}}]'""")
    assert result.records == [{"Password": "REDACTED_DEPLOY_TOKEN"}]


# Withholding


def test_a_secret_is_withheld_from_commands_and_named_in_the_result(
    engine: ExecutionEngine,
) -> None:
    result = run(engine, "echo [$DEPLOY_TOKEN]")
    assert result.stdout == "[]\n"
    assert "DEPLOY_TOKEN" in result.withheld_env


def test_a_secret_named_in_the_settings_is_passed_and_masked(make_engine: MakeEngine) -> None:
    engine = make_engine(pass_env={"DEPLOY_TOKEN"})
    result = run(engine, 'echo "[$DEPLOY_TOKEN]"')
    assert result.stdout == "[REDACTED_DEPLOY_TOKEN]\n"
    assert "DEPLOY_TOKEN" not in result.withheld_env


def test_aws_secrets_go_to_aws_commands_alone(
    engine: ExecutionEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "an-aws-session-token")
    assert run(engine, "echo [$AWS_SESSION_TOKEN]").stdout == "[]\n"
    shown = run(engine, "echo [$AWS_SESSION_TOKEN] # as for aws").stdout
    assert shown == "[REDACTED_AWS_SESSION_TOKEN]\n"


def test_a_finished_run_no_longer_holds_its_environment(engine: ExecutionEngine) -> None:
    execution = engine.submit(request("true", env={"MY_PASSWORD": "another-s3cret"}))
    execution.result(30)
    assert execution._run.prepared is None


def test_no_secret_reaches_our_own_log(
    engine: ExecutionEngine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    run(engine, f"echo {SECRET}; exit 1")
    assert SECRET not in caplog.text
