"""The way of one execution's output: redacted, logged, published."""

from __future__ import annotations

from collections.abc import Callable

from cloudops_nb.engine.logfile import LogWriter
from cloudops_nb.errors import LogUnavailable
from cloudops_nb.models.results import STREAMS, Stream
from cloudops_nb.redaction import Redactor


class OutputCollector:
    """Takes bytes as they are read; an ``OutputSink``.

    Args:
        publish: called with each redacted piece, after it was logged.
        on_fault: called once if the log cannot be written; later output is dropped.
    """

    def __init__(
        self,
        redactor: Redactor,
        log: LogWriter,
        publish: Callable[[Stream, bytes], None],
        on_fault: Callable[[LogUnavailable], None],
    ) -> None:
        self._redactors = {stream: redactor.stream() for stream in STREAMS}
        self._log = log
        self._publish = publish
        self._on_fault = on_fault
        self._broken = False

    def write(self, stream: Stream, data: bytes) -> None:
        """See ``OutputSink.write``."""
        self._pass_on(stream, self._redactors[stream].feed(data))

    def learn(self, redactor: Redactor) -> None:
        """Masks with another redactor from here on, which knows more."""
        for stream in self._redactors.values():
            stream.learn(redactor)

    def _pass_on(self, stream: Stream, data: bytes) -> None:
        if not data or self._broken:
            return
        try:
            self._log.write(stream, data)
        except LogUnavailable as error:
            self._fail(error)
        else:
            self._publish(stream, data)

    def close(self) -> int:
        """Passes on what was held back and closes the log; returns the bytes left out of it."""
        for stream, redactor in self._redactors.items():
            self._pass_on(stream, redactor.flush())
        try:
            self._log.close()
        except LogUnavailable as error:
            self._fail(error)
        return self._log.omitted_bytes

    def _fail(self, error: LogUnavailable) -> None:
        if not self._broken:
            self._broken = True
            self._on_fault(error)
