"""Ctrl-C at the one moment at which it would lose a run."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def deferred_interrupt() -> Iterator[None]:
    """Within the block an interrupt (SIGINT) is noted, and acted upon when the block ends.

    Python raises KeyboardInterrupt between any two instructions of the main thread, so also where
    a run has been started and nobody has been told of it yet. On other threads it never does.
    """
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(usual):
        yield
        return
    noted: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: noted.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if noted:
        usual(*noted[0])
