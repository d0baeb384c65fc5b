"""Live views where there is no page: an IPython terminal, or text in a pipe."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from cloudops_nb.engine import Execution, ExecutionEngine
from cloudops_nb.engine.forms import OutputForm
from cloudops_nb.engine.handle import Result
from cloudops_nb.engine.subscription import EventHandler
from cloudops_nb.models import ExecutionEvent, ExecutionPlan, ExecutionRequest, ExecutionStatus
from cloudops_nb.models.base import now
from cloudops_nb.models.events import (
    Cancelled,
    CommandProgress,
    Completed,
    Failed,
    OutputBatch,
    OutputDropped,
    PlanCompleted,
    PlanStarted,
    Resumed,
    Retrying,
    Skipped,
    Started,
    Waiting,
    is_last,
)
from cloudops_nb.models.results import Stream
from cloudops_nb.notebook.places import HOW_TO, TITLE, Place, Shown
from cloudops_nb.render.ansi import Line, parse
from cloudops_nb.render.record import count, lines_left_out, one_line, state, took

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.text import Text

_LABEL = 22  # characters of a command's name before each of its lines
_HELD = 8_000  # characters of a line that has not ended yet
_PATIENCE = 30.0
"""Seconds that the end of a view waits for what is still to be shown."""
_GUTTERS: dict[Stream, str] = {"stdout": "|", "stderr": "!"}  # as in the records
_BAD = (ExecutionStatus.FAILED, ExecutionStatus.TIMEOUT, ExecutionStatus.INTERRUPTED)


class TerminalPresenter:
    """Shows runs as lines of text; on a terminal, with a line of progress below them.

    Args:
        banner: what to show above every run, if anything; asked each time.
    """

    def __init__(self, engine: ExecutionEngine, banner: Callable[[], str | None]) -> None:
        self._engine = engine
        self._banner = banner

    def present(self, execution: Execution) -> TerminalView:
        """See ``Presenter.present``; the view goes when the run ends."""
        view = TerminalView(execution.shown)
        if banner := self._banner():
            view.say(banner)
        return view

    def placed(self, place: Place, on_shown: Callable[[Shown], object]) -> _Placed:
        """A presenter for one run whose view is ended by who called."""
        return _Placed(self, place, on_shown)

    def attach(self, execution: Execution) -> Result | None:
        """Shows a run until it ends, and returns its result; Ctrl-C ends only the view."""
        if execution.done():  # the result tells all that would be drawn
            return execution.result()
        view = TerminalView(execution.shown)
        subscription = None
        try:
            subscription = self._engine.attach(execution.id, view)
            result = execution.result()
        except KeyboardInterrupt:  # maybe before there was anything to wait for
            if subscription is not None:
                subscription.close()
            view.stop()
            view.say(f"no longer attached; it goes on: %cloudops cancel {execution.id} stops it")
            return None
        view.end()
        return result


class _Placed:
    def __init__(
        self, presenter: TerminalPresenter, place: Place, on_shown: Callable[[Shown], object]
    ) -> None:
        self._presenter = presenter
        self._place = place
        self._on_shown = on_shown

    def present(self, execution: Execution) -> EventHandler | None:
        """See ``Presenter.present``. What runs in the background leaves the prompt alone."""
        if self._place is Place.BACKGROUND:
            print(f"running in the background: {execution.id}\n{HOW_TO}")
            return None
        view = self._presenter.present(execution)
        self._on_shown(view)
        return view


class TerminalView:
    """Shows a run while it lasts. An event handler: ``on_event`` may be called from any thread.

    What commands print is written line by line, behind ``|``, standard error behind ``!``. On a
    terminal that is bounded, and nothing in it moves the cursor; elsewhere it is all of it, and
    without any control sequence.
    """

    def __init__(self, work: ExecutionRequest | ExecutionPlan) -> None:
        from rich.console import Console

        self._id = work.id
        if isinstance(work, ExecutionPlan):
            commands: Iterable[ExecutionRequest] = work.commands
            self._title = work.description
        else:
            commands = (work,)
            self._title = work.title
        self._names = {each.id: one_line(each.title, TITLE) for each in commands}
        self._is_plan = isinstance(work, ExecutionPlan)
        self._state = ExecutionStatus.PENDING
        self._states = dict.fromkeys(self._names, ExecutionStatus.PENDING)
        self._held: dict[tuple[UUID, Stream], str] = {}
        self._ended = threading.Event()
        is_terminal = sys.stdout.isatty()
        self.output: OutputForm = "tail" if is_terminal else "batches"
        self._console = Console(file=sys.stdout, force_terminal=is_terminal, highlight=False)
        self._progress: Progress | None = None
        if is_terminal and not self._console.is_dumb_terminal:
            self._progress = self._begin_progress()

    def on_event(self, event: ExecutionEvent) -> None:
        """Shows an event."""
        try:
            self._show(event)
        except BaseException:
            self._ended.set()  # who reads has gone, say: nothing more is shown, nor waited for
            raise

    def _show(self, event: ExecutionEvent) -> None:
        match event:
            case PlanStarted():
                self._state = ExecutionStatus.RUNNING
                self._on_start(event.timestamp)
            case PlanCompleted():
                self._state = event.result.status
            case Started():
                self._states[event.execution_id] = ExecutionStatus.RUNNING
                if not self._is_plan:
                    self._on_start(event.timestamp)
            case Retrying():
                self._states[event.execution_id] = ExecutionStatus.PENDING
                self._say_of(event.execution_id, _waits(event))
            case Waiting():
                self._states[event.execution_id] = ExecutionStatus.PENDING
                self._say_of(event.execution_id, event.reason)
            case Resumed():
                self._states[event.execution_id] = ExecutionStatus.RUNNING
            case CommandProgress() if event.note is not None:
                self._say_of(event.execution_id, event.text)
            case OutputBatch():
                self._print(event)
            case OutputDropped():
                self._say_of(
                    event.execution_id, f"{event.dropped_bytes:,} bytes left out, in the log"
                )
            case Completed() | Failed() | Cancelled() | Skipped():
                self._on_end(event)
        self._draw()
        if is_last(event, self._id):
            self.stop()
            self._ended.set()

    def say(self, text: str) -> None:
        """Writes a line of ours."""
        from rich.text import Text

        self._console.print(Text(text), soft_wrap=True)

    def cancelling(self) -> None:
        """Says that the interrupt was heard."""
        self.say("cancelling; waiting until its processes are gone")

    def end(self) -> None:
        """Takes the progress away, once all is written. The run must have ended."""
        self._ended.wait(_PATIENCE)
        self.stop()

    def stop(self) -> None:
        """Takes the progress away now."""
        if self._progress is not None:
            self._progress.stop()

    def replace_when_done(self, execution: Execution) -> None:
        """Nothing to do: what is written stays."""

    # What commands print and how they end

    def _print(self, event: OutputBatch) -> None:
        from rich.text import Text

        key = (event.execution_id, event.stream)
        if event.omitted_lines:
            self._held.pop(key, None)
            self._say_of(event.execution_id, lines_left_out(event.omitted_lines, ", in the log"))
        text = self._held.pop(key, "") + event.text
        whole, newline, rest = text.rpartition("\n")
        if rest:
            self._held[key] = rest[:_HELD] if "\r" not in rest else rest[-_HELD:]
        if newline:
            gutter = f"{self._label(event.execution_id)}{_GUTTERS[event.stream]} "
            if not self._console.is_terminal:  # no styles: rich takes 80 µs for a line
                self._console.file.writelines(
                    f"{gutter}{line.text}{_marker(line)}\n" for line in parse(whole)
                )
                return
            lines = [Text(gutter, "dim") + _styled(line) for line in parse(whole)]
            self._console.print(Text("\n").join(lines), soft_wrap=True)

    def _on_end(self, event: Completed | Failed | Cancelled | Skipped) -> None:
        for stream in _GUTTERS:
            if (event.execution_id, stream) in self._held:
                end = OutputBatch(execution_id=event.execution_id, stream=stream, text="\n")
                self._print(end)
        result = event.result
        status = result.status if result else ExecutionStatus(event.event_type)
        self._states[event.execution_id] = status
        if self._is_plan:
            why = event.reason if isinstance(event, Skipped) else result.error if result else None
            parts = [state(status), self._names[event.execution_id], one_line(why or "", TITLE)]
            if result is not None and not isinstance(event, Skipped):
                parts.append(took(result.duration))
            self.say(" · ".join(part for part in parts if part))

    def _say_of(self, execution_id: UUID, text: str) -> None:
        self.say(f"{self._label(execution_id)}  {text}")

    def _label(self, execution_id: UUID) -> str:
        if not self._is_plan:
            return "  "
        name = self._names[execution_id]
        return f"{name if len(name) <= _LABEL else name[: _LABEL - 1] + '…':<{_LABEL}} "

    # The line below

    def _begin_progress(self) -> Progress:
        from rich.progress import (
            BarColumn,
            Progress,
            ProgressColumn,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )
        from rich.table import Column

        # Nothing of a title is markup.
        title = TextColumn(
            "{task.description}",
            markup=False,
            table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
        )
        columns: list[ProgressColumn] = [SpinnerColumn(), TextColumn("{task.fields[state]}"), title]
        if self._is_plan:
            columns += [BarColumn(bar_width=24), TextColumn("{task.fields[counts]}")]
        progress = Progress(
            *columns,
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            expand=True,
        )
        self._task = progress.add_task(
            one_line(self._title, TITLE),
            start=False,
            total=len(self._states) if self._is_plan else None,
            state=ExecutionStatus.PENDING,
            counts="",
        )
        progress.start()
        return progress

    def _on_start(self, at: datetime) -> None:
        if self._progress is None:
            self.say(f"{state(ExecutionStatus.RUNNING)} · {one_line(self._title, TITLE)}")
            return
        (task,) = self._progress.tasks
        if task.start_time is None:  # of several attempts, the first one's
            task.start_time = self._progress.get_time() - (now() - at).total_seconds()

    def _draw(self) -> None:
        if self._progress is None:
            return
        counts = Counter(self._states.values())
        over = sum(number for status, number in counts.items() if status.is_final)
        bad = sum(counts[status] for status in _BAD)
        told = [f"{over:,} of {len(self._states):,}"]
        told += [f"{running:,} running"] if (running := counts[ExecutionStatus.RUNNING]) else []
        told += [f"{bad:,} failed"] if bad else []
        current = self._state if self._is_plan else next(iter(self._states.values()))
        fields: dict[str, Any] = {"state": current, "counts": " · ".join(told)}
        self._progress.update(self._task, completed=over if self._is_plan else 0, **fields)


def _waits(event: Retrying) -> str:
    seconds = round(event.wait.total_seconds(), 1)
    attempt = f"attempt {event.attempt + 1} of {event.max_attempts} in {seconds:g} s"
    return f"{attempt}: {one_line(event.reason, TITLE)}"


def _styled(line: Line) -> Text:
    from rich.color import Color
    from rich.style import Style
    from rich.text import Text

    def color(value: int | str | None) -> Color | None:
        if value is None:
            return None
        return Color.from_ansi(value) if isinstance(value, int) else Color.parse(value)

    text = Text()
    for segment in line.segments:
        asked = segment.style
        style = Style(
            color=color(asked.fg),
            bgcolor=color(asked.bg),
            bold=asked.bold,
            dim=asked.dim,
            italic=asked.italic,
            underline=asked.underline,
            reverse=asked.inverse,
            strike=asked.strike,
        )
        text.append(segment.text, style)
    text.append(_marker(line), "dim")
    return text


def _marker(line: Line) -> str:
    """What ends a line that is too long to show whole."""
    return f" … {count(line.cut, 'character')} in all" if line.cut else ""
