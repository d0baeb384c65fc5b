"""The live view of one run: a header of standard widgets around one console."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any
from uuid import UUID

import ipywidgets

from cloudops_nb.models.base import now
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
from cloudops_nb.models.plans import ExecutionPlan
from cloudops_nb.models.requests import ExecutionRequest
from cloudops_nb.models.results import ExecutionStatus
from cloudops_nb.notebook.console import Console
from cloudops_nb.notebook.transcript import Transcript

FLUSH_SECONDS = 0.05
"""The page is written to at most this often."""

_NAME_CHARS = 100
_LINE_CHARS = 1000
_NOTE_CHARS = 300
_PENDING, _RUNNING, _CANCELLING = "pending", "running", "cancelling"
_BAD = (ExecutionStatus.FAILED, ExecutionStatus.TIMEOUT, ExecutionStatus.INTERRUPTED)
_GOOD = ExecutionStatus.COMPLETED

_OutputEvent = OutputBatch | OutputDropped | Stdout | Stderr
_StateEvent = Started | Completed | Failed | Cancelled | Skipped


class LiveView:
    """Shows a run while it lasts. An event handler: ``on_event`` may be called from any thread.

    ``cancel`` is called with the run's id, or with the id of one command of a plan, when the
    matching button is clicked; it is to initiate and return. The number of widgets does not depend
    on the size of the plan. Text from outside never becomes markup.
    """

    output = "batches"

    def __init__(
        self, work: ExecutionRequest | ExecutionPlan, *, cancel: Callable[[UUID], None]
    ) -> None:
        self._cancel = cancel
        if isinstance(work, ExecutionPlan):
            self._rows = [_row(request) for request in work.commands]
            self._run = _Row(work.id, work.description, work.description)
        else:
            self._rows = [_row(work)]
            self._run = self._rows[0]
        self._is_plan = isinstance(work, ExecutionPlan)
        self._index = {row.id: index for index, row in enumerate(self._rows)}
        self._transcript = Transcript(len(self._rows))
        self._notice_text = ""
        self._sequence = 0
        self._told = self._run.summary
        self._stale: set[int] = set()
        self._wanted_tails: set[int] = set()
        self._wanted_snapshot = False
        self._dirty = False
        self._changed = threading.Condition()  # guards all of the above
        self._closed = threading.Event()

        self._build()
        self._thread = threading.Thread(
            target=self._keep_flushing, name=f"cloudops-view-{work.id}", daemon=True
        )
        self._thread.start()

    def on_event(self, event: ExecutionEvent) -> None:
        """Takes note of an event; the page hears of it at the next flush."""
        with self._changed:
            if isinstance(event, PlanStarted | Progress | PlanCompleted):
                if event.plan_id == self._run.id:
                    self._on_plan_event(event)
            elif (index := self._index.get(event.execution_id)) is not None:
                if isinstance(event, _OutputEvent):
                    self._on_output(index, event)
                else:
                    self._on_state(index, event)

    def notice(self, text: str) -> None:
        """Shows one line of plain text below the header; an empty one takes it away."""
        with self._changed:
            self._notice_text = text
            self._wake()

    def close(self) -> None:
        """Shows what is left to show, then takes the view off the page."""
        with self._changed:
            if self._closed.is_set():
                return
            self._closed.set()
            self._wake()
        self._thread.join()
        for widget in _parts(self.widget):
            widget.close()

    # State. All of these are called with the lock held.

    def _wake(self) -> None:
        self._dirty = True
        self._changed.notify()

    def _on_plan_event(self, event: PlanStarted | Progress | PlanCompleted) -> None:
        match event:
            case PlanStarted():
                self._run.start(event.timestamp)
            case PlanCompleted(result=result):
                self._run.end(result.status, result.total_duration, result.error)
            case Progress():  # counted here, from the commands' own events
                return
        self._wake()

    def _on_output(self, index: int, event: _OutputEvent) -> None:
        match event:
            case OutputBatch():
                self._transcript.push(index, event.stream, event.text)
            case OutputDropped():
                self._transcript.note(index, f"{event.dropped_bytes:,} bytes left out, see the log")
            case Stdout() | Stderr():  # for handlers that ask for lines
                return
        self._wake()

    def _on_state(self, index: int, event: _StateEvent) -> None:
        row = self._rows[index]
        match event:
            case Started():
                row.start(event.timestamp)
            case Completed(result=result):
                row.end(result.status, result.duration)
            case Failed(error=note) | Skipped(reason=note):
                row.end(_status(event), _duration(event), note)
            case Cancelled(result=known):
                row.end(_status(event), _duration(event), known.error if known else None)
        self._stale.add(index)
        self._wake()

    def _delta(self) -> dict[str, Any] | None:
        lines = self._transcript.take()
        for line in lines:
            if line.kind != "note" and line.text.strip():
                self._rows[line.row].last = line.text[:_NOTE_CHARS]
        stale, self._stale = self._stale, set()
        if not lines and not stale and self._told == self._run.summary:
            return None
        self._told = self._run.summary
        self._sequence += 1
        return {
            "type": "delta",
            "seq": self._sequence,
            "state": self._told,
            "rows": [{"row": index, **self._rows[index].changing()} for index in stale],
            "lines": [*map(tuple, lines)],
        }

    def _draw_header(self) -> None:
        run = self._run
        self._state.value = _span("state", run.summary, **{"data-state": run.state})
        self._elapsed.value = _span("elapsed", _clock(run))
        self._notice.value = _span("notice", self._notice_text)
        self._notice.layout.display = None if self._notice_text else "none"
        self._button.disabled = run.state == _CANCELLING
        self._button.description = "Cancelling…" if run.state == _CANCELLING else "Cancel"
        self._button.layout.display = "none" if run.took is not None else None
        if self._is_plan:
            self._draw_progress()

    def _draw_progress(self) -> None:
        counts = Counter(row.state for row in self._rows)
        ended = sum(row.took is not None for row in self._rows)
        bad = sum(counts[state] for state in _BAD)
        for bar, value in zip(self._bars, (ended, counts[_GOOD] + bad, counts[_GOOD]), strict=True):
            bar.value = value
        self._counts.value = _span("count", f"{ended:,} of {len(self._rows):,}") + (
            " " + _span("bad", f"{bad:,} failed") if bad else ""
        )

    # The page.

    def _build(self) -> None:
        title = ipywidgets.HTML(
            _span("title", _one_line(self._run.title), title=self._run.line[:_LINE_CHARS]),
            layout={"flex": "1 1 8em", "min_width": "0"},
        )
        self._state, self._elapsed, self._notice = (ipywidgets.HTML() for _ in range(3))
        self._button = ipywidgets.Button(
            description="Cancel", tooltip="Stop this run and all its processes"
        )
        self._button.add_class("cloudops-cancel")
        self._button.on_click(self._on_click)
        self._console = Console(self._capture)
        self._console.on_msg(self._on_message)
        header = ipywidgets.HBox(
            [
                self._state,
                title,
                *(self._build_progress() if self._is_plan else ()),
                self._elapsed,
                self._button,
            ],
            layout={"align_items": "center"},
        )
        header.add_class("cloudops-header")
        self.widget = ipywidgets.VBox([header, self._notice, self._console])
        self.widget.add_class("cloudops-live")
        self._draw_header()
        for widget in _parts(self.widget):
            unblock_comm(widget)

    def _build_progress(self) -> tuple[ipywidgets.Widget, ...]:
        self._counts = ipywidgets.HTML()
        # Three bars on one place, the longest below: ended, ended well or badly, ended well.
        self._bars = [
            ipywidgets.IntProgress(
                max=len(self._rows), bar_style=style, layout={"grid_area": "1/1"}
            )
            for style in ("", "danger", "success")
        ]
        progress = ipywidgets.GridBox(self._bars)
        progress.add_class("cloudops-progress")
        return self._counts, progress

    def _capture(self) -> dict[str, Any]:
        with self._changed:
            return {
                "seq": self._sequence,
                "plan": self._is_plan,
                "title": _one_line(self._run.title),
                "state": self._run.summary,
                "rows": [
                    {
                        "id": str(row.id),
                        "name": _one_line(row.title),
                        "line": row.line[:_LINE_CHARS],
                        "last": row.last,
                        **row.changing(),
                    }
                    for row in self._rows
                ],
                "lines": [*map(tuple, self._transcript.tail())],
            }

    def _on_click(self, _button: ipywidgets.Button) -> None:
        self._request_cancel(self._run)

    def _on_message(self, _console: Console, content: object, _buffers: object) -> None:
        match content:
            case {"type": "cancel", "id": str(wanted)}:
                for row in self._rows:
                    if str(row.id) == wanted:
                        self._request_cancel(row)
            case {"type": "tail", "row": int(index)} if 0 <= index < len(self._rows):
                with self._changed:
                    self._wanted_tails.add(index)
                    self._wake()
            case {"type": "sync"}:
                with self._changed:
                    self._wanted_snapshot = True
                    self._wake()

    def _request_cancel(self, row: _Row) -> None:
        with self._changed:
            if row.took is not None or row.state == _CANCELLING:
                return
            row.state = _CANCELLING
            if row.id in self._index:
                self._stale.add(self._index[row.id])
            self._wake()
        self._cancel(row.id)

    def _keep_flushing(self) -> None:
        while not self._closed.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._dirty, timeout=self._patience())
            self._flush()
            self._closed.wait(FLUSH_SECONDS)
        self._flush()

    def _patience(self) -> float | None:
        """Seconds until a flush is due though nothing happens."""
        seconds = self._run.seconds
        if self._transcript.flooded:  # so that it learns of the flood's end
            return FLUSH_SECONDS
        return None if seconds is None or self._run.took is not None else 1 - seconds % 1

    def _flush(self) -> None:
        with self._changed:
            self._dirty = False
            delta = self._delta()
            snapshot, self._wanted_snapshot = self._wanted_snapshot, False
            tails = [
                {"type": "tail", "row": row, "lines": [*map(tuple, self._transcript.tail(row))]}
                for row in self._wanted_tails
            ]
            self._wanted_tails.clear()
            self._draw_header()
        if snapshot:
            self._console.send_state("snapshot")
        elif delta:
            self._console.send(delta)
        for tail in tails:
            self._console.send(tail)


@dataclass(slots=True)
class _Row:
    """Where a command, or the run as a whole, stands."""

    id: UUID
    title: str
    line: str
    state: str = _PENDING
    note: str = ""
    last: str = ""
    started: datetime | None = None
    took: timedelta | None = None

    def start(self, at: datetime) -> None:
        self.started = at
        if self.state == _PENDING:
            self.state = _RUNNING

    def end(self, state: str, took: timedelta | None, note: str | None = None) -> None:
        self.took = timedelta(seconds=self.seconds or 0) if took is None else took
        self.state = state
        self.note = _one_line(note or "", _NOTE_CHARS)

    @property
    def seconds(self) -> float | None:
        """How long it has run, or ran; None if it never did."""
        if self.took is not None:
            return self.took.total_seconds() or None
        return None if self.started is None else max(0, (now() - self.started).total_seconds())

    @property
    def summary(self) -> str:
        return f"{self.state} · {self.note}" if self.note else self.state

    def changing(self) -> dict[str, Any]:
        """What of it changes, for the page."""
        seconds = self.seconds
        return {
            "state": self.state,
            "ms": None if seconds is None else round(seconds * 1000),
            "note": self.note,
        }


def _row(request: ExecutionRequest) -> _Row:
    return _Row(request.id, request.title, request.command.line)


def unblock_comm(widget: ipywidgets.Widget) -> None:
    """Lets clicks on ``widget`` be handled while a cell keeps the main thread busy.

    ipykernel 7.4 sends what a page says on a comm to the shell that last published on it, and a
    widget made in a cell was published by the main one. Without that route the message goes where
    the page asked for: to a subshell, with a thread of its own. Other kernels have no such route.
    """
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = None


def _status(event: Failed | Cancelled | Skipped) -> ExecutionStatus:
    return event.result.status if event.result else ExecutionStatus(event.event_type)


def _duration(event: Failed | Cancelled | Skipped) -> timedelta | None:
    return event.result.duration if event.result else None


def _parts(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    """The widget and all it is made of; each has a comm of its own."""
    yield widget
    yield widget.layout
    if hasattr(widget, "style"):
        yield widget.style
    for child in getattr(widget, "children", ()):
        yield from _parts(child)


def _span(kind: str, text: str, **attributes: str) -> str:
    # For HTML widgets. A Label would hand its text to MathJax: "$HOME:$PATH" is no formula.
    values = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
    return f'<span class="cloudops-{kind}"{values}>{escape(text)}</span>'


def _one_line(text: str, limit: int = _NAME_CHARS) -> str:
    """The first line, cut; an ellipsis says that there was more."""
    first, _, rest = text.strip().partition("\n")
    return first if len(first) <= limit and not rest else first[: limit - 2].rstrip() + " …"


def _clock(row: _Row) -> str:
    """``0:42`` while it runs; ``42.3 s`` when it has ended; minutes and hours as they come."""
    seconds = row.seconds
    if seconds is None:
        return ""
    if row.took is not None and seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
