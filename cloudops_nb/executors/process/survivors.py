"""Finds and ends the processes of executions; run as a program, it is the watchdog.

The watchdog accompanies every engine and has to be small and quick to start: nothing but the
standard library is imported here, and little of that.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys
import time
from collections.abc import Collection, Iterator

TAG_VARIABLE = "CLOUDOPS_EXECUTIONS"
"""Holds the ids of the executions a process belongs to, outermost first.

Children inherit it, so it finds the processes of an execution wherever they moved themselves.
"""

SLOT_BYTES = 64
"""The size of a running command's entry in a register."""

_VARIABLE = b"\0" + TAG_VARIABLE.encode() + b"="
_QUIET_SECONDS = 0.2  # a process between fork and exec has, for a moment, no tag to be found by
_PATIENCE_SECONDS = 10.0  # for what cannot be killed: it waits for a disk, say


# What runs: (execution id, process that leads its group or 0, when that was known to live)


def slot(execution_id: str, leader: int = 0) -> bytes:
    """The entry of a running command; one that is about to start has no leader yet."""
    return f"{execution_id} {leader} {_uptime():.2f}\n".encode().ljust(SLOT_BYTES)


def read_register(fd: int) -> tuple[set[bytes], dict[int, float]]:
    """The ids of the executions in a register, and their leaders with when these lived."""
    content = os.pread(fd, os.fstat(fd).st_size, 0)
    ids: set[bytes] = set()
    leaders: dict[int, float] = {}
    for start in range(0, len(content), SLOT_BYTES):
        fields = content[start : start + SLOT_BYTES].split()
        if len(fields) == 3:
            ids.add(fields[0])
            leaders[int(fields[1])] = float(fields[2])
    leaders.pop(0, None)
    return ids, leaders


def _uptime() -> float:
    # The clock that proc_pid_stat(5) tells start times by; elsewhere any will do.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


# What is there


def processes() -> Iterator[int]:
    """All processes, newest first: what forks to get away is there; none without /proc."""
    with contextlib.suppress(FileNotFoundError):
        names = os.listdir("/proc")  # noqa: PTH208 - Path.iterdir() takes several times as long
        yield from sorted((int(name) for name in names if name.isdigit()), reverse=True)


def tags(pid: int) -> list[bytes]:
    """The ids of the executions a process belongs to; none for one that ended or is not ours."""
    try:
        environment = b"\0" + _read(pid, "environ")
    except OSError:
        return []
    return environment.partition(_VARIABLE)[2].partition(b"\0")[0].split()


def is_in_group(pid: int, groups: Collection[int]) -> bool:
    """Whether a process is a live member of one of these groups."""
    try:
        return os.getpgid(pid) in groups and _stat(pid)[0] != b"Z"  # Z: only its exit code is left
    except OSError:
        return False  # it ended meanwhile


def _started(pid: int) -> float:
    return int(_stat(pid)[19]) / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[bytes]:
    # From the third field on: the second, the name, may hold anything.
    return _read(pid, "stat").rpartition(b")")[2].split()


def _read(pid: int, name: str) -> bytes:
    path = f"/proc/{pid}/{name}"
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - pathlib is slow to import
        return file.read()


# The end of it


def end(ids: Collection[bytes], leaders: dict[int, float]) -> set[int]:
    """Kills the processes of executions, until none has been seen for a while.

    They are the groups of ``leaders``, all that carries one of ``ids``, and the groups of those.
    What is of another user escapes, and what has dropped both its environment and its group. Where
    there is no /proc only the groups are found.

    Returns the processes that were killed one by one.
    """
    if not ids:
        return set()
    groups = {leader for leader, lived_at in leaders.items() if _is_still(leader, lived_at)}
    for group in groups:
        with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
            os.killpg(group, signal.SIGKILL)
    ended: set[int] = set()
    now = time.monotonic()
    give_up, quiet = now + _PATIENCE_SECONDS, now + _QUIET_SECONDS
    while (now := time.monotonic()) < min(quiet, give_up):
        killed = _kill_all(ids, groups)
        ended |= killed
        if killed:
            quiet = time.monotonic() + _QUIET_SECONDS
        time.sleep(0.001 if killed else 0.01)
    return ended


def _is_still(leader: int, lived_at: float) -> bool:
    """Whether the number means the process it meant at ``lived_at``, and not a later one."""
    try:
        return _started(leader) <= lived_at
    except OSError:
        return not os.path.exists("/proc/self")  # noqa: PTH110 - where nothing can be told, trust


def _kill_all(ids: Collection[bytes], groups: set[int]) -> set[int]:
    """One look at all processes; ``groups`` loses those that are empty and gains new ones."""
    killed = set()
    live = set()
    for pid in processes():
        if not is_in_group(pid, groups) and not any(tag in ids for tag in tags(pid)):
            continue
        with contextlib.suppress(OSError):  # it ended meanwhile, or is another user's
            live.add(os.getpgid(pid))
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
    groups.clear()
    groups.update(live)
    return killed


def main() -> None:
    """Waits until the owner of the register on standard input is gone, then ends what it left.

    The owner holds a lock on the register; the system drops it with the process, however that dies.
    """
    fcntl.lockf(sys.stdin.fileno(), fcntl.LOCK_EX)
    end(*read_register(sys.stdin.fileno()))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(sys.argv[1])  # noqa: PTH108 - pathlib is slow to import


if __name__ == "__main__":
    main()
