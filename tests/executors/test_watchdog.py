"""The watchdog's parts: the register, what may be killed, and what happens where they fail."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from cloudops_nb.executors.process import ProcessExecutor
from cloudops_nb.executors.process import watchdog as watchdog_module
from cloudops_nb.executors.process.orphans import cleanup_orphans
from cloudops_nb.executors.process.register import Register, register_directory
from cloudops_nb.executors.process.survivors import TAG_VARIABLE, end, read_register
from cloudops_nb.models import Shell
from tests.executors.helpers import Sink, prepare
from tests.support import is_alive, open_files, wait_until, wait_until_gone, watchdogs


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory of the test's own."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that leads a group and carries no tag."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        yield process
        process.kill()


def within(seconds: float, work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, seconds))


def uptime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


# The register


def test_a_register_names_what_runs() -> None:
    register = Register()
    first, second = uuid4(), uuid4()
    number = register.add(first)
    register.add_leader(register.add(second), second, 42)
    ids, leaders = read_register(register.fd)
    assert ids == {str(first).encode(), str(second).encode()}
    assert leaders == {42: pytest.approx(uptime(), abs=1)}
    register.remove(number)
    assert read_register(register.fd)[0] == {str(second).encode()}
    register.close()


def test_a_register_grows_with_what_runs_at_once_only() -> None:
    register = Register()
    for _ in range(100):
        for number in [register.add(uuid4()) for _ in range(3)]:
            register.remove(number)
    assert register.path.stat().st_size == 3 * 64
    register.close()


def test_a_register_is_for_its_owner_alone_and_goes_when_closed(runtime: Path) -> None:
    register = Register()
    assert register.path.stat().st_mode & 0o777 == 0o600
    assert register.path.parent.stat().st_mode & 0o777 == 0o700
    register.close()
    register.remove(0)  # by a command that ends late
    assert list(register_directory().iterdir()) == []


@pytest.mark.parametrize("trouble", ["open to others", "a link", "a file"])
def test_a_directory_that_is_not_private_is_refused(runtime: Path, trouble: str) -> None:
    directory = runtime / f"cloudops_nb-{os.getuid()}"
    if trouble == "a link":
        target = runtime / "target"
        target.mkdir(mode=0o700)
        directory.symlink_to(target)
    elif trouble == "a file":
        directory.write_bytes(b"")
    else:
        directory.mkdir()
        directory.chmod(0o770)
    with pytest.raises(OSError, match=directory.name):
        register_directory()


def test_without_a_runtime_directory_it_is_among_the_temporary_files(
    monkeypatch: pytest.MonkeyPatch, runtime: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime / "missing"))
    monkeypatch.setattr("tempfile.tempdir", str(runtime))
    assert register_directory().parent == runtime


# What may be killed


def test_a_leader_is_ended_with_its_group(sleeper: subprocess.Popen[bytes]) -> None:
    end({b"some id"}, {sleeper.pid: uptime()})
    assert sleeper.wait() == -signal.SIGKILL


def test_a_process_that_was_given_the_number_later_is_left_alone(
    sleeper: subprocess.Popen[bytes],
) -> None:
    assert end({b"some id"}, {sleeper.pid: uptime() - 3600}) == set()
    assert is_alive(sleeper.pid)


def test_nothing_is_ended_where_nothing_ran(sleeper: subprocess.Popen[bytes]) -> None:
    assert end(set(), {}) == set()
    assert is_alive(sleeper.pid)


def orphaned(execution_id: str) -> Path:
    """The register of a dead kernel in which a command ran."""
    path = register_directory() / "1-dead"
    path.write_bytes(f"{execution_id} 1 1.00\n".encode().ljust(64))
    return path


def tagged(*ids: str) -> subprocess.Popen[bytes]:
    environment = {TAG_VARIABLE: " ".join(ids)}
    return subprocess.Popen(["/bin/sleep", "60"], env=environment, start_new_session=True)


def test_orphans_are_found_by_their_tag_and_not_by_a_number(runtime: Path) -> None:
    path = orphaned("inner")  # its leader is process 1, now somebody else
    with tagged("outer", "inner") as orphan, tagged("outer") as other:
        assert cleanup_orphans() == [orphan.pid]
        assert orphan.wait() == -signal.SIGKILL
        assert is_alive(other.pid)
        other.kill()
    assert not path.exists()


def test_a_kernel_inside_an_orphaned_command_does_not_end_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    orphaned("mine")
    monkeypatch.setenv(TAG_VARIABLE, "outer mine")
    with tagged("outer", "mine") as sibling:
        assert cleanup_orphans() == []
        sibling.kill()


def test_a_cleanup_does_not_take_the_lock_of_this_process() -> None:
    register = Register()
    with tagged("running") as process:
        os.pwrite(register.fd, b"running 0 1.00\n".ljust(64), 0)
        assert cleanup_orphans() == []
        program = "from cloudops_nb.executors.process.orphans import *; print(cleanup_orphans())"
        elsewhere = subprocess.check_output([sys.executable, "-c", program], timeout=30)
        assert elsewhere == b"[]\n"
        assert is_alive(process.pid)
        process.kill()
    register.close()


# The process


def test_the_watchdog_has_no_file_signal_or_variable_of_ours() -> None:
    async def main() -> None:
        await run_true(ProcessExecutor())
        process = psutil.Process(*watchdogs())
        await asyncio.to_thread(wait_until, lambda: len(process.open_files()) == 1)
        assert os.getsid(process.pid) == process.pid
        assert process.cwd() == "/"
        assert set(process.environ()) <= {"LD_LIBRARY_PATH", "LC_CTYPE"}

    within(30, main())


def test_a_watchdog_ends_with_its_loop() -> None:
    executor = ProcessExecutor()
    before = open_files()
    for _ in range(2):  # an executor may serve one loop after another
        within(30, run_true(executor))
        assert watchdogs() == []
    assert open_files() == before
    assert list(register_directory().iterdir()) == []


async def run_true(executor: ProcessExecutor) -> None:
    assert (await executor.run(prepare(Shell(command="true")), Sink())).code == 0
    # Between fork and exec it has no name yet to be found by.
    await asyncio.to_thread(wait_until, lambda: len(watchdogs()) == 1)


@pytest.mark.parametrize("pidfd", [True, False])
def test_a_watchdog_that_is_killed_is_replaced_and_said(
    pidfd: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        await run_true(ProcessExecutor())
        (first,) = watchdogs()
        os.kill(first, signal.SIGKILL)
        await asyncio.to_thread(wait_until, lambda: bool(set(watchdogs()) - {first}))
        expected = f"watchdog process {first} was ended; starting another"
        assert caplog.messages == [expected]

    if not pidfd:
        monkeypatch.delattr(os, "pidfd_open")
        monkeypatch.setattr(watchdog_module, "_POLL_SECONDS", 0.01)
    within(30, main())


def test_a_watchdog_that_cannot_live_is_not_started_over_and_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        monkeypatch.setattr(sys, "executable", "/bin/false")
        executor = ProcessExecutor()
        await executor.run(prepare(Shell(command="true")), Sink())
        await asyncio.to_thread(wait_until, lambda: len(caplog.messages) == 2)
        monkeypatch.setattr(sys, "executable", "/no/such/program")
        await executor.run(prepare(Shell(command="sleep 0.2")), Sink())
        assert len(caplog.messages) == 2  # the third try is a second away

    within(30, main())


@pytest.mark.parametrize("trouble", ["directory", "program"])
def test_without_a_watchdog_commands_run_and_it_is_said_once(
    trouble: str, runtime: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        executor = ProcessExecutor()
        for _ in range(3):
            assert (await executor.run(prepare(Shell(command="true")), Sink())).code == 0

    if trouble == "program":
        monkeypatch.setattr(sys, "executable", "/no/such/program")
    else:
        register_directory().chmod(0o777)
    before = open_files()
    within(30, main())
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "commands would survive" in record.message
    assert open_files() == before


def test_what_drains_when_the_loop_ends_is_not_lost() -> None:
    """A command whose own end comes after the watchdog's."""

    async def main() -> int:
        sink = Sink()
        task = asyncio.create_task(ProcessExecutor(0.2).run(prepared, sink))
        pid = int(await asyncio.wait_for(asyncio.shield(sink.first), 30))
        assert not task.done()
        return pid  # asyncio.run() cancels the task and the watchdog's together

    prepared = prepare(Shell(command="trap '' TERM; echo $$; while :; do sleep 0.01; done"))
    wait_until_gone(asyncio.run(main()))
