"""What a command prints, read on the event loop through a pipe for each stream."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable

from cloudops_nb.executors.process.descriptors import descriptors
from cloudops_nb.executors.process.pacing import Pace
from cloudops_nb.models.results import STREAMS, Stream

READ_SIZE = 256 * 1024
"""Bytes read at a time; the pipes of a child that fills them are made as large."""

DRAIN_SECONDS = 0.5
"""How long output is still read after a command ended while something it left holds a pipe."""

_F_SETPIPE_SZ = 1031  # fcntl.F_SETPIPE_SZ, which only Linux has


class OutputPipes:
    """A pipe for each output stream of one command, in the order of ``STREAMS``.

    Whoever prints is given ``write_ends``, which then are closed here. ``buffer`` and ``pace`` are
    shared by all that is read on one loop.

    Raises:
        OSError: no more descriptors.
    """

    def __init__(
        self, on_output: Callable[[Stream, bytes], None], buffer: memoryview, pace: Pace
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_output = on_output
        self._buffer = buffer
        self._pace = pace
        self._open: dict[int, Stream] = {}
        self.write_ends: list[int] = []
        self.drained = asyncio.Event()
        try:
            for stream in STREAMS:
                read_end, write_end = os.pipe()
                self.write_ends.append(write_end)
                read_end = descriptors.moved_up(read_end)
                self._open[read_end] = stream
                os.set_blocking(read_end, False)
        except OSError:
            self.close_write_ends()
            for fd in self._open:
                os.close(fd)
            raise
        for fd in self._open:
            self._loop.add_reader(fd, self._read, fd)

    def close_write_ends(self) -> None:
        """Leaves printing to whoever has been given them."""
        while self.write_ends:
            os.close(self.write_ends.pop())

    async def drain(self) -> None:
        """Reads what is left when a command has ended."""
        if not self.drained.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_SECONDS):
                    await self.drained.wait()

    def close(self) -> None:
        """Stops reading. What still writes to the pipes gets SIGPIPE."""
        self.close_write_ends()
        for fd in tuple(self._open):
            self._close(fd)

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
        if pause := self._pace.pause(self, count, self._loop.time()):
            self._loop.remove_reader(fd)
            self._loop.call_later(pause, self._read_on, fd)

    def _read_on(self, fd: int) -> None:
        if fd in self._open:  # it may have been closed meanwhile, and the number be another's
            self._loop.add_reader(fd, self._read, fd)

    def _enlarge(self, fd: int) -> None:
        import fcntl

        # The system bounds what one user's pipes may hold; at the bound the usual size stays.
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, _F_SETPIPE_SZ, READ_SIZE)

    def _close(self, fd: int) -> None:
        self._loop.remove_reader(fd)
        os.close(fd)
        del self._open[fd]
        if not self._open:
            self.drained.set()
