"""Which commands run, written where it outlives this process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
import threading
from pathlib import Path
from uuid import UUID, uuid4

from cloudops_nb.executors.process.survivors import SLOT_BYTES, read_register, slot

_open_here: set[Register] = set()
_open_here_lock = threading.Lock()


class Register:
    """A file with a slot for each running command, locked for as long as its owner lives.

    The lock is fcntl(2)'s record lock: the system drops it with the process, and a child that was
    forked without exec (``multiprocessing``) does not hold it, as it would hold a pipe or flock(2).

    Raises:
        OSError: the file or its directory cannot be made, or is not private.
    """

    def __init__(self) -> None:
        directory = register_directory()
        self.fd, temporary = tempfile.mkstemp(prefix=".", dir=directory)
        fcntl.lockf(self.fd, fcntl.LOCK_EX)
        # Seen by others only now, with the lock on it: without, it would look like an orphan.
        self.path = Path(temporary).rename(directory / f"{os.getpid()}-{uuid4().hex}")
        self._free: list[int] = []
        self._slots = 0
        with _open_here_lock:
            _open_here.add(self)

    def add(self, execution_id: UUID) -> int:
        """Notes a command that is about to start; returns its slot.

        Raises:
            OSError: it cannot be written.
        """
        if not self._free:
            self._free.append(self._slots)
            self._slots += 1
        number = self._free[-1]
        self._write(number, slot(str(execution_id)))
        return self._free.pop()

    def add_leader(self, number: int, execution_id: UUID, pid: int) -> None:
        """Notes the process that leads the command's group. It must not be reaped yet."""
        with contextlib.suppress(OSError):  # a slot is not written halfway; its tag finds it, too
            self._write(number, slot(str(execution_id), pid))

    def remove(self, number: int) -> None:
        """Notes that a command has ended; what it left on purpose is its own master."""
        self._free.append(number)
        with contextlib.suppress(OSError):  # at worst what it left ends with us
            self._write(number, b" " * SLOT_BYTES)

    def _write(self, number: int, content: bytes) -> None:
        if not self.closed:
            os.pwrite(self.fd, content, number * SLOT_BYTES)

    @property
    def closed(self) -> bool:
        """Whether the file is gone; what is written now is lost."""
        return self.fd < 0

    def close(self) -> None:
        """Removes the file."""
        self.path.unlink(missing_ok=True)
        with _open_here_lock:
            _open_here.discard(self)
            os.close(self.fd)
            self.fd = -1


def running_ids() -> set[UUID]:
    """The commands that run in any kernel of this user, so far as they are watched over.

    Those of a kernel that died count until somebody has cleaned up after it.

    Raises:
        OSError: the directory of the registers cannot be made, or is not private.
    """
    ids: set[bytes] = set()
    with _open_here_lock:
        for register in _open_here:
            ids |= read_register(register.fd)[0]
    for path in register_directory().iterdir():
        if is_ours(path):
            continue
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            ids |= read_register(file.fileno())[0]
    return {UUID(each.decode()) for each in ids}


def is_ours(path: Path) -> bool:
    """Whether a register is this process's own, or is just being made.

    Those must not even be opened: closing one again would drop the lock on it (fcntl(2)).
    """
    return path.name.startswith((f"{os.getpid()}-", "."))


def register_directory() -> Path:
    """The directory of this user's registers, on this machine.

    It has to be local, as process numbers are: a home directory may be on a network.

    Raises:
        OSError: it cannot be made, or others may write to it.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    usable = os.access(runtime, os.W_OK | os.X_OK)  # after su(1) it is still the other user's
    parent = Path(runtime if usable else tempfile.gettempdir()).absolute()
    directory = parent / f"cloudops_nb-{os.getuid()}"
    directory.mkdir(mode=0o700, exist_ok=True)
    status = directory.lstat()
    private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
    if not private or status.st_uid != os.getuid():
        raise PermissionError(f"{directory} is not a directory of this user's alone")
    return directory
