"""Tells IPython how to show results, so that models know nothing of text or HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from cloudops_nb.models.results import ExecutionResult, PlanExecutionResult
from cloudops_nb.records import Records
from cloudops_nb.render.describe import Recordable, describe
from cloudops_nb.render.describe_list import ExecutionTable
from cloudops_nb.render.html import record_html
from cloudops_nb.render.text import headline_text, record_text


class Formatter(Protocol):
    """What is used of IPython's ``BaseFormatter``."""

    def for_type(self, typ: type, func: Callable[..., Any]) -> object:
        """Registers ``func`` for objects of ``typ``."""
        ...


def register(formatters: Mapping[str, Formatter]) -> None:
    """Registers text/plain and text/html; takes ``ip.display_formatter.formatters``."""
    for shown in (ExecutionResult, PlanExecutionResult, Records, ExecutionTable):
        formatters["text/plain"].for_type(shown, _print)
        formatters["text/html"].for_type(shown, _to_html)


def _to_html(value: Recordable) -> str:
    return record_html(describe(value))


def _print(value: Recordable, printer: Any, cycle: bool) -> None:  # noqa: ARG001 - IPython's form
    record = describe(value)
    if len(printer.stack) > 1:
        # Within a list or dict: whole records would hide how the collection is built.
        printer.text(f"<{type(value).__name__}: {headline_text(record.headline)}>")
    else:
        printer.text(record_text(record))
