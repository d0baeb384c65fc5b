"""Who a worker's loan of credentials is for: the command that it runs at the time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager

from cloudops_nb.executors.base import OutputSink
from cloudops_nb.models.results import Stream


class Borrower:
    """An ``OutputSink`` that stands for those of a worker's commands, one after another.

    What is to be masked is remembered: each command may print it. ``waiting`` is entered while one
    is parked.
    """

    def __init__(
        self, sink: OutputSink, waiting: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._sink: OutputSink | None = sink
        self._waiting = waiting
        self._secrets: dict[str, str] = {}

    def serve(self, sink: OutputSink | None) -> None:
        """From now on, it is this command's; None: the worker is idle."""
        self._sink = sink
        if sink is not None and self._secrets:
            sink.conceal(self._secrets)

    def write(self, stream: Stream, data: bytes) -> None:
        """See ``OutputSink.write``."""
        if self._sink is not None:
            self._sink.write(stream, data)

    def conceal(self, secrets: Mapping[str, str]) -> None:
        """See ``OutputSink.conceal``."""
        self._secrets |= secrets
        if self._sink is not None:
            self._sink.conceal(secrets)

    def progress(self, *, pages: int, records: int, note: str | None = None) -> None:
        """See ``OutputSink.progress``."""
        if self._sink is not None:
            self._sink.progress(pages=pages, records=records, note=note)

    @asynccontextmanager
    async def parked(self, reason: str) -> AsyncIterator[None]:
        """See ``OutputSink.parked``."""
        if self._sink is None:
            yield
            return
        with self._waiting():
            async with self._sink.parked(reason):
                yield
