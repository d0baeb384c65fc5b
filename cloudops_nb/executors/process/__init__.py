"""Runs shells, programs and scripts as processes of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from uuid import UUID

from cloudops_nb.executors.base import Exit, OutputSink, Surroundings
from cloudops_nb.executors.process.child import READ_SIZE, Child
from cloudops_nb.executors.process.kill import stop_tree
from cloudops_nb.executors.process.prepare import (
    check_unchanged,
    prepare_exec,
    prepare_script,
    prepare_shell,
)
from cloudops_nb.executors.process.watchdog import Watchdog
from cloudops_nb.models import Exec, ExecutionRequest, PreparedCommand, Script, Shell

T = TypeVar("T")

DRAIN_SECONDS = 0.5
"""How long output is still read after a process ended while something it left holds the pipe."""

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
    """

    def __init__(self, grace: float = 2.0, watchdog: Watchdog | None = None) -> None:
        self._grace = grace
        self._watchdog = Watchdog() if watchdog is None else watchdog
        self._buffer = memoryview(bytearray(READ_SIZE))

    def prepare(self, request: ExecutionRequest, surroundings: Surroundings) -> PreparedCommand:
        """See ``Executor.prepare``."""
        return _PREPARE[type(request.command)](request, surroundings)

    async def run(self, prepared: PreparedCommand, sink: OutputSink) -> Exit:
        """See ``Executor.run``; a cancelled run returns how the process died."""
        check_unchanged(prepared)
        with self._watchdog.watching(prepared.id) as watch:
            child = Child(prepared, sink.write, self._buffer)
            watch(child.pid)
            try:
                return await self._run(child, prepared.id)
            finally:
                child.close()

    async def _run(self, child: Child, execution_id: UUID) -> Exit:
        try:
            # The future is shielded: a cancelled wait must not cancel what the ladder awaits.
            await asyncio.shield(child.exit_code)
            await _drain(child)
        except asyncio.CancelledError:
            survivors = await _uncancellable(stop_tree(child, execution_id, self._grace))
            await _uncancellable(_drain(child))
            if survivors:
                left = ", ".join(map(str, survivors))
                code = child.exit_code.result() if child.exit_code.done() else None
                return Exit(code, f"not ours to stop and still running: process {left}")
        return Exit(child.exit_code.result())


async def _drain(child: Child) -> None:
    await asyncio.wait({child.drained}, timeout=DRAIN_SECONDS)


async def _uncancellable(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            continue  # cancelled again: the ladder is the answer to that, and it is under way
    return task.result()
