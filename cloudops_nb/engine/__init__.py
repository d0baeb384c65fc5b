"""The kernel-resident engine: submits, schedules, watches and remembers executions."""

from cloudops_nb.engine.engine import ExecutionEngine, Presenter
from cloudops_nb.engine.handle import Execution
from cloudops_nb.engine.handlers import (
    ConsoleEventHandler,
    FileLoggerEventHandler,
    JsonlEventHandler,
)
from cloudops_nb.engine.subscription import EventHandler, Subscription

__all__ = [
    "ConsoleEventHandler",
    "EventHandler",
    "Execution",
    "ExecutionEngine",
    "FileLoggerEventHandler",
    "JsonlEventHandler",
    "Presenter",
    "Subscription",
]
