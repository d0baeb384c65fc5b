"""Puts live views on the page, and takes them off when the run has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID, uuid4
from weakref import WeakSet

import ipywidgets
from IPython.display import clear_output, publish_display_data

from cloudops_nb.engine import Execution, ExecutionEngine
from cloudops_nb.engine.handle import Result
from cloudops_nb.engine.subscription import EventHandler
from cloudops_nb.errors import ExecutionNotFound, ExecutionNotRunning
from cloudops_nb.models import ExecutionEvent, ExecutionPlan, ExecutionStatus
from cloudops_nb.models.events import is_last
from cloudops_nb.notebook.afterwards import Afterwards
from cloudops_nb.notebook.places import HOW_TO, TITLE, Place, Shown
from cloudops_nb.notebook.view import LiveView
from cloudops_nb.notebook.waiting import deaf_while_blocked
from cloudops_nb.render.html import result_html
from cloudops_nb.render.record import one_line, state
from cloudops_nb.render.text import result_text

_DEAF = (
    "this kernel hears no click while the cell blocks it: ■ cancels; a plain %%cloudops cell, or "
    "one with --bg, hears Cancel and answers, too"
)
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class OnPage:
    """A view on the page."""

    view: LiveView
    place: Place
    display_id: str
    frame: ipywidgets.Box
    """What the page was given: the view's widget, or one around it."""

    def cancelling(self) -> None:
        """See ``Shown.cancelling``."""
        self.view.notice("interrupted: cancelling")

    def end(self) -> None:
        """See ``Shown.end``."""
        self.view.close()
        if self.place is Place.WHOLE_CELL:
            clear_output(wait=True)
        else:
            _update(self.display_id, {})

    def replace_when_done(self, execution: Execution) -> None:
        """See ``Shown.replace_when_done``."""
        threading.Thread(
            target=self._replace, args=(execution,), name="cloudops-background", daemon=True
        ).start()

    def _replace(self, execution: Execution) -> None:
        result = execution.result()
        html = result_html(result)
        # A page that was loaded again no longer knows the display's id, only the frame.
        self.frame.children = [ipywidgets.HTML(html)]
        self.view.close()
        _update(self.display_id, {"text/plain": result_text(result), "text/html": html})


class WidgetPresenter:
    """Shows runs as live views.

    Args:
        banner: what to show above every run, if anything; asked each time.
    """

    def __init__(self, engine: ExecutionEngine, banner: Callable[[], str | None]) -> None:
        self._engine = engine
        self._banner = banner
        self._views: WeakSet[LiveView] = WeakSet()
        self._deaf: WeakSet[LiveView] = WeakSet()
        self._put: list[ipywidgets.DOMWidget] = []
        self._placing = threading.Lock()

    def put(self, widget: ipywidgets.DOMWidget) -> Callable[[], None] | None:
        """Shows a widget in all views, also those to come; returns what takes it out of them.

        Deaf ones are left out. Without a view on the page nothing is shown, and it returns None.
        """
        with self._placing:
            views = self._open_views() - set(self._deaf)
            if not views:
                return None
            self._put.append(widget)
        for view in views:
            view.put(widget)
        return partial(self._take_out, widget)

    def is_deaf(self) -> bool:
        """Whether there are views on the page, and none is heard until its cell has ended."""
        with self._placing:
            views = self._open_views()
            return bool(views) and views <= set(self._deaf)

    def _open_views(self) -> set[LiveView]:
        return {view for view in self._views if not view.closed}

    def _take_out(self, widget: ipywidgets.DOMWidget) -> None:
        with self._placing:
            self._put.remove(widget)
            views = list(self._views)
        for view in views:
            view.take_out(widget)

    def present(self, execution: Execution) -> EventHandler:
        """See ``Presenter.present``; the view goes when the run ends."""
        return _EndsWithRun(self._show(execution, Place.AMONG_OTHERS), execution.id)

    def placed(self, place: Place, on_shown: Callable[[Shown], object]) -> PlacedPresenter:
        """A presenter for one run whose view is ended by who called."""
        return PlacedPresenter(self, place, on_shown)

    def attach(self, execution: Execution) -> Result | None:
        """Shows a run that was started elsewhere; returns at once, the result of what has ended."""
        if execution.done():
            afterwards = Afterwards(self._engine, self._view)
            self._engine.attach(execution.id, afterwards.show(execution))
            # Alone: nbval passes over a widget, and pages without have the record that follows.
            publish_display_data({WIDGET_VIEW: _drawn(afterwards.frame)})
            return execution.result()
        shown = self._show(execution, Place.BACKGROUND, f"attached to {execution.id}")
        self._engine.attach(execution.id, shown.view)
        shown.replace_when_done(execution)
        return None

    def _show(self, execution: Execution, place: Place, told: str = "") -> OnPage:
        view = self._view(execution, deaf=place is Place.AMONG_OTHERS and deaf_while_blocked())
        background = place is Place.BACKGROUND
        frame = ipywidgets.VBox([view.widget]) if background else view.widget
        shown = OnPage(view, place, str(uuid4()), frame)
        if background:
            told = told or f"running in the background: {execution.id}"
            publish_display_data(_text(f"{told}\n{HOW_TO}"))
        _display(frame, shown.display_id, _without_widgets(execution))
        return shown

    def _view(
        self,
        execution: Execution,
        *,
        deaf: bool = False,
        resume: Callable[[UUID], object] | None = None,
    ) -> LiveView:
        view = LiveView(
            execution.shown, cancel=self._cancel, log=self._engine.get_log_path, resume=resume
        )
        with self._placing:
            self._views.add(view)
            if deaf:
                self._deaf.add(view)
            put = [] if deaf else list(self._put)
        for widget in put:
            view.put(widget)
        notices = [self._banner(), _DEAF if deaf else None]
        view.notice(" · ".join(filter(None, notices)))
        return view

    def _cancel(self, execution_id: UUID) -> None:
        try:
            self._engine.request_cancel(execution_id)
        except (ExecutionNotRunning, ExecutionNotFound):
            return  # it ended while the click was on its way


class PlacedPresenter:
    """Presents one run in a given place, and tells who asked."""

    def __init__(
        self, presenter: WidgetPresenter, place: Place, on_shown: Callable[[Shown], object]
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

    output = LiveView.output

    def __init__(self, shown: OnPage, subject: UUID) -> None:
        self._shown = shown
        self._subject = subject

    def on_event(self, event: ExecutionEvent) -> None:
        self._shown.view.on_event(event)
        if is_last(event, self._subject):
            self._shown.end()


def _display(frame: ipywidgets.Box, display_id: str, instead: str) -> None:
    """Puts widgets on the page, with a text for pages that have none."""
    # nbval compares all that is displayed, but knows no updates: it sees an empty output here,
    # and the text, which no saved notebook has, is for pages that have no widgets.
    publish_display_data({}, transient={"display_id": display_id})
    _update(display_id, {WIDGET_VIEW: _drawn(frame), **_text(instead)})


def _drawn(frame: ipywidgets.Box) -> dict[str, object]:
    return {"version_major": 2, "version_minor": 0, "model_id": frame.model_id}


def _update(display_id: str, bundle: dict[str, object]) -> None:
    publish_display_data(bundle, transient={"display_id": display_id}, update=True)


def _without_widgets(execution: Execution) -> str:
    """What a page shows that has no widgets."""
    shown = execution.shown
    title = shown.description if isinstance(shown, ExecutionPlan) else shown.title
    return (
        f"{state(ExecutionStatus.RUNNING)} · {one_line(title, TITLE)}\n"
        f"its output is shown when it ends, since this page has no widgets; ■ cancels it\n"
        f"{execution.id}"
    )


def _text(text: str) -> dict[str, object]:
    return {"text/plain": text}
