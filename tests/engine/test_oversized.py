"""Too much output, and no room for it."""

from datetime import timedelta
from pathlib import Path

import pytest

from cloudops_nb.models import ExecutionStatus
from tests.conftest import MakeEngine
from tests.support import Recorder, carrying, python, request, run

FLOOD = "seq 1 100000"  # 588,895 bytes
SIZE = 588_895


def test_by_default_head_and_tail_are_kept_and_the_rest_is_counted(
    make_engine: MakeEngine,
) -> None:
    result = run(make_engine(max_output_size_bytes=10_000), FLOOD)
    assert result.status is ExecutionStatus.COMPLETED
    assert result.omitted_bytes == SIZE - 10_000
    assert result.stdout.startswith("1\n2\n3\n")
    assert result.stdout.endswith("\n99999\n100000\n")
    assert f"\n[cloudops: {SIZE - 10_000} bytes left out here]\n" in result.stdout
    assert result.log_path.stat().st_size < 10_100


def test_handlers_are_given_what_the_log_leaves_out(make_engine: MakeEngine) -> None:
    recorder = Recorder("batches")
    run(make_engine(max_output_size_bytes=10_000, handlers=[recorder]), FLOOD)
    recorder.wait_for_type("completed")
    assert sum(len(getattr(event, "text", "")) for event in recorder.events) == SIZE


def test_output_of_exactly_the_size_is_kept_whole(make_engine: MakeEngine) -> None:
    result = run(make_engine(max_output_size_bytes=SIZE), FLOOD)
    assert (result.omitted_bytes, len(result.stdout)) == (0, SIZE)


def test_it_can_be_a_failure_that_stops_the_command(make_engine: MakeEngine) -> None:
    engine = make_engine(max_output_size_bytes=10_000, oversized_output_strategy="fail_execution")
    work = request(f"{FLOOD}; sleep 60 & setsid sleep 60")
    result = run(engine, work)
    assert result.status is ExecutionStatus.FAILED
    assert result.error is not None
    assert "above max_output_size_bytes (10000 bytes)" in result.error
    assert len(result.stdout) == 10_000
    assert result.duration < timedelta(seconds=30)
    assert carrying(str(work.id).encode()) == []
    assert run(engine, "echo small").stdout == "small\n"


def test_output_that_is_too_large_with_what_was_held_back_to_the_end_is_a_failure(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", "!s3cret-value")
    engine = make_engine(max_output_size_bytes=5, oversized_output_strategy="fail_execution")
    result = run(engine, "printf '.....!'")  # the last could be the start of the secret
    assert (result.status, result.exit_code) == ("failed", 0)
    assert result.error is not None
    assert "max_output_size_bytes" in result.error
    assert result.stdout == "....."


def test_it_can_be_kept_whole_in_the_file(make_engine: MakeEngine) -> None:
    engine = make_engine(max_output_size_bytes=10_000, oversized_output_strategy="stream_to_file")
    result = run(engine, FLOOD)
    assert (result.status, result.omitted_bytes) == ("completed", 0)
    assert result.log_path.stat().st_size == len(result.stdout) == SIZE


# A file size limit stands in for a full disk: the system refuses the write in the same way. It is
# set in a process of its own, because it would also cut off what this one prints to.
LITTLE_DISK = """
import resource, sys
from cloudops_nb import ExecutionConfig, ExecutionEngine

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
engine = ExecutionEngine(ExecutionConfig(log_dir=sys.argv[1]))
large, small = engine.submit(sys.argv[2] + "; sleep 60"), engine.submit("echo small")
result = large.result()
print(result.status, len(result.stdout), result.error)
print(small.result().stdout, engine.run("echo later").stdout, sep="", end="")
engine.close()
"""


def test_a_full_disk_fails_that_execution_and_no_other(tmp_path: Path) -> None:
    ended = python(LITTLE_DISK, str(tmp_path / "logs"), FLOOD)
    told, *others = ended.stdout.splitlines()
    assert told.startswith("failed 100000 log ")
    assert "File too large" in told
    assert others == ["small", "later"]


def test_a_log_directory_that_cannot_be_written_fails_the_execution(
    make_engine: MakeEngine,
) -> None:
    engine = make_engine(log_dir="/dev/null/logs")
    result = run(engine, "true")
    assert result.status is ExecutionStatus.FAILED
    assert result.error is not None
    assert "not started" in result.error
    assert "CLOUDOPS_LOG_DIR" in result.error
