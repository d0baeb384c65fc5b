"""Kernels, and their watchdogs, that are killed with SIGKILL: nothing they ran survives."""

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from jupyter_client.manager import start_new_async_kernel

from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.executors.process.orphans import cleanup_orphans
from cloudops_nb.models import Parallel
from tests.conftest import MakeEngine
from tests.support import (
    PATIENCE,
    Recorder,
    carrying,
    is_alive,
    open_files,
    plan,
    plan_result_of,
    request,
    result_of,
    run,
    wait_until,
    watchdogs,
)

pytestmark = pytest.mark.timeout(60)

TREES = {  # each says "up" when it is where it wants to be
    "children": "sleep 61 & (sleep 61 & sleep 61 & echo up; wait) & wait",
    "ignoring TERM": "trap '' TERM; sleep 62 & echo up; wait; sleep 62",
    "double fork": "( setsid bash -c 'trap \"\" TERM; sleep 63 & echo up; wait' & ); sleep 63",
    "stopped": "sleep 64 & kill -STOP $!; echo up; wait",
    "fork loop": "f() { [ $1 = 0 ] || { sleep 0.01; f $(($1-1)) & }; }; f 5000 & echo up; sleep 65",
    "fork loop in sessions": (
        "g='[ $0 = 0 ] || { sleep 0.01; setsid bash -c \"$g\" $(($0-1)) & }'; export g; "
        'setsid bash -c "$g" 5000 & echo up; sleep 66'
    ),
}
UNTAGGED = {  # found by their group
    "child": "env -i bash -c 'echo up; sleep 67; : {mark}' & wait",
    "elsewhere": "setsid bash -c \"env -i bash -c 'echo up; sleep 67; : {mark}' & wait\" & wait",
    "leader": "exec env -i bash -c 'echo up; sleep 67; : {mark}'",
}

KERNEL = """
import os, signal, sys, threading
from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.executors.process.register import Register

class Say:
    output = "lines"
    def on_event(self, event):
        said = getattr(event, "line", None)
        print(event.event_type if said is None else said, flush=True)

engine = ExecutionEngine(ExecutionConfig(max_concurrent_executions=100), handlers=[Say()])
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
exec(sys.argv[1])
for command in sys.argv[2:]:
    engine.submit(command)
threading.Event().wait()
"""


class Kernel:
    """A process with an engine; all that it starts has ``place`` in its environment."""

    def __init__(self, place: Path, *commands: str, first: str = "") -> None:
        environment = {
            **os.environ, "XDG_RUNTIME_DIR": str(place), "CLOUDOPS_LOG_DIR": f"{place}/logs"
        }  # fmt: skip
        self.place = place
        self.process = subprocess.Popen(
            [sys.executable, "-c", KERNEL, first, *commands],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        self._said = b""

    def wait_for(self, line: str, count: int = 1) -> list[str]:
        """Waits until the kernel has said this so many times; all it has said by then."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + PATIENCE
        while (lines := self._said.decode().splitlines()).count(line) < count:
            ready, _, _ = select.select([self.process.stdout], [], [], deadline - time.monotonic())
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert data, f"never said {line!r} {count} times: {lines}"
            self._said += data
        return lines

    def watchdog(self, other_than: int = 0) -> int:
        """The process that watches over this kernel."""
        wait_until(lambda: bool(set(watchdogs(self.process.pid)) - {other_than}))
        return watchdogs(self.process.pid)[0]

    def kill(self) -> None:
        """kill -9, and nothing else."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def left(self) -> list[int]:
        """What is there of it, its watchdog included."""
        return carrying(str(self.place).encode())

    def close(self) -> None:
        for pid in {self.process.pid, *self.left()}:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()


StartKernel = Callable[..., Kernel]


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[StartKernel]:
    """Starts kernels; whatever is left of them ends with the test."""
    kernels: list[Kernel] = []

    def start(*commands: str, first: str = "") -> Kernel:
        place = tmp_path / f"kernel-{len(kernels)}"
        place.mkdir()
        kernels.append(Kernel(place, *commands, first=first))
        return kernels[-1]

    yield start
    for each in kernels:
        each.close()


def test_nothing_survives_a_kernel_that_is_killed(kernel: StartKernel) -> None:
    dying = kernel(*TREES.values())
    dying.wait_for("up", len(TREES))
    dying.kill()
    wait_until(lambda: not dying.left())


def test_what_dropped_its_environment_does_not_survive_a_killed_kernel(
    kernel: StartKernel, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    dying = kernel(*(text.format(mark=mark) for text in UNTAGGED.values()))
    dying.wait_for("up", len(UNTAGGED))
    dying.kill()
    wait_until(lambda: not dying.left() and not carrying(str(mark).encode()))


def test_a_kernel_that_is_killed_right_after_the_spawn_leaves_nothing(kernel: StartKernel) -> None:
    dying = kernel("sleep 68", first="Register.add_leader = die")
    dying.process.wait(PATIENCE)
    wait_until(lambda: not dying.left())


def test_a_kernel_that_is_killed_while_it_starts_commands_leaves_nothing(
    kernel: StartKernel,
) -> None:
    for count in (1, 5, 20):
        dying = kernel(*["echo up; sleep 69"] * 40)
        dying.wait_for("started", count)
        dying.kill()
        wait_until(lambda dying=dying: not dying.left())


def test_a_watchdog_that_is_killed_is_replaced_and_said(kernel: StartKernel) -> None:
    dying = kernel("echo up; sleep 70")
    dying.wait_for("up")
    for _ in range(2):
        first = dying.watchdog()
        os.kill(first, signal.SIGKILL)
        dying.wait_for(f"watchdog process {first} was ended; starting another")
        dying.watchdog(other_than=first)
    dying.kill()
    wait_until(lambda: not dying.left())


def test_a_forked_worker_that_outlives_the_kernel_does_not_hold_the_watchdog_back(
    kernel: StartKernel,
) -> None:
    fork = """
def fork():
    if os.fork() == 0:
        signal.pause()
engine.run("true")
fork()
"""
    dying = kernel("echo up; sleep 71", first=fork)
    dying.wait_for("up")
    (worker,) = [
        each.pid for each in psutil.Process(dying.process.pid).children()
        if any("signal.pause" in word for word in each.cmdline())
    ]  # fmt: skip
    dying.kill()
    wait_until(lambda: dying.left() == [worker])


def test_what_a_finished_command_left_behind_survives_the_kernel(kernel: StartKernel) -> None:
    daemon = "setsid sleep 72 > /dev/null 2>&1 & echo up"
    dying = kernel(daemon, "echo up; sleep 73")
    dying.wait_for("up", 2)
    dying.wait_for("completed")
    dying.kill()
    wait_until(lambda: len(dying.left()) == 1)
    (left,) = dying.left()
    assert psutil.Process(left).cmdline() == ["sleep", "72"]


def kill_with_watchdog(dying: Kernel) -> None:
    def is_stopped() -> bool:
        threads = Path(f"/proc/{dying.process.pid}/task").iterdir()
        return all(psutil.Process(int(each.name)).status() == "stopped" for each in threads)

    watchdog = dying.watchdog()
    os.kill(dying.process.pid, signal.SIGSTOP)  # or it would replace the watchdog
    wait_until(is_stopped)
    os.kill(watchdog, signal.SIGKILL)
    wait_until(lambda: not is_alive(watchdog))
    dying.kill()


def test_where_both_die_the_next_kernel_ends_what_is_left(
    kernel: StartKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = kernel("setsid sleep 74 > /dev/null 2>&1 & echo up", TREES["double fork"])
    dying.wait_for("up", 2)
    dying.wait_for("completed")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(dying.place))
    assert cleanup_orphans() == []  # its kernel lives
    kill_with_watchdog(dying)
    orphans = dying.left()
    ended = cleanup_orphans()
    (daemon,) = dying.left()
    assert psutil.Process(daemon).cmdline() == ["sleep", "74"]
    assert ended  # not all: what waited for one of these ended by itself
    assert set(ended) < set(orphans)
    assert cleanup_orphans() == []


def test_loading_the_extension_says_what_it_ended(kernel: StartKernel) -> None:
    dying = kernel("echo up; exec sleep 75")
    dying.wait_for("up")
    kill_with_watchdog(dying)
    (orphan,) = dying.left()
    loaded = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "--quick", "-c", "%load_ext cloudops_nb"],
        env={**os.environ, "XDG_RUNTIME_DIR": str(dying.place)},
        capture_output=True, text=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    assert loaded.stdout.strip() == f"ended what a dead kernel had left running: process {orphan}"
    assert dying.left() == []


def test_nothing_survives_a_real_kernel_that_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("CLOUDOPS_LOG_DIR", str(tmp_path / "logs"))

    async def main() -> None:
        manager, client = await start_new_async_kernel(kernel_name="python3")
        try:
            for source in ("%load_ext cloudops_nb", f"%%cloudops --bg\n{TREES['double fork']}"):
                await client.execute_interactive(source, timeout=PATIENCE)
            wait_until(lambda: len(sleeping(63)) == 2)
            os.kill(manager.provisioner.process.pid, signal.SIGKILL)
            wait_until(lambda: not carrying(str(tmp_path).encode()))
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)

    def sleeping(seconds: int) -> list[int]:
        pids = carrying(str(tmp_path).encode())
        return [pid for pid in pids if psutil.Process(pid).cmdline() == ["sleep", str(seconds)]]

    asyncio.run(main())


# An engine that is closed, commands that time out or are cancelled


def test_an_engine_that_is_closed_leaves_no_watchdog(
    make_engine: MakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    before = open_files()
    engine = make_engine()
    assert run(engine, "true").success
    wait_until(lambda: len(watchdogs()) == 1)
    (watchdog,) = watchdogs()
    engine.close()
    assert not psutil.pid_exists(watchdog)  # a zombie would
    assert open_files() == before
    assert list(tmp_path.glob("cloudops_nb-*/*")) == []


def test_an_engine_has_one_watchdog(engine: ExecutionEngine) -> None:
    assert watchdogs() == []  # it comes with the first command
    plan_result_of(engine.submit(plan(Parallel(), *["true"] * 5)))
    wait_until(lambda: len(watchdogs()) == 1)


@pytest.mark.parametrize("kind", ["fork loop", "fork loop in sessions", "stopped"])
def test_nothing_survives_a_cancel(make_engine: MakeEngine, kind: str) -> None:
    engine = make_engine(cancel_grace_ms=100)
    recorder = Recorder()
    engine.subscribe(recorder)
    execution = engine.submit(TREES[kind])
    recorder.wait_for_line("up")
    execution.cancel()
    assert result_of(execution).status == "cancelled"
    assert carrying(str(execution.id).encode()) == []


def test_nothing_survives_a_timeout(make_engine: MakeEngine) -> None:
    engine = make_engine(cancel_grace_ms=100)
    work = plan(Parallel(), *(request(text, timeout_ms=700) for text in TREES.values()))
    results = plan_result_of(engine.submit(work)).results
    assert [(each.status, each.stdout) for each in results] == [("timeout", "up\n")] * len(TREES)
    for command in work.commands:
        assert carrying(str(command.id).encode()) == []
