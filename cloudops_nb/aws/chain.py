"""Where credentials come from: botocore's own providers in its own order, in a given environment.

The order is that of ``botocore.credentials.create_credential_resolver``, which reads this process's
environment and home instead, asks for MFA codes on its terminal, and lets a ``credential_process``
take as long as it likes.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from botocore.credentials import (
    AssumeRoleProvider,
    AssumeRoleWithWebIdentityProvider,
    BotoProvider,
    CanonicalNameCredentialSourcer,
    ContainerProvider,
    CredentialResolver,
    EnvProvider,
    InstanceMetadataProvider,
    OriginalEC2Provider,
    ProcessProvider,
    ProfileProviderBuilder,
)
from botocore.exceptions import CredentialRetrievalError, RefreshWithMFAUnsupportedError, SSOError
from botocore.session import Session
from botocore.tokens import SSOTokenProvider
from botocore.utils import (
    InstanceMetadataFetcher,
    JSONFileCache,
    create_nested_client,
    resolve_imds_endpoint_mode,
)

from cloudops_nb.errors import CredentialsUnavailable

PROCESS_SECONDS = 60.0
"""How long a ``credential_process`` may take: it has no terminal to ask anybody on."""

_REFRESH_WINDOW_SECONDS = 15 * 60  # botocore's, for credentials of an instance

# What of an environment decides on account, endpoint and way: AWS's own, proxies and CA bundles,
# where files are (HOME) and programs (PATH, for credential_process).
_PREFIXES = ("AWS_", "BOTO")
_NAMES = frozenset(
    "HOME PATH REQUESTS_CA_BUNDLE http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY "
    "NO_PROXY".split()
)

_asking = threading.local()


class MfaRequired(Exception):
    """A role wants a code, and nobody may be asked on this thread."""


def _is_news(record: logging.LogRecord) -> bool:
    """Whether nobody is told but by the log: for these errors the operator is asked."""
    error = record.exc_info[1] if record.exc_info else None
    told = MfaRequired | RefreshWithMFAUnsupportedError | SSOError | CredentialsUnavailable
    return not isinstance(error, told)


logging.getLogger("botocore.credentials").addFilter(_is_news)


def decisive(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that a call to AWS depends on."""
    return {name: value for name, value in environ.items() if _is_decisive(name)}


def _is_decisive(name: str) -> bool:
    return name in _NAMES or name.startswith(_PREFIXES)


@contextmanager
def asking(ask: Callable[[str], str]) -> Iterator[None]:
    """Within the block, on this thread, ``ask`` is given a device's serial for a code of it."""
    _asking.ask = ask
    try:
        yield
    finally:
        _asking.ask = None


def _mfa_code(prompt: str) -> str:
    ask: Callable[[str], str] | None = getattr(_asking, "ask", None)
    if ask is None:
        raise MfaRequired("its role wants an MFA code")
    # "Enter MFA code for arn:aws:iam::123456789012:mfa/ada: ", says botocore.
    return ask(prompt.strip().removeprefix("Enter MFA code for ").removesuffix(":"))


def sso_cache(environ: Mapping[str, str]) -> JSONFileCache:
    """Where the AWS CLI and SDKs keep the tokens of SSO logins."""
    return JSONFileCache(str(_home(environ) / ".aws" / "sso" / "cache"), dumps_func=_dumps)


def resolver(session: Session, environ: Mapping[str, str]) -> CredentialResolver:
    """The chain of a session's profile."""
    # The stubs know neither the components nor some of the arguments.
    variable: Callable[[str], Any] = session.get_config_variable
    profile = variable("profile") or "default"
    is_chosen = session.instance_variables().get("profile") is not None
    in_environment: Any = EnvProvider(environ)
    container: Any = ContainerProvider(environ)
    instance: Any = InstanceMetadataProvider(
        InstanceMetadataFetcher(
            timeout=variable("metadata_service_timeout"),
            num_attempts=variable("metadata_service_num_attempts"),
            user_agent=session.user_agent(),
            env=dict(environ),
            config={
                "ec2_metadata_service_endpoint": variable("ec2_metadata_service_endpoint"),
                "ec2_metadata_service_endpoint_mode": resolve_imds_endpoint_mode(session),
                "ec2_credential_refresh_window": _REFRESH_WINDOW_SECONDS,
                "ec2_metadata_v1_disabled": variable("ec2_metadata_v1_disabled"),
            },
        )
    )
    builder: Any = _Providers(session, environ)
    assume_role: Any = AssumeRoleProvider(
        load_config=lambda: session.full_config,
        client_creator=_client_creator(session),
        cache={},
        profile_name=profile,
        prompter=_mfa_code,
        credential_sourcer=CanonicalNameCredentialSourcer([in_environment, container, instance]),
        profile_provider_builder=builder,
    )
    of_profile = builder.providers(profile, disable_env_vars=is_chosen)
    return CredentialResolver(
        [
            *(() if is_chosen else (in_environment,)),  # a profile that was chosen comes first
            assume_role,
            *of_profile,
            OriginalEC2Provider(environ),
            BotoProvider(environ),
            container,
            instance,
        ]
    )


class _Providers(ProfileProviderBuilder):
    """Relies on names of botocore's that are not public: those of the methods it overrides."""

    def __init__(self, session: Session, environ: Mapping[str, str]) -> None:
        super().__init__(session, cache={}, sso_token_cache=sso_cache(environ))  # type: ignore[arg-type]
        self._of = session
        self._environ = environ

    def _create_process_provider(self, profile_name: str) -> ProcessProvider:
        return ProcessProvider(
            profile_name=profile_name,
            load_config=lambda: self._of.full_config,
            popen=partial(_Program, environ=self._environ),
        )

    def _create_web_identity_provider(
        self, profile_name: str, disable_env_vars: bool
    ) -> AssumeRoleWithWebIdentityProvider:
        provider = _WebIdentity(
            load_config=lambda: self._of.full_config,
            client_creator=_client_creator(self._of),
            cache={},
            profile_name=profile_name,
            disable_env_vars=disable_env_vars,
        )
        provider.environ = self._environ
        return provider

    def _create_sso_provider(self, profile_name: str) -> Any:
        provider: Any = super()._create_sso_provider(profile_name)  # type: ignore[misc]
        # Its own would look into the home of this process.
        cache: Any = sso_cache(self._environ)
        provider._token_provider = SSOTokenProvider(
            self._of, cache=cache, profile_name=profile_name
        )
        return provider


class _WebIdentity(AssumeRoleWithWebIdentityProvider):
    environ: Mapping[str, str]

    def _get_env_config(self, key: str) -> str | None:
        if self._disable_env_vars:  # type: ignore[attr-defined] # not in the stubs
            return None
        return self.environ.get(self._CONFIG_TO_ENV_VAR.get(key, ""))  # type: ignore[attr-defined]


class _Program(subprocess.Popen[bytes]):
    """A ``credential_process``: in the given environment, without a terminal, and not for ever."""

    def __init__(self, args: list[str], *, environ: Mapping[str, str], **options: Any) -> None:
        inherited = {name: each for name, each in os.environ.items() if not _is_decisive(name)}
        try:
            super().__init__(
                args,
                env={**inherited, **environ},
                stdin=subprocess.DEVNULL,
                **options,
            )
        except OSError as error:
            raise _failed(f"{args[0]}: {error.strerror}") from error

    def communicate(
        self,
        input: bytes | None = None,  # noqa: A002 - Popen's
        timeout: float | None = None,
    ) -> tuple[bytes, bytes]:
        try:
            printed, said = super().communicate(input, timeout or PROCESS_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            super().communicate()
            raise _failed(f"it took longer than {PROCESS_SECONDS:g} s") from None
        if self.returncode == 0:
            try:
                json.loads(printed)
            except ValueError:  # what it printed may be a part of what is secret
                raise _failed("what it printed is not JSON") from None
        return printed, said


def _failed(why: str) -> CredentialRetrievalError:
    return CredentialRetrievalError(
        provider="custom-process", error_msg=f"credential_process: {why}"
    )


def _client_creator(session: Session) -> Any:
    return lambda service, **options: create_nested_client(session, service, **options)


def _home(environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME")
    return Path(home) if home else Path.home()


def _dumps(token: Any) -> str:
    return json.dumps(token, default=lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ"))
