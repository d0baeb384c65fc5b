"""Event handlers ready for use: a terminal, a text file, a file of JSON lines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, TYPE_CHECKING

from cloudops_nb.errors import LogUnavailable
from cloudops_nb.models import (
    Cancelled,
    CommandProgress,
    Completed,
    ExecutionEvent,
    Failed,
    PlanCompleted,
    PlanStarted,
    Progress,
    Resumed,
    Retrying,
    Skipped,
    Started,
    Stderr,
    Stdout,
    Waiting,
)

if TYPE_CHECKING:
    from rich.console import Console


class ConsoleEventHandler:
    """Writes events to a terminal, each line under the first characters of its execution's id.

    Args:
        console: a rich console; by default one on standard output.
    """

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console

        self._console = console or Console()

    def on_event(self, event: ExecutionEvent) -> None:
        """See ``EventHandler.on_event``."""
        match event:
            case Waiting() | Resumed() | CommandProgress():
                self._line(event.execution_id, f"… {_standing(event)}", "dim")
            case Started():
                self._line(event.execution_id, f"▶ {event.name or event.command}", "bold")
            case Stdout():
                self._line(event.execution_id, event.line)
            case Stderr():
                self._line(event.execution_id, event.line, "yellow", mark="!")
            case Completed():
                seconds = event.result.duration.total_seconds()
                self._line(event.execution_id, f"✔ completed in {seconds:.2f} s", "green")
            case Failed():
                self._line(event.execution_id, f"✘ {event.error}", "red")
            case Cancelled():
                self._line(event.execution_id, "■ cancelled", "magenta")
            case Retrying(attempt=attempt, max_attempts=most, wait=wait, reason=reason):
                text = f"↻ attempt {attempt} of {most}: {reason}; again in "
                seconds = round(wait.total_seconds(), 1)
                self._line(event.execution_id, f"{text}{seconds:g} s", "yellow")
            case Skipped():
                self._line(event.execution_id, f"↷ {event.reason}", "dim")
            case PlanStarted():
                self._line(event.plan_id, f"▶ {event.description} ({event.total})", "bold")
            case Progress():
                self._line(event.plan_id, f"{event.completed} of {event.total} ended", "cyan")
            case PlanCompleted():
                style = "green" if event.result.success else "red"
                self._line(event.plan_id, f"plan {event.result.status}", style)

    def _line(self, subject: object, text: str, style: str = "", mark: str = " ") -> None:
        from rich.text import Text

        # Text.from_ansi keeps colours and drops every other escape sequence.
        line = Text.from_ansi(f"{str(subject)[:8]}{mark} {text}", style=style)
        self._console.print(line, soft_wrap=True)


def _standing(event: Waiting | Resumed | CommandProgress) -> str:
    match event:
        case Waiting():
            return event.reason
        case Resumed():
            return "goes on"
        case CommandProgress():
            return event.text


class _FileHandler:
    """Appends to a file that only its owner can read.

    Raises:
        LogUnavailable: the file cannot be opened.
    """

    def __init__(self, path: Path | str) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            fd = os.open(Path(path).expanduser(), flags, 0o600)
        except OSError as error:
            raise LogUnavailable(f"{path}: {error.strerror}") from error
        self._file: IO[str] = os.fdopen(fd, "w", encoding="utf-8")

    def close(self) -> None:
        """Closes the file; events that come later are an error of the handler."""
        self._file.close()


class FileLoggerEventHandler(_FileHandler):
    """Appends what commands print to a text file: time, execution id, line."""

    def on_event(self, event: ExecutionEvent) -> None:
        """See ``EventHandler.on_event``."""
        if isinstance(event, Stdout | Stderr):
            level = "ERROR: " if isinstance(event, Stderr) else ""
            stamp = event.timestamp.isoformat(timespec="milliseconds")
            self._file.write(f"[{stamp}] [{event.execution_id}] {level}{event.line}\n")
            self._file.flush()


class JsonlEventHandler(_FileHandler):
    """Appends every event to a file as one line of JSON, the wire format."""

    def on_event(self, event: ExecutionEvent) -> None:
        """See ``EventHandler.on_event``."""
        self._file.write(event.model_dump_json() + "\n")
        self._file.flush()
