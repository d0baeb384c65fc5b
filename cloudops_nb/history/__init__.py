"""What was intended and how it ended, kept for audit and replay."""

from cloudops_nb.history.journal import Intent, Journal, MemoryJournal, Outcome

__all__ = ["Intent", "Journal", "MemoryJournal", "Outcome"]
