"""What the engine remembers: runs in memory, and on disk the results of those that were."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from uuid import UUID

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine.archive import Archive
from cloudops_nb.engine.housekeeping import Housekeeping
from cloudops_nb.engine.past import PastRun
from cloudops_nb.engine.preparation import log_path
from cloudops_nb.engine.retention import Retention
from cloudops_nb.engine.rotation import rotate
from cloudops_nb.engine.runs import CommandRun, PlanRun, Run
from cloudops_nb.errors import EngineClosed, ExecutionError, ExecutionNotFound, LogUnavailable
from cloudops_nb.executors.process.register import running_ids

logger = logging.getLogger("cloudops_nb")

CLEANUP_SECONDS = 60.0
ROTATE_SECONDS = 600.0
RETIRE_SECONDS = 0.05
"""What ends within this time is retired together."""


class Memory:
    """The runs of one engine. Looked at from any thread; what ends is told on the loop.

    Args:
        config: asked each time, since settings change while an engine lives.
    """

    def __init__(self, config: Callable[[], ExecutionConfig]) -> None:
        self._config = config
        self._runs: dict[UUID, Run] = {}
        self._expected: dict[UUID, Run] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._retention = Retention()
        self._retiring: asyncio.TimerHandle | None = None
        self._housekeeping = Housekeeping()
        self._kept_in: dict[Archive, None] = {}  # a set in the order of its entries
        self._logged_in: dict[Path, None] = {}  # the same
        self._cleanup: asyncio.Task[None] | None = None

    # Asking

    def runs(self) -> list[Run]:
        """Those in memory, oldest first."""
        with self._lock:
            return list(self._runs.values())

    def ids(self, prefix: str) -> list[UUID]:
        """The ids in memory and on disk that start so; may raise ``LogUnavailable``."""
        known = [run.id for run in self.runs() if str(run.id).startswith(prefix)]
        kept = (each for archive in self._archives() for each in archive.ids(prefix))
        return list(dict.fromkeys((*known, *kept)))

    def is_used(self, execution_id: UUID) -> bool:
        """Whether there is something under this id already, if only a log."""
        # A plan from a file brings the same ids every day; their logs of yesterday are still there.
        if execution_id in self._runs or any(each.has(execution_id) for each in self._archives()):
            return True
        return log_path(execution_id, None, self._config()).exists()

    def look_up(self, execution_id: UUID) -> Run | PastRun | None:
        """The run under this id, else its past; may raise ``SerializationError``."""
        # In this order: what is expected is among the runs before it is expected no more.
        run = self._expected.get(execution_id) or self._runs.get(execution_id)
        if run is not None:
            return run
        found = (archive.load(execution_id) for archive in self._archives())
        return next((past for past in found if past is not None), None)

    def find(self, execution_id: UUID) -> Run | PastRun:
        """See ``look_up``; raises ``ExecutionNotFound``."""
        run = self.look_up(execution_id)
        if run is None:
            raise ExecutionNotFound(execution_id)
        return run

    async def find_anywhere(self, execution_id: UUID) -> Run | PastRun:
        """See ``find``; the caller's loop does not wait for the disk."""
        run = self._runs.get(execution_id)
        return await asyncio.to_thread(self.find, execution_id) if run is None else run

    # Coming and going

    @contextmanager
    def expecting(self, run: Run) -> Iterator[None]:
        """Within the block a run is found before it is added: it is shown, and can be cancelled."""
        expected = _by_id(run)
        self._expected.update(expected)
        try:
            yield
        finally:
            for execution_id in expected:
                del self._expected[execution_id]

    def add(self, run: Run, launch: Callable[[], None]) -> None:
        """Takes up a run, and launches it.

        Raises:
            EngineClosed: it came too late.
        """
        with self._lock:
            # Under the lock: who closes has seen a run by now, or the run finds that out here.
            if self._closed:
                raise EngineClosed("the engine was closed; make a new one")
            self._runs.update(_by_id(run))
            launch()

    def take_no_more(self) -> list[Run]:
        """From now on nothing is added; returns what has not ended."""
        with self._lock:
            self._closed = True
            return [run for run in self._runs.values() if not run.finished.done()]

    def ended(self, run: Run) -> None:
        """Takes note that a command or plan has ended. On the loop only."""
        commands = _commands(run)
        for command in commands:
            if command.began is not None and command.request.output_log_path is None:
                self._logged_in[command.log_path.parent] = None
        self._retention.add(tuple(_by_id(run)), len(commands), monotonic())
        if self._cleanup is not None and self._retiring is None:
            loop = asyncio.get_running_loop()
            self._retiring = loop.call_later(RETIRE_SECONDS, self.retire)

    def close(self) -> None:
        """Keeps on disk what is in memory. Nothing runs any more, nor does the loop."""
        self._housekeeping.close()
        self._keep(self.runs())

    # Keeping house

    def start_cleanup(self) -> None:
        """Retires and rotates in the background from now on. On the loop only."""
        if self._cleanup is None:
            self._cleanup = asyncio.ensure_future(self._clean_up())

    async def _clean_up(self) -> None:
        rotated = -ROTATE_SECONDS
        while True:
            if monotonic() - rotated >= ROTATE_SECONDS:
                rotated = monotonic()
                self._housekeeping.do(self.rotate)
            await asyncio.sleep(CLEANUP_SECONDS)
            self.retire()

    def rotate(self) -> None:
        """Removes old logs and results, but of nothing that is in memory or runs anywhere."""
        with self._lock:
            remembered = set(self._runs)
        try:
            in_use = remembered | running_ids()
        except OSError as error:
            # Nothing is removed on a guess.
            logger.warning("old logs are not removed: %s", error)
            return
        kept_in = (archive.directory for archive in self._archives())
        for directory in dict.fromkeys((*kept_in, *self._logged_in)):
            try:
                rotate(directory, self._config(), in_use)
            except LogUnavailable as error:
                # A directory that stays wrong fails what runs in it.
                logger.warning("old logs are not removed: %s", error)

    def retire(self) -> None:
        """Has what is due moved from memory to disk, on the housekeeping thread."""
        self._retiring = None
        forgotten = self._retention.retire(self._config(), monotonic())
        if forgotten:
            self._housekeeping.do(partial(self._forget, forgotten))

    def _forget(self, ids: list[UUID]) -> None:
        # On disk first: there is no moment at which a result could not be found.
        self._keep([self._runs[execution_id] for execution_id in ids])
        with self._lock:
            for execution_id in ids:
                del self._runs[execution_id]

    def _keep(self, runs: list[Run]) -> None:
        archive = self._archives()[0]
        lost: list[ExecutionError] = []
        for run in runs:
            if isinstance(run, CommandRun) and run.plan_id is not None:
                continue  # it goes with its plan
            try:
                archive.keep(run)
            except ExecutionError as error:
                lost.append(error)
            else:
                self._kept_in[archive] = None
        if lost:
            # Memory is bounded, disk or not; who still has a handle has the result.
            logger.warning("%d results could not be kept: %s", len(lost), lost[0])

    def _archives(self) -> tuple[Archive, ...]:
        """The one in force, and those of earlier settings in which a result was kept."""
        current = Archive(self._config().log_directory)
        return tuple(dict.fromkeys((current, *self._kept_in)))


def _by_id(run: Run) -> dict[UUID, Run]:
    """A command, or a plan and its commands."""
    return {each.id: each for each in (run, *_commands(run))}


def _commands(run: Run) -> tuple[CommandRun, ...]:
    return run.commands if isinstance(run, PlanRun) else (run,)
