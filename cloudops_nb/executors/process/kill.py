"""Stops a process and everything it started."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from uuid import UUID

from cloudops_nb.executors.process.child import Child
from cloudops_nb.executors.process.environment import TAG_VARIABLE

_PROC = Path("/proc")
_LONGEST_PAUSE = 0.05  # seconds between two looks at what is left


async def stop_tree(child: Child, execution_id: UUID, grace: float) -> None:
    """TERM, up to ``grace`` seconds, then KILL until no process of the execution is left.

    Found are the process group and, on Linux, every process that carries the execution's tag,
    whatever session it moved to. A process that dropped its environment and its session escapes.
    """
    if not await _signal_until_gone(child, execution_id, signal.SIGTERM, grace):
        await _signal_until_gone(child, execution_id, signal.SIGKILL, None)


async def _signal_until_gone(
    child: Child, execution_id: UUID, number: signal.Signals, patience: float | None
) -> bool:
    """Whether all were gone within ``patience`` seconds (None: as long as it takes)."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience if patience is not None else None
    told: set[int] = set()
    pause = 0.001
    empty_looks = 0
    while True:
        _signal_group(child, number, told)
        left = tagged_processes(execution_id)
        for pid in left:
            # KILL may be repeated; a second TERM would cut short a clean shutdown under way.
            if number is signal.SIGKILL or pid not in told:
                told.add(pid)
                _signal(pid, number)
        # A process between fork and exec has, for a moment, no environment to be found by:
        # gone means not seen twice in a row.
        empty_looks = empty_looks + 1 if child.exit_code.done() and not left else 0
        if empty_looks == 2:
            return True
        if deadline is not None and loop.time() + pause > deadline:
            return False
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def _signal_group(child: Child, number: signal.Signals, told: set[int]) -> None:
    if child.pid in told and number is not signal.SIGKILL:
        return
    told.add(child.pid)
    try:
        told.update(_members(child.pid))
        os.killpg(child.pid, number)
    except ProcessLookupError:
        pass  # the group is gone, and a group with members keeps its number from being reused


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # it ended by itself


def tagged_processes(execution_id: UUID) -> list[int]:
    """The live processes that carry the tag of this execution; empty where there is no /proc."""
    needle = str(execution_id).encode()
    variable = b"\0" + TAG_VARIABLE.encode() + b"="
    found = []
    for pid in _processes():
        try:
            environment = b"\0" + (_PROC / str(pid) / "environ").read_bytes()
        except OSError:
            continue  # ended meanwhile, or another user's
        _, present, rest = environment.partition(variable)
        if present and needle in rest.split(b"\0", 1)[0].split():
            found.append(pid)
    return found


def _members(group: int) -> list[int]:
    members = []
    for pid in _processes():
        try:
            if os.getpgid(pid) == group:
                members.append(pid)
        except ProcessLookupError:
            continue
    return members


def _processes() -> list[int]:
    try:
        return [int(entry) for entry in os.listdir(_PROC) if entry.isdigit()]
    except FileNotFoundError:
        return []
