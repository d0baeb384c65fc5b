"""One command with its surroundings."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

from pydantic import Field

from cloudops_nb.config import ExecutionConfig, expanded, is_directory
from cloudops_nb.errors import InvalidCommand, InvalidWorkingDir, TimeoutTooLarge
from cloudops_nb.models.base import InputModel, addition
from cloudops_nb.models.commands import Command, Script


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
    metadata: ExecutionMetadata = ExecutionMetadata()
    name: str | None = addition()
    query: str | None = addition()

    def check(self, config: ExecutionConfig) -> None:
        """Checks the request against ``config`` as far as it can be without running anything.

        Raises:
            ValidationError: one of its kinds; the message names the offending part.
        """
        for key, value in self.env.items():
            if not key or "=" in key or "\0" in key + value:
                raise InvalidCommand(f"env: {key!r} cannot be an environment variable")
        if self.working_dir is not None and not is_directory(expanded(self.working_dir)):
            raise InvalidWorkingDir(self.working_dir)
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
