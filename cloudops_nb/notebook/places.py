"""Where a view of a run stands, and what becomes of it."""

from __future__ import annotations

from enum import Enum, auto
from typing import Protocol

from cloudops_nb.engine import Execution

HOW_TO = "%cloudops ps · logs ID · show ID · cancel ID (the first characters of an id will do)"
"""What may be done with a run that is left to itself."""
TITLE = 160
"""Bytes of HTML that a title may take, as in the records."""


class Place(Enum):
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


class Shown(Protocol):
    """A view of one run."""

    def cancelling(self) -> None:
        """Says that an interrupt was heard."""

    def end(self) -> None:
        """Takes the view away. The run must have ended."""

    def replace_when_done(self, execution: Execution) -> None:
        """Puts the result in the view's place once there is one; returns at once."""
