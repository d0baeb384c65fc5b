"""Outputs of steps in later steps' commands, through the engine."""

import os
from pathlib import Path

import pytest

from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.errors import ApprovalRequired, InvalidCommand
from cloudops_nb.history import Intent, MemoryJournal
from cloudops_nb.models import (
    AwsCli,
    DependencyGraph,
    Exec,
    ExecutionRequest,
    Parallel,
    PlanExecutionResult,
    Serial,
)
from cloudops_nb.models.templates import inputs_of
from tests.conftest import MakeEngine
from tests.support import Recorder, plan, request, run_plan


def given(command: object, **fields: object) -> ExecutionRequest:
    """A request that is a template."""
    made = (
        request(command, **fields)
        if isinstance(command, str)
        else ExecutionRequest.model_validate({"command": command, **fields})
    )
    return made.model_copy(update={"inputs": inputs_of(made)})


def errors(result: PlanExecutionResult) -> list[str | None]:
    return [each.error for each in result.results]


def test_what_a_step_printed_is_a_word_of_a_later_one(engine: ExecutionEngine) -> None:
    work = plan(
        Serial(),
        request("printf '%s\\n\\n' \"it's; echo \\$HOME\"", name="a"),
        given("printf '<%s>' {{ steps.a.stdout }} {{ steps.a.exit_code }}"),
    )
    result = run_plan(engine, work)
    assert result.results[1].stdout == "<it's; echo $HOME><0>"
    assert result.results[1].command == "printf '<%s>' 'it'\"'\"'s; echo $HOME' 0"


def test_records_go_into_arguments_env_and_directory(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    rows = f'[{{"dir": "{tmp_path}", "names": ["a", "b c"]}}]'
    work = plan(
        DependencyGraph(),
        given(
            Exec(
                program="sh",
                args=("-c", 'pwd; echo "$X" "$2"', "_", "{{ steps.a.records[0].names }}"),
            ),
            env={"X": "<{{ steps.a.records[0].names[1] }}>"},
            working_dir="{{ steps.a.records[0].dir }}",
        ),
        request(f"echo '{rows}'", name="a"),
    )  # fmt: skip
    result = run_plan(engine, work)
    assert result.results[0].stdout == f"{os.path.realpath(tmp_path)}\n<b c> b c\n"


def test_a_step_that_is_given_an_output_needs_the_other_to_complete(
    engine: ExecutionEngine,
) -> None:
    result = run_plan(
        engine, plan(Parallel(), request("false", name="a"), given("echo {{ steps.a.stdout }}"))
    )
    assert errors(result) == ["exit code 1", "not run: command 0 (a) failed"]


def test_a_handler_may_be_given_what_the_failed_step_printed(engine: ExecutionEngine) -> None:
    work = plan(
        Serial(),
        request("echo broken >&2; exit 3", name="a"),
        given("echo {{ steps.a.stderr }} {{ steps.a.exit_code }}", when="steps.a.exit_code == `3`"),
    )
    assert run_plan(engine, work).results[1].stdout == "broken 3\n"


def test_a_step_that_was_not_run_gave_nothing(engine: ExecutionEngine) -> None:
    work = plan(
        Serial(),
        request("true", name="a"),
        request("echo x", name="b", when="steps.a.status == 'failed'"),
        given("echo {{ steps.b.stdout }}", when="steps.b.status == 'skipped'"),
    )
    assert errors(run_plan(engine, work))[2] == (
        "not started: step `b` was not run, so it gave nothing"
    )


@pytest.mark.parametrize(
    ("printed", "wants", "says"),
    [
        ("echo '[]'", "steps.a.records[0].Id", "[0].Id }}: `steps.a.records` has no position 0"),
        ("echo text", "steps.a.records[0].Id", "Id }}: `steps.a.records[0]` has no `Id`"),
        ("echo '[{}]'", "steps.a.records[0]", "is a mapping"),
        ("printf %200000s x", "steps.a.stdout", "step `a`: its stdout is 200000 bytes"),
        ("printf 'a\\0b'", "steps.a.stdout", "{{ steps.a.stdout }} has a NUL character"),
        ("echo '[{\"l\": []}]'", "steps.a.records[0].l", "is an empty list"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_had_fails_its_step_and_is_named(
    engine: ExecutionEngine, recorder: Recorder, printed: str, wants: str, says: str
) -> None:
    work = plan(Serial(), request(printed, name="a"), given(f"echo {{{{ {wants} }}}}"))
    result = run_plan(engine, work)
    assert result.results[1].status == "failed"
    assert says in str(result.results[1].error)
    recorder.wait_for_type("plan_completed")
    assert recorder.types.count("started") == 1


def test_a_value_with_a_masked_secret_is_not_handed_on(
    engine: ExecutionEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "hunter2hunter2")
    work = plan(
        Serial(), request("echo hunter2hunter2", name="a"), given("echo {{ steps.a.stdout }}")
    )
    result = run_plan(engine, work)
    assert "what `a` gave: a secret in it was masked (REDACTED_DB_PASSWORD)" in str(
        result.results[1].error
    )


def test_a_value_that_becomes_a_secret_is_masked_from_then_on(engine: ExecutionEngine) -> None:
    work = plan(
        Serial(),
        request("echo correct-horse-battery", name="a"),
        given(
            "echo $TOKEN {{ steps.a.stdout }}",
            env={"TOKEN": "{{ steps.a.stdout }}"},
        ),
    )
    second = run_plan(engine, work).results[1]
    assert second.stdout == "REDACTED_TOKEN REDACTED_TOKEN\n"
    assert "correct-horse-battery" not in str(second.command)


def test_a_directory_that_is_none_fails_the_step(engine: ExecutionEngine) -> None:
    for printed in ("relative", "/no/such/directory"):
        work = plan(
            Serial(),
            request(f"echo {printed}", name="a"),
            given("pwd", working_dir="{{ steps.a.stdout }}"),
        )
        assert "which is not an absolute path of a directory" in str(
            errors(run_plan(engine, work))[1]
        )


# Approval


def test_a_digest_approves_the_template_and_what_runs_is_in_the_journal(
    make_engine: MakeEngine, aws: Path
) -> None:
    journal = MemoryJournal()
    engine = make_engine(journal=journal)
    terminate = AwsCli(
        service="ec2",
        operation="terminate-instances",
        args=("--instance-ids", "{{ steps.a.stdout }}"),
    )
    work = plan(Serial(), request("echo i-1", name="a"), given(terminate))
    with pytest.raises(ApprovalRequired) as held_back:
        engine.submit(work)
    assert "{{ steps.a.stdout }}" in str(held_back.value)
    result = engine.submit(work, approve=held_back.value.digest).result(30)
    assert result.success
    assert aws.read_text() == "ec2 terminate-instances --instance-ids i-1\n"
    intents = [entry for entry in journal.entries if isinstance(entry, Intent)]
    assert intents[1].line == "aws ec2 terminate-instances --instance-ids i-1"
    assert intents[1].digest == held_back.value.digest


@pytest.mark.usefixtures("aws")
def test_a_digest_approves_no_other_condition_threshold_source_or_lock(
    engine: ExecutionEngine,
) -> None:
    def digest_of(when: str, *names: str, lock: str | None = None, **options: object) -> str:
        commands = [request("echo i-1", name=name) for name in names]
        command = "aws ec2 terminate-instances --instance-ids {{ steps.a.stdout }}"
        work = plan(Parallel(), *commands, given(command, when=when, lock=lock), **options)
        with pytest.raises(ApprovalRequired) as held_back:
            engine.submit(work)
        return held_back.value.digest

    mine = digest_of("steps.a.success", "a", "b")
    assert digest_of("steps.a.success", "a", "b") == mine
    others = [
        digest_of("!(steps.a.success)", "a", "b"),
        digest_of("steps.a.success", "b", "a"),
        digest_of("steps.a.success", "a", "b", max_failures=0),
        digest_of("steps.a.success", "a", "b", lock="db"),
    ]
    assert len({mine, *others}) == 5


def test_what_makes_a_command_riskier_than_approved_is_not_run(
    engine: ExecutionEngine, aws: Path
) -> None:
    work = plan(
        Serial(),
        request("echo --delete", name="a"),
        given("aws s3 sync x s3://b {{ steps.a.stdout }}"),
    )
    result = run_plan(engine, work)
    assert "the command is destructive, and it was approved as modify" in str(errors(result)[1])
    assert aws.read_text() == ""


@pytest.mark.parametrize(
    "command",
    [
        AwsCli(service="iam", operation="tag-user", args=("--tags", "{{ steps.a.stdout }}")),
        "sudo aws ec2 describe-tags --x {{ steps.a.stdout }}; true",
        Exec(program="aws", args=("ec2", "describe-tags", "{{ steps.a.stdout }}")),
    ],
)
def test_no_output_is_read_as_an_option_of_aws(
    engine: ExecutionEngine, aws: Path, command: object
) -> None:
    work = plan(Serial(), request("echo --endpoint-url=http://evil", name="a"), given(command))
    assert "would be read as an option of aws: --endpoint-url" in str(
        errors(run_plan(engine, work))[1]
    )
    assert aws.read_text() == ""


@pytest.mark.parametrize(
    "command",
    [
        AwsCli(service="ec2", operation="create-tags", args=("--tags", "{{ steps.a.stdout }}")),
        "aws ec2 create-tags --tags={{ steps.a.stdout }}",
    ],
)
def test_no_output_makes_aws_read_a_file(
    engine: ExecutionEngine, aws: Path, command: object
) -> None:
    work = plan(Serial(), request("echo file:///etc/shadow", name="a"), given(command))
    assert "would make aws read a file" in str(errors(run_plan(engine, work))[1])
    assert aws.read_text() == ""


def test_an_output_may_name_the_file_that_aws_is_told_to_read(
    engine: ExecutionEngine, aws: Path
) -> None:
    command = given("aws ec2 create-tags --tags file://{{ steps.a.stdout }}")
    assert run_plan(engine, plan(Serial(), request("echo t.json", name="a"), command)).success
    assert aws.read_text() == "ec2 create-tags --tags file://t.json\n"


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    "command",
    [
        "aws {{ steps.a.stdout }} x",
        "true; sudo aws ec2 {{ steps.a.stdout }}",
        "aws --region {{ steps.a.stdout }} {{ steps.a.stdout }} x",
        Exec(program="aws", args=("ec2", "{{ steps.a.stdout }}")),
    ],
)
def test_no_output_names_an_operation_of_aws(engine: ExecutionEngine, command: object) -> None:
    work = plan(Serial(), request("true", name="a"), given(command))
    with pytest.raises(InvalidCommand, match="where aws reads its service or operation"):
        engine.submit(work)
    assert engine.summaries() == []


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    "option", ["--profile ", "--profile=", "--endpoint-url ", "--end ", "--prof="]
)
def test_no_output_names_an_account_or_a_server(engine: ExecutionEngine, option: str) -> None:
    command = f"aws s3 ls {option}{{{{ steps.a.stdout }}}}"
    work = plan(Serial(), request("true", name="a"), given(command))
    with pytest.raises(InvalidCommand, match="which decides what is reached"):
        engine.submit(work)


def test_a_result_tells_the_region_that_a_step_gave(engine: ExecutionEngine, aws: Path) -> None:
    command = AwsCli(
        service="ec2", operation="describe-tags", args=("--region", "{{ steps.a.stdout }}")
    )
    work = plan(Serial(), request("echo eu-west-1", name="a"), given(command))
    assert run_plan(engine, work).results[1].region == "eu-west-1"
    assert aws.read_text() == "ec2 describe-tags --region=eu-west-1\n"


def test_an_output_may_be_the_value_of_an_option(engine: ExecutionEngine, aws: Path) -> None:
    work = plan(
        Serial(),
        request("echo eu-west-1", name="a"),
        given("aws --region {{ steps.a.stdout }} ec2 describe-instances --x={{ steps.a.stdout }}"),
    )
    assert run_plan(engine, work).success
    assert aws.read_text() == "--region eu-west-1 ec2 describe-instances --x=eu-west-1\n"
