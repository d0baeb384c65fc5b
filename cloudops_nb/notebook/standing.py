"""Where a command, or a run as a whole, stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cloudops_nb.models.base import now
from cloudops_nb.models.plans import ExecutionPlan
from cloudops_nb.models.requests import ExecutionRequest
from cloudops_nb.models.results import ExecutionStatus
from cloudops_nb.render.ansi import plain

NOTE_CHARS = 300
LINE_CHARS = 1000
"""Of a command's line, in the table's data; the page asks for a longer one when it copies it."""

PENDING, RUNNING, CANCELLING = "pending", "running", "cancelling"
BAD = (ExecutionStatus.FAILED, ExecutionStatus.TIMEOUT, ExecutionStatus.INTERRUPTED)
GOOD = ExecutionStatus.COMPLETED

_NAME_CHARS = 100
_RAW_CHARS = 4000  # read of a name or a note, which may be as long as a command


@dataclass(slots=True)
class Standing:
    """Its texts are as they came; ``named`` and ``changing`` give them as they are shown."""

    id: UUID
    title: str
    line: str
    where: str = ""
    """Region, profile and tags."""
    state: str = PENDING
    note: str = ""
    last: str = ""
    attempts: int = 0
    started: datetime | None = None
    took: timedelta | None = None

    @classmethod
    def of(cls, work: ExecutionRequest | ExecutionPlan) -> Standing:
        """Of what has not started yet."""
        if isinstance(work, ExecutionPlan):
            return cls(work.id, work.description, work.description)
        return cls(work.id, work.title, work.command.line, _where(work))

    def start(self, at: datetime, attempt: int = 1) -> None:
        self.started = self.started or at  # the first attempt's
        self.attempts = attempt
        if self.state == PENDING:
            self.state = RUNNING
            self.note = ""

    def wait(self, reason: str) -> None:
        if self.state == RUNNING:  # it is parked
            self.state = PENDING
        self.note = one_line(reason, NOTE_CHARS)

    def resume(self) -> None:
        if self.state == PENDING:
            self.state = RUNNING
        self.note = ""

    def progress(self, text: str) -> None:
        self.note = one_line(text, NOTE_CHARS)

    def retry(self, next_attempt: str, wait: timedelta, reason: str) -> None:
        if self.state == RUNNING:
            self.state = PENDING
        seconds = round(wait.total_seconds(), 1)
        self.note = one_line(f"{next_attempt} in {seconds:g} s: {reason}")

    def cancel(self) -> bool:
        """Notes that it is to end; False if it ended or was told before."""
        if self.took is not None or self.state == CANCELLING:
            return False
        self.state = CANCELLING
        return True

    def end(self, state: str, took: timedelta | None, note: str | None = None) -> None:
        self.took = timedelta(seconds=self.seconds or 0) if took is None else took
        self.state = state
        self.note = one_line(note or "", NOTE_CHARS)

    @property
    def ended(self) -> bool:
        return self.took is not None

    @property
    def seconds(self) -> float | None:
        """How long it has run, or ran; None if it never did."""
        if self.took is not None:
            return self.took.total_seconds() or None
        return None if self.started is None else max(0, (now() - self.started).total_seconds())

    @property
    def summary(self) -> str:
        return f"{self.state} · {self.note}" if self.note else self.state

    @property
    def clock(self) -> str:
        """``0:42`` while it runs; ``42.3 s`` when it has ended; minutes and hours as they come."""
        seconds = self.seconds
        if seconds is None:
            return ""
        if self.ended and seconds < 60:
            return f"{seconds:.1f} s"
        minutes, rest = divmod(int(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

    def named(self) -> dict[str, Any]:
        """All of it, for the page."""
        return {
            "id": str(self.id),
            "name": one_line(self.title),
            "where": one_line(self.where, NOTE_CHARS),
            "line": self.line[:LINE_CHARS],
            "cut": max(0, len(self.line) - LINE_CHARS),
            "last": self.last,
            **self.changing(),
        }

    def changing(self) -> dict[str, Any]:
        """What of it changes, for the page; the time is in milliseconds."""
        seconds = self.seconds
        return {
            "state": self.state,
            "ms": None if seconds is None else round(seconds * 1000),
            "attempts": self.attempts,
            "note": self.note,
        }


def one_line(text: str, limit: int = _NAME_CHARS) -> str:
    """The first line, cut, nothing hidden in it; an ellipsis says that there was more."""
    text = text.strip()
    first, _, rest = text[:_RAW_CHARS].partition("\n")
    shown = plain(first)
    more = rest or len(text) > _RAW_CHARS or len(shown) > limit
    return shown[: limit - 2].rstrip() + " …" if more else shown


def _where(request: ExecutionRequest) -> str:
    """The labels, but for those that its name, ``region=eu-west-1``, tells already."""
    told = request.title.split(" ")
    labels = request.metadata.tags
    left = {key: value for key, value in labels.items() if f"{key}={value}" not in told}
    first = [left.pop(key) for key in ("region", "profile") if key in left]
    return " · ".join([*first, *(f"{key}={value}" for key, value in left.items())])
