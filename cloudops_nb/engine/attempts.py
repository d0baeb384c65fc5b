"""Runs a command until an attempt goes well or trying again is of no use."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from cloudops_nb.engine.events import EventHub
from cloudops_nb.engine.logfile import attempt_path, stderr_tail
from cloudops_nb.engine.retry import RetryPolicy, jittered
from cloudops_nb.engine.run_journal import RunJournal
from cloudops_nb.engine.runs import CommandRun
from cloudops_nb.engine.verdicts import Ending, Verdict, judge
from cloudops_nb.errors import LogUnavailable
from cloudops_nb.models import (
    Attempt,
    ErrorCategory,
    ExecutionResult,
    ExecutionStatus,
    PreparedCommand,
    Retrying,
)
from cloudops_nb.models.base import now

Once = Callable[[CommandRun], Awaitable[ExecutionResult]]

_FAILED = (ExecutionStatus.FAILED, ExecutionStatus.TIMEOUT)


class AttemptRunner:
    """The loop around single attempts; waits on the engine's loop, and holds no slot meanwhile.

    Args:
        chance: gives random numbers from 0 up to 1, for the jitter.
    """

    def __init__(
        self, hub: EventHub, journal: RunJournal, chance: Callable[[], float] = random.random
    ) -> None:
        self._hub = hub
        self._journal = journal
        self._chance = chance

    async def run(self, run: CommandRun, policy: RetryPolicy, once: Once) -> ExecutionResult:
        """Runs ``once`` as often as the policy allows and there is a point in it."""
        result = await once(run)
        began, began_clock = run.started_at, run.started_clock
        if began is None or began_clock is None:
            return result
        earlier: list[Attempt] = []
        told: dict[str, Any] = {}
        while result.status in _FAILED:
            run.forget_timeout()
            verdict = _verdict(run, policy, result)
            why_not = _why_not(run, policy, verdict)
            if why_not is not None:
                told = {"error_category": verdict.category, "not_retried": why_not}
                break
            started, ended_clock = run.started_at, monotonic()
            await self._wait(run, policy, verdict, result)
            if run.stop is not None:
                result = _stopped(result, run.stop.status, run.stop.error)
                break
            run.begin_next_attempt()
            latest = await once(run)
            if run.started_at is started:  # it was stopped in the queue, or could not be recorded
                self._journal.settle(run, latest)
                run.attempt -= 1
                result = _stopped(result, latest.status, latest.error)
                break
            earlier.append(_attempt(run, verdict, result, started, ended_clock))
            result = latest
        if earlier:
            run.started_at = began
            told |= {
                "attempts": run.attempt,
                "earlier_attempts": tuple(earlier),
                "started_at": began,
                "duration": timedelta(seconds=monotonic() - began_clock),
            }
        return result.model_copy(update=told) if told else result

    async def _wait(
        self, run: CommandRun, policy: RetryPolicy, verdict: Verdict, result: ExecutionResult
    ) -> None:
        """Says what is waited for and waits, unless the run is asked to stop."""
        config = policy.config
        wait = jittered(config.backoff, run.attempt, self._chance())
        self._journal.settle(run, result)
        run.status = ExecutionStatus.PENDING
        ended_at = now()
        run.retrying = Retrying(
            execution_id=run.id,
            plan_id=run.plan_id,
            timestamp=ended_at,
            attempt=run.attempt,
            max_attempts=config.max_attempts,
            wait=wait,
            next_at=ended_at + wait,
            reason=verdict.reason,
            category=verdict.category,
        )
        self._hub.publish(run.retrying)
        await run.unless_stopped(asyncio.sleep(wait.total_seconds()))


def _verdict(run: CommandRun, policy: RetryPolicy, result: ExecutionResult) -> Verdict:
    try:
        stderr = stderr_tail(run.log_path)
    except LogUnavailable:
        stderr = ""  # then its status and exit code alone decide
    cause = run.fault.__cause__ if run.fault is not None else None
    ending = Ending(
        status=result.status,
        exit_code=result.exit_code,
        stderr=stderr,
        spawn_errno=cause.errno if isinstance(cause, OSError) else None,
        is_aws=run.prepared is not None and _is_aws(run.prepared),
        left_behind=run.left_behind,
        repeatable=policy.repeatable,
    )
    return judge(ending, policy.config.retryable_errors)


def _is_aws(prepared: PreparedCommand) -> bool:
    # A call without a process ends with the AWS CLI's exit codes.
    return prepared.parameters is not None or prepared.argv[0].rpartition("/")[2] == "aws"


def _why_not(run: CommandRun, policy: RetryPolicy, verdict: Verdict) -> str | None:
    """Why there is no further attempt; None: there is."""
    if run.stop is not None:  # its output could not be kept, or Cancel came when it had timed out
        return run.stop.error
    if verdict.category is ErrorCategory.ROLLBACK_REQUIRED:
        return f"{verdict.reason}: part of its work may be done; undo that or look at it first"
    if not policy.repeatable:
        return (
            "it is not known to change nothing; if running it twice does no harm, say so: "
            "--idempotent or `idempotent: true`"
        )
    if verdict.category is ErrorCategory.NON_RETRYABLE:
        return verdict.reason
    if run.attempt >= policy.config.max_attempts:
        return f"that was attempt {run.attempt} of {policy.config.max_attempts}"
    return None


def _stopped(
    result: ExecutionResult, status: ExecutionStatus, error: str | None
) -> ExecutionResult:
    """The last attempt's result, for a run that ended before the next one began."""
    return result.model_copy(
        update={
            "status": status,
            "error": f"{error}; the attempt before: {result.error}",
            "completed_at": now(),
        }
    )


def _attempt(
    run: CommandRun,
    verdict: Verdict,
    result: ExecutionResult,
    started: datetime | None,
    ended_clock: float,
) -> Attempt:
    assert started is not None  # both are set when an attempt begins
    assert run.started_clock is not None
    return Attempt(
        number=run.attempt - 1,
        status=result.status,
        exit_code=result.exit_code,
        error=result.error,
        category=verdict.category,
        reason=verdict.reason,
        started_at=started,
        duration=result.duration,
        waited=timedelta(seconds=run.started_clock - ended_clock),
        log_path=attempt_path(run.log_path, run.attempt - 1),
    )
