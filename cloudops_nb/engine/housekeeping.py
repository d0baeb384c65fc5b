"""File work that must not hold up the engine's loop."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

logger = logging.getLogger("cloudops_nb")


class Housekeeping:
    """Does jobs one after another, on a thread that lives only while there are some."""

    def __init__(self) -> None:
        self._jobs: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def do(self, job: Callable[[], None]) -> None:
        """Has a job done, after those before it."""
        with self._lock:
            self._jobs.append(job)
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="cloudops-files", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    return  # the interpreter is ending: ``close`` will do it
                self._thread = thread

    def close(self) -> None:
        """Waits until all jobs are done; what no thread could be had for is done here."""
        thread = self._thread
        if thread is not None:
            thread.join()
        self._work()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._thread = None
                    return
                job = self._jobs.popleft()
            try:
                job()
            except Exception:
                logger.exception("housekeeping failed")
