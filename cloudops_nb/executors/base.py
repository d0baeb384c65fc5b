"""The seam between the engine and what carries a command out."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.models import ExecutionRequest, PreparedCommand
from cloudops_nb.models.results import Stream


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a command is prepared in: settings, the environment to inherit, a directory."""

    config: ExecutionConfig
    environ: Mapping[str, str]
    cwd: Path


FindAccount = Callable[[], Coroutine[Any, Any, str | None]]
"""Finds out which AWS account answered; None: that cannot be told. Never raises."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a run ended. ``code`` is None when there was none; ``error`` then says why.

    ``left_behind`` says that something of it could not be stopped and still runs. ``account`` may
    ask AWS, so it is called once the run is over and how it ended is decided; ``requested_at`` is
    when AWS was first asked, where that is known; ``via`` how it ran, where there are several ways.
    """

    code: int | None
    error: str | None = None
    left_behind: bool = False
    account: FindAccount | None = None
    requested_at: datetime | None = None
    via: str | None = None


@dataclass(frozen=True, slots=True)
class Pool:
    """Commands that share a limit. ``limit`` None: ``max_concurrent_executions``."""

    name: str
    limit: int | None = None


PROCESSES = Pool("processes")


class OutputSink(Protocol):
    """Where a run's output goes, as bytes, in the order it was read. On the engine's loop only."""

    def write(self, stream: Stream, data: bytes) -> None:
        """Takes a piece of output. Never blocks for long and never raises."""
        ...

    def conceal(self, secrets: Mapping[str, str]) -> None:
        """Has these values, by name, masked in all that follows."""
        ...

    def progress(self, *, pages: int, records: int, note: str | None = None) -> None:
        """Says how far the run is, and what holds it up, if something does. Never raises.

        May be called for each page: views are told of some twenty a second, and of each ``note``.
        """
        ...

    def parked(self, reason: str) -> AbstractAsyncContextManager[None]:
        """While inside, the run waits for something from outside, such as new credentials.

        It is ``pending`` for that reason, its timeout stands still, others run in its place, and
        leaving waits for a place again. What is raised inside is to end the run.
        """
        ...


class Lender(Protocol):
    """Gives processes that call AWS their credentials."""

    def lent(
        self, prepared: PreparedCommand, sink: OutputSink
    ) -> AbstractAsyncContextManager[PreparedCommand]:
        """While inside, the command it gives has what it needs in its environment.

        Raises:
            CredentialsUnavailable: there are none to be had, and the command would find none.
        """
        ...


class Executor(Protocol):
    """How one kind of command is carried out."""

    @property
    def pool(self) -> Pool:
        """Whose limit its commands count against."""
        ...

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
