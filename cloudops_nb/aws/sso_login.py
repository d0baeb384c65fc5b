"""SSO logins by device code, as ``aws sso login --use-device-code`` makes them (RFC 8628).

The token goes where the AWS CLI and SDKs look for it, ``~/.aws/sso/cache``, in the CLI's form:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, SSOTokenLoadError
from botocore.utils import SSOTokenLoader, create_nested_client

from cloudops_nb.aws.chain import sso_cache
from cloudops_nb.aws.questions import DeviceQuestion, LoginQuestion, Question
from cloudops_nb.aws.sessions import EnvironSession
from cloudops_nb.errors import CredentialsUnavailable

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_DEFAULT_SCOPE = "sso:account:access"
_SLOWER_SECONDS = 5.0  # RFC 8628, 3.5: slow_down
_DEFAULT_INTERVAL = 5.0


@dataclass(frozen=True)
class SsoPortal:
    """Where a profile's SSO logs in. ``session_name`` None: the older form, in the profile."""

    start_url: str
    region: str
    session_name: str | None
    scopes: tuple[str, ...]


def portal(session: EnvironSession, profile: str) -> SsoPortal | None:
    """The portal of a profile, or of the one it assumes its role from; None: it has none."""
    config: Any = session.full_config
    profiles: Any = config.get("profiles", {})
    seen: set[str] = set()
    name: str | None = profile
    while name is not None and name not in seen:
        seen.add(name)
        settings = profiles.get(name, {})
        named = settings.get("sso_session")
        settings_of_sso = config.get("sso_sessions", {}).get(named, {}) if named else settings
        url, region = settings_of_sso.get("sso_start_url"), settings_of_sso.get("sso_region")
        if url and region:
            scopes = settings_of_sso.get("sso_registration_scopes", _DEFAULT_SCOPE)
            listed = tuple(each.strip() for each in scopes.split(","))
            return SsoPortal(url, region, named, listed if named else ())
        name = settings.get("source_profile")
    return None


def kept_token(session: EnvironSession, where: SsoPortal) -> object:
    """What is kept of the last login, to compare; None: nothing."""
    try:
        kept: object = _loader(session)(where.start_url, session_name=where.session_name)
    except (SSOTokenLoadError, KeyError):  # no file, or none that can be read
        return None
    return kept


def log_in(
    session: EnvironSession, profile: str, where: SsoPortal, ask: Callable[[Question], None]
) -> None:
    """Asks the operator to log in, waits until that is done, and keeps the token.

    Raises:
        CredentialsUnavailable: it was declined, took too long, or AWS refused it.
    """
    consent = LoginQuestion(profile, where.start_url)
    ask(consent)
    consent.wait()
    try:
        token = _token(session, profile, where, ask)
    except (BotoCoreError, ClientError) as error:
        raise CredentialsUnavailable(f"SSO login of profile {profile!r}: {error}") from None
    _loader(session).save_token(where.start_url, token, session_name=where.session_name)


def _loader(session: EnvironSession) -> Any:
    return SSOTokenLoader(cache=sso_cache(session.environ))


def _token(
    session: EnvironSession, profile: str, where: SsoPortal, ask: Callable[[Question], None]
) -> dict[str, Any]:
    config = Config(region_name=where.region, signature_version=UNSIGNED)
    client: Any = create_nested_client(session, "sso-oidc", config=config)
    wanted = {"scopes": list(where.scopes)} if where.scopes else {}
    registration = client.register_client(clientName="cloudops-nb", clientType="public", **wanted)
    identity = {name: registration[name] for name in ("clientId", "clientSecret")}
    device = client.start_device_authorization(**identity, startUrl=where.start_url)
    url = _https(device["verificationUri"])
    direct = _https(device.get("verificationUriComplete") or url)
    question = DeviceQuestion(profile, _printable(device["userCode"]), url, direct)
    ask(question)
    response = _poll(client, identity, device, question)
    question.answer()  # takes it off the page
    return {
        "startUrl": where.start_url,
        "region": where.region,
        "accessToken": response["accessToken"],
        "expiresAt": datetime.now(UTC) + timedelta(seconds=response["expiresIn"]),
        **identity,
        "registrationExpiresAt": datetime.fromtimestamp(registration["clientSecretExpiresAt"], UTC),
        **({"refreshToken": response["refreshToken"]} if "refreshToken" in response else {}),
    }


def _poll(
    client: Any, identity: dict[str, str], device: dict[str, Any], question: DeviceQuestion
) -> dict[str, Any]:
    interval = float(device.get("interval", _DEFAULT_INTERVAL))
    ends = datetime.now(UTC) + timedelta(seconds=device["expiresIn"])
    while datetime.now(UTC) < ends:
        try:
            answer: dict[str, Any] = client.create_token(
                **identity, grantType=_GRANT, deviceCode=device["deviceCode"]
            )
        except (
            client.exceptions.AuthorizationPendingException,
            client.exceptions.SlowDownException,
        ) as error:
            if isinstance(error, client.exceptions.SlowDownException):
                interval += _SLOWER_SECONDS
        except client.exceptions.ExpiredTokenException:
            break
        else:
            return answer
        if question.pause(interval):
            question.wait()  # it was declined or withdrawn, and says so
    why = "the code was not confirmed in time"
    question.decline(why)
    raise CredentialsUnavailable(f"{question.text}: {why}; {question.advice}")


def _https(url: str) -> str:
    """The address, if it may be opened by a click: what a server sends is not trusted to be.

    Raises:
        CredentialsUnavailable: it is no https address.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or not _is_plain(url):
        raise CredentialsUnavailable(f"the SSO login gave no https address to open: {url[:80]!r}")
    return url


def _printable(code: str) -> str:
    """The code, if it can be shown anywhere. Raises ``CredentialsUnavailable``."""
    if not _is_plain(code):
        raise CredentialsUnavailable(f"the SSO login gave a code that is none: {code[:80]!r}")
    return code


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
