"""Limits of single commands, put on real processes."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cloudops_nb.errors import InvalidCommand, SpawnFailed
from cloudops_nb.executors.base import Exit
from cloudops_nb.executors.process import ProcessExecutor, cgroup
from cloudops_nb.executors.process import limits as limits_module
from cloudops_nb.executors.process.cgroup import find_parent
from cloudops_nb.executors.process.limits import Means
from cloudops_nb.models import Exec, PreparedCommand, ResourceLimits, Shell
from cloudops_nb.models.prepared import digest
from tests.executors.helpers import Sink, prepare, run, run_and_cancel
from tests.support import open_files, wait_until, wait_until_gone

needs_memory_group = pytest.mark.skipif(
    find_parent("memory") is None, reason="needs a control group with memory that can be written"
)
needs_pids_group = pytest.mark.skipif(
    find_parent("pids") is None, reason="needs a control group with pids that can be written"
)

BURN = "while True: pass"
HOG = "held = [b'x' * 2**20 for _ in range(512)]; print('held')"
# Two processes that hold this much each; the second ends with the first.
TWO_HOGS = """
import os, sys, time
first = os.getpid()
second = os.fork()
held = b"x" * (50 * 2**20)
if second:
    sys.exit(os.waitpid(second, 0)[1] != 0)
while os.getppid() == first:
    time.sleep(0.01)
"""
# How many children could be had before the system refused.
FORK = """
import os, signal, sys
children = []
try:
    for _ in range(60):
        children.append(os.fork())
        if children[-1] == 0:
            signal.pause()
except OSError as error:
    print(len(children), error.strerror)
for pid in children:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
sys.exit(len(children) < 60)
"""


def limited(program: str, **limits: int) -> tuple[Exit, Sink]:
    return run(prepare(of_python(program), limits=ResourceLimits(**limits)))


def of_python(program: str) -> Exec:
    return Exec(program=sys.executable, args=("-c", program))


@pytest.fixture
def no_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine where no control group can be made."""
    monkeypatch.setattr(limits_module, "find_parent", lambda controller: None)


@pytest.fixture(autouse=True)
def no_group_left() -> Iterator[None]:
    yield
    for controller in ("memory", "pids"):
        parent = find_parent(controller)  # type: ignore[arg-type]
        if parent is not None:
            assert list(parent.directory.glob(f"cloudops-{os.getpid()}-*")) == []


# CPU time


def test_a_process_that_burns_cpu_is_ended_by_its_limit() -> None:
    exit_, _ = limited(BURN, cpu_seconds=1)
    assert exit_ == Exit(-24, "killed: above its CPU limit of 1 s; raise it with limits.cpu")


def test_who_ignores_the_first_signal_is_killed_a_second_later() -> None:
    ignoring = f"import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\n{BURN}"
    assert limited(ignoring, cpu_seconds=1)[0].code == -9


def test_limits_pass_through_a_shell_to_its_grandchildren() -> None:
    text = f"bash -c '{sys.executable} -c \"{BURN}\"; exit $?'; exit $?"
    exit_, _ = run(prepare(Shell(command=text), limits=ResourceLimits(cpu_seconds=1)))
    assert exit_ == Exit(152, "killed: above its CPU limit of 1 s; raise it with limits.cpu")


def test_a_command_within_its_limits_ends_as_ever() -> None:
    limits = ResourceLimits(cpu_seconds=10, memory_bytes=2**30)
    exit_, sink = run(prepare(Shell(command="echo out; exit 3"), limits=limits))
    assert (exit_, sink.text("stdout"), sink.text("stderr")) == (Exit(3), b"out\n", b"")


# Memory


@needs_memory_group
def test_who_takes_too_much_memory_is_killed_and_that_is_said() -> None:
    exit_, sink = limited(HOG, memory_bytes=64 * 2**20)
    error = "killed: above its memory limit of 64 M; raise it with limits.memory"
    assert (exit_, sink.text("stdout")) == (Exit(-9, error), b"")


@needs_memory_group
def test_memory_is_that_of_all_processes_together() -> None:
    exit_, _ = limited(TWO_HOGS, memory_bytes=80 * 2**20)
    assert exit_.error is not None
    assert "above its memory limit of 80 M" in exit_.error


@pytest.mark.usefixtures("no_groups")
def test_without_a_control_group_the_address_space_is_limited() -> None:
    exit_, sink = limited(HOG, memory_bytes=256 * 2**20)
    assert exit_.code == 1
    assert b"MemoryError" in sink.text("stderr")


# Processes


@needs_memory_group
def test_a_run_that_cannot_be_limited_leaves_no_group(tmp_path: Path) -> None:
    parent = find_parent("memory")
    assert parent is not None
    command = prepare(
        Exec(program="true"), limits=ResourceLimits(cpu_seconds=5, memory_bytes=2**28)
    )
    before = {*parent.directory.glob("cloudops-*")}
    command = replace(command, environment={"PATH": str(tmp_path)})  # prlimit was removed
    with pytest.raises(SpawnFailed, match="prlimit is not on PATH any more"):
        run(command)
    assert {*parent.directory.glob("cloudops-*")} <= before


@needs_pids_group
def test_who_forks_too_much_is_refused_and_that_is_said() -> None:
    exit_, sink = limited(FORK, processes=8)
    assert sink.text("stdout").startswith(b"7 ")
    assert exit_.error == (
        "it could not start a process above its limit of 8; raise it with limits.processes"
    )


@needs_pids_group
def test_a_fork_loop_within_a_limit_can_be_cancelled() -> None:
    loop = "echo begun; f() { f | f & }; f; while :; do f; done 2>/dev/null"
    prepared = prepare(Shell(command=loop), limits=ResourceLimits(processes=40))
    exit_, _ = run_and_cancel(prepared, grace=0.1)
    assert exit_.code is not None
    assert exit_.code < 0


@pytest.mark.usefixtures("no_groups")
@pytest.mark.skipif(os.geteuid() != 0, reason="rlimits bind all users but root")
def test_a_limit_that_cannot_be_enforced_is_refused() -> None:
    with pytest.raises(InvalidCommand, match=re.escape("limits.processes cannot be enforced")):
        prepare(Shell(command="true"), limits=ResourceLimits(processes=8))


@pytest.mark.usefixtures("no_groups")
def test_without_a_control_group_the_users_processes_are_limited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)  # who is not root is let through
    prepared = prepare(Shell(command="ulimit -u"), limits=ResourceLimits(processes=8))
    _, sink = run(prepared)
    assert int(sink.text("stdout")) > 8  # what the user runs already is counted, too


# What there is to enforce them


def test_a_missing_prlimit_is_an_error_before_anything_runs() -> None:
    command = Exec(program="/bin/true")
    with pytest.raises(InvalidCommand, match="install util-linux"):
        prepare(command, environ={"PATH": "/none"}, limits=ResourceLimits(cpu_seconds=1))


@pytest.mark.parametrize(
    ("means", "limits", "refused"),
    [
        (Means(None, True, True, root=True), {"memory_bytes": 1, "processes": 1}, None),
        (Means(None, False, True, root=True), {"memory_bytes": 1}, "prlimit"),
        (Means(None, True, False, root=False), {"processes": 1}, "prlimit"),
        (Means(None, True, True, root=False), {"cpu_seconds": 1}, "prlimit"),
        (Means(Path("/p"), False, False, root=False), {"processes": 1}, None),
        (Means(Path("/p"), False, False, root=True), {"processes": 1}, "root"),
        (Means(None, False, False, root=True), {}, None),
    ],
)
def test_what_cannot_be_enforced_is_refused(
    means: Means, limits: dict[str, int], refused: str | None
) -> None:
    if refused is None:
        means.check(ResourceLimits(**limits))
        return
    with pytest.raises(InvalidCommand, match=refused):
        means.check(ResourceLimits(**limits))


def test_a_group_that_cannot_be_joined_starts_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gone = cgroup.Parent("memory", tmp_path / "gone", 2)
    prepared = prepare(Shell(command="true"), limits=ResourceLimits(memory_bytes=2**30))
    monkeypatch.setattr(limits_module, "find_parent", lambda controller: gone)
    with pytest.raises(SpawnFailed, match="limits cannot be put on it"):
        run(prepared)


def test_limits_are_part_of_what_is_approved() -> None:
    prepared: PreparedCommand = prepare(Shell(command="true"))
    small, large = (
        replace(prepared, limits=ResourceLimits(memory_bytes=size)) for size in (2**20, 2**30)
    )
    assert len({digest([prepared]), digest([small]), digest([large])}) == 3


def test_limited_runs_leave_no_file_open() -> None:
    async def main() -> None:
        executor = ProcessExecutor()
        limits = ResourceLimits(cpu_seconds=5, memory_bytes=2**30)
        commands = [prepare(Exec(program="/bin/true"), limits=limits) for _ in range(6)]
        await executor.run(commands[0], Sink())
        before = open_files()
        for command in commands[1:]:
            assert await executor.run(command, Sink()) == Exit(0)
        assert open_files() == before

    asyncio.run(main())


# Control groups


@needs_pids_group
def test_groups_that_a_dead_kernel_left_are_removed() -> None:
    parent = find_parent("pids")
    assert parent is not None
    with subprocess.Popen(["true"]) as dead:
        dead.wait()
    left = parent.directory / f"cloudops-{dead.pid}-0"
    left.mkdir()
    limited("pass", processes=8)
    assert not left.exists()


@needs_pids_group
def test_a_group_stays_with_what_a_command_left_running_on_purpose() -> None:
    text = "sleep 60 >/dev/null 2>&1 & echo $!"
    exit_, sink = run(prepare(Shell(command=text), limits=ResourceLimits(processes=8)))
    pid = int(sink.text("stdout"))
    parent = find_parent("pids")
    assert parent is not None
    (group,) = parent.directory.glob(f"cloudops-{os.getpid()}-*")
    assert (exit_, (group / "cgroup.procs").read_text().split()) == (Exit(0), [str(pid)])
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)
    wait_until(lambda: not (group / "cgroup.procs").read_text())
    group.rmdir()


MOUNTS_V2 = """\
29 23 0:26 / {place} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate
30 23 0:27 / /proc rw - proc proc rw
"""


def hierarchy(place: Path, *groups: tuple[str, str]) -> Path:
    """Directories as in version 2, each with the controllers that groups below it have."""
    for name, controllers in groups:
        directory = place / name
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "cgroup.subtree_control").write_text(controllers)
        (directory / "cgroup.procs").touch()
    return place


def test_in_version_2_a_group_goes_beside_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = hierarchy(
        tmp_path / "cgroup",
        (".", "cpu memory pids"),
        ("user", "memory pids"),
        ("user/kernel", ""),
    )
    monkeypatch.setattr(Path, "read_text", seen(place, "0::/user/kernel\n"))
    found = find_parent("memory")
    assert found == cgroup.Parent("memory", place / "user", 2)


def test_where_no_group_hands_the_controller_on_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = hierarchy(tmp_path / "cgroup", (".", "cpu"), ("user", ""))
    monkeypatch.setattr(Path, "read_text", seen(place, "0::/user\n"))
    assert find_parent("pids") is None


def seen(place: Path, membership: str) -> Any:
    """Path.read_text on a machine whose cgroup hierarchy is mounted at ``place``."""
    real = Path.read_text

    def read_text(path: Path, *args: Any, **options: Any) -> str:
        if path == Path("/proc/self/cgroup"):
            return membership
        if path == Path("/proc/self/mountinfo"):
            return MOUNTS_V2.format(place=place)
        return real(path, *args, **options)

    return read_text
