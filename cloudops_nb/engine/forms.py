"""In which form a handler gets what commands print."""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from cloudops_nb.engine.lines import LineSplitter
from cloudops_nb.models import ExecutionEvent, OutputBatch, OutputDropped, Stderr, Stdout
from cloudops_nb.models.events import Cancelled, Completed, Failed, Retrying, Skipped
from cloudops_nb.models.results import Stream

OutputForm = Literal["lines", "batches", "tail", "none"]
TAIL_BYTES = 64 * 1024
"""What a ``tail`` event has at most of one stream's end."""

_LINE_EVENTS: dict[Stream, type[Stdout | Stderr]] = {"stdout": Stdout, "stderr": Stderr}
_ENDS = (Completed, Failed, Cancelled, Skipped, Retrying)  # no output of what ended comes after


@dataclass(slots=True)
class Chunk:
    """A piece of output, as it was read."""

    execution_id: UUID
    plan_id: UUID | None
    stream: Stream
    data: bytes
    timestamp: datetime


class Tail:
    """The end of what one stream printed since somebody last looked; it grows until they do."""

    __slots__ = ("_bytes", "_pieces", "_size", "latest", "lines")

    def __init__(self, chunk: Chunk) -> None:
        self.latest = chunk
        self.lines = 0
        self._bytes = 0
        self._pieces = deque((chunk.data,))
        self._size = len(chunk.data)

    def add(self, chunk: Chunk) -> None:
        """Adds what was read next; forgets what is too far from the end by now, but counts it."""
        self.latest = chunk
        self._pieces.append(chunk.data)
        self._size += len(chunk.data)
        while self._size - len(self._pieces[0]) >= TAIL_BYTES:
            self._leave_out(self._pieces.popleft())

    @property
    def is_full(self) -> bool:
        """Whether there is more than it shows of it."""
        return self._size + self._bytes > TAIL_BYTES

    def take(self) -> tuple[bytes, int, int]:
        """The end, from the start of a line if it has one, and the bytes and lines before it."""
        data = b"".join(self._pieces)
        if len(data) > TAIL_BYTES:
            start = len(data) - TAIL_BYTES
            start = data.find(b"\n", start - 1) + 1 or start
            self._size = len(data)
            self._leave_out(data[:start])
            data = data[start:]
        return data, self._bytes, self.lines

    def _leave_out(self, data: bytes) -> None:
        self._size -= len(data)
        self._bytes += len(data)
        self.lines += data.count(b"\n")


@dataclass(slots=True)
class Dropped:
    """Output that was too much for a handler."""

    execution_id: UUID
    plan_id: UUID | None
    size: int


Item = ExecutionEvent | Chunk | Tail | Dropped


class OutputFormatter:
    """Turns pieces of output into the form a handler asked for."""

    def __init__(self, form: OutputForm) -> None:
        self._form = form
        self._lines: dict[tuple[UUID, Stream], LineSplitter] = {}
        self._decoders: dict[tuple[UUID, Stream], codecs.IncrementalDecoder] = {}

    def events(self, item: Item) -> Iterator[ExecutionEvent]:
        """The events to call the handler with."""
        match item:
            case Tail():
                data, omitted_bytes, omitted_lines = item.take()
                yield from self._batch(item.latest, data, omitted_bytes, omitted_lines)
            case Chunk() if self._form != "lines":
                yield from self._batch(item, item.data)
            case Chunk():
                yield from self._split(item)
            case Dropped():
                yield OutputDropped(
                    execution_id=item.execution_id, plan_id=item.plan_id, dropped_bytes=item.size
                )
            case _:
                if isinstance(item, _ENDS):
                    yield from self._rest(item.execution_id, item.plan_id, item.timestamp)
                yield item

    def _batch(
        self, chunk: Chunk, data: bytes, omitted_bytes: int = 0, omitted_lines: int = 0
    ) -> Iterator[ExecutionEvent]:
        key = (chunk.execution_id, chunk.stream)
        decoder = self._decoders.setdefault(key, codecs.getincrementaldecoder("utf-8")("replace"))
        if omitted_bytes:
            decoder.reset()  # half a character from before would be half of another
        if text := decoder.decode(data):
            yield OutputBatch(
                execution_id=chunk.execution_id,
                plan_id=chunk.plan_id,
                stream=chunk.stream,
                text=text,
                omitted_bytes=omitted_bytes,
                omitted_lines=omitted_lines,
                timestamp=chunk.timestamp,
            )

    def _split(self, chunk: Chunk) -> Iterator[ExecutionEvent]:
        make = _LINE_EVENTS[chunk.stream]
        splitter = self._lines.setdefault((chunk.execution_id, chunk.stream), LineSplitter())
        for line in splitter.feed(chunk.data):
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
