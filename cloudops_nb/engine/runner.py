"""Carries one command through its life: slot, intent, process, outcome."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from time import monotonic

from cloudops_nb.aws.schema import schema_of
from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine.attempts import AttemptRunner
from cloudops_nb.engine.estimates import Durations
from cloudops_nb.engine.events import EventHub
from cloudops_nb.engine.locks import Holder, ResourceLocks
from cloudops_nb.engine.logdir import check_directory, make_directory
from cloudops_nb.engine.logfile import LogOutput, LogWriter, set_aside
from cloudops_nb.engine.output import OutputCollector
from cloudops_nb.engine.run_journal import RunJournal
from cloudops_nb.engine.runs import CommandRun
from cloudops_nb.engine.sink import RunSink, Slot, Timer
from cloudops_nb.engine.spare import SpareFile
from cloudops_nb.errors import (
    ExecutionError,
    JournalUnavailable,
    LockUnavailable,
    LogUnavailable,
)
from cloudops_nb.executors.base import Exit, FindAccount, Pool
from cloudops_nb.history import Journal
from cloudops_nb.models import ExecutionResult, ExecutionStatus, Started, Waiting
from cloudops_nb.models.base import now
from cloudops_nb.models.events import ended
from cloudops_nb.models.results import Stream, signal_name

logger = logging.getLogger("cloudops_nb")

# What POSIX shells mean by these (XCU 2.8.2); a bare number sends people to a search engine.
_SHELL_CODES = {126: "found but not executable", 127: "command not found"}


class CommandRunner:
    """Runs commands on the engine's loop, of each pool at most so many at a time."""

    def __init__(
        self,
        config: ExecutionConfig,
        hub: EventHub,
        journal: Journal,
    ) -> None:
        self._config = config
        self._hub = hub
        self._journal = RunJournal(journal)
        self._attempts = AttemptRunner(hub, self._journal)
        self._spare = SpareFile()
        self._places: dict[Pool, asyncio.Semaphore] = {}
        self._locks = ResourceLocks(config.lock_directory)
        self.durations = Durations()

    def limit(self, pool: Pool) -> int:
        """How many commands of a pool run at a time."""
        return pool.limit or self._config.max_concurrent_executions

    def configure(self, config: ExecutionConfig) -> None:
        """Takes new settings, for the commands that start from now on."""
        if config.max_concurrent_executions != self._config.max_concurrent_executions:
            # Those that hold a place of an old semaphore give it back there.
            for pool in [pool for pool in self._places if pool.limit is None]:
                del self._places[pool]
        self._config = config

    def close(self) -> None:
        """Gives up what is held in store. Nothing runs any more."""
        self._spare.close()

    async def run(self, run: CommandRun) -> ExecutionResult:
        """Runs a command to its end and reports it. Never raises."""
        try:
            if run.request.lock is None:
                result = await self._run_attempts(run)
            else:
                result = await self._run_under_lock(run, run.request.lock)
        except Exception as error:
            # The engine outlives a fault of its own; the operator sees it as the run's error.
            logger.exception("execution %s failed inside the engine", run.id)
            result = self._result(run, ExecutionStatus.FAILED, error=f"internal error: {error!r}")
        self.report(run, result)
        return result

    def skip(self, run: CommandRun, reason: str) -> None:
        """Reports a command that is not run, and why."""
        self.report(run, self._result(run, ExecutionStatus.SKIPPED, error=reason))

    def carry_over(self, run: CommandRun, result: ExecutionResult) -> None:
        """Reports a command that completed in an earlier run of its plan. Nothing is journalled."""
        run.prepared = None
        run.log_path, run.started_at = result.log_path, result.started_at
        run.status = result.status
        run.finished.set_result(result)
        self._hub.publish(ended(result))

    def fail(self, run: CommandRun, error: str) -> None:
        """Reports a command that cannot be started, and why."""
        self.report(run, self._result(run, ExecutionStatus.FAILED, error=f"not started: {error}"))

    def report(self, run: CommandRun, result: ExecutionResult) -> None:
        """Keeps the outcome, then tells everyone."""
        run.prepared = None  # its environment may hold secrets, and nothing needs it any more
        self._journal.settle(run, result)
        if result.success:
            self.durations.add(run.description["command"], result.duration.total_seconds())
        run.status = result.status
        run.finished.set_result(result)
        self._hub.publish(ended(result))

    async def _run_attempts(self, run: CommandRun) -> ExecutionResult:
        if run.retry is None:
            return await self._run_in_slot(run)
        return await self._attempts.run(run, run.retry, self._run_in_slot)

    async def _run_under_lock(self, run: CommandRun, name: str) -> ExecutionResult:
        """All attempts under one lock: what a failed one left half done is not for others."""
        try:
            taken = await run.unless_stopped(
                self._locks.acquire(name, lambda holder: self._wait_for_lock(run, name, holder))
            )
        except LockUnavailable as error:
            return self._result(run, ExecutionStatus.FAILED, error=f"not started: {error}")
        finally:
            run.waits = None
        if not taken:
            return self._stopped(run)
        try:
            return await self._run_attempts(run)
        finally:
            self._locks.release(name)

    def _wait_for_lock(self, run: CommandRun, name: str, holder: Holder | None) -> None:
        by = f", held by process {holder.pid} since {holder.since:%H:%M:%S} UTC" if holder else ""
        run.waits = Waiting(
            execution_id=run.id,
            plan_id=run.plan_id,
            reason=run.redactor.text(f"waits for the lock {name!r}{by}"),
            lock=run.redactor.text(name),
            holder_pid=holder.pid if holder else None,
            holder_since=holder.since if holder else None,
        )
        self._hub.publish(run.waits)

    def _stopped(self, run: CommandRun) -> ExecutionResult:
        assert run.stop is not None
        status, error = run.stop.status, run.stop.error
        if status is not ExecutionStatus.SKIPPED:
            error += " before it started"
        return self._result(run, status, error=error)

    async def _run_in_slot(self, run: CommandRun) -> ExecutionResult:
        pool = run.executor.pool
        if pool not in self._places:
            self._places[pool] = asyncio.Semaphore(self.limit(pool))
        slot = Slot(self._places[pool])
        if not await run.unless_stopped(slot.take()):
            return self._stopped(run)
        try:
            # It may have been asked to stop at the moment in which it was given the slot.
            return await self._run_logged(run, slot) if run.stop is None else self._stopped(run)
        finally:
            slot.give_back()

    async def _run_logged(self, run: CommandRun, slot: Slot) -> ExecutionResult:
        prepared = run.prepared
        assert prepared is not None  # it is given up only when the run is reported
        try:
            self._journal.intend(run, prepared)
            if run.request.output_log_path is None:
                check_directory(run.log_path.parent)
            else:  # whose directory it is that a request chose, is the request's business
                make_directory(run.log_path.parent)
            if run.attempt > 1:
                set_aside(run.log_path, run.attempt - 1)
            log = LogWriter(run.log_path, self._config, self._spare)
        except (JournalUnavailable, LogUnavailable) as error:
            return self._result(run, ExecutionStatus.FAILED, error=f"not started: {error}")
        run.log = log
        run.started_at = now()
        run.began = run.began or run.started_at
        run.started_clock = monotonic()
        run.status = ExecutionStatus.RUNNING
        loop = asyncio.get_running_loop()
        # Soon, not now: everyone is told while the process starts, and not before it may.
        loop.call_soon(self._announce, run)
        loop.call_soon(self._spare.prepare, run.log_path.parent)
        collector = OutputCollector(
            run.redactor,
            log,
            publish=lambda stream, data: self._publish(run, stream, data),
            on_fault=lambda error: run.ask_to_stop(ExecutionStatus.FAILED, str(error)),
        )
        timeout = prepared.timeout_ms / 1000
        timer = Timer(timeout, lambda: self._time_out(run, timeout))
        timer.start()
        sink = RunSink(
            run,
            hub=self._hub,
            collector=collector,
            slot=slot,
            timer=timer,
            announce=lambda: self._announce(run),
        )
        outcome: Exit | None
        try:
            outcome = await run.unless_stopped(run.executor.run(prepared, sink))
        except ExecutionError as error:
            run.fault = error
            outcome = Exit(None, str(error))
        finally:
            timer.stop()
            omitted = collector.close()
            run.log = None
            self._announce(run)
        outcome = outcome or Exit(None)
        result = self._ended(run, outcome, omitted)
        if not result.success or outcome.account is None:
            return result
        return await _with_account(run, result, outcome.account)

    def _announce(self, run: CommandRun) -> None:
        if run.announced:
            return
        run.announced = True
        run.retrying = None
        assert run.started_at is not None
        self._hub.publish(
            Started(
                execution_id=run.id,
                plan_id=run.plan_id,
                command=run.description["command"],
                name=run.description["name"],
                timestamp=run.started_at,
                attempt=run.attempt,
            )
        )

    def _publish(self, run: CommandRun, stream: Stream, data: bytes) -> None:
        if self._config.stream_output:
            self._announce(run)  # an executor may print before the loop turns
            self._hub.publish_output(run.id, run.plan_id, stream, data, now())

    def _time_out(self, run: CommandRun, timeout: float) -> None:
        error = f"timed out after {timeout:g} s; allow more with --timeout or timeout_ms"
        run.ask_to_stop(ExecutionStatus.TIMEOUT, error)

    def _ended(self, run: CommandRun, outcome: Exit, omitted: int) -> ExecutionResult:
        stop = run.stop
        if stop is not None:
            run.left_behind = outcome.left_behind
            error = f"{stop.error}; {outcome.error}" if outcome.error else stop.error
            return self._result(run, stop.status, error, outcome, omitted)
        if outcome.code == 0:
            return self._result(run, ExecutionStatus.COMPLETED, None, outcome, omitted)
        error = outcome.error or _reason(outcome.code)
        return self._result(run, ExecutionStatus.FAILED, error, outcome, omitted)

    def _result(
        self,
        run: CommandRun,
        status: ExecutionStatus,
        error: str | None = None,
        outcome: Exit = Exit(None),  # noqa: B008 - a frozen value
        omitted_bytes: int = 0,
    ) -> ExecutionResult:
        completed_at = now()
        ran = run.started_clock is not None
        seconds = monotonic() - run.started_clock if run.started_clock is not None else 0.0
        optional = {
            "plan_id": run.plan_id,
            "signal": signal_name(outcome.code),
            "error": run.redactor.text(error) if error is not None else None,
            "omitted_bytes": omitted_bytes or None,
            "requested_at": outcome.requested_at,
            "via": run.redactor.text(outcome.via) if outcome.via is not None else None,
            **run.description,
        }
        result = ExecutionResult(
            id=run.id,
            status=status,
            exit_code=outcome.code,
            duration=timedelta(seconds=seconds),
            started_at=run.started_at or completed_at,
            completed_at=completed_at,
            log_path=run.log_path,
            # A model remembers which fields it was given; it is kept, and should be small.
            **{name: value for name, value in optional.items() if value is not None},
        )
        return result.with_output(LogOutput(run.log_path), schema_of) if ran else result


async def _with_account(
    run: CommandRun, result: ExecutionResult, find: FindAccount
) -> ExecutionResult:
    """The result of a command that has completed; who asks to stop now has it without account."""
    account = await run.unless_stopped(find())
    return result.model_copy(update={"account": account}) if account is not None else result


def _reason(exit_code: int | None) -> str:
    name = signal_name(exit_code)
    if name is not None:
        return f"killed by {name}"
    meaning = _SHELL_CODES.get(exit_code or 0)
    return f"exit code {exit_code}" + (f" ({meaning})" if meaning else "")
