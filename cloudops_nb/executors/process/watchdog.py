"""A small process that ends what still runs when this one dies, ``kill -9`` included."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from time import monotonic
from uuid import UUID

from cloudops_nb.executors.process import survivors
from cloudops_nb.executors.process.register import Register

logger = logging.getLogger("cloudops_nb")

_POLL_SECONDS = 1.0
_LONGEST_PAUSE = 60.0


class Watchdog:
    """Starts the watchdog process with the first command, and again whenever it is killed.

    It serves one event loop at a time and ends with it. What a command that has ended left
    running is not its business.
    """

    def __init__(self) -> None:
        self._register: Register | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._trouble = ""

    @contextlib.contextmanager
    def watching(self, execution_id: UUID) -> Iterator[Callable[[int], None]]:
        """Watches over a command within the block, which starts it and waits for it.

        Yields a function to be told the process that leads its group. The command's tag is known
        before it exists: there is no moment at which it would survive us.
        """
        try:
            register = self._running_register()
            number = register.add(execution_id)
        except OSError as error:
            # Commands are what the user is here for; they run unwatched, and that is said, once.
            self._tell(f"commands would survive a kill of this process: no watchdog: {error}")
            number = None
        if number is None:
            yield lambda _leader: None
            return
        try:
            yield lambda leader: register.add_leader(number, execution_id, leader)
        finally:
            register.remove(number)

    def _running_register(self) -> Register:
        if self._register is None or self._register.closed:
            register = Register()
            try:
                process = _start(register)
            except OSError:
                register.close()
                raise
            self._register = register
            self._keeper = asyncio.get_running_loop().create_task(self._keep(register, process))
        return self._register

    async def _keep(self, register: Register, process: subprocess.Popen[bytes]) -> None:
        """Replaces a watchdog that dies, until the loop ends and cancels this."""
        pause = 0.0
        try:
            while True:
                started = monotonic()
                if process.returncode is None:
                    await _end_of(process)
                    logger.warning("watchdog process %s was ended; starting another", process.pid)
                # One that cannot live should not keep a core busy.
                pause = 0.0 if monotonic() - started > _LONGEST_PAUSE else pause
                await asyncio.sleep(pause)
                pause = min(2 * pause + 1, _LONGEST_PAUSE)
                try:
                    process = _start(register)
                except OSError as error:
                    self._tell(f"no new watchdog process: {error}")
        finally:
            # All commands have ended, or their own tasks are ending them now.
            process.kill()
            process.wait()
            register.close()

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:
            logger.warning(trouble)
        self._trouble = trouble


def _start(register: Register) -> subprocess.Popen[bytes]:
    # By path and without site: it starts in 15 ms, and nothing it would import is ours. In a
    # session of its own no signal to the kernel's group reaches it.
    return subprocess.Popen(
        [sys.executable, "-I", "-S", survivors.__file__, str(register.path)],
        cwd="/",
        env={name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"},
        stdin=register.fd,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


async def _end_of(process: subprocess.Popen[bytes]) -> None:
    try:
        pidfd = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # no pidfd on this system: noticed within a second
        while process.poll() is None:  # noqa: ASYNC110 - nothing here would set an event
            await asyncio.sleep(_POLL_SECONDS)
        return
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(pidfd, ended.set)
    try:
        await ended.wait()
        process.wait()
    finally:
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
