"""Whose the profiles are: asked of AWS, all at once, and nobody is waited for long."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from time import monotonic

from botocore.exceptions import BotoCoreError, ClientError

from cloudops_nb.aws.calls import Call, CallStopped
from cloudops_nb.aws.chain import MfaRequired
from cloudops_nb.aws.clients import Clients
from cloudops_nb.aws.failures import failure
from cloudops_nb.aws.identity import Identities, expires_at
from cloudops_nb.aws.operations import find_operation
from cloudops_nb.aws.sessions import EnvironSession, Sessions
from cloudops_nb.errors import InvalidCommand
from cloudops_nb.notebook.doctor.findings import Finding, Level
from cloudops_nb.redaction import Redactor, secrets_in

PART = "AWS profiles"
PATIENCE_SECONDS = 8.0
"""How long all of them together are waited for."""
_ANYWHERE = "us-east-1"  # where STS answers those who have chosen no region
_AT_ONCE = 16
_TOLD_SECONDS = 0.2
_PASSWORD = re.compile(r"//[^/@\s]+@")  # in the URL of an endpoint or proxy that an error quotes


def profiles(environment: Mapping[str, str], tell: Callable[[str], None]) -> Iterator[Finding]:
    """A finding for each profile, and for what commands get that name none."""
    sessions = Sessions()
    try:
        names = sessions.get(environment).available_profiles
    except InvalidCommand as error:
        yield Finding(PART, "profiles", str(error), "bad", "see AWS_PROFILE and ~/.aws/config")
        names = _other_profiles(sessions, environment)
    clients = Clients()
    identities = Identities(
        lambda session: clients.get(
            session, "sts", session.get_config_variable("region") or _ANYWHERE
        )
    )
    redactor = Redactor(secrets_in(environment))
    asked: dict[str | None, tuple[Call, Future[Finding]]] = {}
    pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="cloudops-doctor")
    for name in (None, *sorted(names)):
        call = Call(lambda _: None)
        work = _question(sessions, identities, environment, name)
        asked[name] = call, pool.submit(call.run, work)
    _wait([future for _, future in asked.values()], tell)
    for name, (call, future) in asked.items():
        if future.done():
            found = _answer(name, future)
        else:
            call.stop()
            what = f"no answer within {PATIENCE_SECONDS:g} s"
            found = Finding(PART, _title(name), what, "bad", "is the network up, and its proxy?")
        text = _PASSWORD.sub("//", redactor.text(found.found))
        yield Finding(PART, found.subject, text, found.level, found.remedy)
    pool.shutdown(wait=False, cancel_futures=True)


def _other_profiles(sessions: Sessions, environment: Mapping[str, str]) -> list[str]:
    """Those there are, where the one that the environment names is not there."""
    unnamed = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
    rest = {name: value for name, value in environment.items() if name not in unnamed}
    try:
        return sessions.get(rest).available_profiles
    except InvalidCommand:
        return []  # the files cannot be read, which was told


def _wait(futures: list[Future[Finding]], tell: Callable[[str], None]) -> None:
    deadline = monotonic() + PATIENCE_SECONDS
    while True:
        left = [future for future in futures if not future.done()]
        tell(f"asking AWS whose the profiles are: {len(futures) - len(left)} of {len(futures)}")
        if not left or monotonic() >= deadline:
            return
        wait(left, timeout=_TOLD_SECONDS)


def _question(
    sessions: Sessions, identities: Identities, environment: Mapping[str, str], name: str | None
) -> Callable[[], Finding]:
    def ask() -> Finding:
        session = sessions.get(environment, name)
        if name is None and session.get_credentials() is None:
            remedy = "name a profile (--profile), set AWS_PROFILE, or run aws configure"
            return Finding(PART, _title(name), "no credentials", "note", remedy)
        identity = identities.of(session)
        region = session.get_config_variable("region") or "no region"
        level, expiry, remedy = _expiry(session)
        found = f"{identity.account} · {identity.arn} · {region}{expiry}"
        return Finding(PART, _title(name), found, level, remedy)

    return ask


def _answer(name: str | None, future: Future[Finding]) -> Finding:
    title = _title(name)
    try:
        return future.result()
    except MfaRequired:
        return Finding(
            PART, title, "wants an MFA code, and is asked for it when it is used", "note"
        )
    except InvalidCommand as error:
        return Finding(PART, title, str(error), "bad")
    except CallStopped:
        return Finding(PART, title, "stopped", "bad")
    except (BotoCoreError, ClientError, OSError, RuntimeError, ValueError) as error:
        told = failure(error, find_operation("sts", "GetCallerIdentity"), None)
        return Finding(PART, title, told.line if told is not None else str(error), "bad")


def _expiry(session: EnvironSession) -> tuple[Level, str, str]:
    at = expires_at(session)
    if at is None:
        return "good", "", ""
    minutes = int((at - datetime.now(UTC)).total_seconds() // 60)
    if minutes < 0:
        return "bad", " · expired", "renew them: aws sso login, or a new session"
    hours = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
    return "note" if minutes < 15 else "good", f" · expires in {hours}", ""


def _title(name: str | None) -> str:
    return "without one" if name is None else name
