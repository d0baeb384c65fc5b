"""Hands events to any number of handlers without ever waiting for one."""

from __future__ import annotations

import asyncio
import codecs
import inspect
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable
from uuid import UUID

from cloudops_nb.models import ExecutionEvent, OutputBatch, OutputDropped, Stderr, Stdout
from cloudops_nb.models.events import Cancelled, Completed, Failed, Skipped, is_last, subject
from cloudops_nb.models.results import Stream

logger = logging.getLogger("cloudops_nb")

OutputForm = Literal["lines", "batches", "none"]
MAX_PENDING_BYTES = 16 * 1024 * 1024
"""Output waiting for one handler; beyond it output is dropped for that handler alone."""
MAX_LINE_BYTES = 64 * 1024
"""A longer line reaches a handler in pieces of this size, or a little less: no character is cut."""
_CHUNK_OVERHEAD = 512  # bytes of memory that a piece of output takes beside its text, about

_LINE_EVENTS: dict[Stream, type[Stdout | Stderr]] = {"stdout": Stdout, "stderr": Stderr}
_LAST = (Completed, Failed, Cancelled, Skipped)


@runtime_checkable
class EventHandler(Protocol):
    """Listens to an engine.

    ``on_event`` may be a plain function or a coroutine. It is called on a thread of the handler's
    own, one event at a time, in order. What it raises is logged and the handler is dropped.

    An attribute ``output`` says in which form it wants output: ``"lines"`` (the default:
    ``stdout`` and ``stderr`` events, a line each), ``"batches"`` (``output`` events, as read) or
    ``"none"``.
    """

    def on_event(self, event: ExecutionEvent) -> Awaitable[None] | None:
        """Takes one event."""
        ...


@dataclass(slots=True)
class _Chunk:
    execution_id: UUID
    plan_id: UUID | None
    stream: Stream
    data: bytes
    timestamp: datetime

    @property
    def weight(self) -> int:
        return len(self.data) + _CHUNK_OVERHEAD


@dataclass(slots=True)
class _Dropped:
    execution_id: UUID
    plan_id: UUID | None
    size: int


class Subscription:
    """One handler's queue and thread. Made by ``EventHub.subscribe``."""

    def __init__(self, handler: EventHandler, only: UUID | None) -> None:
        self.output: OutputForm = getattr(handler, "output", "lines")
        self._handler = handler
        self.only = only
        self._queue: deque[ExecutionEvent | _Chunk | _Dropped | None] = deque()
        self._pending_bytes = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._formatter = _OutputFormatter(self.output)
        self._sequence: dict[UUID, int] = {}
        self._runner: asyncio.Runner | None = None
        self.closed = False

    def wants(self, execution_id: UUID, plan_id: UUID | None) -> bool:
        """Whether this handler listens to the execution or to its plan."""
        return self.only is None or self.only in (execution_id, plan_id)

    def put(self, item: ExecutionEvent | _Chunk) -> None:
        """Queues an event or a piece of output; never waits for the handler."""
        with self._changed:
            if self.closed:
                return
            self._queue.append(self._bounded(item) if isinstance(item, _Chunk) else item)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._deliver, name="cloudops-handler", daemon=True
                )
                self._thread.start()
            self._changed.notify()

    def _bounded(self, chunk: _Chunk) -> _Chunk | _Dropped:
        if self._pending_bytes + chunk.weight <= MAX_PENDING_BYTES:
            self._pending_bytes += chunk.weight
            return chunk
        last = self._queue[-1] if self._queue else None
        dropped = _Dropped(chunk.execution_id, chunk.plan_id, len(chunk.data))
        if isinstance(last, _Dropped) and last.execution_id == chunk.execution_id:
            self._queue.pop()
            dropped.size += last.size
        return dropped

    def close(self) -> None:
        """Ends the subscription once the handler was given what is queued."""
        with self._changed:
            self.closed = True
            self._queue.append(None)
            self._changed.notify()

    def join(self, timeout: float | None = None) -> bool:
        """Waits for a closed subscription's handler to be done; False if it is not in time."""
        if self._thread is None or self._thread is threading.current_thread():
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _deliver(self) -> None:
        try:
            while (item := self._next()) is not None:
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

    def _next(self) -> ExecutionEvent | _Chunk | _Dropped | None:
        with self._changed:
            while not self._queue:
                self._changed.wait()
            item = self._queue.popleft()
            if isinstance(item, _Chunk):
                self._pending_bytes -= item.weight
            return item

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


class _OutputFormatter:
    """Turns pieces of output into the form a handler asked for."""

    def __init__(self, form: OutputForm) -> None:
        self._form = form
        self._lines: dict[tuple[UUID, Stream], _LineSplitter] = {}
        self._decoders: dict[tuple[UUID, Stream], codecs.IncrementalDecoder] = {}

    def events(self, item: ExecutionEvent | _Chunk | _Dropped) -> Iterator[ExecutionEvent]:
        if isinstance(item, _Chunk):
            yield from self._output(item)
        elif isinstance(item, _Dropped):
            yield OutputDropped(
                execution_id=item.execution_id, plan_id=item.plan_id, dropped_bytes=item.size
            )
        else:
            if isinstance(item, _LAST):
                yield from self._rest(item.execution_id, item.plan_id, item.timestamp)
            yield item

    def _output(self, chunk: _Chunk) -> Iterator[ExecutionEvent]:
        key = (chunk.execution_id, chunk.stream)
        if self._form == "batches":
            decoder = self._decoders.setdefault(
                key, codecs.getincrementaldecoder("utf-8")("replace")
            )
            if text := decoder.decode(chunk.data):
                yield OutputBatch(
                    execution_id=chunk.execution_id,
                    plan_id=chunk.plan_id,
                    stream=chunk.stream,
                    text=text,
                    timestamp=chunk.timestamp,
                )
            return
        make = _LINE_EVENTS[chunk.stream]
        for line in self._lines.setdefault(key, _LineSplitter()).feed(chunk.data):
            yield make(
                execution_id=chunk.execution_id,
                plan_id=chunk.plan_id,
                line=line,
                timestamp=chunk.timestamp,
            )

    def _rest(
        self, execution_id: UUID, plan_id: UUID | None, at: datetime
    ) -> Iterator[ExecutionEvent]:
        for stream, make in _LINE_EVENTS.items():
            splitter = self._lines.pop((execution_id, stream), None)
            for line in splitter.flush() if splitter is not None else ():
                yield make(execution_id=execution_id, plan_id=plan_id, line=line, timestamp=at)
            decoder = self._decoders.pop((execution_id, stream), None)
            if decoder is not None and (text := decoder.decode(b"", final=True)):
                yield OutputBatch(
                    execution_id=execution_id,
                    plan_id=plan_id,
                    stream=stream,
                    text=text,
                    timestamp=at,
                )


class _LineSplitter:
    r"""Cuts a stream into lines at ``\n``, ``\r\n`` and ``\r``."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that ended, without their ends, and what is too long to wait for its end."""
        data = self._held + data
        # A \r at the very end may be half of \r\n: it waits for the next byte.
        in_doubt = b"\r" if data.endswith(b"\r") else b""
        body = data[: len(data) - len(in_doubt)]
        *lines, rest = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        *pieces, rest = _pieces(rest)
        self._held = rest + in_doubt
        ended = [piece for line in lines for piece in _pieces(line)]
        return [piece.decode("utf-8", "replace") for piece in (*ended, *pieces)]

    def flush(self) -> list[str]:
        """The last line, if it had no end."""
        rest, self._held = self._held, b""
        return [rest.removesuffix(b"\r").decode("utf-8", "replace")] if rest else []


def _pieces(line: bytes) -> list[bytes]:
    pieces = []
    while len(line) > MAX_LINE_BYTES:
        cut = MAX_LINE_BYTES
        while cut > MAX_LINE_BYTES - 3 and line[cut] & 0xC0 == 0x80:  # inside a UTF-8 character
            cut -= 1
        pieces.append(line[:cut])
        line = line[cut:]
    return [*pieces, line]


class EventHub:
    """Publishes to all subscriptions; called on the engine's loop alone."""

    def __init__(self) -> None:
        self._subscriptions: tuple[Subscription, ...] = ()
        self._changing = threading.Lock()

    def subscribe(self, handler: EventHandler, only: UUID | None = None) -> Subscription:
        """Adds a handler, for everything or for one execution (or plan and its commands)."""
        subscription = Subscription(handler, only)
        with self._changing:
            self._subscriptions = (*self._still_open(), subscription)
        return subscription

    def publish(self, event: ExecutionEvent) -> None:
        """Queues an event for whoever listens to it."""
        about = subject(event)
        for subscription in self._open():
            if subscription.wants(about, event.plan_id):
                subscription.put(event)
                if subscription.only is not None and is_last(event, subscription.only):
                    subscription.close()

    def publish_output(
        self, execution_id: UUID, plan_id: UUID | None, stream: Stream, data: bytes, at: datetime
    ) -> None:
        """Queues a piece of output for whoever asked for output."""
        chunk = _Chunk(execution_id, plan_id, stream, data, at)
        for subscription in self._open():
            if subscription.output != "none" and subscription.wants(execution_id, plan_id):
                subscription.put(chunk)

    def close(self) -> tuple[Subscription, ...]:
        """Ends all subscriptions; returns them."""
        for subscription in self._subscriptions:
            subscription.close()
        return self._subscriptions

    def _open(self) -> tuple[Subscription, ...]:
        if any(subscription.closed for subscription in self._subscriptions):
            with self._changing:  # another thread may subscribe at this moment
                self._subscriptions = self._still_open()
        return self._subscriptions

    def _still_open(self) -> tuple[Subscription, ...]:
        return tuple(each for each in self._subscriptions if not each.closed)
