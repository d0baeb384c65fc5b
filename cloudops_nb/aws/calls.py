"""A call in flight, which another thread can stop: before it is sent, on the wire, or in a wait."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from cloudops_nb.models.base import now

T = TypeVar("T")

_current = threading.local()


class CallStopped(Exception):
    """The call was stopped before its answer came."""


class Connection(Protocol):
    """What the answer is waited for on; ``sock`` is None until it is open."""

    sock: socket.socket | None


class Call:
    """One call of an operation, with all its requests, pages and waits.

    Args:
        tell: given a note on what holds the call up; called on the thread the call runs on.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self.requested_at: datetime | None = None
        """When the first request was about to be sent; None: none was."""
        self._stopped = threading.Event()
        self._changing = threading.Lock()
        self._connection: Connection | None = None

    def run(self, work: Callable[[], T]) -> T:
        """Does a part of the call's work on this thread.

        Raises:
            CallStopped: the call was stopped meanwhile, whatever became of the work.
        """
        _current.call = self
        try:
            self.check()
            return work()
        except Exception:
            self.check()
            raise
        finally:
            _current.call = None

    def stop(self) -> None:
        """Stops the call; of what is on the wire, the connection is shut down."""
        self._stopped.set()
        with self._changing:
            connection = self._connection
            sock = connection.sock if connection is not None else None
            if sock is not None:
                # Not SSLSocket.shutdown: that takes the TLS state from under the reading thread.
                with contextlib.suppress(OSError):  # it is closed already
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def check(self) -> None:
        """Raises ``CallStopped`` if the call was stopped."""
        if self._stopped.is_set():
            raise CallStopped

    def hold(self, connection: Connection) -> None:
        """From here on ``stop`` ends this connection.

        Raises:
            CallStopped: it came before.
        """
        with self._changing:
            self._connection = connection
        self.check()  # after: a stop that came between the two has seen the connection

    def sending(self) -> None:
        """The request is about to be written to the connection.

        Raises:
            CallStopped: it will not be.
        """
        self.check()
        self.requested_at = self.requested_at or now()

    def let_go(self) -> None:
        """The connection is no longer this call's."""
        with self._changing:
            self._connection = None

    def wait(self, seconds: float, note: str) -> None:
        """Says why, and waits.

        Raises:
            CallStopped: the call was stopped meanwhile.
        """
        self.tell(note)
        self._stopped.wait(seconds)
        self.check()


def current() -> Call | None:
    """The call that this thread works for."""
    call: Call | None = getattr(_current, "call", None)
    return call
