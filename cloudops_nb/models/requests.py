"""One command with its surroundings."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from uuid import UUID, uuid4

from pydantic import Field

from cloudops_nb.config import ExecutionConfig, expanded, is_directory
from cloudops_nb.errors import InvalidCommand, InvalidWorkingDir, TimeoutTooLarge
from cloudops_nb.models.base import InputModel, addition
from cloudops_nb.models.commands import AwsCli, Command, Script
from cloudops_nb.models.limits import ResourceLimits
from cloudops_nb.models.placeholders import step_outputs
from cloudops_nb.models.retry import RetryConfig

Via = Literal["cli", "sdk", "auto"]
VIAS: dict[str, Via] = {"cli": "cli", "sdk": "sdk", "auto": "auto"}


class ExecutionMetadata(InputModel):
    """Where a request came from; nothing here changes how it runs."""

    source: str | None = None
    conversation_id: UUID | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    user_prompt: str | None = addition()


class ExecutionRequest(InputModel):
    """One command to run, with its environment, directory and timeout (milliseconds)."""

    id: UUID = Field(default_factory=uuid4)
    command: Command
    env: dict[str, str] = Field(default_factory=dict)
    working_dir: Path | None = None
    timeout_ms: int | None = Field(None, gt=0)
    output_log_path: Path | None = None
    metadata: ExecutionMetadata = Field(default_factory=ExecutionMetadata)
    name: str | None = addition()
    query: str | None = addition()
    retry: RetryConfig | None = addition()
    limits: ResourceLimits | None = addition()
    when: str | None = addition()
    """In a plan: whether to run it at all, judged by how earlier steps ended (``conditions``)."""
    inputs: tuple[str, ...] = addition(())
    """In a plan: the steps whose output is put into the text (``templates``); none: plain text."""
    lock: str | None = addition()
    """A resource's name: of commands that name the same one, one runs at a time."""
    via: Via | None = addition()
    """How an AWS CLI command runs: ``cli``, as a process; ``sdk``, in a warm worker or not at all;
    None is ``auto``, the worker where the outcome is the same."""

    def check(self, config: ExecutionConfig) -> None:
        """Checks the request against ``config`` as far as it can be without running anything.

        Raises:
            ValidationError: one of its kinds; the message names the offending part.
        """
        for key, value in self.env.items():
            if not key or "=" in key or "\0" in key + value:
                raise InvalidCommand(f"env: {key!r} cannot be an environment variable")
        if self.lock is not None and not self.lock.strip():
            raise InvalidCommand("lock: the name is empty")
        if self.via is not None and not isinstance(self.command, AwsCli):
            raise InvalidCommand(f"via: only an aws_cli command has it, not {self.command.type}")
        where = self.working_dir
        known_later = bool(self.inputs) and bool(step_outputs(str(where)))
        if where is not None and not known_later and not is_directory(expanded(where)):
            raise InvalidWorkingDir(where)
        command = self.command
        if isinstance(command, Script) and self.working_dir is not None:
            path = expanded(self.working_dir) / expanded(command.path)
            command = command.model_copy(update={"path": path})
        command.check()
        if self.timeout_ms is not None and self.timeout_ms > config.max_timeout_ms:
            raise TimeoutTooLarge(self.timeout_ms, config.max_timeout_ms)

    @property
    def title(self) -> str:
        """The request's name, or the command's line."""
        return self.name or self.command.line
