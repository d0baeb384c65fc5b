"""Intent before a command exists, outcome before it is reported."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from cloudops_nb.models import ExecutionStatus

MEMORY_ENTRIES = 10_000


@dataclass(frozen=True, slots=True)
class Intent:
    """A command is about to start, or to be tried again."""

    execution_id: UUID
    plan_id: UUID | None
    line: str
    digest: str
    timestamp: datetime
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an intent, of each exactly one; or a command that never started ended."""

    execution_id: UUID
    status: ExecutionStatus
    exit_code: int | None
    timestamp: datetime
    attempt: int = 1


class Journal(Protocol):
    """Keeps entries in the order they are written. It is not an observer: it may say no."""

    def write(self, entry: Intent | Outcome) -> None:
        """Keeps an entry for good before it returns.

        Raises:
            JournalUnavailable: the entry could not be kept; the command must not start.
        """
        ...


class MemoryJournal:
    """A journal of this process alone; keeps the last 10,000 entries."""

    def __init__(self) -> None:
        self.entries: deque[Intent | Outcome] = deque(maxlen=MEMORY_ENTRIES)

    def write(self, entry: Intent | Outcome) -> None:
        """See ``Journal.write``."""
        self.entries.append(entry)
