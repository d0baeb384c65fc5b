"""A file that is there before it is needed.

To make a file may take as long as to start a process: where many were removed a moment ago, ext4
looks long for a place. So the next one is made while a command runs, without a name (O_TMPFILE,
open(2)), and is given its name when the next command starts, which takes 20 µs.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_NAMELESS = getattr(os, "O_TMPFILE", 0)  # only Linux has it


class SpareFile:
    """At most one empty file without a name, open for writing, its owner's alone."""

    def __init__(self) -> None:
        self._fd = -1

    def prepare(self, directory: Path) -> None:
        """Makes one on the file system of ``directory``, if there is none and one can be had."""
        if self._fd < 0 and _NAMELESS:
            with contextlib.suppress(OSError):  # it is made when it is needed, then
                self._fd = os.open(directory, _NAMELESS | os.O_WRONLY | os.O_CLOEXEC, 0o600)

    def take(self, path: Path) -> int | None:
        """The file under the name ``path``, its caller's to close; None if there is none.

        Raises:
            FileExistsError: there is a file of this name.
        """
        if self._fd < 0:
            return None
        try:
            # With a directory's descriptor, which an absolute path does not use, and only then,
            # Python has the link followed: link(2) would make a link to the link.
            os.link(f"/proc/self/fd/{self._fd}", path, src_dir_fd=self._fd, follow_symlinks=True)
        except FileExistsError:
            raise
        except OSError:  # no /proc, another file system: this one is of no use here
            self.close()
            return None
        fd, self._fd = self._fd, -1
        return fd

    def close(self) -> None:
        """Gives it up; without a name it is gone then."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
