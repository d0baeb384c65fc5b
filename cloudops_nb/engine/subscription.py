"""One handler's queue and thread."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import Awaitable, Iterable, Iterator
from itertools import chain
from time import monotonic
from typing import Protocol, runtime_checkable
from uuid import UUID

from cloudops_nb.engine.forms import Chunk, Dropped, Item, OutputForm, OutputFormatter, Tail
from cloudops_nb.models import ExecutionEvent, OutputDropped
from cloudops_nb.models.events import is_last, subject
from cloudops_nb.models.results import STREAMS, Stream

logger = logging.getLogger("cloudops_nb")

MAX_PENDING_BYTES = 16 * 1024 * 1024
"""Output waiting for one handler; beyond it output is dropped for that handler alone."""
TAIL_SECONDS = 0.05
"""Between two looks of a handler that asks for the ``tail``."""
_LINE_OVERHEAD = 32  # short lines take a handler far more time than long ones of as many bytes
_CHUNK_OVERHEAD = 512  # bytes of memory that a piece of output takes beside its text, about


@runtime_checkable
class EventHandler(Protocol):
    """Listens to an engine.

    ``on_event`` may be a plain function or a coroutine. It is called on a thread of the handler's
    own, one event at a time, in order. What it raises is logged and the handler is dropped.

    An attribute ``output`` says in which form it wants output: ``"lines"`` (the default:
    ``stdout`` and ``stderr`` events, a line each), ``"batches"`` (``output`` events, as read),
    ``"tail"`` (for views: at most some twenty ``output`` events a second, each the last 64 KiB of
    what was printed meanwhile, with the number of bytes and lines before that) or ``"none"``.
    """

    def on_event(self, event: ExecutionEvent) -> Awaitable[None] | None:
        """Takes one event."""
        ...


class Subscription:
    """One handler's queue and thread. Made by ``EventHub.subscribe``.

    Args:
        before: what the handler is told first; gone through on its own thread.
    """

    def __init__(
        self, handler: EventHandler, only: UUID | None, before: Iterable[Item] = ()
    ) -> None:
        self.output: OutputForm = getattr(handler, "output", "lines")
        self._handler = handler
        self._before = before
        self.only = only
        self._queue: list[Item | None] = []
        self._pending_bytes = 0
        self._tails: dict[tuple[UUID, Stream], Tail] = {}
        self._newest_tails: dict[UUID, Tail] = {}
        self._urgent = False
        self._next_look = 0.0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._formatter = OutputFormatter(self.output)
        self._sequence: dict[UUID, int] = {}
        self._runner: asyncio.Runner | None = None
        self.closed = False
        if before:
            self._start()

    def wants(self, execution_id: UUID, plan_id: UUID | None) -> bool:
        """Whether this handler listens to the execution or to its plan."""
        return self.only is None or self.only in (execution_id, plan_id)

    def put(self, item: ExecutionEvent | Chunk) -> None:
        """Queues an event or a piece of output; never waits for the handler."""
        with self._changed:
            if self.closed:
                return
            was_empty = not self._queue
            if not isinstance(item, Chunk):
                self._queue.append(item)
                self._end_tails(subject(item))
                self._urgent = True
            elif self.output == "tail":
                self._put_tail(item)
            else:
                self._queue.append(self._bounded(item))
                self._urgent = True
            if self._thread is None:
                self._start()  # if that fails it is closed now
            if was_empty or self._urgent:  # else it looks in a moment, without being woken
                self._changed.notify()

    def _start(self) -> None:
        thread = threading.Thread(target=self._deliver, name="cloudops-handler", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # Runs go on without observers; what publishes must not fail for one.
            logger.exception("event handler %r was dropped: no thread for it", self._handler)
            self.closed = True
            self._queue.clear()
        else:
            self._thread = thread

    def _put_tail(self, chunk: Chunk) -> None:
        key = (chunk.execution_id, chunk.stream)
        tail = self._tails.get(key)
        newest = self._newest_tails.get(chunk.execution_id)
        # Both streams in their order, until there is too much of one to show where it stood.
        if tail is not None and (tail is newest or tail.is_full):
            tail.add(chunk)
            return
        self._tails[key] = self._newest_tails[chunk.execution_id] = tail = Tail(chunk)
        self._queue.append(tail)

    def _end_tails(self, execution_id: UUID) -> None:
        # What is printed from now on comes after the event: after the start of an attempt, say.
        self._newest_tails.pop(execution_id, None)
        for stream in STREAMS:
            self._tails.pop((execution_id, stream), None)

    def _bounded(self, chunk: Chunk) -> Chunk | Dropped:
        weight = len(chunk.data) + _CHUNK_OVERHEAD
        if self.output == "lines":
            weight += _LINE_OVERHEAD * chunk.data.count(b"\n")
        if self._pending_bytes + weight <= MAX_PENDING_BYTES:
            self._pending_bytes += weight
            return chunk
        last = self._queue[-1] if self._queue else None
        dropped = Dropped(chunk.execution_id, chunk.plan_id, len(chunk.data))
        if isinstance(last, Dropped) and last.execution_id == chunk.execution_id:
            self._queue.pop()
            dropped.size += last.size
        return dropped

    def close(self) -> None:
        """Ends the subscription once the handler was given what is queued."""
        with self._changed:
            self.closed = True
            self._queue.append(None)
            self._urgent = True
            self._changed.notify()

    def join(self, timeout: float | None = None) -> bool:
        """Waits for a closed subscription's handler to be done; False if it is not in time."""
        if self._thread is None or self._thread is threading.current_thread():
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _deliver(self) -> None:
        try:
            for item in chain(self._before, self._queued()):
                for event in self._formatter.events(item):
                    self._call(self._numbered(event))
        except BaseException:
            # A broken observer never breaks a run: it is told of no more. Not Exception alone:
            # nobody is above this thread to be told of a SystemExit or a CancelledError.
            logger.exception("event handler %r raised and was dropped", self._handler)
            with self._changed:
                self.closed = True
                self._queue.clear()
        finally:
            if self._runner is not None:
                self._runner.close()

    def _queued(self) -> Iterator[Item]:
        while True:
            for item in self._next():
                if item is None:
                    return
                yield item

    def _next(self) -> list[Item | None]:
        """All that is queued, once there is something and it is time to look."""
        with self._changed:
            while not self._queue:
                self._changed.wait()
            while not self._urgent and (pause := self._next_look - monotonic()) > 0:
                self._changed.wait(pause)
            self._next_look = monotonic() + TAIL_SECONDS
            items, self._queue = self._queue, []
            self._pending_bytes = 0
            self._tails.clear()
            self._newest_tails.clear()
            self._urgent = False
            return items

    def _call(self, event: ExecutionEvent) -> None:
        answer = self._handler.on_event(event)
        if inspect.isawaitable(answer):
            if self._runner is None:
                self._runner = asyncio.Runner()
            self._runner.run(_wait(answer))

    def _numbered(self, event: ExecutionEvent) -> ExecutionEvent:
        about = subject(event)
        number = self._sequence.get(about, 0)
        lost = 1 if isinstance(event, OutputDropped) else 0
        self._sequence[about] = number + 1 + lost
        if is_last(event, about):
            del self._sequence[about]
        return event.model_copy(update={"sequence": number})


async def _wait(answer: Awaitable[None]) -> None:
    await answer
