"""Threads for calls that block. They do not keep the interpreter from exiting.

``concurrent.futures`` waits for its threads before ``atexit`` functions are called: a script that
ends would wait for a call that nobody answers, instead of having its engine stop it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")

IDLE_SECONDS = 10.0
"""After which a thread without work ends."""


class CallThreads:
    """Runs functions, so many at a time at most; threads are made when they are needed.

    Args:
        limit: how many; ``math.inf``: none of them ever waits for another.
        name: of the threads.
    """

    def __init__(self, limit: float, name: str) -> None:
        self._limit = limit
        self._name = name
        self._work: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._threads = 0
        self._idle = 0

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Runs a function as soon as a thread is free; a future of what it returns or raises."""
        future: Future[T] = Future()

        def work() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    result = function()
                except BaseException as error:  # noqa: BLE001 - it is the future's to tell
                    future.set_exception(error)
                else:
                    future.set_result(result)

        with self._changed:
            self._work.append(work)
            if len(self._work) > self._idle and self._threads < self._limit:
                threading.Thread(target=self._serve, name=self._name, daemon=True).start()
                self._threads += 1
            self._changed.notify()
        return future

    def _serve(self) -> None:
        while (work := self._next()) is not None:
            work()
            del work  # else it holds what it returned until there is more to do

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._work, IDLE_SECONDS)
            self._idle -= 1
            if self._work:
                return self._work.popleft()
            self._threads -= 1
            return None
