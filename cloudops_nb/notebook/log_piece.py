"""A command's log for the page, a piece at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from cloudops_nb.config import home_relative
from cloudops_nb.errors import ExecutionError

PIECE_BYTES = 512 * 1024
"""The Jupyter server passes on about 1 MB/s from a kernel, and drops what is more."""


def log_piece(
    log: Callable[[UUID], Path], execution_id: UUID, start: int
) -> tuple[dict[str, Any], bytes]:
    """What of the log stands from byte ``start``, and ``{size, path}`` or ``{error}`` of it all."""
    try:
        path = log(execution_id)
        with path.open("rb") as file:
            file.seek(start)
            data = file.read(PIECE_BYTES)
            size = path.stat().st_size
    except (ExecutionError, OSError) as error:
        return {"error": f"The log cannot be read: {error}"}, b""
    return {"size": size, "path": home_relative(path)}, data
