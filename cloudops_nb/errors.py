"""Every error this package raises, in one tree.

    ExecutionError
    ├── ValidationError            the request or plan is wrong; nothing was started
    │   ├── InvalidCommand
    │   ├── InvalidPlan
    │   ├── InvalidWorkingDir
    │   ├── MissingField
    │   ├── ScriptNotFound
    │   └── TimeoutTooLarge
    ├── ApprovalRequired           a risky command was held back; carries the digest to approve
    ├── AlreadyInitialized         the process already has a global engine
    ├── EngineClosed               the engine was shut down
    ├── ExecutionNotFound          no execution has this id (or it was retired)
    ├── ExecutionNotCompleted      its result was asked for while it still runs
    ├── ExecutionNotRunning        it cannot be cancelled: it has ended
    ├── ExecutionTimeout           a wait was given up; the execution goes on
    ├── ExecutionCancelled         raised by a cell whose execution was cancelled
    ├── CommandFailed              raised by a cell whose command failed
    ├── SpawnFailed                the operating system refused to start the process
    ├── InvalidSetting             the setting cannot be changed on a running engine
    ├── JournalUnavailable         the journal cannot be written, so nothing may start
    ├── LogUnavailable             a log cannot be written or is gone
    ├── RecordsUnavailable         an output cannot be read as the records asked for
    ├── SandboxUnavailable         the AWS sandbox cannot be started
    └── SerializationError         text that should be a request, plan or result is not

A failed command is a result, not an exception: these are refusals and faults of the host.
Only a notebook cell turns a failed result into ``CommandFailed``, so that "Run All" stops.
"""

from __future__ import annotations

from pathlib import Path
from uuid import UUID


class ExecutionError(Exception):
    """Root of the tree: ``except ExecutionError`` catches all that this package raises."""


class ValidationError(ExecutionError, ValueError):
    """A request or plan that cannot run as written; raised before anything starts."""


class InvalidCommand(ValidationError):
    """The command contradicts itself or names something that does not exist."""


class InvalidPlan(ValidationError):
    """The plan's shape is wrong: no commands, a cycle, an unknown or repeated step."""


class InvalidWorkingDir(ValidationError):
    """The working directory does not exist or is not a directory."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"working directory is not a directory: {path}")
        self.path = path


class MissingField(ValidationError):
    """A field that the command needs is empty."""

    def __init__(self, field: str) -> None:
        super().__init__(f"missing required field: {field}")
        self.field = field


class ScriptNotFound(ValidationError):
    """The script file does not exist or is not a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"script file not found: {path}")
        self.path = path


class TimeoutTooLarge(ValidationError):
    """The timeout is above the configured maximum. Both are in milliseconds."""

    def __init__(self, timeout_ms: int, max_timeout_ms: int) -> None:
        super().__init__(
            f"timeout of {timeout_ms} ms is above the maximum of {max_timeout_ms} ms; "
            "raise it with ExecutionConfig(max_timeout_ms=…), CLOUDOPS_MAX_TIMEOUT_MS "
            "or %cloudops config max_timeout_ms=…"
        )
        self.timeout_ms = timeout_ms
        self.max_timeout_ms = max_timeout_ms


class ApprovalRequired(ExecutionError):
    """A risky command was not approved. ``digest`` approves exactly what was shown."""

    def __init__(self, summary: str, digest: str) -> None:
        super().__init__(
            f"approval required: {summary}\n"
            f"Nothing was run. To run exactly this, approve its digest: --approve {digest}"
        )
        self.digest = digest


class AlreadyInitialized(ExecutionError):
    """``ExecutionEngine.init_global`` was called twice."""


class EngineClosed(ExecutionError):
    """The engine was closed; make a new one."""


class ExecutionNotFound(ExecutionError, LookupError):
    """The engine knows no execution with this id."""

    def __init__(self, execution_id: UUID | str) -> None:
        super().__init__(
            f"no execution {execution_id}: it was never submitted to this engine, or was retired"
        )
        self.execution_id = execution_id


class ExecutionNotCompleted(ExecutionError):
    """The execution still runs, so it has no result yet."""

    def __init__(self, execution_id: UUID, status: str) -> None:
        super().__init__(f"execution {execution_id} is {status}: wait for it first")
        self.execution_id = execution_id


class ExecutionNotRunning(ExecutionError):
    """The execution has ended already."""

    def __init__(self, execution_id: UUID, status: str) -> None:
        super().__init__(f"execution {execution_id} cannot be cancelled: it is {status}")
        self.execution_id = execution_id


class ExecutionTimeout(ExecutionError, TimeoutError):
    """A wait was given up after ``timeout`` seconds; the execution itself goes on."""


class ExecutionCancelled(ExecutionError):
    """The execution a cell waited for was cancelled."""


class CommandFailed(ExecutionError):
    """The command a cell waited for did not succeed. ``exit_code`` is None when it had none."""

    def __init__(self, message: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class SpawnFailed(ExecutionError):
    """The operating system refused to start the process."""


class InvalidSetting(ExecutionError, ValueError):
    """The setting cannot be changed on a running engine; the message says how to set it."""


class JournalUnavailable(ExecutionError):
    """The journal cannot be written; nothing more is started until it can."""


class LogUnavailable(ExecutionError):
    """A log file cannot be created, written or read."""


class RecordsUnavailable(ExecutionError):
    """The output does not have the records that were asked for."""


class SandboxUnavailable(ExecutionError):
    """The AWS sandbox cannot be started; the message says what to install or free."""


class SerializationError(ExecutionError, ValueError):
    """Text that should be a request, plan or result is not one; the message names the field."""
