"""A boto3 session for a user's own code that can only speak to the sandbox."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config

from cloudops_nb.aws import catalogue

if TYPE_CHECKING:
    from cloudops_nb.aws.sandbox.accounts import SandboxAccount


# Overrides of botocore's table (file key, environment variable, default, conversion): a profile
# or file that the caller's environment names, and may not exist, is not looked at.
_NO_VARIABLES = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


class _SandboxSession(botocore.session.Session):
    """Gives each client the endpoint itself: one from a file loses to the caller's environment."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(session_vars=_NO_VARIABLES)
        self._endpoint = endpoint
        self.register_component("data_loader", catalogue.loader())

    def create_client(self, *args: Any, **options: Any) -> Any:
        here = Config(proxies={}, inject_host_prefix=False)
        given = options.get("config")
        options["config"] = here if given is None else given.merge(here)
        options["endpoint_url"] = self._endpoint
        return super().create_client(*args, **options)


def session(account: SandboxAccount, endpoint: str, region: str) -> boto3.Session:
    """A session that acts in ``account``, whatever the caller's environment and files say."""
    return boto3.Session(
        aws_access_key_id=account.access_key_id,
        aws_secret_access_key=account.secret_access_key,
        region_name=region,
        botocore_session=_SandboxSession(endpoint),
    )
