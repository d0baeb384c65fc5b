"""Kernels, and their watchdogs, that are killed with SIGKILL: nothing they ran survives."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.executors.process.orphans import cleanup_orphans
from cloudops_nb.models import Parallel
from tests.conftest import MakeEngine
from tests.engine.kernels import TREES, UNTAGGED, StartKernel, kill_with_watchdog
from tests.support import (
    PATIENCE,
    carrying,
    open_files,
    plan,
    plan_result_of,
    run,
    wait_until,
    watchdogs,
)

pytestmark = pytest.mark.timeout(60)


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


# An engine that is closed


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
