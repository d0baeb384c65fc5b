"""The engine that is measured: logs and events on, and secrets to mask or none."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from cloudops_nb import ExecutionConfig, ExecutionEngine
from cloudops_nb.models import ExecutionEvent, OutputBatch
from cloudops_nb.redaction import Redactor, secrets_in

SECRETS = {  # invented, but as long as the real ones and of the same characters
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "IQoJb3JpZ2luX2VjEXAMPLE" * 16,
    "GITHUB_TOKEN": "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
    "DATABASE_PASSWORD": "correct-horse-battery",
    "API_KEY": "sk-proj-7Yd0EXAMPLEq3Zr9LmT5uVwXyZ",
}
TAIL = 64 * 1024
FRAME_SECONDS = 1 / 20


class View:
    """Does what a live view does: keeps a tail of 64 KiB, drawn at most 20 times a second."""

    output = "tail"

    def __init__(self) -> None:
        self._tail = ""
        self._drawn_at = 0.0
        self.drawn = ""
        self._ended = threading.Semaphore(0)

    def on_event(self, event: ExecutionEvent) -> None:
        """Takes one event."""
        if isinstance(event, OutputBatch):
            self._tail = (self._tail + event.text)[-TAIL:]
            if monotonic() - self._drawn_at >= FRAME_SECONDS:
                self.drawn, self._drawn_at = self._tail, monotonic()
        elif event.event_type in ("completed", "failed"):
            self._ended.release()

    def wait_for_end(self) -> None:
        """Waits until it was told that an execution ended, and so all that came before."""
        self._ended.acquire()


@contextmanager
def engine(*handlers: Any, redacting: bool = False, **settings: Any) -> Iterator[ExecutionEngine]:
    """An engine with a log directory of its own; what looks secret leaves the environment."""
    for name in secrets_in(os.environ):  # else redaction would never be off
        del os.environ[name]
    with tempfile.TemporaryDirectory() as directory:
        chosen = {
            "log_dir": Path(directory),
            "default_timeout_ms": 3_600_000,
            "max_timeout_ms": 3_600_000,
            **settings,
        }
        made = ExecutionEngine(
            ExecutionConfig(**chosen),
            redactor=Redactor(SECRETS) if redacting else None,
            handlers=handlers,
        )
        try:
            yield made
        finally:
            made.close()


def with_redaction(what: str, redacting: bool) -> str:
    """The name of a streaming row."""
    return f"{what}; redaction {f'on ({len(SECRETS)} secrets)' if redacting else 'off'}"
