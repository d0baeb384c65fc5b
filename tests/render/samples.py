"""Results as an engine gives them, with ids and times that never change."""

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID

from cloudops_nb.errors import LogUnavailable
from cloudops_nb.models.results import (
    ExecutionResult,
    ExecutionStats,
    ExecutionStatus,
    ExecutionSummary,
    MemoryOutput,
    PlanExecutionResult,
    Stream,
)

STARTED = datetime(2026, 7, 30, 14, 3, 22, 512_000, tzinfo=UTC)
LOGS = Path.home() / ".local" / "state" / "cloudops_nb" / "logs"


def an_id(number: int = 0) -> UUID:
    return UUID(int=0x5EED << 64 | number)


def a_result(
    status: str = "completed",
    exit_code: int | None = 0,
    *,
    number: int = 0,
    stdout: str = "",
    stderr: str = "",
    seconds: float = 0.31,
    **fields: Any,
) -> ExecutionResult:
    fields = {"log_path": LOGS / f"{an_id(number)}.log", "command": "true"} | fields
    result = ExecutionResult(
        id=an_id(number),
        status=ExecutionStatus(status),
        exit_code=exit_code,
        duration=timedelta(seconds=seconds),
        started_at=STARTED,
        completed_at=STARTED + timedelta(seconds=seconds),
        **fields,
    )
    return result.with_output(MemoryOutput(stdout, stderr))


def a_skipped_result(reason: str, **fields: Any) -> ExecutionResult:
    return a_result("skipped", None, seconds=0, error=reason, **fields)


class _Gone:
    def text(self, stream: Stream) -> str:
        raise LogUnavailable("no such file")


def a_result_without_log(**fields: Any) -> ExecutionResult:
    return a_result(**fields).with_output(_Gone())


def a_plan(*results: ExecutionResult, status: str = "failed", **fields: Any) -> PlanExecutionResult:
    fields = {"description": "nightly checks", "started_at": STARTED} | fields
    return PlanExecutionResult(
        plan_id=an_id(999_999),
        status=ExecutionStatus(status),
        results=results,
        total_duration=timedelta(seconds=123),
        stats=ExecutionStats.of(result.status for result in results),
        **fields,
    )


def a_summary(**fields: Any) -> ExecutionSummary:
    fields = {"id": an_id(), "status": "completed", "title": "true"} | fields
    return ExecutionSummary(
        **{"started_at": STARTED, "duration": timedelta(seconds=0.31)} | fields,
    )


_BREAKING = ("div", "pre", "summary", "small", "i", "th", "td")  # end a word where they end


class Elements(HTMLParser):
    """What a browser would make of some HTML: its elements, their attributes, its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.others: list[str] = []  # comments, declarations, processing instructions
        self._open: list[str] = []
        self._text: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, f"left open: {self._open}"

    @property
    def text(self) -> str:
        return "".join(self._text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(name, value or "") for name, value in attrs}
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag in _BREAKING:
            self._text.append(" ")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self._text.append(data)

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment
