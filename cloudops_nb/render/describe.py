"""From what a notebook shows to what a record says."""

from __future__ import annotations

from cloudops_nb.models.results import ExecutionResult, PlanExecutionResult
from cloudops_nb.records import Records
from cloudops_nb.render.describe_list import ExecutionTable, describe_records, describe_summaries
from cloudops_nb.render.describe_plan import describe_plan
from cloudops_nb.render.describe_result import describe_result
from cloudops_nb.render.record import Record

Recordable = ExecutionResult | PlanExecutionResult | Records | ExecutionTable


def describe(value: Recordable) -> Record:
    """The record of ``value``."""
    match value:
        case ExecutionResult():
            return describe_result(value)
        case PlanExecutionResult():
            return describe_plan(value)
        case Records():
            return describe_records(value)
        case ExecutionTable():
            return describe_summaries(value)
