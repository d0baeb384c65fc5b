"""What a record says about a command that was tried several times, or might have been."""

from __future__ import annotations

from cloudops_nb.models.results import ExecutionResult
from cloudops_nb.render.record import Note, one_line, took

_SHOWN = 5
_TEXT = 400  # bytes of HTML


def attempts(result: ExecutionResult) -> list[Note]:
    """The earlier attempts, the last ones of many, and why there was no further one."""
    earlier = result.earlier_attempts
    hidden = max(len(earlier) - _SHOWN, 0)
    notes = [Note("attempts before", f"{hidden}, in .earlier_attempts")] if hidden else []
    notes += [
        Note(
            f"attempt {attempt.number}",
            f"{one_line(attempt.reason, _TEXT)}; tried again after {took(attempt.waited)}",
        )
        for attempt in earlier[hidden:]
    ]
    if result.not_retried is not None:
        notes.append(Note("not tried again", one_line(result.not_retried, _TEXT)))
    return notes
