"""The seam between the engine and what carries a command out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.models import ExecutionRequest, PreparedCommand
from cloudops_nb.models.results import Stream


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a command is prepared in: settings, the environment to inherit, a directory."""

    config: ExecutionConfig
    environ: Mapping[str, str]
    cwd: Path


@dataclass(frozen=True, slots=True)
class Exit:
    """How a run ended. ``code`` is None when there was none; ``error`` then says why."""

    code: int | None
    error: str | None = None


class OutputSink(Protocol):
    """Where a run's output goes, as bytes, in the order it was read."""

    def write(self, stream: Stream, data: bytes) -> None:
        """Takes a piece of output. Never blocks for long and never raises."""
        ...


class Executor(Protocol):
    """How one kind of command is carried out."""

    def prepare(self, request: ExecutionRequest, surroundings: Surroundings) -> PreparedCommand:
        """Decides everything about a request's run, without running anything.

        Raises:
            ValidationError: the request cannot run here; the message says why.
        """
        ...

    async def run(self, prepared: PreparedCommand, sink: OutputSink) -> Exit:
        """Runs a prepared command to its end.

        When the task is cancelled, everything the run started is stopped and its output drained
        before ``asyncio.CancelledError`` leaves this coroutine.

        Raises:
            SpawnFailed: the run could not be started.
        """
        ...
