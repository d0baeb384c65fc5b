"""Which environment variables look as if they hold a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_SECRET = re.compile(
    r"(SECRET|TOKEN(?!IZE)|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|CONNECTION_?STRING"
    r"|(PRIVATE|API|ACCESS|ACCOUNT|STORAGE|MASTER|ENCRYPTION|SIGNING)_?KEY|_(PWD|PASS|PAT)$)",
    re.IGNORECASE,
)
# These tell where a secret is kept, or are half of a pair that is public.
_POINTER = re.compile(
    r"(_FILE|_PATH|_DIR|_DIRECTORY|_URL|_URI|_ENDPOINT|_ID|_NAME|_ARN"
    r"|^GOOGLE_APPLICATION_CREDENTIALS)$",  # a path, whatever it is called
    re.IGNORECASE,
)

# The password in scheme://user:password@host (RFC 3986, 3.2.1), as database URLs have it.
_URL_PASSWORD = re.compile(r"^[a-z][a-z0-9+.-]*://[^/?#@:\s]*:([^/?#@\s]+)@", re.IGNORECASE)

MIN_SECRET_LENGTH = 6
"""Shorter values ("true", "dev") would mask harmless text everywhere."""


@lru_cache(maxsize=4096)  # asked of a whole environment for each command
def is_secret_name(name: str) -> bool:
    """Whether a variable of this name is treated as a secret."""
    return bool(_SECRET.search(name)) and not _POINTER.search(name)


def secrets_in(environ: Mapping[str, str]) -> dict[str, str]:
    """What is to be masked of ``environ``, by variable, if it is long enough.

    The whole value where the name looks like a secret's; the password where the value is a URL
    that has one.
    """
    secrets: dict[str, str] = {}
    for name, value in environ.items():
        in_url = _URL_PASSWORD.match(value)
        secret = value if is_secret_name(name) else in_url[1] if in_url else ""
        if len(secret.strip()) >= MIN_SECRET_LENGTH:
            secrets[name] = secret
    return secrets
