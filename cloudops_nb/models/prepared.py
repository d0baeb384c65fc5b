"""A command with everything about it decided: what is judged, recorded and run is this."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from cloudops_nb.models.limits import ResourceLimits
from cloudops_nb.models.requests import ExecutionRequest

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))

TAG_VARIABLE = "CLOUDOPS_EXECUTIONS"
"""The environment variable that carries execution ids: alone it differs from run to run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedCommand:
    """What an executor runs. Hashes are hexadecimal SHA-256 of file contents.

    ``service`` and ``operation`` are API names (``ec2``, ``DescribeInstances``), of AWS calls of
    which they are known; ``parameters`` are those of a call that is made without a process, whose
    ``argv`` is empty. ``files`` are those that the command is told to read, with their hashes.
    """

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
    calls_aws: bool = False
    service: str | None = None
    operation: str | None = None
    parameters: Mapping[str, Any] | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What is to be masked beside the environment's secrets, by its name."""
    record_path: str | None = None
    withheld_env: tuple[str, ...] = ()
    files: tuple[tuple[Path, str], ...] = ()
    limits: ResourceLimits | None = None

    def sealed_fields(self) -> dict[str, Any]:
        """What an approval is bound to: everything that decides the effect, and no id or time.

        All of the environment: credentials, a service's endpoint or PATH may come from anywhere
        in it, and choose what account is reached and which program an inner name means.
        """
        passed = (item for item in self.environment.items() if item[0] != TAG_VARIABLE)
        sealed: dict[str, Any] = {
            "argv": self.argv,
            "cwd": str(self.cwd),
            "environment_sha256": _environment_sha256(tuple(passed)),
            "timeout_ms": self.timeout_ms,
            "binary_sha256": self.binary_sha256,
            "script_sha256": self.script_sha256,
            "profile": self.profile,
            "region": self.region,
            "endpoint": self.endpoint,
        }
        if self.parameters is not None:
            call = {"service": self.service, "operation": self.operation}
            sealed["call"] = call | {"parameters": self.parameters}
        if self.files:
            sealed["files"] = [(str(path), sha256) for path, sha256 in self.files]
        if self.limits is not None:
            sealed["limits"] = self.limits.model_dump()
        if self.request.via is not None:
            sealed["via"] = self.request.via
        if self.request.lock is not None:
            sealed["lock"] = self.request.lock
        if self.request.retry is not None:
            sealed["retry"] = self.request.retry.model_dump(mode="json")
        return sealed


def digest(commands: Sequence[PreparedCommand], order: object = None) -> str:
    """The digest of commands and their order: the first 32 hexadecimal digits of a SHA-256.

    Equal for equal work whatever its ids; of canonical JSON (sorted keys, no white space).
    """
    sealed = {"commands": [command.sealed_fields() for command in commands], "order": order}
    return _sha256(sealed)[:32]


# One command after another inherits the same environment.
@lru_cache(maxsize=8)
def _environment_sha256(items: tuple[tuple[str, str], ...]) -> str:
    return _sha256(dict(items))


def _sha256(value: object) -> str:
    return hashlib.sha256(_CANONICAL.encode(value).encode()).hexdigest()
