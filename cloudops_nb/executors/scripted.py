"""An executor that plays what a test tells it to: the shipped fake."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from cloudops_nb.errors import InvalidCommand
from cloudops_nb.executors.base import PROCESSES, Exit, OutputSink, Pool, Surroundings
from cloudops_nb.models import ExecutionRequest, PreparedCommand


@dataclass(frozen=True)
class Scripted:
    """What a command is to do: print, wait for ``until`` if there is one, then end."""

    stdout: str = ""
    stderr: str = ""
    exit_code: int = 0
    until: Future[None] | None = None


class ScriptedExecutor:
    """Answers each command line with what was scripted for it; runs nothing.

    Args:
        responses: command line, as ``command.line`` writes it, to what it does.
        pool: whose limit they count against.
    """

    def __init__(self, responses: Mapping[str, Scripted], pool: Pool = PROCESSES) -> None:
        self.pool = pool
        self._responses = dict(responses)
        self.ran: list[str] = []

    def prepare(self, request: ExecutionRequest, surroundings: Surroundings) -> PreparedCommand:
        """See ``Executor.prepare``; a line that was not scripted is an ``InvalidCommand``."""
        line = request.command.line
        if line not in self._responses:
            raise InvalidCommand(f"no scripted response for {line!r}")
        return PreparedCommand(
            id=request.id,
            request=request,
            line=line,
            argv=(line,),
            cwd=surroundings.cwd,
            environment=dict(request.env),
            timeout_ms=request.timeout_ms or surroundings.config.default_timeout_ms,
        )

    async def run(self, prepared: PreparedCommand, sink: OutputSink) -> Exit:
        """See ``Executor.run``."""
        line = prepared.argv[0]  # prepared.line has its secrets masked by now
        self.ran.append(line)
        response = self._responses[line]
        if response.stdout:
            sink.write("stdout", response.stdout.encode())
        if response.stderr:
            sink.write("stderr", response.stderr.encode())
        if response.until is not None:
            # Shielded: several runs may wait for it, and a cancelled one must not cancel it.
            await asyncio.shield(asyncio.wrap_future(response.until))
        return Exit(response.exit_code)
