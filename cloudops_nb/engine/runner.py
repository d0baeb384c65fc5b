"""Carries one command through its life: slot, intent, process, outcome."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from time import monotonic
from typing import Any

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine.events import EventHub
from cloudops_nb.engine.logfile import LogOutput, LogWriter, make_private_directory
from cloudops_nb.engine.output import OutputCollector
from cloudops_nb.engine.runs import CommandRun, Stop
from cloudops_nb.errors import ExecutionError, JournalUnavailable, LogUnavailable
from cloudops_nb.executors.base import Exit
from cloudops_nb.history import Intent, Journal, Outcome
from cloudops_nb.models import ExecutionResult, ExecutionStatus, PreparedCommand, Started
from cloudops_nb.models.base import now
from cloudops_nb.models.events import ended
from cloudops_nb.models.results import Stream, signal_name

logger = logging.getLogger("cloudops_nb")

# What POSIX shells mean by these (XCU 2.8.2); a bare number sends people to a search engine.
_SHELL_CODES = {126: "found but not executable", 127: "command not found"}


class CommandRunner:
    """Runs commands on the engine's loop, at most so many processes at a time."""

    def __init__(
        self,
        config: ExecutionConfig,
        hub: EventHub,
        journal: Journal,
    ) -> None:
        self._config = config
        self._hub = hub
        self._journal = journal
        self._slots = asyncio.Semaphore(config.max_concurrent_executions)

    def configure(self, config: ExecutionConfig) -> None:
        """Takes new settings, for the commands that start from now on."""
        if config.max_concurrent_executions != self._config.max_concurrent_executions:
            # Those that hold a slot of the old semaphore give it back there.
            self._slots = asyncio.Semaphore(config.max_concurrent_executions)
        self._config = config

    async def run(self, run: CommandRun) -> ExecutionResult:
        """Runs a command to its end and reports it. Never raises."""
        try:
            result = await self._run_in_slot(run)
        except Exception as error:
            # The engine outlives a fault of its own; the operator sees it as the run's error.
            logger.exception("execution %s failed inside the engine", run.id)
            result = self._result(run, ExecutionStatus.FAILED, error=f"internal error: {error!r}")
        self.report(run, result)
        return result

    def skip(self, run: CommandRun, reason: str) -> None:
        """Reports a command that is not run, and why."""
        self.report(run, self._result(run, ExecutionStatus.SKIPPED, error=reason))

    def report(self, run: CommandRun, result: ExecutionResult) -> None:
        """Keeps the outcome, then tells everyone."""
        run.prepared = None  # its environment may hold secrets, and nothing needs it any more
        try:
            self._journal.write(Outcome(run.id, result.status, result.exit_code, now()))
        except Exception:
            # It has ended, journal or not, and somebody waits for it.
            logger.exception("the outcome of %s is not in the journal", run.id)
        run.status = result.status
        run.finished.set_result(result)
        self._hub.publish(ended(result))

    async def _run_in_slot(self, run: CommandRun) -> ExecutionResult:
        slots = self._slots
        if not await _took(slots, run.stop):
            stop = run.stop.result()
            return self._result(run, stop.status, error=f"{stop.error} before it started")
        try:
            return await self._run_logged(run)
        finally:
            slots.release()

    async def _run_logged(self, run: CommandRun) -> ExecutionResult:
        prepared = run.prepared
        assert prepared is not None  # it is given up only when the run is reported
        try:
            self._journal.write(Intent(run.id, run.plan_id, prepared.line, run.digest, now()))
            make_private_directory(run.log_path.parent)
            log = LogWriter(run.log_path, self._config)
        except (JournalUnavailable, LogUnavailable) as error:
            return self._result(run, ExecutionStatus.FAILED, error=f"not started: {error}")
        run.started_at = now()
        run.started_clock = monotonic()
        run.status = ExecutionStatus.RUNNING
        self._hub.publish(
            Started(
                execution_id=run.id,
                plan_id=run.plan_id,
                command=run.description["command"],
                name=run.description["name"],
                timestamp=run.started_at,
            )
        )
        collector = OutputCollector(
            run.redactor,
            log,
            publish=lambda stream, data: self._publish(run, stream, data),
            on_fault=lambda error: run.ask_to_stop(ExecutionStatus.FAILED, str(error)),
        )
        try:
            outcome, stop = await self._run_to_end(run, prepared, collector)
        finally:
            omitted = collector.close()
        if stop is None and run.stop.done():  # the log failed with its last bytes
            stop = run.stop.result()
        return self._ended(run, outcome, stop).model_copy(update={"omitted_bytes": omitted})

    def _publish(self, run: CommandRun, stream: Stream, data: bytes) -> None:
        if self._config.stream_output:
            self._hub.publish_output(run.id, run.plan_id, stream, data, now())

    async def _run_to_end(
        self, run: CommandRun, prepared: PreparedCommand, collector: OutputCollector
    ) -> tuple[Exit, Stop | None]:
        """How the run ended, and why it was stopped if it did not end by itself."""
        task = asyncio.ensure_future(run.executor.run(prepared, collector))
        timeout = prepared.timeout_ms / 1000
        await _first_of(task, run.stop, timeout)
        stop = None
        if not task.done():
            if not run.stop.done():
                run.ask_to_stop(
                    ExecutionStatus.TIMEOUT,
                    f"timed out after {timeout:g} s; allow more with --timeout or timeout_ms",
                )
            stop = run.stop.result()
            task.cancel()
            await asyncio.wait({task})
        if task.cancelled():
            return Exit(None), stop
        error = task.exception()
        if isinstance(error, ExecutionError):
            return Exit(None, str(error)), stop
        return task.result(), stop

    def _ended(self, run: CommandRun, outcome: Exit, stop: Stop | None) -> ExecutionResult:
        if stop is not None:
            error = f"{stop.error}; {outcome.error}" if outcome.error else stop.error
            return self._result(run, stop.status, outcome.code, error)
        if outcome.code == 0:
            return self._result(run, ExecutionStatus.COMPLETED, 0)
        return self._result(
            run, ExecutionStatus.FAILED, outcome.code, outcome.error or _reason(outcome.code)
        )

    def _result(
        self,
        run: CommandRun,
        status: ExecutionStatus,
        exit_code: int | None = None,
        error: str | None = None,
    ) -> ExecutionResult:
        completed_at = now()
        ran = run.started_clock is not None
        seconds = monotonic() - run.started_clock if run.started_clock is not None else 0.0
        result = ExecutionResult(
            id=run.id,
            plan_id=run.plan_id,
            status=status,
            exit_code=exit_code,
            signal=signal_name(exit_code),
            duration=timedelta(seconds=seconds),
            started_at=run.started_at or completed_at,
            completed_at=completed_at,
            log_path=run.log_path,
            error=run.redactor.text(error) if error is not None else None,
            **run.description,
        )
        return result.with_output(LogOutput(run.log_path)) if ran else result


async def _took(slots: asyncio.Semaphore, stop: asyncio.Future[Stop]) -> bool:
    """Waits for a slot; False if the run was stopped while it waited."""
    slot = asyncio.ensure_future(slots.acquire())
    await _first_of(slot, stop)
    if not stop.done():
        return True
    if not slot.cancel():
        slots.release()
    return False


async def _first_of(
    work: asyncio.Future[Any], stop: asyncio.Future[Stop], timeout: float | None = None
) -> None:
    both: set[asyncio.Future[Any]] = {work, stop}
    await asyncio.wait(both, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)


def _reason(exit_code: int | None) -> str:
    name = signal_name(exit_code)
    if name is not None:
        return f"killed by {name}"
    meaning = _SHELL_CODES.get(exit_code or 0)
    return f"exit code {exit_code}" + (f" ({meaning})" if meaning else "")
