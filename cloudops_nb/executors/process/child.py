"""Processes of ours: spawned and reaped on the event loop, without a thread of their own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from cloudops_nb.errors import SpawnFailed
from cloudops_nb.executors.process.descriptors import descriptors


class Child:
    """A running process in a session of its own. Must be made on the loop that watches it.

    ``output`` are the descriptors it is given as standard output and error, ``pass_fds`` others
    that it keeps under their numbers.

    Raises:
        SpawnFailed: the system refused to start the process.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str],
        output: Sequence[int] = (subprocess.DEVNULL, subprocess.DEVNULL),
        pass_fds: Sequence[int] = (),
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.exited = asyncio.Event()
        try:
            # No preexec_fn: it would cost Popen its vfork, and with a large kernel most of its
            # speed. The session makes one group of the whole tree, out of Jupyter's reach.
            with descriptors.inherited():
                self._popen = subprocess.Popen(
                    argv,
                    cwd=cwd,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output[0],
                    stderr=output[1],
                    start_new_session=True,
                    pass_fds=pass_fds,
                )
        except (OSError, ValueError) as error:  # ValueError: text that no program can be given
            reason = (error.strerror if isinstance(error, OSError) else None) or error
            # Where the directory is the trouble, the error names it.
            culprit = getattr(error, "filename", None) or argv[0]
            raise SpawnFailed(f"{culprit}: {reason}") from error
        self.pid = self._popen.pid
        self._watch_exit()

    def _watch_exit(self) -> None:
        try:
            self._pidfd = descriptors.moved_up(os.pidfd_open(self.pid))
        except (AttributeError, OSError):
            # No pidfd on this system: a thread waits instead, at the price of one per child.
            threading.Thread(target=self._wait_in_thread, daemon=True).start()
        else:
            self._loop.add_reader(self._pidfd, self._reap)

    @property
    def exit_code(self) -> int | None:
        """The exit code, -N for death by signal N; None while it runs."""
        return self._popen.returncode

    def _wait_in_thread(self) -> None:
        self._popen.wait()
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            self._loop.call_soon_threadsafe(self.exited.set)

    def _reap(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._popen.wait()
        self.exited.set()
