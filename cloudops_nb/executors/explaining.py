"""Says of an ``aws`` process whose key was refused when that is for its region, not for its key."""

from __future__ import annotations

import re
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
    from cloudops_nb.aws.regions import Regions

_REFUSED = re.compile(r"An error occurred \((\w+)\) when calling the ")
"""How the AWS CLI, v1 and v2, says what a service answered: botocore's ``ClientError``."""


class ExplainingExecutor(WrappingExecutor):
    """Carries out what ``executor`` does, and looks into a key that a region does not know.

    Args:
        executor: runs the ``aws`` program.
        renewals: has the sessions that the engine's commands share.
        regions: gives what all of them know of accounts' regions.
    """

    def __init__(
        self, executor: Executor, renewals: Renewals, regions: Callable[[], Regions]
    ) -> None:
        super().__init__(executor)
        self._renewals = renewals
        self._regions = regions

    async def run(self, prepared: PreparedCommand, sink: OutputSink) -> Exit:
        """See ``Executor.run``."""
        heard = Heard(sink)
        ended = await super().run(prepared, heard)
        refused = None if was_stopped() else _REFUSED.search(heard.said)
        if not ended.code or ended.error is not None or refused is None or prepared.region is None:
            return ended
        region, code = prepared.region, refused[1]
        why = await self._renewals.in_thread(lambda: self._why(prepared, region, code))
        return ended if why is None else replace(ended, error=f"exit code {ended.code}: {why}")

    def _why(self, prepared: PreparedCommand, region: str, code: str) -> str | None:
        try:
            session = self._renewals.sessions().get(
                prepared.environment, explicit_profile(prepared)
            )
        except ValidationError:
            return None  # the program has said what is wrong with its profile
        return self._regions().explain(session, region, code)
