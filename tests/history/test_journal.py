"""The journal in memory."""

from uuid import uuid4

from cloudops_nb.history import Intent, MemoryJournal, Outcome
from cloudops_nb.history.journal import MEMORY_ENTRIES
from cloudops_nb.models import ExecutionStatus
from cloudops_nb.models.base import now


def outcome() -> Outcome:
    return Outcome(uuid4(), ExecutionStatus.COMPLETED, 0, now())


def test_entries_are_kept_in_the_order_they_were_written() -> None:
    journal = MemoryJournal()
    entries = [Intent(uuid4(), None, "ls", "digest", now()), outcome(), outcome()]
    for entry in entries:
        journal.write(entry)
    assert list(journal.entries) == entries


def test_the_oldest_entries_make_room() -> None:
    journal = MemoryJournal()
    first, second = outcome(), outcome()
    for entry in (first, second, *[outcome()] * (MEMORY_ENTRIES - 1)):
        journal.write(entry)
    assert len(journal.entries) == MEMORY_ENTRIES
    assert journal.entries[0] is second
