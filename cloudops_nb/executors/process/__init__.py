"""Runs shells, programs and scripts as processes of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar
from uuid import UUID

from cloudops_nb.errors import SpawnFailed
from cloudops_nb.executors.base import PROCESSES, Exit, Lender, OutputSink, Surroundings
from cloudops_nb.executors.process.child import Child
from cloudops_nb.executors.process.kill import stop_tree
from cloudops_nb.executors.process.limits import Limiter
from cloudops_nb.executors.process.pacing import Pace
from cloudops_nb.executors.process.pipes import READ_SIZE, OutputPipes
from cloudops_nb.executors.process.prepare import (
    check_unchanged,
    prepare_exec,
    prepare_script,
    prepare_shell,
)
from cloudops_nb.executors.process.watchdog import Watchdog
from cloudops_nb.models import Exec, ExecutionRequest, PreparedCommand, Script, Shell

T = TypeVar("T")

_PREPARE: dict[type, Callable[[ExecutionRequest, Surroundings], PreparedCommand]] = {
    Shell: prepare_shell,
    Exec: prepare_exec,
    Script: prepare_script,
}


class ProcessExecutor:
    """Carries out ``Shell``, ``Exec`` and ``Script`` commands.

    Args:
        grace: seconds between SIGTERM and SIGKILL when a run is cancelled.
        watchdog: ends what runs when this process dies; one serves all executors of a loop.
        lender: gives commands that call AWS their credentials; without one they find their own.
    """

    pool = PROCESSES

    def __init__(
        self,
        grace: float = 2.0,
        watchdog: Watchdog | None = None,
        lender: Lender | None = None,
    ) -> None:
        self._grace = grace
        self._lender = lender
        self._watchdog = Watchdog() if watchdog is None else watchdog
        self._buffer = memoryview(bytearray(READ_SIZE))
        self._pace = Pace()

    def prepare(self, request: ExecutionRequest, surroundings: Surroundings) -> PreparedCommand:
        """See ``Executor.prepare``."""
        return _PREPARE[type(request.command)](request, surroundings)

    async def run(self, prepared: PreparedCommand, sink: OutputSink) -> Exit:
        """See ``Executor.run``; a cancelled run returns how the process died."""
        check_unchanged(prepared)
        if self._lender is None or not prepared.calls_aws:
            return await self._run_limited(prepared, sink)
        async with self._lender.lent(prepared, sink) as command:
            return await self._run_limited(command, sink)

    async def _run_limited(self, prepared: PreparedCommand, sink: OutputSink) -> Exit:
        if prepared.limits is None:
            return await self._run_watched(prepared, sink)
        limiter = Limiter(prepared.limits)
        try:
            command = limiter.limited(prepared)
            return limiter.explain(await self._run_watched(command, sink))
        finally:
            await uncancellable(limiter.close())

    def pipes(self, sink: OutputSink) -> OutputPipes:
        """Pipes for what one command prints.

        Raises:
            SpawnFailed: no more descriptors.
        """
        try:
            return OutputPipes(sink.write, self._buffer, self._pace)
        except OSError as error:
            raise SpawnFailed(f"no pipe for its output: {error.strerror}") from error

    async def _run_watched(self, prepared: PreparedCommand, sink: OutputSink) -> Exit:
        with self._watchdog.watching(prepared.id) as watch:
            pipes = self.pipes(sink)
            try:
                child = Child(
                    prepared.argv,
                    cwd=prepared.cwd,
                    environment=prepared.environment,
                    output=pipes.write_ends,
                )
                watch(child.pid)
                pipes.close_write_ends()
                exit_ = await self.until(child.exited.wait(), child, pipes, prepared.id)
                return Exit(child.exit_code) if exit_ is None else exit_
            finally:
                pipes.close()

    async def until(
        self, ended: Awaitable[object], child: Child, pipes: OutputPipes, execution_id: UUID
    ) -> Exit | None:
        """Waits until a command in ``child`` has ended and what it printed is read.

        When that is cancelled, the process and all that belongs to the execution is stopped: then
        it returns how the process died.
        """
        try:
            await ended
            await pipes.drain()
        except asyncio.CancelledError:
            survivors = await uncancellable(stop_tree(child, execution_id, self._grace))
            await uncancellable(pipes.drain())
            if survivors:
                left = ", ".join(map(str, survivors))
                error = f"not ours to stop and still running: process {left}"
                return Exit(child.exit_code, error, left_behind=True)
            return Exit(child.exit_code)
        return None


async def uncancellable(work: Coroutine[Any, Any, T]) -> T:
    """Does the work to its end, however often that is cancelled."""
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            continue  # cancelled again: the ladder is the answer to that, and it is under way
    return task.result()
