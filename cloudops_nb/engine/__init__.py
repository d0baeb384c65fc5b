"""The kernel-resident engine: submits, schedules, watches and remembers executions."""

from cloudops_nb.engine.engine import ExecutionEngine, Presenter
from cloudops_nb.engine.events import EventHandler, Subscription
from cloudops_nb.engine.handle import Execution
from cloudops_nb.engine.handlers import (
    ConsoleEventHandler,
    FileLoggerEventHandler,
    JsonlEventHandler,
)

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
