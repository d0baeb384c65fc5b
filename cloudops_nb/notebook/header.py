"""The head of a live view: standard widgets that name the run, how it stands, and end it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from html import escape
from time import monotonic

import ipywidgets

from cloudops_nb.models.base import now
from cloudops_nb.notebook.standing import BAD, CANCELLING, GOOD, LINE_CHARS, Standing, one_line
from cloudops_nb.render.ansi import plain

PROGRESS_SECONDS = 0.5
"""The progress is drawn at most this often: each part of it is a message of its own."""
_WORTH_SAYING_SECONDS = 3


class Header:
    """Draws a run. ``total`` is the number of a plan's commands, None for a command alone.

    ``on_click`` is called from the comm's thread when the one button is clicked: Cancel while the
    run lasts; afterwards, where ``retryable``, "Retry failed".
    """

    def __init__(
        self, run: Standing, total: int | None, *, retryable: bool, on_click: Callable[[], None]
    ) -> None:
        self._run = run
        self._total = total
        self._retryable = retryable
        self._due = 0.0  # when the progress may be drawn again
        self._state, self._elapsed, self.notice = (ipywidgets.HTML() for _ in range(3))
        title = ipywidgets.HTML(
            _span("title", one_line(run.title), title=plain(run.line[:LINE_CHARS])),
            layout={"flex": "1 1 8em", "min_width": "0"},
        )
        self._button = ipywidgets.Button()
        self._button.add_class("cloudops-cancel")
        self._button.on_click(lambda _: on_click())
        self.widget = ipywidgets.HBox(
            [
                self._state,
                title,
                *(() if total is None else self._build_progress(total)),
                self._elapsed,
                self._button,
            ],
            layout={"align_items": "center"},
        )
        self.widget.add_class("cloudops-header")

    def _build_progress(self, total: int) -> tuple[ipywidgets.Widget, ...]:
        self._counts = ipywidgets.HTML()
        # Three bars on one place, the longest below: ended, ended well or badly, ended well.
        self._bars = [
            ipywidgets.IntProgress(max=total, bar_style=style, layout={"grid_area": "1/1"})
            for style in ("", "danger", "success")
        ]
        progress = ipywidgets.GridBox(self._bars)
        progress.add_class("cloudops-progress")
        return self._counts, progress

    def draw(
        self,
        counts: Mapping[str, int],
        ends: datetime | None,
        notice: str,
        *,
        resumed: bool,
        at_once: bool = False,
    ) -> bool:
        """Shows the run; ``counts`` are the commands in each state, ``ends`` when it should end.

        False if its progress is left for a later call. ``at_once`` says that there is none.
        """
        run = self._run
        self._state.value = _span("state", run.summary, **{"data-state": run.state})
        self._elapsed.value = _span("elapsed", run.clock)
        self.notice.value = _span("notice", plain(notice))
        self.notice.layout.display = None if notice else "none"
        self._draw_button(resumed)
        if self._total is None:
            return True
        if monotonic() < self._due and not (at_once or run.ended):
            return False
        self._due = monotonic() + PROGRESS_SECONDS
        self._draw_progress(self._total, Counter(counts), ends)
        return True

    def _draw_button(self, resumed: bool) -> None:
        button, run = self._button, self._run
        button.layout.display = "none" if run.ended and not self._retry_is_offered else None
        if not run.ended:
            button.description = "Cancelling…" if run.state == CANCELLING else "Cancel"
            button.tooltip = "Stop this run and all its processes"
            button.disabled = run.state == CANCELLING
        elif self._retry_is_offered:
            button.description = "Started again" if resumed else "Retry failed"
            button.tooltip = "Run again, in a plan of its own, what did not complete"
            button.disabled = resumed

    @property
    def _retry_is_offered(self) -> bool:
        return self._retryable and self._run.ended and self._run.state != GOOD

    def _draw_progress(self, total: int, counts: Counter[str], ends: datetime | None) -> None:
        bad = sum(counts[state] for state in BAD)
        ended = counts[GOOD] + bad + counts["cancelled"] + counts["skipped"]
        for bar, value in zip(self._bars, (ended, counts[GOOD] + bad, counts[GOOD]), strict=True):
            bar.value = value
        left = "" if self._run.ended or ends is None else _left((ends - now()).total_seconds())
        self._counts.value = " ".join(
            _span(kind, text)
            for kind, text in (
                ("count", f"{ended:,} of {total:,}"),
                ("bad", f"{bad:,} failed" if bad else ""),
                ("eta", left),
            )
            if text
        )


def _left(seconds: float) -> str:
    """``about 3 min left``; empty where that is not worth saying."""
    if seconds < _WORTH_SAYING_SECONDS:
        return ""
    if seconds < 60:
        return f"about {round(seconds, -1 if seconds > 20 else 0):.0f} s left"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"about {hours} h {rest} min left" if hours else f"about {minutes} min left"


def _span(kind: str, text: str, **attributes: str) -> str:
    # For HTML widgets. A Label would hand its text to MathJax: "$HOME:$PATH" is no formula.
    values = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
    return f'<span class="cloudops-{kind}"{values}>{escape(text)}</span>'
