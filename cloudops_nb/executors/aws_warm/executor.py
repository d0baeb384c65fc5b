"""Runs a prepared ``aws`` command in a warm worker where that is the same, else as a process."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from cloudops_nb.errors import SpawnFailed
from cloudops_nb.executors.aws_warm.program import Line, NotWarm, warm_line
from cloudops_nb.executors.aws_warm.workers import Worker, WorkerLost, WorkerPool
from cloudops_nb.executors.base import Exit, Lender, OutputSink
from cloudops_nb.executors.process import ProcessExecutor
from cloudops_nb.executors.process.prepare import check_unchanged
from cloudops_nb.executors.process.watchdog import Watchdog
from cloudops_nb.models import PreparedCommand


class WarmExecutor(ProcessExecutor):
    """Carries out ``aws`` commands the way their request's ``via`` says.

    Args:
        grace: seconds between SIGTERM and SIGKILL when a run is cancelled.
        watchdog: ends what runs, and the workers, when this process dies.
        lender: gives commands their credentials; without one they find their own.
    """

    def __init__(
        self,
        grace: float = 2.0,
        watchdog: Watchdog | None = None,
        lender: Lender | None = None,
    ) -> None:
        super().__init__(grace, watchdog, lender)
        self._workers = WorkerPool(self._watchdog, lender)

    async def run(self, prepared: PreparedCommand, sink: OutputSink) -> Exit:
        """See ``Executor.run``; ``via`` of what is returned says how it ran."""
        check_unchanged(prepared)
        how = "cli"
        if prepared.request.via != "cli":
            try:
                return await self._run_warm(warm_line(prepared), prepared, sink)
            except NotWarm as reason:
                if prepared.request.via == "sdk":
                    raise SpawnFailed(
                        f"via sdk: {reason}; let it run as a process, with via cli or auto"
                    ) from None
                how = f"cli ({reason})"
        return replace(await super().run(prepared, sink), via=how)

    async def _run_warm(self, line: Line, prepared: PreparedCommand, sink: OutputSink) -> Exit:
        with self._watchdog.watching(prepared.id) as watch:
            while True:
                worker = await self._workers.take(line, prepared, sink)
                watch(worker.child.pid)
                try:
                    return await self._run_in(worker, line, prepared, sink)
                except WorkerLost:
                    continue  # it had not begun: another one may

    async def _run_in(
        self, worker: Worker, line: Line, prepared: PreparedCommand, sink: OutputSink
    ) -> Exit:
        via = f"sdk (aws-cli/{worker.version} worker)"
        pipes = self.pipes(sink)
        try:
            work = asyncio.ensure_future(worker.run(line, pipes))
            stopped = await self.until(work, worker.child, pipes, prepared.id)
        finally:
            pipes.close()
        if stopped is not None:
            return replace(stopped, via=via)
        last_word = work.result()
        if last_word is None:
            code = worker.child.exit_code
            if code is not None and code < 0:
                return Exit(code, via=via)
            return Exit(None, f"the worker that ran it ended, with exit code {code}", via=via)
        self._workers.give_back(worker, last_word.get("kilobytes", 0))
        if "declined" in last_word:
            raise NotWarm(last_word["declined"])
        return Exit(last_word["exit"], via=via)
