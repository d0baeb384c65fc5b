"""Ends what kernels that died left running, where their watchdog died with them."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from cloudops_nb.executors.process.register import is_ours, register_directory
from cloudops_nb.executors.process.survivors import TAG_VARIABLE, end, read_register


def cleanup_orphans() -> list[int]:
    """Ends the commands of dead kernels of this user; returns the processes that were killed.

    Ended is what still ran as part of a command when its kernel died; what a command that had
    ended left behind stays. They are found by their tag alone: after a restart of the machine a
    process number means something else.
    """
    try:
        registers = [each for each in register_directory().iterdir() if not is_ours(each)]
    except OSError:
        return []  # no directory of ours, so nothing was written there
    return sorted(pid for path in registers for pid in _clean_up(path))


def _clean_up(path: Path) -> set[int]:
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        return set()  # its watchdog was faster
    with file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return set()  # its owner lives, or its watchdog is at work
        ids, _ = read_register(file.fileno())
        # This kernel may run inside such a command: it does not end itself.
        ended = end(ids - set(os.environb.get(TAG_VARIABLE.encode(), b"").split()), {})
        path.unlink(missing_ok=True)
    return ended
