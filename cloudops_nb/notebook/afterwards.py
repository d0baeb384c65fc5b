"""The view of a run that has ended: it stays, and what failed can be run again in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

import ipywidgets

from cloudops_nb.engine import Execution, ExecutionEngine
from cloudops_nb.engine.subscription import EventHandler
from cloudops_nb.notebook.view import LiveView


class MakeView(Protocol):
    """Makes the view of a run, which is not told of any event yet."""

    def __call__(
        self, execution: Execution, *, resume: Callable[[UUID], object] | None = None
    ) -> LiveView: ...


class Afterwards:
    """A frame on the page that holds one view: of the run, then of the plan that resumes it.

    A presenter: ``engine.resume`` is given it.
    """

    def __init__(self, engine: ExecutionEngine, make_view: MakeView) -> None:
        self._engine = engine
        self._make_view = make_view
        self._view: LiveView | None = None
        self.frame = ipywidgets.VBox()

    def show(self, execution: Execution) -> LiveView:
        """Puts a view of the run into the frame."""
        before = self._view
        self._view = view = self._make_view(execution, resume=self._resume)
        self.frame.children = [view.widget]
        if before is not None:
            before.close()
        return view

    def present(self, execution: Execution) -> EventHandler:
        """See ``Presenter.present``."""
        return self.show(execution)

    def _resume(self, plan_id: UUID) -> Execution:
        return self._engine.resume(plan_id, presenter=self)
