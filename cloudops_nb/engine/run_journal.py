"""What the journal is told of runs: every intent, and of each exactly one outcome.

An outcome that the journal does not take is in the log of the process instead.
"""

from __future__ import annotations

import logging

from cloudops_nb.engine.runs import CommandRun
from cloudops_nb.history import Intent, Journal, Outcome
from cloudops_nb.models import ExecutionResult, PreparedCommand
from cloudops_nb.models.base import now

logger = logging.getLogger("cloudops_nb")


class RunJournal:
    """The one place that writes to the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def intend(self, run: CommandRun, prepared: PreparedCommand) -> None:
        """Says that an attempt is about to start.

        Raises:
            JournalUnavailable: it could not be kept; the attempt must not start.
        """
        self._journal.write(
            Intent(run.id, run.plan_id, prepared.line, run.digest, now(), run.attempt)
        )
        run.unsettled = run.attempt

    def settle(self, run: CommandRun, result: ExecutionResult) -> None:
        """Says what came of the last intent, unless that was said before.

        A run that ends between two attempts adds nothing: what it did is told already. One that
        never started has an outcome without an intent.
        """
        if run.unsettled is None:
            return
        try:
            self._journal.write(
                Outcome(run.id, result.status, result.exit_code, now(), run.unsettled)
            )
        except Exception:
            # It has ended, journal or not, and somebody waits for it; a journal that is broken for
            # good refuses the next intent.
            logger.exception("the outcome of %s is not in the journal", run.id)
        else:
            run.unsettled = None
