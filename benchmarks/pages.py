"""What a page tells of itself: frames, messages, when it shows a text, its memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.measure import percentile
from tests.browser.lab import LabPage

_SECONDS = 15
"""For an answer of a page that may be busy."""

# Texts are looked for in each frame, so "shown" is when the next one is drawn; times as the
# commands' own clocks tell them, in milliseconds since 1970.
_WATCH = """() => {
    if (window.watched) return;
    window.watched = { gaps: [], shown: {}, wanted: [], messages: [], clicked: 0 };
    const { watched } = window;
    let before = null;
    const step = (at) => {
        if (before !== null) watched.gaps.push(at - before);
        before = at;
        watched.wanted = watched.wanted.filter((text) => {
            const outputs = [...document.querySelectorAll(".jp-Cell-outputArea")];
            const ends = outputs.map((output) => output.textContent.slice(-20000));
            const isShown = ends.some((end) => end.includes(text));
            if (isShown) watched.shown[text] = Date.now();
            return !isShown;
        });
        requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
    const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
    kernel.iopubMessage.connect((_, { header }) => {
        if (header.msg_type === "comm_msg") watched.messages.push(Date.now());
    });
    document.addEventListener("click", (event) => {
        watched.clicked = performance.timeOrigin + event.timeStamp;
    }, { capture: true });
}"""
_FORGET = "() => { Object.assign(window.watched, { gaps: [], messages: [] }); }"
_WANT = "(text) => { delete window.watched.shown[text]; window.watched.wanted.push(text); }"
_SHOWN = "(text) => window.watched.shown[text]"


@dataclass(frozen=True)
class Frames:
    """Gaps between a page's frames, milliseconds."""

    p99: float
    longest: float

    @classmethod
    def medians(cls, rounds: Iterable[Frames]) -> Frames:
        """Of several rounds."""
        p99s, longest = zip(*((each.p99, each.longest) for each in rounds), strict=True)
        return cls(median(p99s), median(longest))

    def __str__(self) -> str:
        return f"p99 {self.p99:.0f} ms, longest {self.longest:.0f} ms"


class Watched:
    """A page that keeps a record of what it does. It is asked little, since questions cost frames:
    an ``expect`` of Playwright's, repeated till it holds, took half of a page's time."""

    def __init__(self, lab: LabPage) -> None:
        self.lab = lab

    def open(self, *cells: str) -> None:
        """Begins with these cells in the notebook that is open."""
        self.lab.new_cells(*cells)
        self.lab.page.evaluate(_WATCH)

    def forget(self) -> None:
        """Begins a measurement of frames and messages."""
        self.lab.page.evaluate(_FORGET)

    def frames(self) -> Frames:
        """Since then."""
        gaps = self._ask("() => window.watched.gaps.length && window.watched.gaps")
        return Frames(percentile(gaps, 99), max(gaps))

    def messages(self) -> int:
        """The most messages of widgets within one second since then."""
        times = self._ask("() => window.watched.messages")
        return max((sum(start <= at < start + 1000 for at in times) for start in times), default=0)

    def want(self, text: str) -> None:
        """Notes when this text is shown below a cell."""
        self.lab.page.evaluate(_WANT, text)

    def shown(self, text: str, seconds: float) -> float:
        """When that was; raises Playwright's ``TimeoutError`` after so many seconds."""
        found = self.lab.page.wait_for_function(
            _SHOWN, arg=text, timeout=seconds * 1000, polling=100
        )
        at: float = found.json_value()
        return at

    def wait_for(self, selector: str, seconds: float = _SECONDS) -> None:
        """Until there is such an element."""
        question = "(selector) => document.querySelector(selector) !== null"
        self.lab.page.wait_for_function(question, arg=selector, timeout=seconds * 1000, polling=100)

    def clicked(self) -> float:
        """When the last click was made, by the browser's own clock."""
        at: float = self._ask("() => window.watched.clicked")
        return at

    def heap(self) -> float:
        """The page's JavaScript heap after a collection, MB."""
        session = self.lab.page.context.new_cdp_session(self.lab.page)
        session.send("HeapProfiler.collectGarbage")
        used: float = session.send("Runtime.getHeapUsage")["usedSize"]
        session.detach()
        return used / 1e6

    def _ask(self, question: str) -> Any:
        found = self.lab.page.wait_for_function(question, timeout=_SECONDS * 1000)
        return found.json_value()
