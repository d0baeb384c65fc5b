"""Runs a process again, with new credentials, when the ones it had turned out to be expired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from cloudops_nb.aws.renewal import Renewals, explicit_profile
from cloudops_nb.errors import ValidationError
from cloudops_nb.executors.base import Executor, Exit, OutputSink
from cloudops_nb.executors.heard import Heard
from cloudops_nb.executors.wrapping import WrappingExecutor, was_stopped
from cloudops_nb.models import PreparedCommand

if TYPE_CHECKING:
    from cloudops_nb.aws.sessions import EnvironSession

MAX_RENEWALS = 2
"""Times that one command has its credentials renewed."""


class RenewingExecutor(WrappingExecutor):
    """Carries out what ``executor`` does, and watches for credentials that have expired.

    Args:
        executor: runs the ``aws`` program.
        renewals: renews credentials, for all of an engine's commands.
        may_repeat: whether running a command twice does no harm.
    """

    def __init__(
        self,
        executor: Executor,
        renewals: Renewals,
        may_repeat: Callable[[PreparedCommand], bool],
    ) -> None:
        super().__init__(executor)
        self._renewals = renewals
        self._may_repeat = may_repeat

    async def run(self, prepared: PreparedCommand, sink: OutputSink) -> Exit:
        """See ``Executor.run``; what changes something, or has answered in part, runs once."""
        for _ in range(MAX_RENEWALS):
            # Before: another command may have them renewed while this one runs.
            session = await self._renewals.in_thread(lambda: self._session(prepared))
            heard = Heard(sink)
            ended = await super().run(prepared, heard)
            if was_stopped() or ended.code in (0, None) or session is None or not _expired(heard):
                return ended
            if not self._may_repeat(prepared):
                return replace(ended, error=_unrepeated("it may have changed something"))
            if heard.answered:
                return replace(ended, error=_unrepeated("it had printed a part of its answer"))
            sink.write("stderr", b"the credentials have expired: to be run again with new ones\n")
            async with sink.parked(self._renewals.reason(prepared)):
                await self._renewals.renewed(
                    prepared.environment, explicit_profile(prepared), session
                )
        return await super().run(prepared, sink)

    def _session(self, prepared: PreparedCommand) -> EnvironSession | None:
        try:
            return self._renewals.sessions().get(prepared.environment, explicit_profile(prepared))
        except ValidationError:
            return None  # the program says what is wrong with the profile, or makes it


def _expired(heard: Heard) -> bool:
    """Whether the program has said that its credentials hold no longer."""
    from cloudops_nb.aws.failures import EXPIRED_CLI

    return EXPIRED_CLI.search(heard.said) is not None


def _unrepeated(why: str) -> str:
    return f"its credentials expired; {why}, so it was not run again: look, and run it yourself"
