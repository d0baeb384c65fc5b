"""Settings of an engine, from keyword arguments or ``CLOUDOPS_*`` variables."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Literal

from platformdirs import user_state_path
from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

OversizedOutputStrategy = Literal["truncate_with_warning", "fail_execution", "stream_to_file"]


class ExecutionConfig(BaseSettings):
    """Limits and places of an engine. Times are milliseconds or seconds as the name says.

    Keyword arguments win over ``CLOUDOPS_<FIELD>`` environment variables, those over the defaults.

    Raises:
        pydantic.ValidationError: a value of the wrong type or range; it names the field.
    """

    model_config = SettingsConfigDict(
        env_prefix="CLOUDOPS_",
        frozen=True,
        extra="forbid",
        env_ignore_empty=True,  # CLOUDOPS_LOG_DIR= means "not set", not "here"
    )

    default_timeout_ms: int = Field(120_000, gt=0, description="timeout of a command, per attempt")
    max_timeout_ms: int = Field(600_000, gt=0, description="largest timeout a request may ask for")
    stream_output: bool = Field(True, description="publish output events while a command runs")
    log_dir: Path | None = Field(None, description="log directory; none: per-user state directory")
    max_concurrent_executions: int = Field(10, gt=0, description="processes at the same time")
    max_in_memory_executions: int = Field(1000, gt=0, description="finished executions remembered")
    execution_retention_secs: int = Field(3600, gt=0, description="how long they are remembered")
    enable_auto_cleanup: bool = Field(True, description="retire finished executions on its own")
    max_output_size_bytes: int = Field(10_485_760, gt=0, description="log size of one command")
    oversized_output_strategy: OversizedOutputStrategy = Field(
        "truncate_with_warning", description="what happens to output above the log size"
    )
    log_retention_days: int = Field(
        30, ge=0, description="days until logs and results are removed; 0: never for their age"
    )
    log_dir_max_bytes: int = Field(
        5 * 2**30, ge=0, description="size above which the oldest are removed; 0: no bound"
    )
    cancel_grace_ms: int = Field(2_000, ge=0, description="from SIGTERM to SIGKILL on cancel")
    pass_env: frozenset[str] = Field(
        frozenset(), description="names of secret-looking variables that commands may inherit"
    )

    @field_validator("pass_env", mode="before")
    @classmethod
    def _names_between_commas(cls, value: object) -> object:
        return value.replace(",", " ").split() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _default_within_maximum(self) -> ExecutionConfig:
        if self.default_timeout_ms > self.max_timeout_ms:
            raise ValueError(
                f"default_timeout_ms ({self.default_timeout_ms}) is above "
                f"max_timeout_ms ({self.max_timeout_ms})"
            )
        return self

    @cached_property
    def log_directory(self) -> Path:
        """Where logs go: ``log_dir``, or ``logs`` in the per-user state directory."""
        if self.log_dir is not None:
            return expanded(self.log_dir).absolute()
        return user_state_path("cloudops_nb", appauthor=False) / "logs"

    @property
    def lock_directory(self) -> Path:
        """Where the files of resource locks are: one place for all kernels of this user."""
        return user_state_path("cloudops_nb", appauthor=False) / "locks"


def expanded(path: Path | str) -> Path:
    """``path`` with a leading ``~`` read as a home directory, if it is the home of somebody."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser() raises for those


def is_file(path: Path) -> bool:
    """Whether ``path`` is a file; False for a path that cannot be one."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file() raises where the path is too long


def is_directory(path: Path) -> bool:
    """Whether ``path`` is a directory; False for a path that cannot be one."""
    return os.path.isdir(path)  # noqa: PTH112 - Path.is_dir() raises where the path is too long


def home_relative(path: Path | str) -> str:
    """``path`` with the home directory written as ``~``, so that what is shown names no machine."""
    path = Path(path)
    home = Path.home()
    if path.is_relative_to(home):
        return str(Path("~") / path.relative_to(home))
    return str(path)
