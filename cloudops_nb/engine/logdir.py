"""The log directory: private, and never reached through a symbolic link."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloudops_nb.errors import LogUnavailable

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def make_directory(path: Path) -> None:
    """Makes ``path`` for its owner alone, and parents that it needs; what exists is left as it is.

    Raises:
        LogUnavailable: it cannot be made, or is not a directory.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LogUnavailable(_told(path, str(error.strerror))) from error


def check_directory(path: Path) -> None:
    """Makes the log directory where it is not there, and makes sure that it is private.

    Raises:
        LogUnavailable: it cannot be made or is not private; the message says how to mend it.
    """
    try:
        with open_directory(path):
            return
    except FileNotFoundError:
        make_directory(path)
    with open_directory(path):
        return


@contextmanager
def open_directory(path: Path) -> Iterator[int]:
    """A descriptor of the log directory, after a look at whose it is; files open relative to it.

    Parents of it may be symbolic links, as where the home directory is one. It itself may not: a
    link can be turned to another place between two commands.

    Raises:
        FileNotFoundError: it does not exist.
        LogUnavailable: it is a link or no directory, belongs to another user, or may be written
            by others.
    """
    try:
        fd = os.open(path, _OPEN)
    except FileNotFoundError:
        raise
    except OSError as error:
        if path.is_symlink():
            reason = f"it is a symbolic link; name the directory itself: {path.resolve()}"
            raise LogUnavailable(_told(path, reason)) from error
        raise LogUnavailable(_told(path, str(error.strerror))) from error
    try:
        _check_owner(path, os.fstat(fd))
        yield fd
    finally:
        os.close(fd)


def _check_owner(path: Path, status: os.stat_result) -> None:
    if status.st_uid != os.geteuid():
        raise LogUnavailable(_told(path, f"it belongs to another user (number {status.st_uid})"))
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise LogUnavailable(_told(path, f"others may write to it; try chmod 700 {path}"))


def _told(path: Path, reason: str) -> str:
    return f"log directory {path}: {reason}; set log_dir or CLOUDOPS_LOG_DIR"
