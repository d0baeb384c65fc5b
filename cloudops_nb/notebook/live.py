"""Puts live views on the page, and takes them off when the run has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from uuid import UUID, uuid4

import ipywidgets
from IPython.display import clear_output, publish_display_data

from cloudops_nb.engine import Execution, ExecutionEngine
from cloudops_nb.engine.events import EventHandler
from cloudops_nb.errors import ExecutionNotFound, ExecutionNotRunning
from cloudops_nb.models import ExecutionEvent
from cloudops_nb.models.events import is_last
from cloudops_nb.notebook.view import LiveView
from cloudops_nb.render.html import result_html
from cloudops_nb.render.text import result_text

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class Present(Enum):
    """Where a view stands, which decides how it is taken away."""

    WHOLE_CELL = auto()
    """All the cell shows: its output is cleared, and the result becomes the cell's value.

    This leaves a saved notebook with the result alone, in a form that nbclient, papermill and
    nbval all handle; they do not all know display updates.
    """
    AMONG_OTHERS = auto()
    """Beside other output, which stays: the view's own place is emptied."""
    BACKGROUND = auto()
    """The cell has returned long before the end: the view's place takes the result."""


@dataclass(frozen=True)
class Shown:
    """A view on the page."""

    view: LiveView
    place: Present
    display_id: str
    frame: ipywidgets.Box
    """What the page was given: the view's widget, or one around it."""

    def end(self) -> None:
        """Takes the view off the page. The run must have ended."""
        self.view.close()
        if self.place is Present.WHOLE_CELL:
            clear_output(wait=True)
        else:
            self._update({"text/plain": ""})

    def replace_when_done(self, execution: Execution) -> None:
        """Puts the result in the view's place once there is one; returns at once."""
        threading.Thread(
            target=self._replace, args=(execution,), name="cloudops-background", daemon=True
        ).start()

    def _replace(self, execution: Execution) -> None:
        result = execution.result()
        html = result_html(result)
        # A page that was loaded again no longer knows the display's id, only the frame.
        self.frame.children = [ipywidgets.HTML(html)]
        self.view.close()
        self._update({"text/plain": result_text(result), "text/html": html})

    def _update(self, bundle: dict[str, object]) -> None:
        publish_display_data(bundle, transient={"display_id": self.display_id}, update=True)


class WidgetPresenter:
    """Shows runs as live views.

    Args:
        banner: what to show above every run, if anything; asked each time.
    """

    def __init__(self, engine: ExecutionEngine, banner: Callable[[], str | None]) -> None:
        self._engine = engine
        self._banner = banner

    def present(self, execution: Execution) -> EventHandler:
        """See ``Presenter.present``; the view goes when the run ends."""
        return _EndsWithRun(self._show(execution, Present.AMONG_OTHERS), execution.id)

    def placed(self, place: Present, on_shown: Callable[[Shown], object]) -> PlacedPresenter:
        """A presenter for one run whose view is ended by who called."""
        return PlacedPresenter(self, place, on_shown)

    def _show(self, execution: Execution, place: Present) -> Shown:
        view = LiveView(execution.shown, cancel=self._cancel)
        if banner := self._banner():
            view.notice(banner)
        background = place is Present.BACKGROUND
        frame = ipywidgets.VBox([view.widget]) if background else view.widget
        shown = Shown(view, place, str(uuid4()), frame)
        if background:
            publish_display_data(_text(f"running in the background: {execution.id}\n{_HOW_TO}"))
        publish_display_data(
            {
                WIDGET_VIEW: {
                    "version_major": 2,
                    "version_minor": 0,
                    "model_id": frame.model_id,
                }
            },
            transient={"display_id": shown.display_id},
        )
        return shown

    def _cancel(self, execution_id: UUID) -> None:
        try:
            self._engine.request_cancel(execution_id)
        except (ExecutionNotRunning, ExecutionNotFound):
            return  # it ended while the click was on its way


_HOW_TO = "%cloudops ps · logs ID · show ID · cancel ID (the first characters of an id will do)"


class PlacedPresenter:
    """Presents one run in a given place, and tells who asked."""

    def __init__(
        self, presenter: WidgetPresenter, place: Present, on_shown: Callable[[Shown], object]
    ) -> None:
        self._presenter = presenter
        self._place = place
        self._on_shown = on_shown

    def present(self, execution: Execution) -> EventHandler:
        """See ``Presenter.present``."""
        shown = self._presenter._show(execution, self._place)
        self._on_shown(shown)
        return shown.view


class _EndsWithRun:
    """A view that is taken off the page by its run's last event."""

    output = "batches"

    def __init__(self, shown: Shown, subject: UUID) -> None:
        self._shown = shown
        self._subject = subject

    def on_event(self, event: ExecutionEvent) -> None:
        self._shown.view.on_event(event)
        if is_last(event, self._subject):
            self._shown.end()


def _text(text: str) -> dict[str, object]:
    return {"text/plain": text}
