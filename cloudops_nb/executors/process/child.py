"""One child process: spawned, read and reaped on the event loop, without a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import threading
from collections.abc import Callable

from cloudops_nb.errors import SpawnFailed
from cloudops_nb.models import PreparedCommand
from cloudops_nb.models.results import STREAMS, Stream

READ_SIZE = 256 * 1024
"""Bytes read at a time; the pipes of a child that fills them are made as large."""

_F_SETPIPE_SZ = 1031  # fcntl.F_SETPIPE_SZ, which only Linux has


class Child:
    """A running process in a session of its own, with a pipe for each output stream.

    Must be made on the loop that watches it. ``buffer`` is shared by all children of a loop.

    Raises:
        SpawnFailed: the system refused to start the process.
    """

    def __init__(
        self,
        prepared: PreparedCommand,
        on_output: Callable[[Stream, bytes], None],
        buffer: memoryview,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_output = on_output
        self._buffer = buffer
        self._open: dict[int, Stream] = {}
        self.exit_code: asyncio.Future[int] = self._loop.create_future()
        self.drained: asyncio.Future[None] = self._loop.create_future()
        self._popen = self._spawn(prepared)
        self.pid = self._popen.pid
        for fd in self._open:
            self._loop.add_reader(fd, self._read, fd)
        self._watch_exit()

    def _spawn(self, prepared: PreparedCommand) -> subprocess.Popen[bytes]:
        write_ends: list[int] = []
        try:
            for stream in STREAMS:
                read_end, write_end = os.pipe()
                write_ends.append(write_end)
                self._open[read_end] = stream
                os.set_blocking(read_end, False)
            # No preexec_fn: it would cost Popen its vfork, and with a large kernel most of its
            # speed. The session makes one group of the whole tree, out of Jupyter's reach.
            return subprocess.Popen(
                prepared.argv,
                cwd=prepared.cwd,
                env=prepared.environment,
                stdin=subprocess.DEVNULL,
                stdout=write_ends[0],
                stderr=write_ends[1],
                start_new_session=True,
            )
        except (OSError, ValueError) as error:  # ValueError: text that no program can be given
            for fd in self._open:
                os.close(fd)
            reason = (error.strerror if isinstance(error, OSError) else None) or error
            # Where the directory is the trouble, the error names it.
            culprit = getattr(error, "filename", None) or prepared.argv[0]
            raise SpawnFailed(f"{culprit}: {reason}") from error
        finally:
            for fd in write_ends:
                os.close(fd)

    def _watch_exit(self) -> None:
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            # No pidfd on this system: a thread waits instead, at the price of one per child.
            threading.Thread(target=self._wait_in_thread, daemon=True).start()
        else:
            self._loop.add_reader(self._pidfd, self._reap)

    def _wait_in_thread(self) -> None:
        self._popen.wait()
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            self._loop.call_soon_threadsafe(self._report_exit)

    def _reap(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._popen.wait()
        self._report_exit()

    def _report_exit(self) -> None:
        if not self.exit_code.done():
            self.exit_code.set_result(self._popen.returncode)

    def _read(self, fd: int) -> None:
        try:
            count = os.readv(fd, [self._buffer])
        except BlockingIOError:
            return
        if count == 0:
            self._close(fd)
            return
        if count == 64 * 1024:  # a full pipe of the usual size: this child prints a lot
            self._enlarge(fd)
        self._on_output(self._open[fd], bytes(self._buffer[:count]))

    def _enlarge(self, fd: int) -> None:
        import fcntl

        # The system bounds what one user's pipes may hold; at the bound the usual size stays.
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, _F_SETPIPE_SZ, READ_SIZE)

    def _close(self, fd: int) -> None:
        self._loop.remove_reader(fd)
        os.close(fd)
        del self._open[fd]
        if not self._open and not self.drained.done():
            self.drained.set_result(None)

    def close(self) -> None:
        """Stops reading. What still writes to the pipes gets SIGPIPE."""
        for fd in tuple(self._open):
            self._close(fd)
