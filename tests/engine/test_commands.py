"""Commands through the engine: results, output, timeouts, limits, events."""

import asyncio
import signal
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from uuid import UUID

import pytest

from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.errors import InvalidCommand
from cloudops_nb.executors.base import PROCESSES, Exit, OutputSink, Surroundings
from cloudops_nb.models import (
    Exec,
    ExecutionEvent,
    ExecutionMetadata,
    ExecutionRequest,
    ExecutionResult,
    ExecutionStatus,
    PreparedCommand,
    Script,
    Serial,
    Shell,
    Stderr,
    Stdout,
)
from cloudops_nb.models.base import now
from tests.conftest import MakeEngine
from tests.support import (
    PATIENCE,
    Gate,
    Recorder,
    carrying,
    open_files,
    plan,
    python,
    request,
    result_of,
    run,
    run_plan,
    wait_until_gone,
)

# Results


def test_a_result_tells_how_it_went(engine: ExecutionEngine, tmp_path: Path) -> None:
    before = now()
    work = request(
        "echo out; echo err >&2",
        name="a name",
        query="a",
        metadata=ExecutionMetadata(tags={"team": "ops"}),
    )
    result = run(engine, work)
    assert (result.status, result.exit_code, result.success) == ("completed", 0, True)
    assert (result.error, result.signal, result.attempts) == (None, None, 1)
    assert (result.stdout, result.stderr) == ("out\n", "err\n")
    assert (result.name, result.command) == ("a name", "echo out; echo err >&2")
    assert (result.tags, result.query) == ({"team": "ops"}, "a")
    assert result.completed_at is not None
    assert before <= result.started_at <= result.completed_at <= now()
    assert timedelta(0) < result.duration <= now() - before
    assert result.started_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("line", "code", "error", "signal_name"),
    [
        ("exit 3", 3, "exit code 3", None),
        ("no-such-command 2>&-", 127, "exit code 127 (command not found)", None),
        ("/dev/null 2>&-", 126, "exit code 126 (found but not executable)", None),
        ("kill -KILL $$", -signal.SIGKILL, "killed by SIGKILL", "SIGKILL"),
        # Under nohup SIGHUP is ignored, and children inherit that.
        (
            "exec env --default-signal=HUP sh -c 'kill -HUP $$'",
            -signal.SIGHUP,
            "killed by SIGHUP",
            "SIGHUP",
        ),
        ("(exit 255)", 255, "exit code 255", None),
    ],
)
def test_a_failure_says_what_happened(
    engine: ExecutionEngine, line: str, code: int, error: str, signal_name: str | None
) -> None:
    result = run(engine, line)
    assert (result.status, result.exit_code) == ("failed", code)
    assert (result.error, result.signal) == (error, signal_name)
    assert ExecutionResult.from_json(result.model_dump_json()) == result


def test_a_program_is_run_without_a_shell(engine: ExecutionEngine) -> None:
    command = Exec(program="printf", args=("%s|", "$HOME", "a b", "*"))
    assert run(engine, ExecutionRequest(command=command)).stdout == "$HOME|a b|*|"


def test_a_script_is_run_by_its_first_line(engine: ExecutionEngine, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(f"#!{sys.executable}\nimport sys\nprint(sys.argv, sys.version_info[0])\n")
    result = run(engine, ExecutionRequest(command=Script(path=path)))
    assert result.stdout == f"['{path}'] 3\n"


def test_a_script_need_not_be_executable(engine: ExecutionEngine, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("echo from $0")
    command = Script(path=path, interpreter="bash")
    assert run(engine, ExecutionRequest(command=command)).stdout == f"from {path}\n"


def test_a_script_without_an_interpreter_is_refused(
    engine: ExecutionEngine, tmp_path: Path
) -> None:
    (tmp_path / "x").write_text("echo")
    with pytest.raises(InvalidCommand, match="no interpreter"):
        engine.submit(ExecutionRequest(command=Script(path=tmp_path / "x")))


def test_a_directory_that_vanished_before_the_start_is_a_failure(
    make_engine: MakeEngine, gate: Gate, tmp_path: Path
) -> None:
    engine = make_engine(max_concurrent_executions=1)
    directory = tmp_path / "gone"
    directory.mkdir()
    first = engine.submit(str(gate))
    second = engine.submit(request("true", working_dir=directory))
    directory.rmdir()
    gate.open()
    result_of(first)
    result = result_of(second)
    assert (result.status, result.exit_code) == ("failed", None)
    assert result.error == f"{directory}: No such file or directory"


def test_standard_input_is_at_its_end(engine: ExecutionEngine) -> None:
    assert run(engine, "cat; read -r x; echo $?").stdout == "1\n"


def test_nothing_pages_or_prompts(engine: ExecutionEngine) -> None:
    text = run(engine, "echo $PAGER $GIT_PAGER [$AWS_PAGER] $GIT_TERMINAL_PROMPT").stdout
    assert text == "cat cat [] 0\n"


# Output


def test_both_streams_stand_in_the_log_as_they_were_read(
    engine: ExecutionEngine, recorder: Recorder, tmp_path: Path
) -> None:
    gates = [Gate(tmp_path / f"gate{n}") for n in range(2)]
    execution = engine.submit(f"echo one; {gates[0]}; echo two >&2; {gates[1]}; echo three")
    for line, gate in zip(("one", "two"), gates, strict=True):
        recorder.wait_for_line(line)
        gate.open()
    result = result_of(execution)
    assert execution.logs() == "one\ntwo\nthree\n"
    assert (result.stdout, result.stderr) == ("one\nthree\n", "two\n")


def test_binary_output_is_kept_in_the_log_and_shown_as_replacements(
    engine: ExecutionEngine,
) -> None:
    result = run(engine, r"printf 'a\000\377\303\n'")
    assert result.log_path.read_bytes() == b"a\0\xff\xc3\n"
    assert result.stdout == "a\0\ufffd\ufffd\n"


def test_a_line_of_ten_megabytes_arrives_whole_in_the_log_and_in_pieces_at_handlers(
    make_engine: MakeEngine,
) -> None:
    engine = make_engine(max_output_size_bytes=20_000_000)
    recorder = Recorder()
    engine.subscribe(recorder)
    result = run(engine, "head -c 10000000 /dev/zero | tr '\\0' x; echo end")
    recorder.wait_for_type("completed")
    assert result.stdout == "x" * 10_000_000 + "end\n"
    lines = [event.line for event in recorder.events if isinstance(event, Stdout)]
    assert "".join(lines) == "x" * 10_000_000 + "end"
    assert max(map(len, lines)) == 64 * 1024


def test_output_that_comes_after_the_end_is_read_for_a_moment(engine: ExecutionEngine) -> None:
    result = run(engine, "( while kill -0 $$ 2>&-; do :; done; echo late ) & echo early")
    assert result.stdout == "early\nlate\n"


def test_a_process_left_behind_does_not_keep_the_result_waiting(
    engine: ExecutionEngine, gate: Gate
) -> None:
    result = run(engine, f"( {gate} ) & echo $!")
    assert result.status == "completed"
    gate.open()
    wait_until_gone(int(result.stdout))


def test_streaming_can_be_turned_off(make_engine: MakeEngine) -> None:
    recorder = Recorder()
    engine = make_engine(stream_output=False, handlers=[recorder])
    result = run(engine, "echo out")
    recorder.wait_for_type("completed")
    assert recorder.types == ["started", "completed"]
    assert result.stdout == "out\n"


# Timeouts


def test_a_timeout_kills_the_whole_tree_and_says_how_to_allow_more(
    engine: ExecutionEngine,
) -> None:
    work = request("sleep 60 & setsid sleep 60 & echo up; wait", timeout_ms=200)
    result = run(engine, work)
    assert result.status is ExecutionStatus.TIMEOUT
    assert result.stdout == "up\n"
    assert result.exit_code == -signal.SIGTERM
    assert result.error == "timed out after 0.2 s; allow more with --timeout or timeout_ms"
    assert result.duration >= timedelta(seconds=0.2)
    assert carrying(str(work.id).encode()) == []


def test_without_one_the_default_timeout_holds(make_engine: MakeEngine) -> None:
    engine = make_engine(default_timeout_ms=100)
    assert run(engine, "sleep 60").status is ExecutionStatus.TIMEOUT


def test_waiting_for_a_slot_is_not_counted(make_engine: MakeEngine) -> None:
    engine = make_engine(max_concurrent_executions=1)
    first = engine.submit("sleep 0.4")  # longer than the timeout of the one that waits
    second = engine.submit(request("true", timeout_ms=300))
    assert result_of(first).success
    assert result_of(second).success


def test_a_timeout_is_told_as_a_failure_with_its_status(
    engine: ExecutionEngine, recorder: Recorder
) -> None:
    run(engine, request("sleep 60", timeout_ms=50))
    event = recorder.wait_for_type("failed")
    assert event.result.status is ExecutionStatus.TIMEOUT
    assert "timed out" in event.error


# Limits


def test_no_more_processes_run_at_once_than_allowed(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    engine = make_engine(max_concurrent_executions=2)
    recorder = Recorder()
    engine.subscribe(recorder)
    gates = [Gate(tmp_path / f"gate{n}") for n in range(5)]
    executions = [engine.submit(f"echo up; {gate}") for gate in gates]
    for n, gate in enumerate(gates):
        recorder.wait_for(lambda event: getattr(event, "line", "") == "up", min(n + 2, 5))
        assert asyncio.run(engine.running_count()) == min(2, 5 - n)
        gate.open()
        assert result_of(executions[n]).success
    started = [event for event in recorder.events if event.event_type == "started"]
    assert [event.execution_id for event in started] == [each.id for each in executions]


def test_a_plan_holds_no_slot_of_its_own(make_engine: MakeEngine) -> None:
    engine = make_engine(max_concurrent_executions=1)
    assert run_plan(engine, plan(Serial(), "true", "true")).success


# Events


def test_events_of_a_command_come_in_the_documented_order(
    engine: ExecutionEngine, recorder: Recorder
) -> None:
    result = run(engine, request("echo one; echo two", name="a name"))
    recorder.wait_for_type("completed")
    started, one, two, completed = recorder.events
    assert (started.event_type, started.command) == ("started", "echo one; echo two")
    assert started.name == "a name"
    assert started.timestamp == result.started_at
    assert [one.line, two.line] == ["one", "two"]
    assert completed.result == result
    assert [event.sequence for event in recorder.events] == [0, 1, 2, 3]
    assert {event.execution_id for event in recorder.events} == {result.id}
    times = [event.timestamp for event in recorder.events]
    assert times == sorted(times)


def test_a_spawn_that_fails_is_told_as_started_and_failed(
    engine: ExecutionEngine, recorder: Recorder, tmp_path: Path
) -> None:
    path = tmp_path / "program"
    path.write_bytes(b"\x7fELF rubbish")
    path.chmod(0o755)
    result = run(engine, ExecutionRequest(command=Exec(program=str(path))))
    recorder.wait_for_type("failed")
    assert recorder.types == ["started", "failed"]
    assert result.error is not None
    assert "Exec format error" in result.error


def test_a_handler_can_ask_the_engine_about_what_it_is_told(make_engine: MakeEngine) -> None:
    answers: list[object] = []
    told = threading.Event()

    class Handler:
        async def on_event(self, event: ExecutionEvent) -> None:
            if event.event_type == "completed":
                answers.append(await engine.get_result(event.execution_id) == event.result)
                answers.append(await engine.read_logs(event.execution_id))
                told.set()

    engine = make_engine(handlers=[Handler()])
    run(engine, "echo out")
    assert told.wait(PATIENCE)
    assert answers == [True, "out\n"]


def test_a_handler_can_submit_more_work(make_engine: MakeEngine) -> None:
    ran: list[UUID] = []
    told = threading.Event()

    class Handler:
        def on_event(self, event: ExecutionEvent) -> None:
            if event.event_type == "completed" and not ran:
                ran.append(run(engine, "echo again").id)
                told.set()

    engine = make_engine(handlers=[Handler()])
    first = run(engine, "echo first")
    assert told.wait(PATIENCE)
    assert ran != [first.id]


def test_handlers_that_stall_or_raise_slow_and_break_no_run(
    make_engine: MakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    go = threading.Event()

    class Stalled:
        def on_event(self, event: ExecutionEvent) -> None:
            go.wait(PATIENCE)

    class Broken:
        async def on_event(self, event: ExecutionEvent) -> None:
            raise RuntimeError("broken handler")

    recorder = Recorder()
    engine = make_engine(handlers=[Stalled(), Broken(), recorder])
    begin = monotonic()
    result = run(engine, "seq 1 5000")
    recorder.wait_for_type("completed")
    assert monotonic() - begin < PATIENCE / 2
    assert result.success
    assert sum(event.event_type == "stdout" for event in recorder.events) == 5000
    go.set()
    engine.close()
    assert caplog.text.count("was dropped") == 1


def test_lines_of_the_streams_are_told_apart(engine: ExecutionEngine, recorder: Recorder) -> None:
    run(engine, "for i in 1 2 3; do echo out$i; echo err$i >&2; done")
    recorder.wait_for_type("completed")
    out = [event.line for event in recorder.events if isinstance(event, Stdout)]
    err = [event.line for event in recorder.events if isinstance(event, Stderr)]
    assert (out, err) == (["out1", "out2", "out3"], ["err1", "err2", "err3"])


# Executors that break


class BrokenExecutor:
    """Breaks in its own way; an executor of somebody else's."""

    pool = PROCESSES

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def prepare(self, asked: ExecutionRequest, around: Surroundings) -> PreparedCommand:
        return PreparedCommand(
            id=asked.id, request=asked, line="x", argv=("x",), cwd=around.cwd, environment={},
            timeout_ms=1000,
        )  # fmt: skip

    async def run(self, prepared: PreparedCommand, sink: OutputSink) -> Exit:
        sink.write("stdout", b"before")
        raise self.error


def test_an_executor_that_breaks_is_a_failed_result_with_its_output(
    make_engine: MakeEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine = make_engine(executors={Shell: BrokenExecutor(ZeroDivisionError("oops"))})
    run(engine, "x")
    engine._loop.submit(asyncio.sleep(0)).result()  # the file for the next log is open now
    before = open_files()
    result = run(engine, "x")
    engine._loop.submit(asyncio.sleep(0)).result()
    assert result.status == "failed"
    assert result.error == "internal error: ZeroDivisionError('oops')"
    assert result.stdout == "before"
    assert "ZeroDivisionError" in caplog.text
    assert open_files() == before


def test_neither_a_terminal_nor_standard_input_is_needed() -> None:
    done = python("""
import os, tempfile
for fd in (0, 1):
    os.close(fd)
from cloudops_nb import ExecutionConfig, ExecutionEngine
with tempfile.TemporaryDirectory() as directory:
    engine = ExecutionEngine(ExecutionConfig(log_dir=directory))
    result = engine.run("echo out; echo err >&2")
    os.write(2, repr((result.stdout, result.stderr, result.exit_code)).encode())
    engine.close()
""")
    assert done.stderr == repr(("out\n", "err\n", 0))


def test_times_are_those_of_the_clock(engine: ExecutionEngine) -> None:
    stamp = run(engine, "date +%s.%N").stdout
    result = run(engine, "date +%s.%N")
    printed = datetime.fromtimestamp(float(result.stdout), UTC)
    assert result.completed_at is not None
    assert result.started_at <= printed + timedelta(milliseconds=1)
    assert printed <= result.completed_at + timedelta(milliseconds=1)
    assert float(stamp) < float(result.stdout)
