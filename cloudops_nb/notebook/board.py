"""What is known of a run while it lasts, and what of that is news to the page.

No widget, no thread: events go in, messages for the page (see ``console``) come out.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from cloudops_nb.models.events import (
    Cancelled,
    CommandProgress,
    Completed,
    ExecutionEvent,
    Failed,
    OutputBatch,
    OutputDropped,
    PlanCompleted,
    PlanStarted,
    Progress,
    Resumed,
    Retrying,
    Skipped,
    Started,
    Stderr,
    Stdout,
    Waiting,
)
from cloudops_nb.models.plans import ExecutionPlan
from cloudops_nb.models.requests import ExecutionRequest
from cloudops_nb.models.results import ExecutionStatus
from cloudops_nb.notebook.standing import NOTE_CHARS, Standing
from cloudops_nb.notebook.transcript import Line, Transcript

MAX_ROWS = 250
"""Rows of the table in one message at most."""

_OutputEvent = OutputBatch | OutputDropped | Stdout | Stderr
_StateEvent = (
    Waiting
    | Started
    | Resumed
    | CommandProgress
    | Retrying
    | Completed
    | Failed
    | Cancelled
    | Skipped
)


class Board:
    """A run and its commands. ``ends`` is when it is expected to end, if that is known."""

    def __init__(self, work: ExecutionRequest | ExecutionPlan) -> None:
        self.is_plan = isinstance(work, ExecutionPlan)
        self.run = Standing.of(work)
        self.rows = (
            [*map(Standing.of, work.commands)] if isinstance(work, ExecutionPlan) else [self.run]
        )
        self.ends: datetime | None = None
        self._index = {row.id: index for index, row in enumerate(self.rows)}
        self._transcript = Transcript(len(self.rows))
        self._sequence = 0
        self._told = self.run.summary
        self._stale: dict[int, None] = {}  # a set in the order of the changes

    def on_event(self, event: ExecutionEvent) -> None:
        """Takes note of an event; those of other runs are ignored."""
        if isinstance(event, PlanStarted | Progress | PlanCompleted):
            if event.plan_id == self.run.id:
                self._on_plan_event(event)
        elif (index := self._index.get(event.execution_id)) is not None:
            if isinstance(event, _OutputEvent):
                self._on_output(index, event)
            else:
                self._on_state(index, event)

    def cancel(self, row: Standing) -> bool:
        """Notes that the run or one command is to end; False if it ended or was told before."""
        if not row.cancel():
            return False
        if row.id in self._index:
            self._stale[self._index[row.id]] = None
        return True

    @property
    def has_news(self) -> bool:
        """Whether another ``delta`` is due though nothing happens: the last had no room for all."""
        return bool(self._stale)

    @property
    def is_flooded(self) -> bool:
        """Whether a flood of output goes on, of whose end another ``delta`` is to learn."""
        return self._transcript.flooded

    def counts(self) -> Counter[str]:
        """The number of commands in each state."""
        return Counter(str(row.state) for row in self.rows)

    def delta(self) -> dict[str, Any] | None:
        """What has changed since the last one, bounded in size; None if nothing has."""
        lines = self._transcript.take()
        for line in lines:
            if line.kind != "note" and line.text.strip():
                self.rows[line.row].last = line.text[:NOTE_CHARS]
        stale = [*islice(self._stale, MAX_ROWS)]
        for index in stale:
            del self._stale[index]
        if not lines and not stale and self._told == self.run.summary:
            return None
        self._told = self.run.summary
        self._sequence += 1
        return {
            "type": "delta",
            "seq": self._sequence,
            "state": self._told,
            "counts": self.counts(),
            "rows": [{"row": index, **self.rows[index].changing()} for index in stale],
            "lines": _wire(lines),
        }

    def snapshot(self) -> dict[str, Any]:
        """The state after the last ``delta``, as far as one message takes it."""
        return {
            "seq": self._sequence,
            "plan": self.is_plan,
            "title": self.run.named()["name"],
            "state": self.run.summary,
            "counts": self.counts(),
            "total": len(self.rows),
            "rows": self.named(0),
            "lines": _wire(self._transcript.tail()),
        }

    def named(self, start: int) -> list[dict[str, Any]]:
        """The rows from that one on, as many as one message takes."""
        return [row.named() for row in self.rows[start : start + MAX_ROWS]]

    def tail(self, row: int) -> list[tuple[Any, ...]]:
        """The last lines of one command."""
        return _wire(self._transcript.tail(row))

    def _on_plan_event(self, event: PlanStarted | Progress | PlanCompleted) -> None:
        match event:
            case PlanStarted():
                self.run.start(event.timestamp)
            case PlanCompleted(result=result):
                self.run.end(result.status, result.total_duration, result.error)
            case Progress(eta_seconds=left):  # counted here, from the commands' own events
                self.ends = None if left is None else event.timestamp + timedelta(seconds=left)

    def _on_output(self, index: int, event: _OutputEvent) -> None:
        at = _milliseconds(event.timestamp)
        match event:
            case OutputBatch():
                if event.omitted_lines:
                    self._transcript.skip(index, event.stream, event.omitted_lines)
                self._transcript.push(index, event.stream, event.text, at)
            case OutputDropped():
                left_out = f"{event.dropped_bytes:,} bytes left out, see the log"
                self._transcript.note(index, left_out, at)
            case Stdout() | Stderr():  # for handlers that ask for lines
                return

    def _on_state(self, index: int, event: _StateEvent) -> None:
        row = self.rows[index]
        match event:
            case Waiting(reason=reason):
                row.wait(reason)
            case Started():
                row.start(event.timestamp, event.attempt)
            case Resumed():
                row.resume()
            case CommandProgress():
                row.progress(event.text)
            case Retrying(reason=reason):
                row.retry(
                    f"attempt {event.attempt + 1} of {event.max_attempts}", event.wait, reason
                )
                self._transcript.note(index, row.note, _milliseconds(event.timestamp))
            case Completed(result=result):
                row.end(result.status, result.duration)
            case Failed(error=note) | Skipped(reason=note):
                row.end(_status(event), _duration(event), note)
            case Cancelled(result=known):
                row.end(_status(event), _duration(event), known.error if known else None)
        self._stale[index] = None


def _wire(lines: list[Line]) -> list[tuple[Any, ...]]:
    return [*map(tuple, lines)]


def _status(event: Failed | Cancelled | Skipped) -> ExecutionStatus:
    return event.result.status if event.result else ExecutionStatus(event.event_type)


def _duration(event: Failed | Cancelled | Skipped) -> timedelta | None:
    return event.result.duration if event.result else None


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
