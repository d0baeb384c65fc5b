"""What executors have in common that add something to the run of another."""

from __future__ import annotations

import asyncio

from cloudops_nb.executors.base import Executor, Exit, OutputSink, Pool, Surroundings
from cloudops_nb.models import ExecutionRequest, PreparedCommand


def was_stopped() -> bool:
    """Whether this task was asked to stop: a wrapped run may have answered that by returning."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class WrappingExecutor:
    """Carries out what ``executor`` does; a subclass adds to ``run``."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    @property
    def pool(self) -> Pool:
        """See ``Executor.pool``."""
        return self._executor.pool

    def prepare(self, request: ExecutionRequest, surroundings: Surroundings) -> PreparedCommand:
        """See ``Executor.prepare``."""
        return self._executor.prepare(request, surroundings)

    async def run(self, prepared: PreparedCommand, sink: OutputSink) -> Exit:
        """See ``Executor.run``."""
        return await self._executor.run(prepared, sink)
