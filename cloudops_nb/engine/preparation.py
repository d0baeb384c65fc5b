"""How submitted work becomes a run: checked, prepared, sealed, described."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from cloudops_nb.config import ExecutionConfig, expanded
from cloudops_nb.engine.runs import CommandRun, PlanRun, Run
from cloudops_nb.engine.scheduler import schedule
from cloudops_nb.errors import InvalidCommand, ValidationError
from cloudops_nb.executors.base import Executor, Surroundings
from cloudops_nb.models import ExecutionPlan, ExecutionRequest, PreparedCommand
from cloudops_nb.models.prepared import digest
from cloudops_nb.redaction import Redactor, secrets_in
from cloudops_nb.safety import ApprovalRequest, classify


class Environment(Protocol):
    """Stands between this process's environment and its commands', as a sandbox does."""

    def environment(self, base: Mapping[str, str]) -> Mapping[str, str]:
        """The environment that commands inherit instead of ``base``."""
        ...


class Preparation:
    """Prepares work on the caller's own thread, so that the engine's loop never waits for a disk.

    Args:
        new_stop: makes the future that stops a run, on the engine's loop.
    """

    def __init__(
        self,
        config: ExecutionConfig,
        executors: Mapping[type, Executor],
        redactor: Redactor,
        new_stop: Callable[[], asyncio.Future[Any]],
    ) -> None:
        self.config = config
        self._executors = dict(executors)
        self._redactor = redactor
        self._new_stop = new_stop
        self.sandbox: Environment | None = None

    def command(self, request: ExecutionRequest) -> CommandRun:
        """A request as a run.

        Raises:
            ValidationError: the request cannot run here.
        """
        with self._masking_errors(request):
            request.check(self.config)
            prepared = self._prepare(request, self._surroundings())
        return self._run(prepared, digest([prepared]), self._current_redactor(), None)

    def plan(self, plan: ExecutionPlan) -> PlanRun:
        """A plan and its commands as runs.

        Raises:
            ValidationError: the plan or one of its commands cannot run here.
        """
        with self._masking_errors(*plan.commands):
            plan.check(self.config)
            surroundings = self._surroundings()
            prepared = [self._prepare(request, surroundings) for request in plan.commands]
        sealed = digest(prepared, plan.strategy.model_dump(mode="json"))
        redactor = self._current_redactor()
        return PlanRun(
            plan=plan,
            commands=tuple(self._run(each, sealed, redactor, plan.id) for each in prepared),
            scheduler=schedule(plan),
            description=redactor.text(plan.description),
        )

    @contextmanager
    def _masking_errors(self, *requests: ExecutionRequest) -> Iterator[None]:
        try:
            yield
        except ValidationError as error:
            # It quotes the command, and what a cell raises is saved with its notebook.
            redactor = self._current_redactor()
            for request in requests:
                redactor = redactor.including(secrets_in(request.env))
            error.args = (redactor.text(str(error)),)
            raise

    def _prepare(self, request: ExecutionRequest, around: Surroundings) -> PreparedCommand:
        return self._executor(request).prepare(request, around)

    def _executor(self, request: ExecutionRequest) -> Executor:
        try:
            return self._executors[type(request.command)]
        except KeyError:
            kind = request.command.type
            raise InvalidCommand(f"this engine has no executor for {kind!r} commands") from None

    def _surroundings(self) -> Surroundings:
        environ: Mapping[str, str] = os.environ
        if self.sandbox is not None:
            environ = self.sandbox.environment(environ)
        return Surroundings(self.config, environ, Path.cwd())

    def _current_redactor(self) -> Redactor:
        # Asked each time: a notebook sets variables (%env) while the engine lives.
        return self._redactor.including(secrets_in(os.environ))

    def _run(
        self, prepared: PreparedCommand, sealed: str, redactor: Redactor, plan_id: UUID | None
    ) -> CommandRun:
        request = prepared.request
        redactor = redactor.including(secrets_in(request.env))
        # Approvers and the journal are given the prepared command: it is masked there already.
        prepared = replace(prepared, line=redactor.text(prepared.line))
        tags = {key: redactor.text(value) for key, value in request.metadata.tags.items()}
        return CommandRun(
            prepared=prepared,
            request=request,
            executor=self._executor(request),
            redactor=redactor,
            digest=sealed,
            stop=self._new_stop(),
            plan_id=plan_id,
            log_path=log_path(request.id, request.output_log_path, self.config),
            description={
                "name": redactor.text(request.name) if request.name else None,
                "command": prepared.line,
                "tags": tags or None,
                "profile": prepared.profile,
                "region": prepared.region,
                "endpoint": prepared.endpoint,
                "record_path": prepared.record_path,
                "query": request.query,
                "withheld_env": prepared.withheld_env,
            },
        )


def log_path(execution_id: UUID, chosen: Path | None, config: ExecutionConfig) -> Path:
    """Where an execution's log goes: where its request says, or into the log directory."""
    if chosen is not None:
        return expanded(chosen).absolute()
    return config.log_directory / f"{execution_id}.log"


def approval_request(run: Run, given: str | None) -> ApprovalRequest:
    """What an approver is asked about a run; ``given`` is the digest the user has approved."""
    commands = run.commands if isinstance(run, PlanRun) else (run,)
    prepared = tuple(command.prepared for command in commands if command.prepared is not None)
    risks = tuple(classify(each) for each in prepared)
    return ApprovalRequest(prepared, risks, commands[0].digest, given)
