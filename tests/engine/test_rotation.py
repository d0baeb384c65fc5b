"""What is removed from the log directory, and what never is."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.engine.rotation import Kept, contents, rotate, to_remove
from cloudops_nb.errors import ExecutionNotFound, LogUnavailable
from cloudops_nb.executors.process.register import Register, running_ids
from cloudops_nb.models import ExecutionPlan, ExecutionRequest, Serial
from tests.conftest import MakeEngine
from tests.support import PATIENCE, Gate, plan, request, run, wait_until

DAY = 86_400.0
MOMENT = 1e9


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "logs"
    path.mkdir(mode=0o700)
    return path


def decide(
    executions: list[tuple[int, float]], in_use: tuple[int, ...] = (), **chosen: int
) -> list[int]:
    """Which go, in order, of executions with so many bytes, written so many days ago."""
    kept = [Kept(uuid4(), (), size, MOMENT - days * DAY) for size, days in executions]
    ids = [each.id for each in kept]
    removed = to_remove(kept, ExecutionConfig(**chosen), {ids[n] for n in in_use}, MOMENT)
    return [ids.index(each.id) for each in removed]


def leave(directory: Path, days: float, **files: int) -> UUID:
    """Files of one execution, of so many bytes, written so many days ago."""
    execution_id = uuid4()
    for ending, size in (files or {"log": 10}).items():
        path = directory / f"{execution_id}.{ending.replace('__', '.').replace('_', '-')}"
        path.write_bytes(b"x" * size)
        os.utime(path, (time.time() - days * DAY,) * 2)
    return execution_id


def ids_in(directory: Path) -> set[UUID]:
    return {each.id for each in contents(directory)}


# The decision


def test_what_is_older_than_its_days_goes_oldest_first() -> None:
    assert decide([(1, 40), (1, 29), (1, 50)]) == [2, 0]


def test_above_the_size_the_oldest_go() -> None:
    executions = [(40, 1.0), (40, 2.0), (40, 3.0)]
    assert decide(executions, log_dir_max_bytes=100) == [2]
    assert decide(executions, log_dir_max_bytes=79) == [2, 1]


def test_nought_is_no_limit() -> None:
    executions = [(2**40, 5000.0), (2**40, 4000.0)]
    assert decide(executions, log_retention_days=0, log_dir_max_bytes=0) == []


def test_what_is_in_use_stays_whatever_its_age_and_size() -> None:
    executions = [(100, 50.0), (100, 40.0)]
    assert decide(executions, in_use=(0,), log_dir_max_bytes=1) == [1]


def test_what_another_kernel_may_still_remember_stays() -> None:
    assert decide([(100, 1 / 48), (100, 1 / 12)], log_dir_max_bytes=1) == [1]


@given(
    executions=st.lists(st.tuples(st.integers(0, 50), st.floats(0, 90)), max_size=12),
    in_use=st.sets(st.integers(0, 11)),
    days=st.integers(0, 60),
    size=st.integers(0, 300),
)
def test_what_stays_is_within_the_limits_or_protected(
    executions: list[tuple[int, float]], in_use: set[int], days: int, size: int
) -> None:
    protected = tuple(n for n in in_use if n < len(executions))
    gone = decide(executions, protected, log_retention_days=days, log_dir_max_bytes=size)
    assert not set(gone) & set(protected)
    staying = [n for n in range(len(executions)) if n not in gone]
    removable = [n for n in staying if n not in protected and executions[n][1] * 24 > 1.001]
    if days:
        assert all(executions[n][1] <= days + 0.001 for n in removable)
    if size and sum(executions[n][0] for n in staying) > size:
        assert not removable


# The directory


def test_all_files_of_an_execution_go_together(directory: Path) -> None:
    old = leave(directory, 31, log=1, log__streams=1, json=1)
    young = leave(directory, 1, log=1, json=1)
    assert rotate(directory, ExecutionConfig(), ()) == [old]
    assert ids_in(directory) == {young}
    assert len(list(directory.iterdir())) == 2


def test_logs_of_earlier_attempts_go_with_the_last(directory: Path) -> None:
    old = leave(directory, 31, log=1)
    for ending in ("attempt-1.log", "attempt-1.log.streams", "attempt-12.log"):
        path = directory / f"{old}.{ending}"
        path.touch()
        os.utime(path, (0, 0))
    rotate(directory, ExecutionConfig(), ())
    assert list(directory.iterdir()) == []


def test_an_execution_is_as_old_as_the_last_of_its_files(directory: Path) -> None:
    old = leave(directory, 31, log=1)
    (directory / f"{old}.json").touch()
    assert rotate(directory, ExecutionConfig(), ()) == []


def test_nothing_that_is_not_ours_is_touched(directory: Path) -> None:
    kept = [f"{uuid4()}.txt", "notes.log", f"{uuid4()}", f"x{uuid4()}.log", f"{uuid4()}.log.gz"]
    for name in kept:
        (directory / name).touch()
        os.utime(directory / name, (0, 0))
    (directory / f"{uuid4()}.log").mkdir()
    (directory / f"{uuid4()}.log").symlink_to("notes.log")
    rotate(directory, ExecutionConfig(), ())
    assert len(list(directory.iterdir())) == len(kept) + 2


def test_a_result_that_was_half_written_when_a_kernel_died_goes_one_day(directory: Path) -> None:
    path = directory / f".{uuid4()}.json"
    path.touch()
    os.utime(path, (0, 0))
    rotate(directory, ExecutionConfig(), ())
    assert not path.exists()


def test_no_directory_is_nothing_to_remove(tmp_path: Path) -> None:
    assert rotate(tmp_path / "none", ExecutionConfig(), ()) == []
    assert contents(tmp_path / "none") == []


def test_nothing_is_removed_from_a_directory_that_is_not_private(directory: Path) -> None:
    leave(directory, 31)
    directory.chmod(0o777)
    with pytest.raises(LogUnavailable, match="chmod 700"):
        rotate(directory, ExecutionConfig(), ())
    directory.chmod(0o700)
    assert len(ids_in(directory)) == 1


def test_a_thousand_executions_are_removed_in_little_time(directory: Path) -> None:
    for _ in range(1000):
        leave(directory, 31, log=10, log__streams=9, json=500)
    begin = perf_counter()
    assert len(rotate(directory, ExecutionConfig(), ())) == 1000
    assert perf_counter() - begin < 2.0  # 0.05 s on a quiet machine


# In the engine


def has_gone(directory: Path, execution_id: UUID) -> Callable[[], bool]:
    return lambda: execution_id not in ids_in(directory)


def test_an_engine_removes_what_is_old_when_it_is_made(
    make_engine: MakeEngine, directory: Path
) -> None:
    old, young = leave(directory, 31), leave(directory, 1)
    engine = make_engine()
    wait_until(has_gone(directory, old))
    assert ids_in(directory) == {young}
    with pytest.raises(ExecutionNotFound, match="rotated away"):
        engine.get(old)


def test_an_engine_without_cleanup_removes_nothing(
    make_engine: MakeEngine, directory: Path
) -> None:
    old = leave(directory, 31)
    engine = make_engine(enable_auto_cleanup=False)
    run(engine, "true")
    engine.close()
    assert old in ids_in(directory)


def test_what_is_in_memory_keeps_its_log(make_engine: MakeEngine, directory: Path) -> None:
    engine = make_engine()
    result = run(engine, "echo out")
    os.utime(result.log_path, (0, 0))
    old = leave(directory, 31)
    engine._memory._housekeeping.do(engine._memory.rotate)
    wait_until(has_gone(directory, old))
    assert result.stdout == "out\n"


def goes_with_the_next_look(engine: ExecutionEngine, directory: Path, old: UUID) -> bool:
    engine._memory.rotate()
    return old not in ids_in(directory)


@pytest.mark.parametrize("work", [request("true"), plan(Serial(), "true")], ids=["command", "plan"])
def test_a_directory_in_which_something_was_kept_is_looked_after_when_there_is_another(
    make_engine: MakeEngine, directory: Path, work: ExecutionRequest | ExecutionPlan
) -> None:
    engine = make_engine()
    engine.submit(work).result(PATIENCE)
    engine.reconfigure(log_dir=directory.with_name("elsewhere"))
    old, young = leave(directory, 31), leave(directory, 1)
    wait_until(lambda: goes_with_the_next_look(engine, directory, old))
    assert young in ids_in(directory)


def test_a_directory_that_went_wrong_is_not_looked_into_for_what_is_elsewhere(
    make_engine: MakeEngine, directory: Path, tmp_path: Path
) -> None:
    engine = make_engine(enable_auto_cleanup=False)
    run(engine, "true")
    engine.reconfigure(log_dir=tmp_path / "elsewhere")
    directory.chmod(0o777)
    result = run(engine, "true")
    assert engine.ids(str(result.id)) == [result.id]
    directory.chmod(0o700)


def test_a_directory_that_only_a_retired_result_is_in_is_looked_after(
    make_engine: MakeEngine, directory: Path, tmp_path: Path
) -> None:
    engine = make_engine()
    run(engine, request("true", output_log_path=tmp_path / "own.log"))
    engine._memory._keep(engine._memory.runs())
    engine.reconfigure(log_dir=tmp_path / "elsewhere")
    assert goes_with_the_next_look(engine, directory, leave(directory, 31))


def test_a_directory_in_which_nothing_was_kept_is_left_alone_when_there_is_another(
    make_engine: MakeEngine, directory: Path, tmp_path: Path
) -> None:
    engine = make_engine(enable_auto_cleanup=False)
    run(engine, request("true", output_log_path=tmp_path / "own.log"))
    engine.reconfigure(log_dir=tmp_path / "elsewhere")
    assert not goes_with_the_next_look(engine, directory, leave(directory, 31))


def test_a_directory_that_went_wrong_does_not_keep_others_from_being_looked_after(
    make_engine: MakeEngine, directory: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = make_engine(enable_auto_cleanup=False)
    run(engine, "true")
    elsewhere = tmp_path / "elsewhere"
    engine.reconfigure(log_dir=elsewhere)
    run(engine, "true")
    elsewhere.chmod(0o777)
    old = leave(directory, 31)
    wait_until(lambda: goes_with_the_next_look(engine, directory, old))
    assert f"old logs are not removed: log directory {elsewhere}" in caplog.text
    elsewhere.chmod(0o700)


def test_what_runs_in_another_engine_keeps_its_log(
    make_engine: MakeEngine, directory: Path, gate: Gate
) -> None:
    running = make_engine().submit(f"echo begun; {gate}")
    log = directory / f"{running.id}.log"
    wait_until(lambda: log.exists() and log.read_text() == "begun\n")
    os.utime(log, (0, 0))
    old = leave(directory, 31)
    make_engine()
    wait_until(has_gone(directory, old))
    assert log.exists()
    gate.open()


OTHER_KERNEL = """
import sys
from uuid import UUID
from cloudops_nb.executors.process.register import Register

Register().add(UUID(sys.argv[1]))
print("registered", flush=True)
sys.stdin.read()
"""


def test_what_runs_in_another_kernel_keeps_its_log(
    make_engine: MakeEngine, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    running, old = leave(directory, 31), leave(directory, 31)
    with subprocess.Popen(
        [sys.executable, "-c", OTHER_KERNEL, str(running)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"registered\n"
        make_engine()
        wait_until(has_gone(directory, old))
        assert ids_in(directory) == {running}
        assert other.stdin is not None
        other.stdin.close()


def test_what_runs_is_read_from_the_registers_of_all_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    register, own, other = Register(), uuid4(), uuid4()
    number = register.add(own)
    (register.path.parent / "1-other").write_text(f"{other} 0 1.00\n")
    assert {own, other} <= running_ids()
    register.remove(number)
    assert own not in running_ids()
    register.close()
