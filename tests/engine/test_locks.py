"""Resource locks: one command at a time, in any kernel of this user."""

import asyncio
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest

from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.engine.locks import ResourceLocks
from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models import ExecutionStatus, Parallel, RetryConfig, Waiting
from cloudops_nb.models.retry import FixedBackoff
from tests.conftest import MakeEngine
from tests.support import (
    PATIENCE,
    Gate,
    Recorder,
    open_files,
    plan,
    plan_result_of,
    request,
    result_of,
    run,
    times,
    wait_until,
)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The per-user state directory; made before any engine is."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "cloudops_nb"


@pytest.fixture
def engine(state: Path, make_engine: MakeEngine) -> ExecutionEngine:
    return make_engine()


THOUSANDS = """
import asyncio, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
from pathlib import Path
from cloudops_nb.engine.locks import ResourceLocks

async def main():
    locks = ResourceLocks(Path(sys.argv[1]))
    for number in range(2000):
        await locks.acquire(str(number), print)
    print("held")

asyncio.run(main())
"""


def test_thousands_of_locks_are_held_where_the_system_allows_1024_files(state: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", THOUSANDS, str(state)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("held\n", "")


def test_a_wait_that_cannot_be_announced_keeps_no_place(state: Path) -> None:
    def broken(_holder: object) -> None:
        raise RuntimeError("no thread for a handler")

    async def main() -> None:
        locks = ResourceLocks(state)
        await locks.acquire("a", print)
        with pytest.raises(RuntimeError):
            await locks.acquire("a", broken)
        locks.release("a")
        async with asyncio.timeout(PATIENCE):
            await locks.acquire("a", print)
        locks.release("a")

    asyncio.run(main())


HOLDER = """
import asyncio, sys
from pathlib import Path
from cloudops_nb.engine.locks import ResourceLocks

async def hold():
    await ResourceLocks(Path(sys.argv[1])).acquire(sys.argv[2], print)
    print("held", flush=True)
    await asyncio.to_thread(sys.stdin.readline)

asyncio.run(hold())
"""


@contextmanager
def held_elsewhere(directory: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(directory), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_commands_with_one_lock_run_one_at_a_time(engine: ExecutionEngine, tmp_path: Path) -> None:
    file = tmp_path / "file"
    alone = f"[ ! -e {file} ] && touch {file} && sleep 0.02 && rm {file}"
    work = plan(Parallel(), *(request(alone, lock="db") for _ in range(8)))
    assert plan_result_of(engine.submit(work)).success


def test_commands_with_other_locks_do_not_wait(engine: ExecutionEngine, gate: Gate) -> None:
    first = engine.submit(request(str(gate), lock="a"))
    assert run(engine, request("true", lock="b")).success
    gate.open()
    assert result_of(first).success


def test_a_waiting_command_is_pending_says_why_and_holds_no_slot(
    make_engine: MakeEngine, gate: Gate
) -> None:
    engine, recorder = make_engine(max_concurrent_executions=2), Recorder()
    engine.subscribe(recorder)
    first = engine.submit(request(str(gate), lock="db"))
    recorder.wait_for_type("started")
    second = engine.submit(request("true", lock="db"))
    waiting = recorder.wait_for_type("waiting")
    assert isinstance(waiting, Waiting)
    assert (waiting.execution_id, waiting.lock) == (second.id, "db")
    assert waiting.holder_pid == os.getpid()
    assert waiting.holder_since is not None
    assert second.status is ExecutionStatus.PENDING
    summary = next(each for each in engine.summaries() if each.id == second.id)
    assert str(summary.reason).startswith(f"waits for the lock 'db', held by process {os.getpid()}")
    assert run(engine, "true").success  # the second of two slots is free
    gate.open()
    assert result_of(first).success
    assert result_of(second).success
    recorder.wait_for_type("completed", 3)
    told = [event.event_type for event in recorder.events if event.execution_id == second.id]
    assert told == ["waiting", "started", "completed"]
    assert [each.reason for each in engine.summaries()] == [None] * 3


def test_a_waiting_command_can_be_cancelled_and_the_next_one_goes_on(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate
) -> None:
    executions = [engine.submit(request(str(gate), lock="db"))]
    recorder.wait_for_type("started")
    executions += [engine.submit(request("true", lock="db")) for _ in range(2)]
    recorder.wait_for_type("waiting", 2)
    executions[1].cancel()
    cancelled = result_of(executions[1])
    assert (cancelled.status, cancelled.error) == ("cancelled", "cancelled before it started")
    assert executions[2].status is ExecutionStatus.PENDING
    gate.open()
    assert result_of(executions[2]).success


def test_a_command_that_fails_or_is_cancelled_gives_its_lock_back(
    engine: ExecutionEngine, recorder: Recorder
) -> None:
    assert not run(engine, request("false", lock="db")).success
    execution = engine.submit(request("sleep 60", lock="db"))
    recorder.wait_for_type("started", 2)
    execution.cancel()
    assert run(engine, request("true", lock="db")).success


def test_two_engines_of_one_process_share_the_lock(
    engine: ExecutionEngine, make_engine: MakeEngine, recorder: Recorder, gate: Gate
) -> None:
    first = engine.submit(request(str(gate), lock="db"))
    recorder.wait_for_type("started")
    other, told = make_engine(), Recorder()
    other.subscribe(told)
    second = other.submit(request("true", lock="db"))
    told.wait_for_type("waiting")
    gate.open()
    assert result_of(first).success
    assert result_of(second).success


def test_another_kernels_lock_is_waited_for_and_its_end_is_noticed(
    engine: ExecutionEngine, recorder: Recorder, state: Path
) -> None:
    with held_elsewhere(state / "locks", "db") as process:
        execution = engine.submit(request("true", lock="db"))
        waiting = recorder.wait_for_type("waiting")
        assert isinstance(waiting, Waiting)
        assert waiting.holder_pid == process.pid
        process.kill()  # the system drops the lock with its process
        process.wait()
        freed = monotonic()
        assert result_of(execution).success
        assert monotonic() - freed < 2  # 0.1 s here, with a process to start


def test_a_free_lock_is_noticed_within_a_tenth_of_a_second(state: Path) -> None:
    async def seconds_to_notice(process: subprocess.Popen[str]) -> float:
        locks, waits = ResourceLocks(state / "locks"), asyncio.Event()
        acquired = asyncio.ensure_future(locks.acquire("db", lambda holder: waits.set()))
        await waits.wait()
        process.kill()
        await asyncio.to_thread(process.wait)
        begin = monotonic()
        await acquired
        locks.release("db")
        return monotonic() - begin

    with held_elsewhere(state / "locks", "db") as process:
        # At most 0.05 s where the machine is idle.
        assert asyncio.run(seconds_to_notice(process)) < 1


def test_who_asked_first_has_it_first(state: Path) -> None:
    order: list[int] = []

    async def one(locks: ResourceLocks, number: int) -> None:
        await locks.acquire("db", lambda holder: None)
        order.append(number)
        await asyncio.sleep(0)
        locks.release("db")

    async def all_of_them() -> None:
        locks = ResourceLocks(state / "locks")
        tasks = [asyncio.ensure_future(one(locks, number)) for number in range(20)]
        await asyncio.sleep(0)
        for number in (3, 7, 19):
            tasks[number].cancel()
        await asyncio.wait(tasks, timeout=PATIENCE)

    before = open_files()
    asyncio.run(all_of_them())
    assert order == [number for number in range(20) if number not in (3, 7, 19)]
    assert open_files() == before


def test_who_gives_a_lock_back_leaves_the_file_of_another(state: Path) -> None:
    """The directory of locks was cleared meanwhile."""

    async def both() -> None:
        one, other = (ResourceLocks(state / "locks") for _ in range(2))
        await one.acquire("db", lambda holder: None)
        (mine,) = (state / "locks").iterdir()
        mine.unlink()
        await other.acquire("db", lambda holder: None)
        one.release("db")
        assert list((state / "locks").iterdir()) == [mine]
        other.release("db")

    asyncio.run(both())


def test_a_child_that_is_forked_without_exec_does_not_keep_the_lock(state: Path) -> None:
    program = """
import asyncio, os, sys
from pathlib import Path
from cloudops_nb.engine.locks import ResourceLocks

async def hold():
    await ResourceLocks(Path(sys.argv[1])).acquire("db", print)
    if os.fork() == 0:
        sys.stdin.readline()
        os._exit(0)
    print("held", flush=True)
    os._exit(0)

asyncio.run(hold())
"""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program, str(state / "locks")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert process.wait(PATIENCE) == 0

        async def take() -> None:
            locks = ResourceLocks(state / "locks")
            await asyncio.wait_for(locks.acquire("db", lambda holder: None), PATIENCE)
            locks.release("db")

        asyncio.run(take())


# What the turns of two processes come to: nobody finds the other at it, and nothing is left.
TURNS = """
import asyncio, os, sys
from pathlib import Path
from cloudops_nb.engine import locks as module

async def turns():
    module.POLL_SECONDS = 0  # so that they meet often
    locks, taken = module.ResourceLocks(Path(sys.argv[1])), Path(sys.argv[2])
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(sys.argv[3])):
        await locks.acquire("db", lambda holder: None)
        taken.touch(exist_ok=False)
        os.sched_yield()
        taken.unlink()
        locks.release("db")
        await asyncio.sleep(0)

asyncio.run(turns())
"""


def test_processes_that_take_turns_are_never_both_at_it_and_leave_no_file(
    state: Path, tmp_path: Path
) -> None:
    arguments = [str(state / "locks"), str(tmp_path / "taken"), str(times(500, 5_000))]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", TURNS, *arguments],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(2)
        ]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            print(file=process.stdin, flush=True)
        assert [process.wait() for process in processes] == [0, 0]
    assert list((state / "locks").iterdir()) == []


TWICE = """
import asyncio, sys
from pathlib import Path
from cloudops_nb.engine.locks import ResourceLocks

async def twice():
    locks = ResourceLocks(Path(sys.argv[1]))
    for _ in range(2):
        await locks.acquire("db", print)
        print("held", flush=True)
        sys.stdin.readline()
        locks.release("db")

asyncio.run(twice())
"""


def test_who_waits_for_a_file_that_was_removed_waits_for_the_one_in_its_place(state: Path) -> None:
    async def wait(process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        locks, waits = ResourceLocks(state / "locks"), asyncio.Event()
        acquired = asyncio.ensure_future(locks.acquire("db", lambda holder: waits.set()))
        await waits.wait()
        print(file=process.stdin, flush=True)
        assert process.stdout.readline() == "held\n"  # by now in another file: the first is gone
        locks._advance(locks._lines["db"])
        await asyncio.sleep(0)
        assert not acquired.done()
        print(file=process.stdin, flush=True)
        await asyncio.wait_for(acquired, PATIENCE)
        locks.release("db")

    with subprocess.Popen(
        [sys.executable, "-c", TWICE, str(state / "locks")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        asyncio.run(wait(process))
    assert list((state / "locks").iterdir()) == []


def test_who_gives_up_waiting_neither_removes_the_file_nor_keeps_it(state: Path) -> None:
    def files() -> list[Path]:
        return list(state.iterdir())

    async def main() -> None:
        first, second = ResourceLocks(state), ResourceLocks(state)
        await first.acquire("db", print)
        waits = asyncio.Event()
        gives_up = asyncio.ensure_future(second.acquire("db", lambda holder: waits.set()))
        await waits.wait()
        gives_up.cancel()
        await asyncio.wait([gives_up])
        assert len(files()) == 1
        waits.clear()
        last = asyncio.ensure_future(first.acquire("db", lambda holder: waits.set()))
        await waits.wait()
        last.cancel()  # it is still in line when the lock is given back
        first.release("db")
        assert files() == []

    asyncio.run(main())


def test_the_files_are_private_and_named_by_no_name(state: Path) -> None:
    async def files_of(*names: str) -> list[Path]:
        locks = ResourceLocks(state / "locks")
        for name in names:
            await locks.acquire(name, print)
        try:
            assert stat.S_IMODE((state / "locks").stat().st_mode) == 0o700
            files = list((state / "locks").iterdir())
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
            return files
        finally:
            for name in names:
                locks.release(name)

    files = asyncio.run(files_of("../../etc/passwd", "a/b", "x" * 5000, "\0"))
    assert len(files) == 4
    assert all(len(file.name) == 37 for file in files)


def test_a_lock_that_cannot_be_taken_fails_its_command_alone(
    engine: ExecutionEngine, state: Path
) -> None:
    state.mkdir(parents=True)
    (state / "locks").write_text("no directory")
    result = run(engine, request("true", lock="db"))
    assert result.status is ExecutionStatus.FAILED
    assert str(result.error).startswith("not started: lock 'db' cannot be taken")
    assert run(engine, "true").success


def test_a_lock_needs_a_name(engine: ExecutionEngine) -> None:
    with pytest.raises(InvalidCommand, match="lock: the name is empty"):
        engine.submit(request("true", lock=" "))


def test_closing_an_engine_ends_those_who_wait(engine: ExecutionEngine, recorder: Recorder) -> None:
    executions = [engine.submit(request("sleep 60", lock="db")) for _ in range(3)]
    recorder.wait_for_type("waiting", 2)
    engine.close()
    assert {each.status for each in executions} == {ExecutionStatus.CANCELLED}
    wait_until(lambda: recorder.types.count("cancelled") == 3)


def test_a_lock_is_held_from_the_first_attempt_to_the_last(
    engine: ExecutionEngine, recorder: Recorder, tmp_path: Path
) -> None:
    mended = tmp_path / "mended"
    retry = RetryConfig(
        max_attempts=3, backoff=FixedBackoff(delay=timedelta(milliseconds=50)), idempotent=True
    )
    first = engine.submit(
        request(f"[ -e {mended} ] || {{ touch {mended}; exit 75; }}", lock="db", retry=retry)
    )
    recorder.wait_for_type("retrying")
    second = engine.submit(request("true", lock="db"))
    assert recorder.wait_for_type("waiting").execution_id == second.id
    assert result_of(first).attempts == 2
    assert result_of(second).started_at >= result_of(first).completed_at
