"""What makes AWS commands go elsewhere, or mean something else, than their text says."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from cloudops_nb.config import home_relative
from cloudops_nb.notebook.doctor.findings import Finding

PART = "AWS settings"
_ENDPOINT = "AWS_ENDPOINT_URL"
_PROXY = re.compile(r"(https?|all|no)_proxy", re.IGNORECASE)


def aws_settings(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Endpoints, aliases, plugins, values read from URLs and proxies: only those present."""
    found = [
        *_endpoints(environment),
        *_files(environment),
        *_aliases(environment),
        *_proxies(environment),
    ]
    yield from found or [Finding(PART, "overrides", "none: AWS is reached as its tools know it")]


def _endpoints(environment: Mapping[str, str]) -> Iterator[Finding]:
    ignored = environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"
    for name, url in sorted(environment.items()):
        if name == _ENDPOINT or name.startswith(f"{_ENDPOINT}_"):
            yield _endpoint(name, url, ignored=ignored)


def _endpoint(name: str, url: str, *, ignored: bool) -> Finding:
    if ignored:
        what = f"{shown_url(url)}, ignored (AWS_IGNORE_CONFIGURED_ENDPOINT_URLS)"
        return Finding(PART, name, what)
    remedy = "not AWS itself: remove it if that is not meant"
    return Finding(PART, name, shown_url(url), "note", remedy)


def _files(environment: Mapping[str, str]) -> Iterator[Finding]:
    from botocore.configloader import load_config
    from botocore.exceptions import BotoCoreError

    ignored = environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"
    path = _home(environment, environment.get("AWS_CONFIG_FILE") or "~/.aws/config")
    if not path.exists():
        return
    try:
        config = load_config(str(path))
    except BotoCoreError as error:
        yield Finding(PART, home_relative(path), f"cannot be read: {error}", "bad", "mend the file")
        return
    for profile, settings in sorted(config.get("profiles", {}).items()):
        where = f"profile {profile}"
        if url := settings.get("endpoint_url"):
            yield _endpoint(where, str(url), ignored=ignored)
        if str(settings.get("cli_follow_urlparam", "")).lower() == "true":
            what = "cli_follow_urlparam: the AWS CLI v1 fetches values that are URLs"
            yield Finding(PART, where, what, "note", "set it to false")
    for name, services in sorted(config.get("services", {}).items()):
        for service, settings in sorted(services.items()):
            if isinstance(settings, dict) and (url := settings.get("endpoint_url")):
                yield _endpoint(f"services {name} {service}", str(url), ignored=ignored)
    yield from _plugins(config)


def _plugins(config: Mapping[str, Any]) -> Iterator[Finding]:
    names = sorted(config.get("_unsections", {}).get("plugins", config.get("plugins", {})))
    if names:
        what = f"plugins run inside the AWS CLI: {', '.join(names)}"
        yield Finding(PART, "plugins", what, "note")


def _aliases(environment: Mapping[str, str]) -> Iterator[Finding]:
    path = _home(environment, "~/.aws/cli/alias")
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(path.read_text("utf-8", "replace"))
    except FileNotFoundError:
        return
    except (OSError, configparser.Error) as error:
        what = f"cannot be read: {str(error).splitlines()[0]}"
        yield Finding(PART, home_relative(path), what, "bad", "mend the file, or remove it")
        return
    names = sorted(name for section in parser.sections() for name in parser[section])
    if names:
        what = f"{', '.join(names)}: `aws` of these names does what the file says"
        yield Finding(PART, "aliases", what, "note")


def _proxies(environment: Mapping[str, str]) -> Iterator[Finding]:
    # Both cases are read, the lower one first: in most environments they say the same.
    proxies = {
        name.lower(): value
        for name, value in sorted(environment.items())
        if _PROXY.fullmatch(name) and value
    }
    for name, value in sorted(proxies.items()):
        yield Finding(PART, name, value if name == "no_proxy" else shown_url(value), "note")


def shown_url(url: str) -> str:
    """A URL without the password that may stand in it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        place = host if parts.port is None else f"{host}:{parts.port}"
    except ValueError:
        return "no URL"
    return urlunsplit((parts.scheme, place, parts.path, "", "")) if host else "no URL"


def _home(environment: Mapping[str, str], path: str) -> Path:
    home = environment.get("HOME")
    if home and path.startswith("~/"):
        return Path(home, path[2:])
    return Path(path).expanduser()
