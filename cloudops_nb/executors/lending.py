"""Credentials for processes that call AWS, where their profile's have to be fetched and expire.

Static keys need no help: a child finds them where we did. Those of a role, of SSO or of a
``credential_process`` are fetched here, once for all commands, and lent: each child gets an
endpoint to ask, which gives it fresh ones for as long as it runs.
"""

from __future__ import annotations

import asyncio
import configparser
import logging
import os
import re
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudops_nb.aws.renewal import Renewals, explicit_profile
from cloudops_nb.config import expanded
from cloudops_nb.errors import CredentialsUnavailable, ExecutionError
from cloudops_nb.executors.base import OutputSink
from cloudops_nb.models import PreparedCommand

if TYPE_CHECKING:
    from cloudops_nb.aws.container_credentials import CredentialsEndpoint, TemporaryCredentials
    from cloudops_nb.aws.sessions import EnvironSession

logger = logging.getLogger("cloudops_nb")

# Where botocore looks for credentials in a profile: configuration, "Configuration variables" and
# the providers of botocore/credentials.py. All other settings of a profile are left to the child.
_CREDENTIAL_SETTINGS = frozenset(
    "aws_access_key_id aws_secret_access_key aws_session_token aws_security_token "
    "credential_process credential_source duration_seconds external_id login_session mfa_serial "
    "role_arn role_session_name source_profile sso_account_id sso_region sso_registration_scopes "
    "sso_role_name sso_session sso_start_url web_identity_token_file".split()
)
# Where the SDKs look in an environment before, or instead of, the endpoint they are lent: keys, and
# what containers, EKS pods and old tools are given. Any of it would be another identity.
_OTHER_SOURCES = frozenset(
    "AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_SECURITY_TOKEN "
    "AWS_WEB_IDENTITY_TOKEN_FILE AWS_ROLE_ARN AWS_ROLE_SESSION_NAME AWS_CREDENTIAL_FILE "
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE".split()
)
_NO_BOTO_FILE = {"BOTO_CONFIG": os.devnull}  # else ~/.boto may hold keys
_WRITES_FILES = re.compile(
    r"\baws\b[^\n;|&]*?\s(?:configure(?!\s+(?:list|list-profiles|get|export-credentials)\b)|sso|login)"
    r"(?![\w-])"
)
"""The AWS CLI's commands that write the AWS files, or log in by what these say."""
_FILES = {
    "AWS_CONFIG_FILE": ("~/.aws/config", "profile "),
    "AWS_SHARED_CREDENTIALS_FILE": ("~/.aws/credentials", ""),
}
"""Variable: the file it names by default (under the child's own HOME), and how sections begin."""

_ASSUMED_LIFE = timedelta(minutes=10)
"""Of credentials that do not say how long they last: the borrower asks again after that."""


class CredentialLender:
    """Lends what a command's profile leads to. A ``Lender``.

    Args:
        renewals: gives the sessions that all of an engine's commands share, so that a profile's
            credentials are fetched once, and renews them.
    """

    def __init__(self, renewals: Renewals) -> None:
        self._renewals = renewals
        self._sessions = renewals.sessions
        self._endpoint: CredentialsEndpoint | None = None

    @asynccontextmanager
    async def lent(
        self, prepared: PreparedCommand, sink: OutputSink
    ) -> AsyncIterator[PreparedCommand]:
        """See ``Lender.lent``. A command whose credentials are static is left as it is."""
        from cloudops_nb.aws.failures import wants_renewal

        session = await self._renewals.in_thread(lambda: self._source(prepared))
        if session is None:
            yield prepared
            return
        # Now, and not at the child's first request: what is wrong is said before it starts.
        credentials = await self._fetched(prepared, session, sink)
        sink.conceal(credentials.secrets)
        loop = asyncio.get_running_loop()
        renewing: set[asyncio.Task[None]] = set()

        async def renew(stale: EnvironSession) -> None:
            try:
                await self._renewals.renewed(
                    prepared.environment, explicit_profile(prepared), stale
                )
            except ExecutionError as error:
                logger.warning("no new credentials for a running command: %s", error)

        async def begin_renewal(stale: EnvironSession) -> None:
            if all(task.done() for task in renewing):
                renewing.add(asyncio.ensure_future(renew(stale)))

        async def conceal(credentials: TemporaryCredentials) -> None:
            sink.conceal(credentials.secrets)

        def give() -> TemporaryCredentials:
            current = self._session(prepared)
            try:
                credentials = _temporary(current)
            except Exception as error:
                # The child cannot wait for a person: it asks again before what it has expires.
                if wants_renewal(error):
                    asyncio.run_coroutine_threadsafe(begin_renewal(current), loop).result()
                raise
            asyncio.run_coroutine_threadsafe(conceal(credentials), loop).result()
            return credentials

        if self._endpoint is None:
            from cloudops_nb.aws.container_credentials import CredentialsEndpoint

            self._endpoint = CredentialsEndpoint()
        with ExitStack() as stack:
            loan = stack.enter_context(self._endpoint.lend(give))
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="cloudops-aws-"))
            sink.conceal({"AWS_CONTAINER_AUTHORIZATION_TOKEN": _token(loan)})
            own = {k: v for k, v in prepared.environment.items() if k not in _OTHER_SOURCES}
            files = _files_without_credentials(own, _profile(prepared), Path(directory))
            try:
                yield replace(prepared, environment=own | loan | files | _NO_BOTO_FILE)
            finally:
                for task in renewing:
                    task.cancel()

    async def _fetched(
        self, prepared: PreparedCommand, session: EnvironSession, sink: OutputSink
    ) -> TemporaryCredentials:
        from cloudops_nb.aws.failures import wants_renewal

        with _translated(prepared):
            try:
                return await self._renewals.in_thread(lambda: _temporary(session))
            except Exception as error:
                if not wants_renewal(error):
                    raise
            async with sink.parked(self._renewals.reason(prepared)):
                session = await self._renewals.renewed(
                    prepared.environment, explicit_profile(prepared), session
                )
            return await self._renewals.in_thread(lambda: _temporary(session))

    def _source(self, prepared: PreparedCommand) -> EnvironSession | None:
        """The session that fetches the command's credentials; None where it needs no help."""
        from botocore.credentials import RefreshableCredentials

        text = (prepared.script or prepared.line.encode()).decode("utf-8", "replace")
        if _WRITES_FILES.search(text):
            return None  # it is to find the files themselves, not copies
        with _translated(prepared):
            session = self._session(prepared)
            credentials: Any = session.get_credentials()
        if not isinstance(credentials, RefreshableCredentials):
            return None
        if credentials.method in ("container-role", "iam-role"):  # the child finds these itself
            return None
        return session

    def _session(self, prepared: PreparedCommand) -> EnvironSession:
        return self._sessions().get(prepared.environment, explicit_profile(prepared))


def _profile(prepared: PreparedCommand) -> str:
    return prepared.profile or "default"


def _temporary(session: EnvironSession) -> TemporaryCredentials:
    from cloudops_nb.aws.container_credentials import TemporaryCredentials
    from cloudops_nb.aws.identity import expires_at

    frozen = session.get_credentials().get_frozen_credentials()
    # Without a time the borrower asks again after a while.
    until = expires_at(session) or datetime.now(UTC) + _ASSUMED_LIFE
    return TemporaryCredentials(frozen.access_key, frozen.secret_key, frozen.token, until)


class _translated:  # noqa: N801 - a context manager, which reads as a function
    """Botocore's errors leave as ``CredentialsUnavailable``, with the profile's name."""

    def __init__(self, prepared: PreparedCommand) -> None:
        self._profile = _profile(prepared)

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        if isinstance(error, ExecutionError) or not isinstance(error, BotoCoreError | ClientError):
            return
        raise CredentialsUnavailable(
            f"no credentials for profile {self._profile!r}: {' '.join(str(error).split())}"
        ) from error


def _token(loan: Mapping[str, str]) -> str:
    return loan["AWS_CONTAINER_AUTHORIZATION_TOKEN"]


def _files_without_credentials(
    environment: Mapping[str, str], profile: str, directory: Path
) -> dict[str, str]:
    """Copies of the AWS files in which the profile has no credentials of its own.

    It keeps all its other settings, and the other profiles keep everything, for scripts that use
    several. A file that says nothing of the profile's credentials is used as it is.
    """
    home = environment.get("HOME")
    named: dict[str, str] = {}
    for variable, (default, prefix) in _FILES.items():
        chosen = environment.get(variable, default)
        path = Path(home, chosen[2:]) if home and chosen.startswith("~/") else expanded(chosen)
        section = profile if profile == "default" else f"{prefix}{profile}"
        parser = configparser.RawConfigParser()
        parser.read(path)  # a file that is not there is an empty one
        if not parser.has_section(section):
            continue
        if not _CREDENTIAL_SETTINGS & set(parser.options(section)):
            continue
        for setting in _CREDENTIAL_SETTINGS:
            parser.remove_option(section, setting)
        copy = directory / variable
        with os.fdopen(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            parser.write(file)
        named[variable] = str(copy)
    return named
