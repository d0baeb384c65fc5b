"""Old logs and results are removed from the log directory, by age and by the directory's size.

All files that begin with one execution's id belong together: its log, those of its attempts, what
tells their streams apart, its result. They go together, oldest first. Nothing else is touched.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from time import time
from uuid import UUID

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine.logdir import open_directory
from cloudops_nb.errors import LogUnavailable

_DAY = 86_400.0
_OURS = re.compile(
    r"\.?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
    r"(?:\.attempt-[0-9]+)?\.(?:log|log\.streams|json)"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """The files of one execution: their names, bytes together, and when the last was written."""

    id: UUID
    names: tuple[str, ...]
    size: int
    written_at: float


def to_remove(
    kept: Iterable[Kept], config: ExecutionConfig, in_use: Collection[UUID], moment: float
) -> list[Kept]:
    """What is too old, and the oldest of what is too much; pure.

    Never removed is what is in use, or was written within the time that a kernel remembers it
    (``execution_retention_secs``). ``moment`` is in seconds since the epoch.
    """
    oldest_first = sorted(kept, key=lambda each: each.written_at)
    excess = sum(each.size for each in oldest_first) - config.log_dir_max_bytes
    removed = []
    for each in oldest_first:
        age = moment - each.written_at
        too_much = config.log_dir_max_bytes > 0 and excess > 0
        too_old = config.log_retention_days > 0 and age > config.log_retention_days * _DAY
        if each.id in in_use or age <= config.execution_retention_secs:
            continue
        if too_old or too_much:
            removed.append(each)
            excess -= each.size
    return removed


def rotate(directory: Path, config: ExecutionConfig, in_use: Collection[UUID]) -> list[UUID]:
    """Removes what is too old or too much from a log directory; returns whose files went.

    Raises:
        LogUnavailable: the directory is not private, or a file in it cannot be removed.
    """
    try:
        with open_directory(directory) as fd:
            removed = to_remove(_look(fd), config, in_use, time())
            for each in removed:
                for name in each.names:
                    _remove(fd, name)
    except FileNotFoundError:
        return []  # nothing was logged yet
    except OSError as error:
        raise LogUnavailable(f"log directory {directory}: {error.strerror}") from error
    return [each.id for each in removed]


def contents(directory: Path) -> list[Kept]:
    """What executions have left in a log directory; nothing where it does not exist.

    Raises:
        LogUnavailable: the directory is not private or cannot be read.
    """
    try:
        with open_directory(directory) as fd:
            return _look(fd)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LogUnavailable(f"log directory {directory}: {error.strerror}") from error


def _look(directory: int) -> list[Kept]:
    names: dict[UUID, list[str]] = {}
    sizes: dict[UUID, int] = {}
    written: dict[UUID, float] = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            match = _OURS.fullmatch(entry.name)
            if match is None:
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # another kernel was faster
            if not stat.S_ISREG(status.st_mode):
                continue
            execution_id = UUID(match[1])
            names.setdefault(execution_id, []).append(entry.name)
            sizes[execution_id] = sizes.get(execution_id, 0) + status.st_size
            written[execution_id] = max(written.get(execution_id, 0.0), status.st_mtime)
    return [Kept(each, tuple(names[each]), sizes[each], written[each]) for each in names]


def _remove(directory: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return  # another kernel was faster
