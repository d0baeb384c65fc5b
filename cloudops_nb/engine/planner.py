"""Carries a plan through its life: asks the scheduler, starts, waits, counts."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from time import monotonic

from cloudops_nb.engine.events import EventHub
from cloudops_nb.engine.runner import CommandRunner
from cloudops_nb.engine.runs import CommandRun, PlanRun
from cloudops_nb.engine.scheduler import Decision, Skip
from cloudops_nb.models import (
    ExecutionStats,
    ExecutionStatus,
    PlanCompleted,
    PlanExecutionResult,
    PlanStarted,
    Progress,
)

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
        self._hub.publish(
            PlanStarted(plan_id=run.id, description=run.description, total=len(run.commands))
        )
        self._publish_progress(run, None)
        if run.cancelled:
            self._act(run, run.scheduler.stop())
            self._publish_progress(run, None)
        else:
            self._act(run, run.scheduler.begin())
        while not run.scheduler.finished:
            index = await run.ended.get()
            command = run.commands[index]
            run.ended_count += 1
            run.failed_count += command.status in _UNSUCCESSFUL
            completed = command.status is ExecutionStatus.COMPLETED
            self._act(run, run.scheduler.ended(index, completed=completed))
            self._publish_progress(run, command)
        self._report(run)

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
            command = run.commands[decision.index]
            if isinstance(decision, Skip):
                run.ended_count += 1
                self._commands.skip(command, self._reason(run, decision))
            else:
                task = asyncio.ensure_future(self._run_command(run, decision.index))
                self._tasks.add(task)  # the loop itself keeps only a weak reference
                task.add_done_callback(self._tasks.discard)

    async def _run_command(self, run: PlanRun, index: int) -> None:
        await self._commands.run(run.commands[index])
        run.ended.put_nowait(index)

    def _reason(self, run: PlanRun, skip: Skip) -> str:
        if skip.because is None:
            return "not run: the plan was cancelled"
        culprit = run.commands[skip.because]
        title = culprit.description["name"] or culprit.description["command"]
        return f"not run: command {skip.because} ({title[:80]}) {_ended_how(culprit)}"

    def _publish_progress(self, run: PlanRun, command: CommandRun | None) -> None:
        self._hub.publish(
            Progress(
                plan_id=run.id,
                completed=run.ended_count,
                total=len(run.commands),
                current_command=command.description["command"] if command else None,
                failed=run.failed_count,
            )
        )

    def _report(self, run: PlanRun) -> None:
        results = tuple(command.finished.result() for command in run.commands)
        stats = ExecutionStats.of(result.status for result in results)
        if stats.completed == stats.total:
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
        )
        run.finished.set_result(result)
        self._hub.publish(PlanCompleted(plan_id=run.id, result=result))


def _ended_how(command: CommandRun) -> str:
    match command.status:
        case ExecutionStatus.TIMEOUT:
            return "timed out"
        case ExecutionStatus.CANCELLED:
            return "was cancelled"
        case _:
            return "failed"
