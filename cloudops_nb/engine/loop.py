"""The engine's own thread and event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from cloudops_nb.errors import EngineClosed

T = TypeVar("T")

_CLOSED = "the engine was closed; make a new one"


class EngineLoop:
    """An event loop on a daemon thread: a busy notebook cell never stalls it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="cloudops-engine", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.run_until_complete(self._end_tasks())
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

    async def _end_tasks(self) -> None:
        # What was left unfinished would leave its callers waiting for ever.
        await asyncio.sleep(0)  # what was submitted last begins, so that it can be cancelled
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Runs a coroutine on the loop; the future may be waited for on any other thread.

        Raises:
            EngineClosed: the loop was closed.
        """
        with self._lock:
            if not self._closed:
                return asyncio.run_coroutine_threadsafe(self._until_closed(work), self.loop)
        work.close()
        raise EngineClosed(_CLOSED)

    async def _until_closed(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return await work
        except asyncio.CancelledError:
            if self._closed:
                raise EngineClosed(_CLOSED) from None
            raise

    def call_soon(self, function: Callable[..., object], *args: object) -> None:
        """Calls a function on the loop, soon.

        Raises:
            EngineClosed: the loop was closed.
        """
        with self._lock:
            if self._closed:
                raise EngineClosed(_CLOSED)
            self.loop.call_soon_threadsafe(function, *args)

    @property
    def closed(self) -> bool:
        """Whether the loop takes no more work."""
        return self._closed

    def close(self) -> None:
        """Cancels what is left, stops the loop and its thread; twice is once."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
