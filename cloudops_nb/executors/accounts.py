"""Whose AWS account a command reached: asked once for its credentials, when it has completed."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from time import monotonic
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from cloudops_nb.aws.renewal import Renewals, explicit_profile
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


class Accounts:
    """The accounts of an engine's credentials.

    Args:
        renewals: has the sessions that the engine's commands share.
    """

    def __init__(self, renewals: Renewals) -> None:
        self._renewals = renewals
        self._asking = threading.Lock()
        self._told: WeakKeyDictionary[EnvironSession, str] = WeakKeyDictionary()
        self._refused: WeakKeyDictionary[EnvironSession, float] = WeakKeyDictionary()
        """Sessions, and when they were refused an answer."""

    async def of(self, prepared: PreparedCommand) -> str | None:
        """The account that a command's credentials are of; None where that cannot be told."""
        find = self._renewals.sessions().get
        try:
            session = find(prepared.environment, explicit_profile(prepared))
        except ValidationError:
            return None  # a profile that the command has just made, say, or taken away
        told = self._told.get(session)
        if told is not None or self._was_refused(session):
            return told
        # Not on the threads of those who wait for credentials: this is for nobody to wait for.
        return await asyncio.to_thread(self._ask_once, session)

    def _ask_once(self, session: EnvironSession) -> str | None:
        with self._asking:  # who waited meanwhile has the answer, or knows that there is none
            if self._was_refused(session):
                return None
            return self._told.get(session) or self._ask(session)

    def _was_refused(self, session: EnvironSession) -> bool:
        at = self._refused.get(session)
        return at is not None and monotonic() - at < AGAIN_SECONDS

    def _ask(self, session: EnvironSession) -> str | None:
        try:
            credentials: Any = session.get_credentials()
            account: str = getattr(credentials, "account_id", None) or (
                self._identities.of(session).account
            )
        except Exception:  # noqa: BLE001 - whatever it is: the command has completed all the same
            self._refused[session] = monotonic()
            return None
        self._told[session] = account
        return account

    @cached_property
    def _identities(self) -> Identities:
        from cloudops_nb.aws.identity import Identities

        return Identities(_sts)


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
            return await asyncio.wait_for(self._accounts.of(prepared), PATIENCE_SECONDS)
        return None


def _sts(session: EnvironSession) -> Any:
    region = session.get_config_variable("region")
    return session.create_client("sts", region or _ANY_REGION)
