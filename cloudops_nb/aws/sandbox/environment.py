"""The environment of a sandboxed command, and the AWS files that it names."""

from __future__ import annotations

import configparser
import os
from typing import TYPE_CHECKING

from cloudops_nb.aws.sandbox.accounts import ACCOUNTS, DEFAULT_REGION

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROFILES = ("default", *(account.profile for account in ACCOUNTS))

# Nothing listens there, and only root could: what does not go to loopback is refused at once.
_DEAD_PROXY = "http://127.0.0.1:1"
_PROXIED = ("http_proxy", "https_proxy", "all_proxy")


def variables(directory: Path, endpoint: str) -> dict[str, str]:
    """What a command needs to see the sandbox and nothing else, but for PATH."""
    proxies = dict.fromkeys((*_PROXIED, *(name.upper() for name in _PROXIED)), _DEAD_PROXY)
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_CONFIG_FILE": str(directory / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(directory / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        # Else `aws logs start-live-tail` and its like ask DNS for a host below the endpoint.
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_PAGER": "",
        "BOTO_CONFIG": os.devnull,  # else botocore falls back to the keys of ~/.boto
        **proxies,
        "no_proxy": "127.0.0.1,localhost",
        "NO_PROXY": "127.0.0.1,localhost",
    }


def merged(base: Mapping[str, str], directory: Path, endpoint: str) -> dict[str, str]:
    """``base`` without any AWS or boto variable, with the sandbox's, its `aws` first on PATH."""
    kept = {name: text for name, text in base.items() if not name.startswith(("AWS_", "BOTO"))}
    path = base.get("PATH", os.defpath)
    kept["PATH"] = os.pathsep.join(part for part in (str(tools(directory)), path) if part)
    return kept | variables(directory, endpoint)


def tools(directory: Path) -> Path:
    """Where the `aws` wrapper lies."""
    return directory / "bin"


def write_aws_files(directory: Path, endpoint: str) -> None:
    """Write the configuration and the credentials of all profiles; ``default`` is the first."""
    config, credentials = configparser.RawConfigParser(), configparser.RawConfigParser()
    for name, account in zip(PROFILES, (ACCOUNTS[0], *ACCOUNTS), strict=True):
        config["default" if name == "default" else f"profile {name}"] = {
            "region": DEFAULT_REGION,
            "output": "json",
            "endpoint_url": endpoint,
            "cli_follow_urlparam": "false",  # see wrapper.py
            # The CLI's first version prints seconds since 1970 for some services otherwise.
            "cli_timestamp_format": "iso8601",
        }
        credentials[name] = {
            "aws_access_key_id": account.access_key_id,
            "aws_secret_access_key": account.secret_access_key,
        }
    for parser, name in ((config, "config"), (credentials, "credentials")):
        with (directory / name).open("w") as file:
            parser.write(file)
