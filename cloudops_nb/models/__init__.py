"""Commands, plans, results and events: the values that cross a boundary, and their JSON."""

from cloudops_nb.models.commands import AwsCli, Command, Exec, Script, Shell
from cloudops_nb.models.events import (
    Cancelled,
    Completed,
    ExecutionEvent,
    Failed,
    OutputBatch,
    OutputDropped,
    PlanCompleted,
    PlanStarted,
    Progress,
    Skipped,
    Started,
    Stderr,
    Stdout,
)
from cloudops_nb.models.plans import (
    DependencyGraph,
    ExecutionPlan,
    ExecutionStrategy,
    Parallel,
    Serial,
)
from cloudops_nb.models.prepared import PreparedCommand
from cloudops_nb.models.requests import ExecutionMetadata, ExecutionRequest
from cloudops_nb.models.results import (
    ExecutionResult,
    ExecutionStats,
    ExecutionStatus,
    ExecutionSummary,
    PlanExecutionResult,
)
from cloudops_nb.models.risk import RiskLevel

__all__ = [
    "AwsCli",
    "Cancelled",
    "Command",
    "Completed",
    "DependencyGraph",
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
    "Failed",
    "OutputBatch",
    "OutputDropped",
    "Parallel",
    "PlanCompleted",
    "PlanExecutionResult",
    "PlanStarted",
    "PreparedCommand",
    "Progress",
    "RiskLevel",
    "Script",
    "Serial",
    "Shell",
    "Skipped",
    "Started",
    "Stderr",
    "Stdout",
]
