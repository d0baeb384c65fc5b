"""Stops a process and everything it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from uuid import UUID

from cloudops_nb.executors.process.child import Child
from cloudops_nb.executors.process.survivors import is_in_group, processes, tags

_PAUSES = 0.001, 0.05  # the shortest and the longest between two looks at what is left, in seconds


async def stop_tree(child: Child, execution_id: UUID, grace: float) -> list[int]:
    """TERM, up to ``grace`` seconds, then KILL until no process of the execution is left.

    Found are the process group and, on Linux, every process that carries the execution's tag,
    whatever session it moved to. A process that dropped both, its environment and its group,
    escapes.

    Returns the processes of the group that are left: those of another user (``sudo``), which we
    may not signal and do not wait for.
    """
    if not await _signal_until_gone(child, execution_id, signal.SIGTERM, grace):
        await _signal_until_gone(child, execution_id, signal.SIGKILL, None)
    return _group(child.pid)


async def _signal_until_gone(
    child: Child, execution_id: UUID, number: signal.Signals, patience: float | None
) -> bool:
    """Whether all were gone within ``patience`` seconds (None: as long as it takes)."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    told: set[int] = set()
    empty_looks = 0
    while True:
        if not told or number is signal.SIGKILL:
            told.update(_signal_group(child.pid, number))
        found = _belonging(child.pid, execution_id)
        if not child.exited.is_set():
            found.add(child.pid)
        left = [pid for pid in found if _signal(pid, number, told)]
        # A process between fork and exec has, for a moment, no environment to be found by:
        # gone means not seen twice in a row.
        empty_looks = 0 if left else empty_looks + 1
        if empty_looks == 2:
            return True
        passed = loop.time() - began
        shortest, longest = _PAUSES
        # Ever longer, but never long beside what it took so far; and at once to be sure of the end.
        pause = shortest if empty_looks else min(max(shortest, passed / 4), longest)
        if patience is not None and passed + pause > patience:
            return False
        await asyncio.sleep(pause)


def _signal_group(leader: int, number: signal.Signals) -> list[int]:
    """Signals the group in one go, so that none of it can fork out of the way; who was in it."""
    members = [leader, *_group(leader)]
    # It may be gone (a group with members keeps its number from being reused) or not be ours.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
    return members


def _signal(pid: int, number: signal.Signals, told: set[int]) -> bool:
    """Whether the process is there and may be signalled."""
    # KILL may be repeated; a second TERM would cut short a clean shutdown under way. Signal 0
    # only asks whether a signal could be sent.
    due = 0 if pid in told and number is not signal.SIGKILL else number
    told.add(pid)
    try:
        os.kill(pid, due)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _belonging(leader: int, execution_id: UUID) -> set[int]:
    """The live processes of an execution: of its group, or with its tag; without /proc, none."""
    tag = str(execution_id).encode()
    return {pid for pid in processes() if is_in_group(pid, (leader,)) or tag in tags(pid)}


def _group(leader: int) -> list[int]:
    """The live processes of a group; without /proc, none."""
    return [pid for pid in processes() if is_in_group(pid, (leader,))]
