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

from cloudops_nb.aws.questions import CredentialPrompt
from cloudops_nb.aws.terminal_prompt import TerminalPrompt
from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine.claims import Claims
from cloudops_nb.engine.defaults import default_executors, default_renewals
from cloudops_nb.engine.events import EventHub
from cloudops_nb.engine.handle import Execution, Result
from cloudops_nb.engine.interrupts import deferred_interrupt
from cloudops_nb.engine.logfile import read_log
from cloudops_nb.engine.loop import EngineLoop
from cloudops_nb.engine.memory import Memory
from cloudops_nb.engine.past import PastCommand, PastPlan, PastRun
from cloudops_nb.engine.planner import PlanRunner
from cloudops_nb.engine.preparation import Environment, Preparation, approval_request, log_path
from cloudops_nb.engine.resume import resumption
from cloudops_nb.engine.runner import CommandRunner
from cloudops_nb.engine.runs import Carried, CommandRun, PlanRun, Run
from cloudops_nb.engine.subscription import EventHandler, Subscription
from cloudops_nb.errors import (
    AlreadyInitialized,
    ExecutionNotCompleted,
    ExecutionNotRunning,
    InvalidSetting,
)
from cloudops_nb.executors.base import Executor
from cloudops_nb.history import Journal, MemoryJournal
from cloudops_nb.models import (
    ExecutionPlan,
    ExecutionRequest,
    ExecutionStatus,
    ExecutionSummary,
    Shell,
)
from cloudops_nb.redaction import Redactor
from cloudops_nb.safety import Approver, HeadlessApprover

Work = ExecutionRequest | ExecutionPlan | str
FIXED_SETTINGS = frozenset({"cancel_grace_ms", "enable_auto_cleanup"})
"""Settings that the engine hands to its parts when it makes them."""
HANDLER_SECONDS = 2.0
"""How long the end of an engine waits for its handlers."""
PRESENTER_SECONDS = 30.0
"""How long ``run`` waits until its presenter has shown all: a terminal may be slow."""


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
        credential_prompt: asks the operator for MFA codes and logins; by default on the terminal,
            where there is one.
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
        credential_prompt: CredentialPrompt | None = None,
    ) -> None:
        self.config = ExecutionConfig() if config is None else config
        # Asked for None: a collaborator may well be empty, and so false.
        self.journal = MemoryJournal() if journal is None else journal
        self.presenter = presenter
        self._approver = HeadlessApprover() if approver is None else approver
        self._hub = EventHub()
        self._loop = EngineLoop()
        self._renewals = default_renewals(
            TerminalPrompt() if credential_prompt is None else credential_prompt
        )
        self._preparation = Preparation(
            self.config,
            default_executors(self.config, self._renewals) if executors is None else executors,
            Redactor() if redactor is None else redactor,
        )
        self._commands = CommandRunner(self.config, self._hub, self.journal)
        self._plans = PlanRunner(self._hub, self._commands)
        self._memory = Memory(lambda: self.config)
        self._claims = Claims(self._memory.is_used)
        self._close_lock = threading.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
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

    @property
    def credential_prompt(self) -> CredentialPrompt:
        """What asks the operator for MFA codes and logins."""
        return self._renewals.prompt

    @credential_prompt.setter
    def credential_prompt(self, prompt: CredentialPrompt) -> None:
        self._renewals.prompt = prompt

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

    def attach(self, execution_id: UUID, handler: EventHandler) -> Subscription:
        """Adds a handler for one execution or plan that is told first what has happened so far.

        Of each command's output that is the end of its last attempt's, up to 64 KiB; an
        ``output_dropped`` event stands for what was before. Nothing that follows is missing or
        told twice. Of what has ended, here or in another kernel, the handler is told the end, too.

        Raises:
            ExecutionNotFound: nothing has this id.
            SerializationError: its result was kept on disk, and its file is damaged.
        """
        run = self._memory.find(execution_id)
        if run.finished.done():
            return self._hub.subscribe_late(handler, run)
        return self._loop.submit(self._attach(handler, run)).result()

    async def _attach(self, handler: EventHandler, run: Run | PastRun) -> Subscription:
        return self._hub.subscribe_late(handler, run)  # here nothing is published meanwhile

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
        return self._submit(work, approve, presenter)[0]

    def resume(
        self, plan_id: UUID, *, approve: str | None = None, presenter: Presenter | None = None
    ) -> Execution:
        """Runs again what did not complete of a plan, in a plan of its own; returns a handle.

        Commands that completed are not run again: their results are carried over, for conditions
        and outputs, too. The digest to approve is that of the whole plan, as it was.

        Raises:
            ExecutionNotFound: nothing has this id.
            ExecutionNotCompleted: the plan still runs.
            NotResumable: it is no plan, all of it completed, or only its record is left.
            ValidationError: a command cannot run here any more; nothing was started.
            ApprovalRequired: it is risky and ``approve`` is not its digest.
        """
        plan, carried = resumption(self._memory.find(plan_id))
        return self._submit(plan, approve, presenter, carried)[0]

    def _submit(
        self,
        work: Work,
        approve: str | None,
        presenter: Presenter | None,
        carried: Carried | None = None,
    ) -> tuple[Execution, Subscription | None]:
        launched: list[Execution] = []
        try:
            return self._submit_noting(launched, work, approve, presenter, carried)
        except KeyboardInterrupt:
            for execution in launched:  # nobody else has its handle
                execution.cancel()
                execution.result()
            raise

    def _submit_noting(
        self,
        launched: list[Execution],
        work: Work,
        approve: str | None,
        presenter: Presenter | None,
        carried: Carried | None,
    ) -> tuple[Execution, Subscription | None]:
        if isinstance(work, str):
            work = ExecutionRequest(command=Shell(command=work))
        with self._claims.under_free_ids(work) as work_to_run:
            run = self._prepare(work_to_run, carried)
            self._loop.submit(self._approver.approve(approval_request(run, approve))).result()
            execution = Execution(self, run)
            with self._memory.expecting(run):
                handler = presenter.present(execution) if presenter is not None else None
                shown = None if handler is None else self._hub.subscribe(handler, run.id)
                with deferred_interrupt():
                    self._launch(run)
                    launched.append(execution)
        return execution, shown

    def run(self, work: Work, *, approve: str | None = None) -> Result:
        """Submits, shows and waits. An interrupt (Ctrl-C, ■) cancels the run and is raised.

        Raises:
            ValidationError: it is wrong; nothing was started.
            ApprovalRequired: it is risky and ``approve`` is not its digest.
        """
        execution, shown = self._submit(work, approve, self.presenter)
        try:
            return execution.result()
        except KeyboardInterrupt:
            execution.cancel()
            execution.result()
            raise
        finally:
            if shown is not None:  # what the caller prints next comes after what is shown
                shown.join(PRESENTER_SECONDS)

    # Asking

    async def get_status(self, execution_id: UUID) -> ExecutionStatus:
        """Where an execution or plan stands. Raises ``ExecutionNotFound``."""
        return (await self._memory.find_anywhere(execution_id)).status

    async def get_result(self, execution_id: UUID) -> Result:
        """The result of what has ended, in this kernel or, with the same log directory, another.

        Raises:
            ExecutionNotFound: nothing has this id.
            ExecutionNotCompleted: it still runs.
            SerializationError: it was kept on disk, and its file is damaged.
        """
        run = await self._memory.find_anywhere(execution_id)
        if not run.finished.done():
            raise ExecutionNotCompleted(execution_id, run.status)
        return run.finished.result()

    async def wait_for_completion(self, execution_id: UUID) -> Result:
        """Waits for the end and returns the result, whatever it is.

        Raises:
            ExecutionNotFound: nothing has this id.
        """
        return await Execution(self, await self._memory.find_anywhere(execution_id))

    async def list_executions(self) -> list[ExecutionSummary]:
        """All executions and plans the engine remembers, oldest first."""
        return self.summaries()

    def summaries(self) -> list[ExecutionSummary]:
        """See ``list_executions``."""
        return [run.summary() for run in self._memory.runs()]

    async def running_count(self) -> int:
        """How many commands run at this moment."""
        return sum(
            isinstance(run, CommandRun) and run.status is ExecutionStatus.RUNNING
            for run in self._memory.runs()
        )

    def get(self, execution_id: UUID) -> Execution:
        """A handle on an execution or plan.

        Of one that ended longer ago, or in another kernel, ``work`` is what may be shown.

        Raises:
            ExecutionNotFound: nothing has this id.
            SerializationError: it was kept on disk, and its file is damaged.
        """
        return Execution(self, self._memory.find(execution_id))

    def ids(self, prefix: str = "") -> list[UUID]:
        """The ids in memory and in the log directory that start with ``prefix``.

        Raises:
            LogUnavailable: the log directory cannot be read, or is not private.
        """
        return self._memory.ids(prefix)

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
        run = self._memory.find(execution_id)
        if isinstance(run, PastCommand | PastPlan) or run.finished.done():
            raise ExecutionNotRunning(execution_id, run.status)
        self._ask_to_stop(run)

    def _ask_to_stop(self, run: Run) -> None:
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
            SerializationError: its result was kept on disk, and that file is damaged.
        """
        return await asyncio.to_thread(self.log_text, execution_id)

    def log_text(self, execution_id: UUID) -> str:
        """See ``read_logs``."""
        run = self._memory.find(execution_id)
        commands = run.commands if isinstance(run, PlanRun | PastPlan) else (run,)
        return "".join(
            read_log(command.log_path).decode("utf-8", "replace")
            for command in commands
            if command.started_at is not None
        )

    def get_log_path(self, execution_id: UUID) -> Path:
        """Where the log of an execution is, or would be.

        Raises:
            SerializationError: its result was kept on disk, and that file is damaged.
        """
        run = self._memory.look_up(execution_id)
        if run is None or isinstance(run, PlanRun | PastPlan):
            return log_path(execution_id, None, self.config)
        return run.log_path

    # Keeping house

    def start_cleanup_task(self) -> None:
        """Retires finished executions in the background; done by default, twice is once."""
        self._loop.call_soon(self._memory.start_cleanup)

    def close(self) -> None:
        """Cancels what runs, waits until it is gone, and ends the engine's thread.

        All results are kept in the log directory, for whoever asks for them tomorrow.

        Handlers are given what they have not had yet, for up to two seconds. Twice is once.
        """
        with self._close_lock:  # a second caller waits for the first
            if not self._loop.closed:
                self._close()

    def _close(self) -> None:
        runs = self._memory.take_no_more()
        for run in runs:
            self._ask_to_stop(run)
        for run in runs:
            run.finished.result()
        # On the loop: a run is finished a moment before its last event is published there.
        subscriptions = self._loop.submit(self._close_hub()).result()
        self._loop.close()
        self._commands.close()
        self._memory.close()
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

    def _prepare(
        self, work: ExecutionRequest | ExecutionPlan, carried: Carried | None = None
    ) -> Run:
        if isinstance(work, ExecutionPlan):
            return self._preparation.plan(work, carried)
        return self._preparation.command(work)

    def _launch(self, run: Run) -> None:
        self._memory.add(run, lambda: self._loop.call_soon(self._start, run))

    def _start(self, run: Run) -> None:
        task = asyncio.ensure_future(self._carry_out(run))
        self._tasks.add(task)  # the loop itself keeps only a weak reference
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, run: Run) -> None:
        if isinstance(run, PlanRun):
            await self._plans.run(run)
        else:
            await self._commands.run(run)
        self._memory.ended(run)
