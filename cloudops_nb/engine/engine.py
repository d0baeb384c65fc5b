"""The engine: the one place where all parts meet."""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar, Protocol, Self
from uuid import UUID

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine.claims import Claims
from cloudops_nb.engine.events import EventHandler, EventHub, Subscription
from cloudops_nb.engine.handle import Execution, Result
from cloudops_nb.engine.logfile import read_log
from cloudops_nb.engine.loop import EngineLoop
from cloudops_nb.engine.planner import PlanRunner
from cloudops_nb.engine.preparation import Environment, Preparation, approval_request, log_path
from cloudops_nb.engine.retention import Retention
from cloudops_nb.engine.runner import CommandRunner
from cloudops_nb.engine.runs import CommandRun, PlanRun, Run
from cloudops_nb.errors import (
    AlreadyInitialized,
    EngineClosed,
    ExecutionNotCompleted,
    ExecutionNotFound,
    ExecutionNotRunning,
    InvalidSetting,
)
from cloudops_nb.executors.aws_cli import AwsCliExecutor
from cloudops_nb.executors.base import Executor
from cloudops_nb.executors.process import ProcessExecutor
from cloudops_nb.executors.process.watchdog import Watchdog
from cloudops_nb.history import Journal, MemoryJournal
from cloudops_nb.models import (
    AwsCli,
    Exec,
    ExecutionPlan,
    ExecutionRequest,
    ExecutionStatus,
    ExecutionSummary,
    Script,
    Shell,
)
from cloudops_nb.redaction import Redactor
from cloudops_nb.safety import Approver, HeadlessApprover

Work = ExecutionRequest | ExecutionPlan | str
CLEANUP_SECONDS = 60.0
FIXED_SETTINGS = frozenset({"cancel_grace_ms", "enable_auto_cleanup"})
"""Settings that the engine hands to its parts when it makes them."""
HANDLER_SECONDS = 2.0


class Presenter(Protocol):
    """Shows a run while ``engine.run`` waits for it."""

    def present(self, execution: Execution) -> EventHandler | None:
        """Called before the run starts; the handler is told everything about it."""
        ...


class ExecutionEngine:
    """Runs commands and plans on a thread of its own, and remembers how they ended.

    Coroutines may be awaited from any loop, plain methods called from any thread. It lives until
    ``close()``, at the latest until the interpreter exits.

    Args:
        config: limits and places; by default from ``CLOUDOPS_*`` variables.
        executors: what carries out each kind of command.
        approver: who lets risky commands run; by default destructive ones need their digest.
        journal: where intents and outcomes are kept.
        redactor: masks more than the secret-looking environment variables.
        handlers: told of every event.
        presenter: shows what ``run`` waits for.
    """

    _global: ClassVar[ExecutionEngine | None] = None
    _global_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(
        self,
        config: ExecutionConfig | None = None,
        *,
        executors: Mapping[type, Executor] | None = None,
        approver: Approver | None = None,
        journal: Journal | None = None,
        redactor: Redactor | None = None,
        handlers: Iterable[EventHandler] = (),
        presenter: Presenter | None = None,
    ) -> None:
        self.config = ExecutionConfig() if config is None else config
        # Asked for None: a collaborator may well be empty, and so false.
        self.journal = MemoryJournal() if journal is None else journal
        self.presenter = presenter
        self._approver = HeadlessApprover() if approver is None else approver
        self._hub = EventHub()
        self._loop = EngineLoop()
        self._preparation = Preparation(
            self.config,
            _default_executors(self.config) if executors is None else executors,
            Redactor() if redactor is None else redactor,
            self._loop.loop.create_future,
        )
        self._commands = CommandRunner(self.config, self._hub, self.journal)
        self._plans = PlanRunner(self._hub, self._commands)
        self._runs: dict[UUID, Run] = {}
        self._runs_lock = threading.Lock()
        self._claims = Claims(self._is_used)
        self._closing = False
        self._close_lock = threading.Lock()
        self._retention = Retention()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._cleanup: asyncio.Task[None] | None = None
        for handler in handlers:
            self._hub.subscribe(handler)
        atexit.register(self.close)  # a script that ends should not leave its commands behind
        if self.config.enable_auto_cleanup:
            self.start_cleanup_task()

    def reconfigure(self, **changes: Any) -> ExecutionConfig:
        """Changes settings for what is submitted from now on; returns them all.

        Raises:
            InvalidSetting: the setting is fixed once the engine is made.
            pydantic.ValidationError: a value of the wrong type or range; it names the setting.
        """
        fixed = FIXED_SETTINGS & changes.keys()
        if fixed:
            name = min(fixed)
            raise InvalidSetting(
                f"{name} is fixed when the engine is made: "
                f"set CLOUDOPS_{name.upper()} and restart the kernel"
            )
        self.config = ExecutionConfig(**{**self.config.model_dump(), **changes})
        self._preparation.config = self.config
        self._commands.configure(self.config)
        return self.config

    @property
    def sandbox(self) -> Environment | None:
        """What stands between this process's environment and its commands'; None: nothing."""
        return self._preparation.sandbox

    @sandbox.setter
    def sandbox(self, sandbox: Environment | None) -> None:
        self._preparation.sandbox = sandbox

    # The process-wide engine

    @classmethod
    def init_global(cls, config: ExecutionConfig | None = None, **collaborators: Any) -> Self:
        """Makes the process-wide engine and returns it.

        Raises:
            AlreadyInitialized: there is one already.
        """
        with cls._global_lock:
            if ExecutionEngine._global is not None:
                raise AlreadyInitialized(
                    "this process already has a global engine; get_global() returns it"
                )
            engine = cls(config, **collaborators)
            ExecutionEngine._global = engine
            return engine

    @classmethod
    def get_global(cls) -> ExecutionEngine:
        """The process-wide engine; one with defaults is made if there is none."""
        with cls._global_lock:
            if ExecutionEngine._global is None:
                ExecutionEngine._global = cls()
            return ExecutionEngine._global

    def with_event_handler(self, handler: EventHandler) -> Self:
        """Adds a handler that is told of every event; returns this engine."""
        self.subscribe(handler)
        return self

    def subscribe(self, handler: EventHandler, execution_id: UUID | None = None) -> Subscription:
        """Adds a handler for everything, or for one execution or plan; ``close()`` ends it."""
        return self._hub.subscribe(handler, execution_id)

    # Submitting

    async def execute(self, request: ExecutionRequest, *, approve: str | None = None) -> UUID:
        """Starts a command in the background and returns its id at once.

        A request that was executed before runs again under an id of its own.

        Raises:
            ValidationError: the request is wrong; nothing was started.
            ApprovalRequired: it is risky and ``approve`` is not its digest.
        """
        return await self._accept(request, approve)

    async def execute_plan(self, plan: ExecutionPlan, *, approve: str | None = None) -> UUID:
        """Starts a plan in the background and returns its id at once.

        Raises:
            ValidationError: the plan or one of its commands is wrong; nothing was started.
            ApprovalRequired: it is risky and ``approve`` is not its digest.
        """
        return await self._accept(plan, approve)

    def submit(
        self, work: Work, *, approve: str | None = None, presenter: Presenter | None = None
    ) -> Execution:
        """Starts a request, a plan or a line for bash and returns a handle at once.

        Raises:
            ValidationError: it is wrong; nothing was started.
            ApprovalRequired: it is risky and ``approve`` is not its digest.
        """
        if isinstance(work, str):
            work = ExecutionRequest(command=Shell(command=work))
        with self._claims.under_free_ids(work) as work_to_run:
            run = self._prepare(work_to_run)
            self._loop.submit(self._approver.approve(approval_request(run, approve))).result()
            execution = Execution(self, run)
            handler = presenter.present(execution) if presenter is not None else None
            if handler is not None:
                self._hub.subscribe(handler, run.id)
            self._launch(run)
        return execution

    def run(self, work: Work, *, approve: str | None = None) -> Result:
        """Submits, shows and waits. An interrupt (Ctrl-C, ■) cancels the run and is raised.

        Raises:
            ValidationError: it is wrong; nothing was started.
            ApprovalRequired: it is risky and ``approve`` is not its digest.
        """
        execution = self.submit(work, approve=approve, presenter=self.presenter)
        try:
            return execution.result()
        except KeyboardInterrupt:
            execution.cancel()
            execution.result()
            raise

    # Asking

    async def get_status(self, execution_id: UUID) -> ExecutionStatus:
        """Where an execution or plan stands. Raises ``ExecutionNotFound``."""
        return self._find(execution_id).status

    async def get_result(self, execution_id: UUID) -> Result:
        """The result of what has ended.

        Raises:
            ExecutionNotFound: nothing has this id.
            ExecutionNotCompleted: it still runs.
        """
        run = self._find(execution_id)
        if not run.finished.done():
            raise ExecutionNotCompleted(execution_id, run.status)
        return run.finished.result()

    async def wait_for_completion(self, execution_id: UUID) -> Result:
        """Waits for the end and returns the result, whatever it is.

        Raises:
            ExecutionNotFound: nothing has this id.
        """
        return await Execution(self, self._find(execution_id))

    async def list_executions(self) -> list[ExecutionSummary]:
        """All executions and plans the engine remembers, oldest first."""
        return self.summaries()

    def summaries(self) -> list[ExecutionSummary]:
        """See ``list_executions``."""
        with self._runs_lock:
            runs = list(self._runs.values())
        return [run.summary() for run in runs]

    async def running_count(self) -> int:
        """How many commands run at this moment."""
        with self._runs_lock:
            runs = list(self._runs.values())
        return sum(
            isinstance(run, CommandRun) and run.status is ExecutionStatus.RUNNING for run in runs
        )

    def get(self, execution_id: UUID) -> Execution:
        """A handle on an execution or plan. Raises ``ExecutionNotFound``."""
        return Execution(self, self._find(execution_id))

    # Cancelling

    async def cancel(self, execution_id: UUID) -> None:
        """Asks an execution or plan to stop.

        Raises:
            ExecutionNotFound: nothing has this id.
            ExecutionNotRunning: it has ended already.
        """
        self.request_cancel(execution_id)

    def request_cancel(self, execution_id: UUID) -> None:
        """See ``cancel``."""
        run = self._find(execution_id)
        if run.finished.done():
            raise ExecutionNotRunning(execution_id, run.status)
        if isinstance(run, PlanRun):
            self._loop.call_soon(self._plans.cancel, run)
        else:
            self._loop.call_soon(run.ask_to_stop, ExecutionStatus.CANCELLED, "cancelled")

    # Logs

    async def read_logs(self, execution_id: UUID) -> str:
        """What an execution printed so far, both streams in the order they were read.

        Raises:
            ExecutionNotFound: nothing has this id.
            LogUnavailable: the log is gone.
        """
        return await asyncio.to_thread(self.log_text, execution_id)

    def log_text(self, execution_id: UUID) -> str:
        """See ``read_logs``."""
        run = self._find(execution_id)
        commands = run.commands if isinstance(run, PlanRun) else (run,)
        return "".join(
            read_log(command.log_path).decode("utf-8", "replace")
            for command in commands
            if command.started_at is not None
        )

    def get_log_path(self, execution_id: UUID) -> Path:
        """Where the log of an execution is, or would be."""
        run = self._runs.get(execution_id)
        if isinstance(run, CommandRun):
            return run.log_path
        return log_path(execution_id, None, self.config)

    # Keeping house

    def start_cleanup_task(self) -> None:
        """Retires finished executions in the background; done by default, twice is once."""
        self._loop.call_soon(self._start_cleanup)

    def close(self) -> None:
        """Cancels what runs, waits until it is gone, and ends the engine's thread.

        Handlers are given what they have not had yet, for up to two seconds. Twice is once.
        """
        with self._close_lock:  # a second caller waits for the first
            if not self._loop.closed:
                self._close()

    def _close(self) -> None:
        with self._runs_lock:
            self._closing = True
            runs = [run for run in self._runs.values() if not run.finished.done()]
        for run in runs:
            try:
                self.request_cancel(run.id)
            except ExecutionNotRunning:
                continue  # it ended by itself meanwhile
        for run in runs:
            run.finished.result()
        # On the loop: a run is finished a moment before its last event is published there.
        subscriptions = self._loop.submit(self._close_hub()).result()
        self._loop.close()
        deadline = monotonic() + HANDLER_SECONDS
        for subscription in subscriptions:
            subscription.join(max(deadline - monotonic(), 0))
        atexit.unregister(self.close)
        with self._global_lock:
            if ExecutionEngine._global is self:
                ExecutionEngine._global = None

    async def _close_hub(self) -> tuple[Subscription, ...]:
        return self._hub.close()

    # How a run begins and ends

    async def _accept(self, work: ExecutionRequest | ExecutionPlan, approve: str | None) -> UUID:
        with self._claims.under_free_ids(work) as work_to_run:
            run = self._prepare(work_to_run)
            await self._approver.approve(approval_request(run, approve))
            self._launch(run)
        return run.id

    def _prepare(self, work: ExecutionRequest | ExecutionPlan) -> Run:
        if isinstance(work, ExecutionPlan):
            return self._preparation.plan(work)
        return self._preparation.command(work)

    def _is_used(self, execution_id: UUID) -> bool:
        # A plan from a file brings the same ids every day; their logs of yesterday are still there.
        return execution_id in self._runs or self.get_log_path(execution_id).exists()

    def _launch(self, run: Run) -> None:
        with self._runs_lock:
            # Under the lock: close() has seen a run by now, or the run finds that out here.
            if self._closing:
                raise EngineClosed("the engine was closed; make a new one")
            self._runs[run.id] = run
            if isinstance(run, PlanRun):
                self._runs.update((command.id, command) for command in run.commands)
            self._loop.call_soon(self._start, run)

    def _start(self, run: Run) -> None:
        task = asyncio.ensure_future(self._carry_out(run))
        self._tasks.add(task)  # the loop itself keeps only a weak reference
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, run: Run) -> None:
        if isinstance(run, PlanRun):
            await self._plans.run(run)
            ids = (run.id, *(command.id for command in run.commands))
            self._retention.add(ids, len(run.commands), monotonic())
        else:
            await self._commands.run(run)
            self._retention.add((run.id,), 1, monotonic())
        if self._cleanup is not None:
            self._retire()

    def _start_cleanup(self) -> None:
        if self._cleanup is None:
            self._cleanup = asyncio.ensure_future(self._clean_up())

    async def _clean_up(self) -> None:
        while True:
            await asyncio.sleep(CLEANUP_SECONDS)
            self._retire()

    def _retire(self) -> None:
        forgotten = self._retention.retire(self.config, monotonic())
        if forgotten:
            with self._runs_lock:
                for execution_id in forgotten:
                    del self._runs[execution_id]

    def _find(self, execution_id: UUID) -> Run:
        try:
            return self._runs[execution_id]
        except KeyError:
            raise ExecutionNotFound(execution_id) from None


def _default_executors(config: ExecutionConfig) -> dict[type, Executor]:
    grace = config.cancel_grace_ms / 1000
    watchdog = Watchdog()
    process = ProcessExecutor(grace, watchdog)
    return {Shell: process, Exec: process, Script: process, AwsCli: AwsCliExecutor(grace, watchdog)}
