"""Cloud operations in a notebook: live, cancellable, recorded commands and plans.

    %load_ext cloudops_nb          # in a notebook: the %%cloudops cell magic

    from cloudops_nb import ExecutionEngine
    engine = ExecutionEngine.get_global()
    result = engine.run("aws ec2 describe-instances --region eu-west-1")
    result.to_pandas()

Everything listed in ``__all__`` is imported when it is first used, so that importing the package
costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cloudops_nb._version import __version__

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_HOMES = {
    "cloudops_nb.config": ("ExecutionConfig",),
    "cloudops_nb.engine": (
        "ConsoleEventHandler",
        "EventHandler",
        "Execution",
        "ExecutionEngine",
        "FileLoggerEventHandler",
        "JsonlEventHandler",
    ),
    "cloudops_nb.errors": (
        "AlreadyInitialized",
        "ApprovalRequired",
        "CommandFailed",
        "CredentialsUnavailable",
        "EngineClosed",
        "ExecutionCancelled",
        "ExecutionError",
        "ExecutionNotCompleted",
        "ExecutionNotFound",
        "ExecutionNotRunning",
        "ExecutionTimeout",
        "InvalidCommand",
        "InvalidPlan",
        "InvalidSetting",
        "InvalidWorkingDir",
        "JournalUnavailable",
        "LockUnavailable",
        "LogUnavailable",
        "MissingField",
        "NotResumable",
        "RecordsUnavailable",
        "RegionsUnavailable",
        "SandboxUnavailable",
        "ScriptNotFound",
        "SerializationError",
        "SpawnFailed",
        "StepValueUnavailable",
        "TimeoutTooLarge",
        "UnknownName",
        "UnsafeRetry",
        "ValidationError",
    ),
    "cloudops_nb.models": (
        "Attempt",
        "AwsCli",
        "AwsSdk",
        "BackoffStrategy",
        "Command",
        "DependencyGraph",
        "ErrorCategory",
        "Exec",
        "ExecutionEvent",
        "ExecutionMetadata",
        "ExecutionPlan",
        "ExecutionRequest",
        "ExecutionResult",
        "ExecutionStats",
        "ExecutionStatus",
        "ExecutionStrategy",
        "ExecutionSummary",
        "ExponentialBackoff",
        "FixedBackoff",
        "LinearBackoff",
        "Parallel",
        "PlanExecutionResult",
        "RetryConfig",
        "ResourceLimits",
        "RiskLevel",
        "Script",
        "Serial",
        "Shell",
    ),
    "cloudops_nb.executors.scripted": ("Scripted", "ScriptedExecutor"),
    "cloudops_nb.records": ("Records",),
    "cloudops_nb.models.shortform": ("parse_plan",),
    "cloudops_nb.render.graph": ("graph",),
    "cloudops_nb.render.timeline": ("timeline",),
    "cloudops_nb.notebook.waiting": ("allow_asyncio_run",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

# Derived, so that a name is listed once: PLE0604 cannot see that all of it is text.
__all__ = ["__version__", "load_ipython_extension", "unload_ipython_extension", *sorted(_HOME_OF)]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: InteractiveShell) -> None:
    """What ``%load_ext cloudops_nb`` calls."""
    from cloudops_nb.notebook.extension import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """What ``%unload_ext cloudops_nb`` calls."""
    from cloudops_nb.notebook.extension import unload

    unload(shell)
