"""The live view of one run: a header of standard widgets around one console."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import ipywidgets

from cloudops_nb.errors import ExecutionError
from cloudops_nb.models.events import ExecutionEvent
from cloudops_nb.models.plans import ExecutionPlan
from cloudops_nb.models.requests import ExecutionRequest
from cloudops_nb.notebook.board import Board
from cloudops_nb.notebook.console import Console
from cloudops_nb.notebook.header import Header
from cloudops_nb.notebook.log_piece import log_piece
from cloudops_nb.notebook.standing import Standing

FLUSH_SECONDS = 0.1
"""The page is written to at most this often; what comes after a silence goes at once."""


class LiveView:
    """Shows a run while it lasts. An event handler: ``on_event`` may be called from any thread.

    The number of widgets does not depend on the size of the plan, nor does the size of a message
    to the page. Text from outside never becomes markup.

    Args:
        cancel: called with the run's id, or with the id of one command of a plan, when the
            matching button is clicked; it is to initiate and return.
        log: where a command's log is; it may raise an ``ExecutionError``. Without it the page
            offers no log.
        resume: called with a plan's id when its "Retry failed" is clicked; it is to initiate and
            return, or to raise an ``ExecutionError``, which is shown. Without it there is no such
            button. For views that stay after the run's end.
    """

    output = "tail"

    def __init__(
        self,
        work: ExecutionRequest | ExecutionPlan,
        *,
        cancel: Callable[[UUID], None],
        log: Callable[[UUID], Path] | None = None,
        resume: Callable[[UUID], object] | None = None,
    ) -> None:
        self._cancel = cancel
        self._log = log
        self._board = Board(work)
        self._resume = resume if self._board.is_plan else None
        self._notice = ""
        self._resumed = False
        self._asked: list[dict[str, Any]] = []
        self._dirty = False
        self._changed = threading.Condition()  # guards all of the above
        self._closed = threading.Event()

        self._header = Header(
            self._board.run,
            len(self._board.rows) if self._board.is_plan else None,
            retryable=self._resume is not None,
            on_click=self._on_click,
        )
        self._console = Console(self._capture)
        self._console.on_msg(self._on_message)
        self._own = (self._header.widget, self._header.notice, self._console)
        self.widget = ipywidgets.VBox(self._own)
        self.widget.add_class("cloudops-live")
        self._draw_header()
        for widget in _parts(self.widget):
            unblock_comm(widget)
        self._thread = threading.Thread(
            target=self._keep_flushing, name=f"cloudops-view-{work.id}", daemon=True
        )
        self._thread.start()

    def on_event(self, event: ExecutionEvent) -> None:
        """Takes note of an event; the page hears of it at the next flush."""
        with self._changed:
            self._board.on_event(event)
            self._wake()

    def notice(self, text: str) -> None:
        """Shows one line of plain text below the header; an empty one takes it away."""
        with self._changed:
            self._notice = text
            self._wake()

    @property
    def closed(self) -> bool:
        """Whether it has left the page."""
        return self._closed.is_set()

    def put(self, widget: ipywidgets.DOMWidget) -> None:
        """Shows a widget of somebody else's above the output; one that is there stays."""
        with self._changed:
            if not self._closed.is_set() and widget not in self.widget.children:
                *head, console = self.widget.children
                self.widget.children = (*head, widget, console)

    def take_out(self, widget: ipywidgets.DOMWidget) -> None:
        """Takes it away again, if it is there."""
        with self._changed:
            if not self._closed.is_set():
                left = [child for child in self.widget.children if child is not widget]
                self.widget.children = left

    def close(self) -> None:
        """Shows what is left to show, then takes the view off the page."""
        with self._changed:
            if self._closed.is_set():
                return
            self._closed.set()
            self._wake()
        self._thread.join()
        # What was put here may be in other views as well.
        self.widget.children = self._own
        for widget in _parts(self.widget):
            widget.close()

    # The page.

    def _wake(self) -> None:
        self._dirty = True
        self._changed.notify()

    def _draw_header(self) -> bool:
        board = self._board
        return self._header.draw(
            board.counts(),
            board.ends,
            self._notice,
            resumed=self._resumed,
            at_once=self._closed.is_set(),
        )

    def _capture(self) -> dict[str, Any]:
        with self._changed:
            return self._board.snapshot() | {"has_log": self._log is not None}

    def _on_click(self) -> None:
        if not self._board.run.ended:
            self._request_cancel(self._board.run)
        elif self._resume is not None:
            with self._changed:
                if self._resumed:
                    return
                self._resumed = True
                self._wake()
            try:
                self._resume(self._board.run.id)
            except ExecutionError as error:
                self._refuse(str(error))

    def _refuse(self, why: str) -> None:
        with self._changed:
            self._resumed = False
            self._notice = f"not started again: {why}"
            self._wake()

    def _on_message(self, _console: Console, content: object, _buffers: object) -> None:
        match content:
            case {"type": "cancel", "id": str(wanted)}:
                for row in self._board.rows:
                    if str(row.id) == wanted:
                        self._request_cancel(row)
            case {"type": "sync"}:
                self._ask({"type": "sync"})
            case {"type": "rows" | "tail" | "line" as kind, "row": int(index)} if self._has(index):
                self._ask({"type": kind, "row": index})
            case {"type": "log", "row": int(index), "from": int(start)} if (
                self._has(index) and start >= 0 and self._log is not None
            ):
                self._ask({"type": "log", "row": index, "from": start})

    def _has(self, index: int) -> bool:
        return 0 <= index < len(self._board.rows)

    def _ask(self, question: dict[str, Any]) -> None:
        with self._changed:
            if question not in self._asked:
                self._asked.append(question)
            self._wake()

    def _answer(self, question: dict[str, Any]) -> dict[str, Any]:
        row = question["row"]
        match question["type"]:
            case "tail":
                return question | {"lines": self._board.tail(row)}
            case "line":
                return question | {"line": self._board.rows[row].line}
            case _:
                return question | {"rows": self._board.named(row)}

    def _request_cancel(self, row: Standing) -> None:
        with self._changed:
            if not self._board.cancel(row):
                return
            self._wake()
        self._cancel(row.id)

    def _keep_flushing(self) -> None:
        while not self._closed.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._dirty, timeout=self._patience())
            self._flush()
            self._closed.wait(FLUSH_SECONDS)
        while self._dirty:
            self._flush()

    def _patience(self) -> float | None:
        """Seconds until a flush is due though nothing happens."""
        seconds = self._board.run.seconds
        if self._board.is_flooded:  # so that it learns of the flood's end
            return FLUSH_SECONDS
        return None if seconds is None or self._board.run.ended else 1 - seconds % 1

    def _flush(self) -> None:
        with self._changed:
            delta = self._board.delta()
            asked, self._asked = self._asked, []
            logs = [each for each in asked if each["type"] == "log"]
            answers = [self._answer(each) for each in asked if each["type"] not in ("log", "sync")]
            self._dirty = not self._draw_header() or self._board.has_news
        if {"type": "sync"} in asked:
            self._console.send_state("snapshot")
        elif delta:
            self._console.send(delta)
        for answer in answers:
            self._console.send(answer)
        for question in logs:  # without the lock: files are slow, and the engine may be asked
            assert self._log is not None
            answer, data = log_piece(
                self._log, self._board.rows[question["row"]].id, question["from"]
            )
            self._console.send(question | answer, [data])


def unblock_comm(widget: ipywidgets.Widget) -> None:
    """Lets clicks on ``widget`` be handled while a cell keeps the main thread busy.

    ipykernel 7.4 sends what a page says on a comm to the shell that last published on it, and a
    widget made in a cell was published by the main one. Without that route the message goes where
    the page asked for: to a subshell, with a thread of its own. Other kernels have no such route.
    """
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = None


def _parts(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
    """The widget and all it is made of; each has a comm of its own."""
    yield widget
    yield widget.layout
    if hasattr(widget, "style"):
        yield widget.style
    for child in getattr(widget, "children", ()):
        yield from _parts(child)
