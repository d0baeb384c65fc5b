"""Where logs and history are kept: private, writable, how large, how much room is left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cloudops_nb.config import home_relative
from cloudops_nb.engine.logdir import check_directory
from cloudops_nb.engine.rotation import contents
from cloudops_nb.errors import LogUnavailable
from cloudops_nb.notebook.doctor.findings import Finding

if TYPE_CHECKING:
    from cloudops_nb.notebook.session import NotebookSession

PART = "Logs and history"
_LITTLE_ROOM = 1_000_000_000  # bytes


def directories(session: NotebookSession) -> Iterator[Finding]:
    """The log directory, which keeps the results, too."""
    directory = session.engine.config.log_directory
    shown = home_relative(directory)
    try:
        check_directory(directory)
    except LogUnavailable as error:
        yield Finding(PART, "directory", shown, "bad", str(error))
        return
    if not os.access(directory, os.W_OK):
        remedy = "not writable: set CLOUDOPS_LOG_DIR"
        yield Finding(PART, "directory", shown, "bad", remedy)
        return
    yield Finding(PART, "directory", f"{shown}, private")
    kept = contents(directory)
    size = f"{sum(each.size for each in kept) / 1e6:.1f} MB of {len(kept)} executions"
    yield Finding(PART, "kept", f"{size}, {_rotation(session)}")
    free = shutil.disk_usage(directory).free
    room = f"{free / 1e9:.1f} GB free"
    if free < _LITTLE_ROOM:
        yield Finding(PART, "disk", room, "bad", "free some, or set CLOUDOPS_LOG_DIR elsewhere")
    else:
        yield Finding(PART, "disk", room)


def _rotation(session: NotebookSession) -> str:
    config = session.engine.config
    if not config.enable_auto_cleanup:
        return "nothing is removed (enable_auto_cleanup)"
    days, size = config.log_retention_days, config.log_dir_max_bytes
    age = f"kept for {days} days (log_retention_days)" if days else "kept whatever their age"
    return f"{age}, " + (f"up to {size / 1e6:.0f} MB (log_dir_max_bytes)" if size else "any size")
