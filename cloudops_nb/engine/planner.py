"""Carries a plan through its life: asks the scheduler, starts, waits, counts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import timedelta
from time import monotonic
from typing import Any, TypeVar

from cloudops_nb.engine.estimates import Estimate
from cloudops_nb.engine.events import EventHub
from cloudops_nb.engine.filling import fill
from cloudops_nb.engine.handover import condition_holds, reads_output
from cloudops_nb.engine.runner import CommandRunner
from cloudops_nb.engine.runs import CommandRun, PlanRun
from cloudops_nb.engine.scheduler import Decision, Judge, Reason, Skip, Start
from cloudops_nb.errors import StepValueUnavailable
from cloudops_nb.models import (
    ExecutionStats,
    ExecutionStatus,
    PlanCompleted,
    PlanExecutionResult,
    PlanStarted,
    Progress,
)
from cloudops_nb.models.conditions import references

logger = logging.getLogger("cloudops_nb")

T = TypeVar("T")

ESTIMATE_SECONDS = 0.05
"""An estimate looks at all that runs, so a plan's is made at most this often."""

_UNSUCCESSFUL = (ExecutionStatus.FAILED, ExecutionStatus.TIMEOUT)


class PlanRunner:
    """Runs plans on the engine's loop, each command through the ``CommandRunner``."""

    def __init__(self, hub: EventHub, commands: CommandRunner) -> None:
        self._hub = hub
        self._commands = commands
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, run: PlanRun) -> None:
        """Runs a plan to its end and reports it."""
        run.status = ExecutionStatus.RUNNING
        run.estimate = self._estimate(run)
        run.began_clock = monotonic()
        self._hub.publish(
            PlanStarted(plan_id=run.id, description=run.description, total=len(run.commands))
        )
        if not run.cancelled:
            self._carry_over(run)
        self._publish_progress(run, None)
        if run.cancelled:
            self._act(run, run.scheduler.stop())
            self._publish_progress(run, None)
        else:
            self._act(run, run.scheduler.begin(run.carried.results))
        await run.over.wait()
        self._report(run)

    def _carry_over(self, run: PlanRun) -> None:
        for index in run.carried.results:
            command = run.commands[index]
            result = run.carried.result(index, command.request, run.id)
            self._commands.carry_over(command, result)
            self._count_out(run, index, None)

    def _estimate(self, run: PlanRun) -> Estimate:
        durations = self._commands.durations
        expected = [durations.of(command.description["command"]) for command in run.commands]
        pools = {command.executor.pool for command in run.commands}
        limit = sum(self._commands.limit(pool) for pool in pools)
        return Estimate(expected, min(run.scheduler.limit or limit, limit))

    def _count_out(self, run: PlanRun, index: int, seconds: float | None) -> None:
        run.ended_count += 1
        if run.estimate is not None:  # cancelled before it began
            run.estimate.ended(index, seconds)

    def _seconds_left(self, run: PlanRun) -> float | None:
        if run.estimate is None:
            return None
        moment = monotonic()
        due = moment >= run.estimated_clock + ESTIMATE_SECONDS or run.scheduler.finished
        if run.estimate.known and due:
            running = {
                index: moment - started
                for index in run.active
                if (started := run.commands[index].started_clock) is not None
            }
            run.seconds_left = run.estimate.seconds_left(running, moment - run.began_clock)
            run.estimated_clock = moment
        return run.seconds_left

    def _take_end(self, run: PlanRun, index: int) -> None:
        command = run.commands[index]
        run.active.discard(index)
        ran = command.started_at is not None and command.status is not ExecutionStatus.CANCELLED
        seconds = command.finished.result().duration.total_seconds() if ran else None
        self._count_out(run, index, seconds)
        run.failed_count += command.status in _UNSUCCESSFUL
        completed = command.status is ExecutionStatus.COMPLETED
        were_too_many = run.scheduler.too_many_failures
        self._act(run, run.scheduler.ended(index, completed=completed))
        if run.scheduler.too_many_failures and not were_too_many:
            self._call_off(run)
        self._publish_progress(run, command)

    def _call_off(self, run: PlanRun) -> None:
        """Too many failed: what the scheduler has started still waits for a slot or a lock."""
        for index in run.active:
            command = run.commands[index]
            if command.started_at is None:
                reason = self._reason(run, Skip(index, Reason.FAILURES))
                command.ask_to_stop(ExecutionStatus.SKIPPED, reason)

    def cancel(self, run: PlanRun) -> None:
        """Starts nothing more and stops what runs. On the loop only."""
        run.cancelled = True
        if run.status is ExecutionStatus.PENDING:
            return  # it is about to begin, and will find this out
        running = [command for command in run.commands if not command.status.is_final]
        self._act(run, run.scheduler.stop())
        for command in running:
            if not command.status.is_final:
                command.ask_to_stop(ExecutionStatus.CANCELLED, "cancelled")

    def _act(self, run: PlanRun, decisions: list[Decision]) -> None:
        for decision in decisions:
            match decision:
                case Start(index):
                    run.active.add(index)
                    self._spawn(self._run_command(run, index))
                case Judge(index):
                    self._spawn(self._judge(run, index))
                case Skip(index, because):
                    if because is Reason.CONDITION or because in run.left_out:
                        run.left_out.add(index)
                    self._count_out(run, index, None)
                    self._commands.skip(run.commands[index], self._reason(run, decision))
        if run.scheduler.finished:
            run.over.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)  # the loop itself keeps only a weak reference
        task.add_done_callback(self._tasks.discard)

    async def _run_command(self, run: PlanRun, index: int) -> None:
        command = run.commands[index]
        if command.request.inputs and index not in run.faults:
            await self._hand_over(run, index, self._fill(run, command))
        if index in run.faults:
            self._commands.fail(command, run.faults[index])
        else:
            await self._commands.run(command)
        # At once: who waits for the slot it had must not start before the plan has decided.
        self._take_end(run, index)

    async def _judge(self, run: PlanRun, index: int) -> None:
        when = run.commands[index].request.when
        assert when is not None  # the scheduler asks only where there is a condition
        # What is neither true nor false is started, so that it fails and tells why.
        holds = await self._hand_over(run, index, self._condition_holds(run, when)) is not False
        if run.commands[index].status.is_final:
            return  # the plan was stopped meanwhile
        self._act(run, run.scheduler.judged(index, holds=holds))
        if not holds:
            self._publish_progress(run, run.commands[index])

    async def _condition_holds(self, run: PlanRun, when: str) -> bool:
        steps = run.results(references(when))
        if reads_output(when):
            return await asyncio.to_thread(condition_holds, when, steps)
        return condition_holds(when, steps)

    async def _fill(self, run: PlanRun, command: CommandRun) -> None:
        assert command.prepared is not None  # it is given up only when the run is reported
        steps = run.results(command.request.inputs)
        command.take(await asyncio.to_thread(fill, command.prepared, steps))

    async def _hand_over(self, run: PlanRun, index: int, work: Coroutine[Any, Any, T]) -> T | None:
        """Awaits work with earlier steps' results; None if it failed, which fails the command."""
        try:
            return await work
        except StepValueUnavailable as error:
            run.faults[index] = str(error)
        except Exception as error:
            # As in the runner: the plan outlives a fault of the engine's own.
            logger.exception("execution %s failed inside the engine", run.commands[index].id)
            run.faults[index] = f"internal error: {error!r}"
        return None

    def _reason(self, run: PlanRun, skip: Skip) -> str:
        match skip.because:
            case Reason.STOPPED:
                return "not run: the plan was cancelled"
            case Reason.FAILURES:
                failed, most = run.scheduler.failures, run.plan.max_failures
                return f"not run: too many failures ({failed}; max_failures is {most})"
            case Reason.CONDITION:
                return (
                    f"not run: its condition does not hold: {run.commands[skip.index].request.when}"
                )
            case int(because):
                culprit = run.commands[because]
                title = culprit.description["name"] or culprit.description["command"]
                return f"not run: command {because} ({title[:80]}) {_ended_how(culprit)}"

    def _publish_progress(self, run: PlanRun, command: CommandRun | None) -> None:
        self._hub.publish(
            Progress(
                plan_id=run.id,
                completed=run.ended_count,
                total=len(run.commands),
                current_command=command.description["command"] if command else None,
                failed=run.failed_count,
                eta_seconds=self._seconds_left(run),
            )
        )

    def _report(self, run: PlanRun) -> None:
        results = tuple(command.finished.result() for command in run.commands)
        stats = ExecutionStats.of(result.status for result in results)
        if stats.completed + len(run.left_out) == stats.total:
            run.status = ExecutionStatus.COMPLETED
        elif run.cancelled:
            run.status = ExecutionStatus.CANCELLED
        else:
            run.status = ExecutionStatus.FAILED
        result = PlanExecutionResult(
            plan_id=run.id,
            status=run.status,
            results=results,
            total_duration=timedelta(seconds=monotonic() - run.started_clock),
            stats=stats,
            description=run.description,
            started_at=run.submitted_at,
            resumed_from=run.carried.plan_id,
        )
        run.finished.set_result(result)
        self._hub.publish(PlanCompleted(plan_id=run.id, result=result))


def _ended_how(command: CommandRun) -> str:
    match command.status:
        case ExecutionStatus.TIMEOUT:
            return "timed out"
        case ExecutionStatus.CANCELLED:
            return "was cancelled"
        case ExecutionStatus.SKIPPED:
            return "was skipped"
        case _:
            return "failed"
