"""A command with everything about it decided: what is judged, recorded and run is this."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from cloudops_nb.models.requests import ExecutionRequest

TAG_VARIABLE = "CLOUDOPS_EXECUTIONS"
"""The environment variable that carries execution ids: alone it differs from run to run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedCommand:
    """What an executor runs. Hashes are hexadecimal SHA-256 of file contents."""

    id: UUID
    request: ExecutionRequest
    line: str
    argv: tuple[str, ...]
    cwd: Path
    environment: dict[str, str] = field(repr=False)
    timeout_ms: int
    binary_sha256: str | None = None
    script: bytes | None = field(default=None, repr=False)
    script_sha256: str | None = None
    profile: str | None = None
    region: str | None = None
    endpoint: str | None = None
    record_path: str | None = None
    withheld_env: tuple[str, ...] = ()

    def sealed_fields(self) -> dict[str, Any]:
        """What an approval is bound to: everything that decides the effect, and no id or time.

        All of the environment: credentials, a service's endpoint or PATH may come from anywhere
        in it, and choose what account is reached and which program an inner name means.
        """
        passed = {name: value for name, value in self.environment.items() if name != TAG_VARIABLE}
        return {
            "argv": self.argv,
            "cwd": str(self.cwd),
            "environment": passed,
            "timeout_ms": self.timeout_ms,
            "binary_sha256": self.binary_sha256,
            "script_sha256": self.script_sha256,
            "profile": self.profile,
            "region": self.region,
            "endpoint": self.endpoint,
        }


def digest(commands: Sequence[PreparedCommand], order: object = None) -> str:
    """The digest of commands and their order: the first 32 hexadecimal digits of a SHA-256.

    Equal for equal work whatever its ids; of canonical JSON (sorted keys, no white space).
    """
    sealed = {"commands": [command.sealed_fields() for command in commands], "order": order}
    text = json.dumps(sealed, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
