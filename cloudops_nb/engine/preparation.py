"""How submitted work becomes a run: checked, prepared, sealed, described."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from cloudops_nb.config import ExecutionConfig, expanded
from cloudops_nb.engine.retry import RetryPolicy, retry_policy
from cloudops_nb.engine.runs import Carried, CommandRun, PlanRun, Run
from cloudops_nb.engine.scheduler import schedule
from cloudops_nb.errors import InvalidCommand, InvalidPlan, UnsafeRetry, ValidationError
from cloudops_nb.executors.base import Executor, Surroundings
from cloudops_nb.models import ExecutionPlan, ExecutionRequest, PreparedCommand, RetryConfig
from cloudops_nb.models.prepared import digest
from cloudops_nb.redaction import Redactor, secrets_in
from cloudops_nb.safety import ApprovalRequest, check_operations_fixed, classify


class Environment(Protocol):
    """Stands between this process's environment and its commands', as a sandbox does."""

    def environment(self, base: Mapping[str, str]) -> Mapping[str, str]:
        """The environment that commands inherit instead of ``base``."""
        ...


class Preparation:
    """Prepares work on the caller's own thread: the engine's loop never waits for a disk."""

    def __init__(
        self,
        config: ExecutionConfig,
        executors: Mapping[type, Executor],
        redactor: Redactor,
    ) -> None:
        self.config = config
        self._executors = dict(executors)
        self._redactor = redactor
        self._seen: tuple[dict[str, str], Redactor] = ({}, redactor)
        self.sandbox: Environment | None = None

    def command(self, request: ExecutionRequest) -> CommandRun:
        """A request as a run.

        Raises:
            ValidationError: the request cannot run here.
        """
        environ, redactor = self._environment()
        with _masking_errors(redactor, request):
            request.check(self.config)
            for field in ("when", "inputs"):
                if getattr(request, field):
                    raise InvalidPlan(f"{field}: only a step of a plan has earlier steps")
            prepared = self._prepare(request, self._surroundings(environ))
            retry = retry_policy(prepared, None)
        return self._run(prepared, digest([prepared]), redactor, retry)

    def plan(self, plan: ExecutionPlan, carried: Carried | None = None) -> PlanRun:
        """A plan and its commands as runs; ``carried`` is what completed of it before.

        Raises:
            ValidationError: the plan or one of its commands cannot run here.
        """
        environ, redactor = self._environment()
        with _masking_errors(redactor, *plan.commands):
            plan.check(self.config)
            surroundings = self._surroundings(environ)
            prepared = [self._prepare(request, surroundings) for request in plan.commands]
            policies = [_policy(index, each, plan.retry) for index, each in enumerate(prepared)]
        sealed = digest(prepared, _order(plan))
        return PlanRun(
            plan=plan,
            commands=tuple(
                self._run(each, sealed, redactor, retry, plan.id)
                for each, retry in zip(prepared, policies, strict=True)
            ),
            scheduler=schedule(plan),
            description=redactor.text(plan.description),
            carried=carried or Carried(),
        )

    def _prepare(self, request: ExecutionRequest, around: Surroundings) -> PreparedCommand:
        prepared = self._executor(request).prepare(request, around)
        if request.inputs:
            check_operations_fixed(prepared)
        return prepared

    def _executor(self, request: ExecutionRequest) -> Executor:
        try:
            return self._executors[type(request.command)]
        except KeyError:
            kind = request.command.type
            raise InvalidCommand(f"this engine has no executor for {kind!r} commands") from None

    def _environment(self) -> tuple[dict[str, str], Redactor]:
        """This process's environment, and what masks the secrets in it.

        Asked each time: a notebook sets variables (%env) while the engine lives. It seldom does,
        and a redactor takes far longer to make than an environment to compare.
        """
        environ = dict(os.environ)
        seen, redactor = self._seen
        if environ != seen:
            redactor = self._redactor.including(secrets_in(environ))
            self._seen = environ, redactor
        return self._seen

    def _surroundings(self, environ: Mapping[str, str]) -> Surroundings:
        if self.sandbox is not None:
            environ = self.sandbox.environment(environ)
        return Surroundings(self.config, environ, Path.cwd())

    def _run(
        self,
        prepared: PreparedCommand,
        sealed: str,
        redactor: Redactor,
        retry: RetryPolicy | None,
        plan_id: UUID | None = None,
    ) -> CommandRun:
        request = prepared.request
        redactor = redactor.including(secrets_in(request.env) | dict(prepared.secrets))
        # Approvers and the journal are given the prepared command: it is masked there already.
        prepared = replace(prepared, line=redactor.text(prepared.line))
        tags = {
            redactor.text(key): redactor.text(value) for key, value in request.metadata.tags.items()
        }
        return CommandRun(
            prepared=prepared,
            request=request,
            executor=self._executor(request),
            redactor=redactor,
            digest=sealed,
            plan_id=plan_id,
            retry=retry,
            log_path=log_path(request.id, request.output_log_path, self.config),
            description={
                "name": redactor.text(request.name) if request.name else None,
                "command": prepared.line,
                "tags": tags or None,
                "profile": prepared.profile,
                "region": prepared.region,
                "endpoint": prepared.endpoint,
                "service": prepared.service,
                "operation": prepared.operation,
                "record_path": prepared.record_path,
                "query": redactor.text(request.query) if request.query else None,
                "withheld_env": prepared.withheld_env,
            },
        )


def _order(plan: ExecutionPlan) -> dict[str, Any]:
    """What decides the order of a plan's commands, and which of them run, for its digest."""
    order: dict[str, Any] = plan.strategy.model_dump(mode="json")
    if plan.retry is not None:
        order["retry"] = plan.retry.model_dump(mode="json")
    if plan.max_failures is not None:
        order["max_failures"] = plan.max_failures
    if any(request.when or request.inputs for request in plan.commands):
        fields = {"name", "when", "inputs"}
        order["steps"] = [
            request.model_dump(mode="json", include=fields) for request in plan.commands
        ]
    return order


def _policy(
    index: int, prepared: PreparedCommand, default: RetryConfig | None
) -> RetryPolicy | None:
    try:
        return retry_policy(prepared, default)
    except UnsafeRetry as error:
        error.args = (f"command {index} ({prepared.request.title[:60]}): {error}",)
        raise


@contextmanager
def _masking_errors(redactor: Redactor, *requests: ExecutionRequest) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        # It quotes the command, and what a cell raises is saved with its notebook.
        for request in requests:
            redactor = redactor.including(secrets_in(request.env))
        error.args = (redactor.text(str(error)),)
        raise


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
