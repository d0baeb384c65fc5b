"""What a program has said so far, for who looks into why it failed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from cloudops_nb.executors.base import OutputSink
from cloudops_nb.models.results import Stream

_HEARD_BYTES = 4096


class Heard:
    """An ``OutputSink`` that remembers whether there was an answer, and the end of stderr."""

    def __init__(self, sink: OutputSink) -> None:
        self._sink = sink
        self._said = b""
        self.answered = False

    @property
    def said(self) -> str:
        """The end of its standard error."""
        return self._said.decode("utf-8", "replace")

    def write(self, stream: Stream, data: bytes) -> None:
        """See ``OutputSink.write``."""
        if stream == "stdout":
            self.answered = self.answered or bool(data)
        else:
            self._said = (self._said + data[-_HEARD_BYTES:])[-_HEARD_BYTES:]
        self._sink.write(stream, data)

    def conceal(self, secrets: Mapping[str, str]) -> None:
        """See ``OutputSink.conceal``."""
        self._sink.conceal(secrets)

    def progress(self, *, pages: int, records: int, note: str | None = None) -> None:
        """See ``OutputSink.progress``."""
        self._sink.progress(pages=pages, records=records, note=note)

    def parked(self, reason: str) -> AbstractAsyncContextManager[None]:
        """See ``OutputSink.parked``."""
        return self._sink.parked(reason)
