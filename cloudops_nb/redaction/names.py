"""Which environment variables look as if they hold a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_SECRET = re.compile(
    r"(SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|PRIVATE_?KEY|API_?KEY|ACCESS_?KEY|_PWD$)",
    re.IGNORECASE,
)
# These tell where a secret is kept, or are half of a pair that is public.
_POINTER = re.compile(r"(_FILE|_PATH|_DIR|_URL|_URI|_ENDPOINT|_ID|_NAME|_ARN)$", re.IGNORECASE)

MIN_SECRET_LENGTH = 6
"""Shorter values ("true", "dev") would mask harmless text everywhere."""


@lru_cache(maxsize=4096)  # asked of a whole environment for each command
def is_secret_name(name: str) -> bool:
    """Whether a variable of this name is treated as a secret."""
    return bool(_SECRET.search(name)) and not _POINTER.search(name)


def secrets_in(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of ``environ`` that look like secrets, long enough to be masked."""
    return {
        name: value
        for name, value in environ.items()
        if is_secret_name(name) and len(value.strip()) >= MIN_SECRET_LENGTH
    }
