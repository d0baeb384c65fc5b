"""What a run tells the engine while it lasts, beside its output, and what it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from time import monotonic
from typing import Literal

from cloudops_nb.engine.events import EventHub
from cloudops_nb.engine.output import OutputCollector
from cloudops_nb.engine.runs import CommandRun
from cloudops_nb.models import CommandProgress, ExecutionStatus, Resumed, Waiting
from cloudops_nb.models.results import Stream

PROGRESS_SECONDS = 0.05
"""Between two progress events of one run, unless there is something to note."""


class Slot:
    """One of the places for commands that run at the same time; a parked one gives its back."""

    def __init__(self, places: asyncio.Semaphore) -> None:
        self._places = places
        self._held = False

    async def take(self) -> Literal[True]:
        """Waits for a free place."""
        await self._places.acquire()
        self._held = True
        return True

    def give_back(self) -> None:
        """Lets another have it; of a place that is not held, nothing happens."""
        if self._held:
            self._held = False
            self._places.release()


class Timer:
    """Calls once when the time is up; can be stopped and go on. On the loop only."""

    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self._left = seconds
        self._call = call
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Lets the time run on."""
        loop = asyncio.get_running_loop()
        self._handle = loop.call_later(max(self._left, 0), self._call)

    def stop(self) -> None:
        """Stops the time, if it runs."""
        if self._handle is not None:
            self._left = self._handle.when() - asyncio.get_running_loop().time()
            self._handle.cancel()
            self._handle = None


class RunSink:
    """An ``OutputSink``: one run's side of the seam to its executor.

    Args:
        announce: makes sure that everyone was told of the run's start.
    """

    def __init__(
        self,
        run: CommandRun,
        *,
        hub: EventHub,
        collector: OutputCollector,
        slot: Slot,
        timer: Timer,
        announce: Callable[[], None],
    ) -> None:
        self._run = run
        self._hub = hub
        self._collector = collector
        self._slot = slot
        self._timer = timer
        self._announce = announce
        self._told_clock = 0.0
        # Each piece of a flood comes by here.
        self.write: Callable[[Stream, bytes], None] = collector.write

    def conceal(self, secrets: Mapping[str, str]) -> None:
        """See ``OutputSink.conceal``."""
        self._run.redactor = self._run.redactor.including(secrets)
        self._collector.learn(self._run.redactor)

    def progress(self, *, pages: int, records: int, note: str | None = None) -> None:
        """See ``OutputSink.progress``."""
        run = self._run
        run.progress = CommandProgress(
            execution_id=run.id,
            plan_id=run.plan_id,
            pages=pages,
            records=records,
            note=None if note is None else run.redactor.text(note),
        )
        if note is not None or monotonic() >= self._told_clock + PROGRESS_SECONDS:
            self._told_clock = monotonic()
            self._announce()
            self._hub.publish(run.progress)

    @asynccontextmanager
    async def parked(self, reason: str) -> AsyncIterator[None]:
        """See ``OutputSink.parked``."""
        run = self._run
        self._announce()
        self._timer.stop()
        self._slot.give_back()
        run.status = ExecutionStatus.PENDING
        run.waits = Waiting(
            execution_id=run.id, plan_id=run.plan_id, reason=run.redactor.text(reason)
        )
        self._hub.publish(run.waits)
        try:
            yield
            await self._slot.take()
        finally:
            run.status = ExecutionStatus.RUNNING
            run.waits = None
        self._timer.start()
        self._hub.publish(Resumed(execution_id=run.id, plan_id=run.plan_id))
