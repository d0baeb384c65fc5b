"""Renews expired credentials: once, however many commands wait, asking the operator if need be.

Commands find out by their own errors that credentials are missing or hold no longer, so that no
thread of theirs waits for a person. They come here, where one thread for each profile makes a new
session and fetches its credentials; then they go on with that session.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from cloudops_nb.aws.questions import (
    CredentialPrompt,
    MfaQuestion,
    Question,
    RenewalQuestion,
)
from cloudops_nb.aws.threads import CallThreads
from cloudops_nb.errors import CredentialsUnavailable
from cloudops_nb.models import AwsCli, AwsSdk, PreparedCommand

if TYPE_CHECKING:
    from cloudops_nb.aws.sessions import EnvironSession, Key, Sessions
    from cloudops_nb.aws.sso_login import SsoPortal

T = TypeVar("T")

MAX_THREADS = 32
"""Sessions that are looked up, and credentials fetched without a person, at a time."""
MAX_TRIES = 3
"""New sessions that a renewal makes, and codes it asks for, before it gives up."""
REFUSAL_SECONDS = 10.0
"""How long a renewal that failed stands for what still waits in a queue; each use begins it anew.

Whoever declines for one command of a plan does not want to decline for 500. Who runs something
a moment later is asked again.
"""


class Renewals:
    """The renewals of one engine. On its loop only, but for ``prompt``.

    Args:
        sessions: gives the sessions that the engine's commands share.
        prompt: puts questions to the operator; may be changed at any time.
    """

    def __init__(self, sessions: Callable[[], Sessions], prompt: CredentialPrompt) -> None:
        self.prompt = prompt
        self.sessions = sessions
        self._under_way: dict[Key, _Renewal] = {}
        self._successors: WeakKeyDictionary[EnvironSession, EnvironSession] = WeakKeyDictionary()
        self._failed: dict[Key, tuple[float, EnvironSession, str]] = {}
        self._logins: defaultdict[SsoPortal, _Login] = defaultdict(_Login)
        # Of its own: a request may take its time, and the loop's threads are for what is short.
        self._threads = CallThreads(MAX_THREADS, "cloudops-credentials")
        self._renewing = CallThreads(inf, "cloudops-renewal")

    def reason(self, prepared: PreparedCommand) -> str:
        """Why a command is parked."""
        return f"credentials of AWS profile {prepared.profile or 'default'!r} are being renewed"

    async def renewed(
        self, environ: Mapping[str, str], profile: str | None, stale: EnvironSession
    ) -> EnvironSession:
        """A session in place of one whose credentials hold no longer.

        When nobody waits for it any more, the operator's question is withdrawn.

        Raises:
            CredentialsUnavailable: there are none to be had; the message says what to do.
        """
        from cloudops_nb.aws.sessions import session_key

        key = session_key(environ, profile)
        current = await self.in_thread(lambda: self.sessions().get(environ, profile))
        if current is not stale:  # the AWS files have changed
            return current
        if stale in self._successors:  # another command was faster
            return self._successors[stale]
        self._check_failed(key, stale)
        renewal = self._under_way.get(key)
        if renewal is None:
            renewal = self._under_way[key] = _Renewal(self, stale, profile)
            renewal.task.add_done_callback(partial(self._end, key, renewal))
        renewal.waiting += 1
        try:
            return await asyncio.shield(renewal.task)
        finally:
            renewal.waiting -= 1
            if not renewal.waiting and not renewal.task.done():
                del self._under_way[key]  # who comes now is asked anew
                renewal.withdraw()

    def _end(self, key: Key, renewal: _Renewal, task: asyncio.Future[EnvironSession]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if self._under_way.get(key) is not renewal:
            return  # it was withdrawn
        del self._under_way[key]
        if error is None:
            self._successors[renewal.stale] = task.result()
        elif isinstance(error, CredentialsUnavailable):
            self._failed[key] = monotonic() + REFUSAL_SECONDS, renewal.stale, str(error)

    def in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Does what may take its time, but waits for no person."""
        return asyncio.wrap_future(self._threads.submit(work))

    def in_own_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Does what may wait for a person, in nobody's place."""
        return asyncio.wrap_future(self._renewing.submit(work))

    def log_in_once(
        self,
        session: EnvironSession,
        profile: str,
        where: SsoPortal,
        ask: Callable[[Question], None],
    ) -> None:
        """Logs in to a portal: once for all the profiles that wait for it. On any thread.

        Raises:
            CredentialsUnavailable: there was no login.
        """
        from cloudops_nb.aws.sso_login import kept_token, log_in

        login, before = self._logins[where], kept_token(session, where)
        with login.one_at_a_time:
            if kept_token(session, where) != before:  # another profile's renewal was faster
                return
            if login.error is not None and monotonic() < login.stands_until:
                raise CredentialsUnavailable(login.error)
            try:
                log_in(session, profile, where, ask)
            except CredentialsUnavailable as error:
                login.error, login.stands_until = str(error), monotonic() + REFUSAL_SECONDS
                raise
            login.error = None

    def _check_failed(self, key: Key, stale: EnvironSession) -> None:
        until, session, error = self._failed.get(key, (0.0, None, ""))
        if session is stale and monotonic() < until:
            self._failed[key] = monotonic() + REFUSAL_SECONDS, stale, error
            raise CredentialsUnavailable(error)
        self._failed.pop(key, None)


def explicit_profile(prepared: PreparedCommand) -> str | None:
    """The profile a command names itself; one in the environment ranks behind keys there."""
    command = prepared.request.command
    match command:
        case AwsCli():
            return command.effective("profile")
        case AwsSdk():
            return command.profile
        case _:
            return None


class _Login:
    """The logins to one portal. ``error``: why the last was none."""

    def __init__(self) -> None:
        self.one_at_a_time = threading.Lock()
        self.error: str | None = None
        self.stands_until = 0.0


class _Renewal:
    """One renewal under way, on a thread of its own. ``waiting``: how many want its outcome."""

    def __init__(self, renewals: Renewals, stale: EnvironSession, profile: str | None) -> None:
        self.waiting = 0
        self._renewals = renewals
        self.stale = stale
        self._profile = profile
        self._name = str(profile or stale.get_config_variable("profile") or "default")
        self._question: Question | None = None
        self._withdrawn = False
        self.task = renewals.in_own_thread(self._run)

    def withdraw(self) -> None:
        """Takes back what the operator is asked."""
        self._withdrawn = True
        if self._question is not None:
            self._question.decline("nothing waits for it any more")

    def _ask(self, question: Question) -> None:
        self._question = question
        if self._withdrawn:  # between two questions
            question.decline("nothing waits for it any more")
            return
        self._renewals.prompt.ask(question)

    def _run(self) -> EnvironSession:
        from botocore.exceptions import BotoCoreError, ClientError

        from cloudops_nb.aws.chain import asking
        from cloudops_nb.aws.failures import wants_renewal
        from cloudops_nb.aws.sessions import new_session
        from cloudops_nb.aws.sso_login import portal

        codes = _Codes(self._name, self._ask)
        why = ""
        for _ in range(MAX_TRIES):
            session = new_session(self.stale.environ, self._profile)
            try:
                with asking(codes.ask):
                    credentials = _fetched(session)
            except (BotoCoreError, ClientError, RuntimeError) as error:
                if codes.were_refused(error):
                    continue
                if not wants_renewal(error):
                    raise self._failure(error) from None
                where = portal(session, self._name)
                if where is not None:
                    self._renewals.log_in_once(session, self._name, where, self._ask)
                    continue
                why = str(error)
            else:
                self._check_account(credentials)
                refused = self._refused()
                if refused is None or refused.access_key != credentials.access_key:
                    self._renewals.sessions().replace(session, self._profile)
                    return session
                why = f"they are still those of {_shown(credentials.access_key)}"
            self._ask_to_renew(why)
        raise CredentialsUnavailable(
            f"the credentials of AWS profile {self._name!r} could not be renewed"
            + (f": {why}" if why else "")
        )

    def _ask_to_renew(self, why: str) -> None:
        refused = self._refused()
        if refused is not None and refused.method == "env":
            raise CredentialsUnavailable(
                "the AWS credentials in the environment have expired: set new ones (AWS_ACCESS_KEY"
                "_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN), or use a profile, and run it again"
            )
        question = RenewalQuestion(self._name, why)
        self._ask(question)
        question.wait()

    def _failure(self, error: Exception) -> CredentialsUnavailable:
        return CredentialsUnavailable(
            f"no credentials for AWS profile {self._name!r}: {' '.join(str(error).split())}"
        )

    def _refused(self) -> Any:
        """What the stale session had, if it does not change by itself."""
        from botocore.credentials import Credentials

        had = self.stale.found_credentials
        return had if type(had) is Credentials else None

    def _check_account(self, credentials: Any) -> None:
        """Raises ``CredentialsUnavailable`` if they are another account's: rows must not mix."""
        had = self.stale.current_keys
        before, after = had.account_id if had else None, credentials.account_id
        if before and after and before != after:
            raise CredentialsUnavailable(
                f"the renewed credentials of AWS profile {self._name!r} are those of account "
                f"{after}, and the run began in {before}: run it again"
            )


class _Codes:
    """Asks for MFA codes, and remembers what the last one was for."""

    def __init__(self, profile: str, ask: Callable[[Question], None]) -> None:
        self._profile = profile
        self._ask = ask
        self._problem = ""
        self._is_new = False

    def ask(self, serial: str) -> str:
        question = MfaQuestion(self._profile, serial, self._problem)
        self._ask(question)
        self._is_new = True
        return question.wait()

    def were_refused(self, error: Exception) -> bool:
        """Whether the error says so of a code that has just been given."""
        given, self._is_new = self._is_new, False
        text = str(error)
        # STS of a wrong code, and of one that cannot be one; botocore of one that is too short.
        refused = "MultiFactorAuthentication" in text or "tokencode" in text.lower()
        if given and refused:
            self._problem = "that code was not accepted"
        return given and refused


def _fetched(session: EnvironSession) -> Any:
    from botocore.exceptions import NoCredentialsError

    credentials: Any = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    return credentials.get_frozen_credentials()


def _shown(access_key: str) -> str:
    return f"…{access_key[-4:]}"
