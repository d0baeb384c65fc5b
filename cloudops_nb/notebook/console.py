"""The part of a live view that the page draws: the commands' table and their output.

Its protocol. To the page, as custom messages, but for the snapshot:

- ``snapshot`` (a synced trait, serialized when it is asked for, so that a reloaded page gets the
  state of that moment): ``{seq, plan, title, state, counts: {state: n}, total, has_log,
  rows: [row…], lines: [line…]}``, a row being ``{id, name, where, line, cut, state, ms, attempts,
  note, last}``. Of the ``total`` rows it has the first; the page asks for the others.
- ``{type: "delta", seq, state, counts, rows: [{row, state, ms, attempts, note}…], lines}``: what
  has changed. ``seq`` rises by 1; a page that sees a gap asks for a snapshot.
- ``{type: "rows", row, rows}``: the rows from that one on, as many as a message takes.
- ``{type: "tail", row, lines}``: the last lines of one command.
- ``{type: "line", row, line}``: a command's line, uncut.
- ``{type: "log", row, from, size, path}`` and its bytes as a buffer, or ``{…, error}``: a piece of
  a command's log, from that byte on.

From the page: ``{type: "sync"}``, ``{type: "rows" | "tail" | "line", row}``,
``{type: "log", row, from}``, ``{type: "cancel", id}``.

A line is ``[number, row_number, row, kind, text, cut, at]``, see ``transcript.Line``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

_PAGE = Path(__file__).with_name("page")


def _joined(*names: str) -> str:
    return "\n".join((_PAGE / name).read_text(encoding="utf-8") for name in names)


SCRIPT = _joined(
    "text.js", "store.js", "elements.js", "output.js", "tools.js", "commands.js", "view.js"
)
"""One module: anywidget takes one, and the page may load nothing from anywhere else."""
STYLES = _joined("theme.css", "header.css", "commands.css", "output.css")


class Console(anywidget.AnyWidget):
    """Draws what ``capture`` gives, and the deltas it is sent."""

    _esm = SCRIPT
    _css = STYLES

    # Its value stays empty: nothing is kept twice, and what a page asks for is never stale.
    snapshot = traitlets.Dict().tag(sync=True, to_json=lambda _, console: console.capture())

    def __init__(self, capture: Callable[[], dict[str, Any]]) -> None:
        self.capture = capture  # before the comm opens, which takes the first snapshot
        super().__init__()
