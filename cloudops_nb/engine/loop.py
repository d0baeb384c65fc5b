"""The engine's own thread and event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from cloudops_nb.errors import EngineClosed

T = TypeVar("T")


class EngineLoop:
    """An event loop on a daemon thread: a busy notebook cell never stalls it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="cloudops-engine", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Runs a coroutine on the loop; the future may be waited for on any other thread.

        Raises:
            EngineClosed: the loop was closed.
        """
        if self.loop.is_closed():
            work.close()
            raise EngineClosed("the engine was closed; make a new one")
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Awaits a coroutine that runs on the loop, from any loop."""
        return await asyncio.wrap_future(self.submit(work))

    def call_soon(self, function: Callable[..., object], *args: object) -> None:
        """Calls a function on the loop, soon.

        Raises:
            EngineClosed: the loop was closed.
        """
        if self.loop.is_closed():
            raise EngineClosed("the engine was closed; make a new one")
        self.loop.call_soon_threadsafe(function, *args)

    @property
    def closed(self) -> bool:
        """Whether the loop was closed."""
        return self.loop.is_closed()

    def close(self) -> None:
        """Stops the loop and its thread."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
