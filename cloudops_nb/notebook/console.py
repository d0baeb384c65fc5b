"""The part of a live view that the page draws: the commands' table and their output.

Its protocol. To the page, as custom messages, but for the snapshot:

- ``snapshot`` (a synced trait, serialized when it is asked for, so that a reloaded page gets the
  state of that moment): ``{seq, plan, title, state, rows: [row…], lines: [line…]}``, a row being
  ``{id, name, line, state, ms, note, last}``.
- ``{type: "delta", seq, state, rows: [{row, state, ms, note}…], lines}``: what has changed.
  ``seq`` rises by 1; a page that sees a gap asks for a snapshot.
- ``{type: "tail", row, lines}``: the last lines of one command.

From the page: ``{type: "sync"}``, ``{type: "tail", row}``, ``{type: "cancel", id}``.

A line is ``[number, row_number, row, kind, text, cut]``, see ``transcript.Line``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets


class Console(anywidget.AnyWidget):
    """Draws what ``capture`` gives, and the deltas it is sent."""

    _esm = Path(__file__).with_name("console.js")
    _css = Path(__file__).with_name("console.css")

    # Its value stays empty: nothing is kept twice, and what a page asks for is never stale.
    snapshot = traitlets.Dict().tag(sync=True, to_json=lambda _, console: console.capture())

    def __init__(self, capture: Callable[[], dict[str, Any]]) -> None:
        self.capture = capture  # before the comm opens, which takes the first snapshot
        super().__init__()
