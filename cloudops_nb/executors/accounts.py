"""Whose AWS account a command reached: asked once for its credentials, when it has completed."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from cloudops_nb.aws.renewal import Renewals, explicit_profile
from cloudops_nb.aws.threads import CallThreads
from cloudops_nb.errors import ValidationError
from cloudops_nb.executors.base import Executor, Exit, OutputSink
from cloudops_nb.executors.wrapping import WrappingExecutor
from cloudops_nb.models import PreparedCommand

if TYPE_CHECKING:
    from cloudops_nb.aws.identity import Identities
    from cloudops_nb.aws.sessions import EnvironSession

PATIENCE_SECONDS = 1.0
"""How long the end of a command waits for the answer; without it, the account is not told."""
AGAIN_SECONDS = 300.0
"""How long credentials that were not told are not asked about again."""

_ANY_REGION = "us-east-1"


class _Question(NamedTuple):
    """What STS is asked, or was."""

    answer: Future[str | None]
    at: float

    def stands(self) -> bool:
        """Whether it need not be asked again: it is under way, or was answered lately."""
        if not self.answer.done():
            return True
        if self.answer.cancelled():
            return False
        return self.answer.result() is not None or monotonic() - self.at < AGAIN_SECONDS


class Accounts:
    """The accounts of an engine's credentials. For the engine's loop only.

    Args:
        renewals: has the sessions that the engine's commands share.
    """

    def __init__(self, renewals: Renewals) -> None:
        self._renewals = renewals
        self._asked: WeakKeyDictionary[EnvironSession, _Question] = WeakKeyDictionary()
        # Of its own: whoever does not answer keeps a thread, and the loop's are for what is short.
        self._threads = CallThreads(inf, "cloudops-accounts")

    async def of(self, prepared: PreparedCommand) -> str | None:
        """The account that a command's credentials are of; None where that cannot be told."""
        find = self._renewals.sessions().get
        try:
            session = find(prepared.environment, explicit_profile(prepared))
        except ValidationError:
            return None  # a profile that the command has just made, say, or taken away
        asked = self._asked.get(session)
        if asked is None or not asked.stands():
            answer = self._threads.submit(partial(_ask, session, self._identities))
            asked = self._asked[session] = _Question(answer, monotonic())
        # All wait together: with an STS that is silent, one second is lost and not one for each.
        left = asked.at + PATIENCE_SECONDS - monotonic()
        if not asked.answer.done() and left > 0:
            await asyncio.wait_for(asyncio.wrap_future(asked.answer), left)
        return asked.answer.result() if asked.answer.done() else None

    @cached_property
    def _identities(self) -> Identities:
        from cloudops_nb.aws.identity import Identities

        return Identities(_sts)


def _ask(session: EnvironSession, identities: Identities) -> str | None:
    try:
        credentials: Any = session.get_credentials()
        account: str | None = getattr(credentials, "account_id", None)
        return account or identities.of(session).account
    except Exception:  # noqa: BLE001 - whatever it is: the command has completed all the same
        return None


class AccountedExecutor(WrappingExecutor):
    """Carries out what ``executor`` does, and says in which account, for AWS commands."""

    def __init__(self, executor: Executor, accounts: Accounts) -> None:
        super().__init__(executor)
        self._accounts = accounts

    async def run(self, prepared: PreparedCommand, sink: OutputSink) -> Exit:
        """See ``Executor.run``."""
        ended = await super().run(prepared, sink)
        return replace(ended, account=partial(self._account, prepared))

    async def _account(self, prepared: PreparedCommand) -> str | None:
        with suppress(TimeoutError, asyncio.CancelledError):  # it has ended, whatever becomes of us
            return await self._accounts.of(prepared)
        return None


def _sts(session: EnvironSession) -> Any:
    region = session.get_config_variable("region")
    return session.create_client("sts", region or _ANY_REGION)
