"""More open files than the usual 1,024, and children that do not notice.

A running command takes three to five descriptors. When half of what the system allows is in use,
the soft limit of this process is raised; until then nothing is changed and nothing costs anything.

Children are to inherit the limit as it was: some programs walk through all descriptors they may
have, and ``select`` fails above 1,024. Setting it on a child that runs already (prlimit(2)) comes
too late for what it did first, and a wrapper takes a millisecond. So this process's own limit is
put back for the moment of a spawn, which is exact and costs two system calls. No descriptor can
then be opened above it, here or in another thread: therefore ours are moved above it, and the
numbers below stay free. Children that others start in this process inherit the raised limit.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import threading
from collections.abc import Iterator

_MOST = 65_536


class DescriptorLimit:
    """The soft limit of open files of this process: raised when it is needed, never lowered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inherited, self._hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._raised: int | None = None

    def moved_up(self, fd: int) -> int:
        """The descriptor, which is to stay open for long, under a number that is in nobody's way.

        Raises the limit where half of it is reached. Where it cannot be raised or is used up, the
        descriptor stays what it is.
        """
        if fd < self._inherited // 2 or not self._is_raised():
            return fd
        try:
            moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, self._inherited)
        except OSError:
            return fd
        os.close(fd)
        return moved

    @contextlib.contextmanager
    def inherited(self) -> Iterator[None]:
        """Within the block, children are given the limit that this process was given."""
        if self._raised is None:
            yield
            return
        with self._lock:  # engines spawn on threads of their own
            resource.setrlimit(resource.RLIMIT_NOFILE, (self._inherited, self._hard))
            try:
                yield
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self._raised, self._hard))

    def _is_raised(self) -> bool:
        with self._lock:
            if self._raised is None:
                most = _MOST if self._hard == resource.RLIM_INFINITY else min(self._hard, _MOST)
                if most <= self._inherited or self._inherited == resource.RLIM_INFINITY:
                    return False
                resource.setrlimit(resource.RLIMIT_NOFILE, (most, self._hard))
                self._raised = most
            return True


descriptors = DescriptorLimit()
"""This process's own."""
