"""Locks by name: commands with the same one never run at the same time, in any kernel of this user.

A lock is a file in the per-user state directory, locked with flock(2): the system drops it with the
process that holds it. In one engine it goes to who asked first; among kernels, to whoever asks when
it is free. All of it runs on the engine's loop: a waiting command costs a future, and the first in
line looks again every 50 ms while another process has the lock.

Whoever has a lock that nobody waits for here removes its file. That is no race by two rules: a lock
counts only if its file is still the one in the directory, and only who has it removes that.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import json
import os
import stat
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from cloudops_nb.errors import LockUnavailable
from cloudops_nb.executors.process.descriptors import descriptors
from cloudops_nb.models.base import now

POLL_SECONDS = 0.05
_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_HOLDER_BYTES = 200


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a lock, and since when."""

    pid: int
    since: datetime


@dataclass(eq=False, slots=True)
class _Line:
    """Those who wait for one lock here. ``fd`` is its file; ``holder`` is set while it is ours."""

    name: str
    fd: int
    holder: Holder | None = None
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    poll: asyncio.TimerHandle | None = None


class ResourceLocks:
    """The locks of one engine. On its loop only.

    Args:
        directory: where the files are; made for this user alone.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lines: dict[str, _Line] = {}

    async def acquire(self, name: str, on_wait: Callable[[Holder | None], None]) -> Literal[True]:
        """Takes a lock; if it must be waited for, ``on_wait`` is told once who has it, if known.

        A wait that is cancelled gives up its place.

        Raises:
            LockUnavailable: its file cannot be made or locked.
        """
        line = self._lines.get(name)
        if line is None:
            try:
                line = self._lines[name] = _Line(name, self._open(name))
            except OSError as error:
                raise self._unavailable(name, error) from error
        if not line.waiting and self._try(line):
            return True
        granted = asyncio.get_running_loop().create_future()
        line.waiting.append(granted)
        try:
            on_wait(line.holder or _read_holder(line.fd))
            self._look_again(line)
            await granted
        except BaseException:
            if granted.done() and not granted.cancelled() and granted.exception() is None:
                self.release(name)  # it came at the same moment
            else:
                with contextlib.suppress(ValueError):  # passed over already
                    line.waiting.remove(granted)
                self._drop_if_idle(line)
            raise
        return True

    def release(self, name: str) -> None:
        """Gives a lock back; the next in line has it at once."""
        line = self._lines[name]
        line.holder = None
        with contextlib.suppress(OSError):  # only a hint for those who wait
            os.ftruncate(line.fd, 0)
        path = self._path(name)
        with contextlib.suppress(OSError):  # then it lies there until the next one
            if all(granted.done() for granted in line.waiting) and _is_at(path, line.fd):
                path.unlink()
        fcntl.flock(line.fd, fcntl.LOCK_UN)
        self._advance(line)

    def _advance(self, line: _Line) -> None:
        line.poll = None
        while line.waiting and line.waiting[0].done():  # cancelled; its task has yet to hear of it
            del line.waiting[0]
        if line.waiting:
            try:
                free = self._try(line)
            except LockUnavailable as error:
                line.waiting.popleft().set_exception(error)
            else:
                if free:
                    line.waiting.popleft().set_result(None)
            self._look_again(line)
        self._drop_if_idle(line)

    def _look_again(self, line: _Line) -> None:
        if line.waiting and line.holder is None and line.poll is None:
            loop = asyncio.get_running_loop()
            line.poll = loop.call_later(POLL_SECONDS, self._advance, line)

    def _drop_if_idle(self, line: _Line) -> None:
        if line.holder is None and not line.waiting and self._lines.get(line.name) is line:
            if line.poll is not None:
                line.poll.cancel()
            del self._lines[line.name]
            _close(line.fd)

    def _try(self, line: _Line) -> bool:
        if line.holder is not None:
            return False
        try:
            self._lock(line)
        except BlockingIOError:
            return False
        except OSError as error:
            self._drop_if_idle(line)
            raise self._unavailable(line.name, error) from error
        line.holder = Holder(os.getpid(), now())
        text = json.dumps({"pid": line.holder.pid, "since": line.holder.since.isoformat()})
        with contextlib.suppress(OSError):  # only a hint for those who wait
            os.ftruncate(line.fd, 0)
            os.pwrite(line.fd, text.encode(), 0)
        return True

    def _lock(self, line: _Line) -> None:
        """Locks the file that is in the directory now; raises ``BlockingIOError`` if it is taken.

        While this process has it open, no other file can be given its inode.
        """
        fcntl.flock(line.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        while not _is_at(self._path(line.name), line.fd):  # who had it has removed it since
            removed, line.fd = line.fd, self._open(line.name)
            _close(removed)
            fcntl.flock(line.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _path(self, name: str) -> Path:
        # A hash: whatever the name is, it leads nowhere else.
        digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
        return self._directory / f"{digest[:32]}.lock"

    def _open(self, name: str) -> int:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_private(self._directory)
        fd = descriptors.moved_up(os.open(self._path(name), _OPEN, 0o600))
        _open_files.add(fd)
        return fd

    def _unavailable(self, name: str, error: OSError) -> LockUnavailable:
        return LockUnavailable(
            f"lock {name!r} cannot be taken in {self._directory}: {error.strerror or error}"
        )


def _check_private(directory: Path) -> None:
    status = directory.lstat()
    shared = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if not stat.S_ISDIR(status.st_mode) or shared or status.st_uid != os.getuid():
        raise PermissionError("it is not a directory that only this user may write to")


def _is_at(path: Path, fd: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(fd))
    except FileNotFoundError:
        return False


def _read_holder(fd: int) -> Holder | None:
    try:
        found = json.loads(os.pread(fd, _HOLDER_BYTES, 0))
        return Holder(int(found["pid"]), datetime.fromisoformat(found["since"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None  # it was taken or given back at this moment


# A child that is forked without exec (multiprocessing) shares the open files, and with them the
# locks, which would then outlive this process.
_open_files: set[int] = set()


def _close(fd: int) -> None:
    _open_files.discard(fd)
    os.close(fd)


def _close_in_child() -> None:
    for fd in tuple(_open_files):
        _close(fd)


os.register_at_fork(after_in_child=_close_in_child)
