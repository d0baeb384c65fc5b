"""Prepares and runs commands with an executor alone, without an engine."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.executors.base import Exit, Surroundings
from cloudops_nb.executors.process import ProcessExecutor
from cloudops_nb.models import ExecutionRequest, PreparedCommand
from cloudops_nb.models.results import Stream

ENVIRON = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


class Sink:
    """Keeps what is written; a future for the first piece."""

    def __init__(self) -> None:
        self.pieces: list[tuple[Stream, bytes]] = []
        self.first: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def write(self, stream: Stream, data: bytes) -> None:
        self.pieces.append((stream, data))
        if not self.first.done():
            self.first.set_result(data)

    def text(self, stream: Stream) -> bytes:
        return b"".join(data for each, data in self.pieces if each == stream)


def prepare(
    command: Any,
    *,
    environ: Mapping[str, str] = ENVIRON,
    cwd: Path | None = None,
    executor: ProcessExecutor | None = None,
    config: ExecutionConfig | None = None,
    **fields: Any,
) -> PreparedCommand:
    around = Surroundings(config or ExecutionConfig(), environ, cwd or Path.cwd())
    request = ExecutionRequest(command=command, **fields)
    return (executor or ProcessExecutor()).prepare(request, around)


def run(prepared: PreparedCommand, grace: float = 2.0) -> tuple[Exit, Sink]:
    async def main() -> tuple[Exit, Sink]:
        sink = Sink()
        return await asyncio.wait_for(ProcessExecutor(grace).run(prepared, sink), 30), sink

    return asyncio.run(main())


def run_and_cancel(prepared: PreparedCommand, grace: float = 2.0) -> tuple[Exit, Sink]:
    """Runs a command and cancels it as soon as it has printed something."""

    async def main() -> tuple[Exit, Sink]:
        sink = Sink()
        task = asyncio.create_task(ProcessExecutor(grace).run(prepared, sink))
        await asyncio.wait_for(asyncio.shield(sink.first), 30)
        task.cancel()
        return await asyncio.wait_for(task, 30), sink

    return asyncio.run(main())
