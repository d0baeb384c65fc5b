"""Every error this package raises, in one tree.

    ExecutionError
    ├── ValidationError            the request or plan is wrong; nothing was started
    │   ├── InvalidCommand
    │   │   └── UnknownName        AWS has no such service, operation or parameter
    │   ├── InvalidPlan
    │   ├── InvalidWorkingDir
    │   ├── MissingField
    │   ├── ScriptNotFound
    │   ├── TimeoutTooLarge
    │   └── UnsafeRetry            it asks to be run again and may change something each time
    ├── ApprovalRequired           a risky command was held back; carries the digest to approve
    ├── AlreadyInitialized         the process already has a global engine
    ├── EngineClosed               the engine was shut down
    ├── ExecutionNotFound          no execution has this id (or it was rotated away)
    ├── ExecutionNotCompleted      its result was asked for while it still runs
    ├── ExecutionNotRunning        it cannot be cancelled: it has ended
    ├── ExecutionTimeout           a wait was given up; the execution goes on
    ├── ExecutionCancelled         raised by a cell whose execution was cancelled
    ├── CommandFailed              raised by a cell whose command failed
    ├── CredentialsUnavailable     a profile's AWS credentials cannot be had
    ├── SpawnFailed                the operating system refused to start the process
    ├── InvalidSetting             the setting cannot be changed on a running engine
    ├── JournalUnavailable         the journal cannot be written, so nothing may start
    ├── LockUnavailable            a lock's file cannot be made or locked
    ├── LogUnavailable             a log cannot be written or is gone
    ├── NotResumable               it is no plan, or has nothing left to run
    ├── RecordsUnavailable         an output cannot be read as the records asked for
    ├── RegionsUnavailable         which regions an account has enabled cannot be asked
    ├── SandboxUnavailable         the AWS sandbox cannot be started
    ├── SerializationError         text that should be a request, plan or result is not
    └── StepValueUnavailable       what a step wants of an earlier one cannot be had

A failed command is a result, not an exception: these are refusals and faults of the host.
Only a notebook cell turns a failed result into ``CommandFailed``, so that "Run All" stops.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID


class ExecutionError(Exception):
    """Root of the tree: ``except ExecutionError`` catches all that this package raises."""


class ValidationError(ExecutionError, ValueError):
    """A request or plan that cannot run as written; raised before anything starts."""


class InvalidCommand(ValidationError):
    """The command contradicts itself or names something that does not exist."""


class UnknownName(InvalidCommand):
    """AWS has no service, operation or parameter of this name. ``closest`` are what it may mean."""

    def __init__(self, message: str, closest: Sequence[str] = ()) -> None:
        super().__init__(message + (f"; did you mean {' or '.join(closest)}?" if closest else ""))
        self.closest = tuple(closest)


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


class UnsafeRetry(ValidationError):
    """A retry was asked for a command that may change something each time it runs."""

    def __init__(self, line: str) -> None:
        super().__init__(
            f"`{line[:80]}` is not known to change nothing, so it is not run again by itself; "
            "if running it twice does no harm, say so: --idempotent in a cell, "
            "`idempotent: true` in a `retry`, RetryConfig(idempotent=True)"
        )


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
    """Neither the engine nor its log directory knows an execution with this id."""

    def __init__(self, execution_id: UUID | str) -> None:
        super().__init__(
            f"no execution {execution_id}: it was never submitted with this log directory, "
            "or was rotated away"
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


class CredentialsUnavailable(ExecutionError):
    """The AWS credentials of a profile cannot be had; the message says what to do."""


class SpawnFailed(ExecutionError):
    """The operating system refused to start the process."""


class InvalidSetting(ExecutionError, ValueError):
    """The setting cannot be changed on a running engine; the message says how to set it."""


class JournalUnavailable(ExecutionError):
    """The journal cannot be written; nothing more is started until it can."""


class LockUnavailable(ExecutionError):
    """A resource lock's file cannot be made or locked, so the command must not start."""


class LogUnavailable(ExecutionError):
    """A log file cannot be created, written or read."""


class NotResumable(ExecutionError):
    """What was to be resumed is no plan, or has nothing left to run."""


class RecordsUnavailable(ExecutionError):
    """The output does not have the records that were asked for."""


class RegionsUnavailable(ExecutionError):
    """Nobody may say which regions an account has enabled; ``denied`` is what AWS answered."""

    def __init__(self, account: str, denied: list[str]) -> None:
        super().__init__(
            f"which regions account {account} has enabled is unknown: allow ec2:DescribeRegions or "
            f"account:ListRegions, or name the regions. AWS: {'; '.join(denied)}"
        )
        self.account = account
        self.denied = denied


class SandboxUnavailable(ExecutionError):
    """The AWS sandbox cannot be started; the message says what to install or free."""


class SerializationError(ExecutionError, ValueError):
    """Text that should be a request, plan or result is not one; the message names the field."""


class StepValueUnavailable(ExecutionError):
    """A condition or a command wants something of an earlier step that it did not give."""
