"""Botocore sessions that read a given environment, not this process's own."""

from __future__ import annotations

import difflib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.configprovider import (
    BOTOCORE_DEFAUT_SESSION_VARIABLES,
    ConfigChainFactory,
    ConfiguredEndpointProvider,
)
from botocore.credentials import ReadOnlyCredentials, RefreshableCredentials
from botocore.exceptions import BotoCoreError, ProfileNotFound
from botocore.session import Session

from cloudops_nb.aws.catalogue import loader
from cloudops_nb.aws.chain import decisive, resolver
from cloudops_nb.aws.retries import Hooks
from cloudops_nb.aws.timestamps import read_timestamp
from cloudops_nb.aws.transport import Transport
from cloudops_nb.errors import InvalidCommand

MAX_SESSIONS = 64
"""Sessions that are kept: one for each profile and environment in use."""

_FILES = ("config_file", "credentials_file")
# Botocore reads the second alone; the AWS CLI v2 and the other SDKs read the first.
_REGION_VARIABLES = ["AWS_REGION", "AWS_DEFAULT_REGION"]

Key = tuple[Any, ...]
_Stamps = tuple[tuple[int, int, int] | None, ...]


class EnvironSession(Session):
    """A session in an environment of its own; endpoints are looked up there as well."""

    def __init__(self, environ: Mapping[str, str], profile: str | None) -> None:
        self.environ = dict(environ)
        super().__init__(event_hooks=Hooks(), profile=profile)
        self._fetching = threading.RLock()

    def get_credentials(self) -> Any:
        """See ``Session.get_credentials``; the first look, which may run a program, is one."""
        with self._fetching:
            return super().get_credentials()

    @property
    def found_credentials(self) -> Any:
        """What ``get_credentials`` has given before, without a new look; None: nothing."""
        return self._credentials  # type: ignore[attr-defined] # not in the stubs

    @property
    def current_keys(self) -> ReadOnlyCredentials | None:
        """The credentials as they are, not refreshed; None: none were fetched."""
        found = self.found_credentials
        if isinstance(found, RefreshableCredentials):
            # Not public; the public names would refresh them here.
            keys: ReadOnlyCredentials | None = vars(found).get("_frozen_credentials")
            return keys
        return None if found is None else found.get_frozen_credentials()

    @property
    def secrets(self) -> dict[str, str]:
        """What of the credentials must not be seen, by name."""
        keys = self.current_keys
        named = {
            "AWS_SECRET_ACCESS_KEY": keys.secret_key if keys else None,
            "AWS_SESSION_TOKEN": keys.token if keys else None,
        }
        return {name: value for name, value in named.items() if value}

    def endpoint(self, service: str) -> str | None:
        """Where requests to a service go instead of to AWS, if they do."""
        if self.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
            return None
        url: str | None = ConfiguredEndpointProvider(
            self.full_config, self.get_scoped_config(), service, self.environ
        ).provide()
        return url

    def create_client(self, service_name: Any, *args: Any, **options: Any) -> Any:
        """See ``Session.create_client``; those that fetch credentials are made here, too."""
        if options.get("endpoint_url") is None:
            options["endpoint_url"] = self.endpoint(service_name)
        return super().create_client(service_name, *args, **options)


class Sessions:
    """Sessions by profile and environment; the same for the same. May be used on any thread."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[Key, tuple[_Stamps, EnvironSession]] = OrderedDict()
        self._changing = threading.Lock()

    def get(self, environ: Mapping[str, str], profile: str | None = None) -> EnvironSession:
        """The session of a profile, by default the environment's, in an environment.

        When an AWS file has changed it is a new one.

        Raises:
            InvalidCommand: there is no such profile, or the AWS files cannot be read.
        """
        key = session_key(environ, profile)
        with self._changing:
            stamps, session = self._sessions.get(key, ((), None))
            if session is None or stamps != _stamps(session):
                session = self._keep(key, new_session(environ, profile))
            self._sessions.move_to_end(key)
        return session

    def replace(self, session: EnvironSession, profile: str | None) -> None:
        """From here on this is the session of its environment and a profile."""
        with self._changing:
            self._keep(session_key(session.environ, profile), session)

    def _keep(self, key: Key, session: EnvironSession) -> EnvironSession:
        self._sessions[key] = _stamps(session), session
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return session


def session_key(environ: Mapping[str, str], profile: str | None) -> Key:
    """Equal for what shares a session."""
    return (profile, *sorted(decisive(environ).items()))


def new_session(environ: Mapping[str, str], profile: str | None = None) -> EnvironSession:
    """A session that has fetched nothing yet; see ``Sessions.get``."""
    session = EnvironSession(decisive(environ), profile)
    environ = session.environ
    session.register_component("data_loader", loader())
    parsers = session.get_component("response_parser_factory")
    parsers.set_parser_defaults(timestamp_parser=read_timestamp)
    chains = ConfigChainFactory(session=session, environ=environ)
    store = session.get_component("config_store")
    for name, (setting, variable, default, convert) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items():
        chain = chains.create_config_chain(
            instance_name=name,
            env_var_names=_REGION_VARIABLES if name == "region" else variable,
            config_property_names=setting,
            default=default,
            conversion_func=convert,
        )
        store.set_config_provider(name, chain)
    for name in _FILES:
        # Botocore takes ``~`` for the home of this process's user.
        path = _path(session, name)
        if path is not None:
            session.set_config_variable(name, path)
    try:
        session.get_scoped_config()  # the first look at the files
    except ProfileNotFound:
        name = profile or session.get_config_variable("profile")
        raise InvalidCommand(_unknown_profile(str(name), session.available_profiles)) from None
    except BotoCoreError as error:
        raise InvalidCommand(f"the AWS files cannot be read: {error}") from None
    session.register_component("credential_provider", resolver(session, environ))
    session.set_default_client_config(
        # Endpoints are looked up in the given environment, not in this process's own.
        Config(retries={"mode": "standard"}, ignore_configured_endpoint_urls=True)  # type: ignore[call-arg] # newer than the stubs
    )
    transport = _transport(session, environ)
    session.register("before-send", transport.send)  # type: ignore[arg-type] # its answer counts
    return session


def _unknown_profile(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3)
    if close:
        return f"no AWS profile {name!r} in the AWS files; did you mean {' or '.join(close)}?"
    return f"no AWS profile {name!r} in the AWS files; known: {', '.join(sorted(known)) or 'none'}"


def _path(session: EnvironSession, name: str) -> str | None:
    path: str | None = session.get_config_variable(name)
    home = session.environ.get("HOME")
    if path is not None and home and path.startswith("~/"):
        return str(Path(home, path[2:]))
    return path


def _stamps(session: EnvironSession) -> _Stamps:
    return tuple(_stamp(session.get_config_variable(name)) for name in _FILES)


def _stamp(path: str | None) -> tuple[int, int, int] | None:
    try:
        status = Path(path or "").expanduser().stat()
    except (OSError, RuntimeError):  # not there, or not to be read, is a state like any other
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _transport(session: Session, environ: Mapping[str, str]) -> Transport:
    bundle = session.get_config_variable("ca_bundle") or environ.get("REQUESTS_CA_BUNDLE")
    return Transport(environ, verify=bundle or True)
