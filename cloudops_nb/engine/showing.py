"""A request as it may be shown."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from cloudops_nb.models import ExecutionMetadata, ExecutionRequest, Shell


def as_shown(
    request_id: UUID,
    line: str,
    *,
    name: str | None,
    region: str | None,
    profile: str | None,
    tags: Mapping[str, str] | None,
) -> ExecutionRequest:
    """The command reduced to its line; region and profile are tags like the others.

    The texts must be masked.
    """
    labels = {"region": region, "profile": profile, **(tags or {})}
    return ExecutionRequest(
        id=request_id,
        command=Shell(command=line),
        name=name,
        metadata=ExecutionMetadata(
            tags={key: value for key, value in labels.items() if value is not None}
        ),
    )
