"""The worker processes: one for each command that runs, kept for the next when it has ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from cloudops_nb.errors import SpawnFailed
from cloudops_nb.executors.aws_warm.borrower import Borrower
from cloudops_nb.executors.aws_warm.program import Line, NotWarm
from cloudops_nb.executors.base import Lender, OutputSink
from cloudops_nb.executors.process import uncancellable
from cloudops_nb.executors.process.child import Child
from cloudops_nb.executors.process.pipes import OutputPipes
from cloudops_nb.executors.process.survivors import TAG_VARIABLE
from cloudops_nb.executors.process.watchdog import Watchdog
from cloudops_nb.models import PreparedCommand

IDLE_SECONDS = 300.0
"""How long a worker waits for a command before it is ended."""

IDLE_WORKERS = 4
"""How many may wait; each takes some 70 MB. The one that has waited longest ends first."""

MOST_KILOBYTES = 400_000
"""A worker that has grown above this, with the models of many services, is not kept."""

_PROGRAM = Path(__file__).with_name("worker.py")
_STARTING = os.cpu_count() or 1
_REMEMBERED = 64


class WorkerLost(Exception):
    """The worker ended before it had begun with the command."""


@dataclass(eq=False)
class Worker:
    """A worker process and the connection to it; ``has_loan``: for its ``profile`` alone."""

    key: tuple[object, ...]
    profile: str | None
    has_loan: bool
    child: Child
    connection: socket.socket
    id: UUID
    borrower: Borrower
    version: str = ""
    retired: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, line: Line, pipes: OutputPipes) -> dict[str, Any] | None:
        """Has the worker run a command; its last word, None if it died over it.

        Raises:
            WorkerLost: it was not begun.
        """
        content = json.dumps(
            {
                "args": line.args,
                "profile": line.profile,
                "environment": {TAG_VARIABLE: f"{line.tags} {self.id}"},
            }
        ).encode()
        try:
            header = len(content).to_bytes(4, "big")
            socket.send_fds(self.connection, [header], pipes.write_ends)
            await asyncio.get_running_loop().sock_sendall(self.connection, content)
        except OSError as error:
            raise WorkerLost from error
        pipes.close_write_ends()
        if await self.receive() is None:
            raise WorkerLost
        return await self.receive()

    async def receive(self) -> dict[str, Any] | None:
        """The worker's next message; None if it has ended."""
        header = await self._bytes(4)
        content = await self._bytes(int.from_bytes(header, "big"))
        if not content:
            await self.child.exited.wait()
            return None
        message: dict[str, Any] = json.loads(content)
        return message

    async def _bytes(self, count: int) -> bytes:
        loop = asyncio.get_running_loop()
        content = b""
        while len(content) < count:
            try:
                piece = await loop.sock_recv(self.connection, count - len(content))
            except ConnectionError:
                return b""
            if not piece:
                return b""
            content += piece
        return content


class WorkerPool:
    """Starts workers, gives each to one command at a time, and ends them. On one loop only.

    What ``lender`` lends, a worker has for as long as it lives; it then runs nothing of another
    profile, which might take it for its own.
    """

    def __init__(self, watchdog: Watchdog, lender: Lender | None = None) -> None:
        self._watchdog = watchdog
        self._lender = lender
        self._idle: dict[Worker, asyncio.TimerHandle] = {}  # the longest idle one first
        self._keepers: set[asyncio.Task[None]] = set()
        self._starting = 0
        self._changed = asyncio.Event()
        self._unusable: dict[tuple[object, ...], str] = {}
        self._need_no_loan: set[tuple[object, ...]] = set()

    async def take(self, line: Line, prepared: PreparedCommand, sink: OutputSink) -> Worker:
        """A worker for this command alone, until it is given back.

        Starting one keeps a core busy, so no more start at once than there are cores: the command
        waits for one that has started, or for one that another command gives back.

        Raises:
            NotWarm: this CLI, configured like this, cannot be kept in a worker.
            SpawnFailed: the system refused to start it.
            CredentialsUnavailable: there are none to be lent.
        """
        while True:
            if (line.key, line.profile) in self._unusable:
                raise NotWarm(self._unusable[line.key, line.profile])
            for worker, timer in reversed(self._idle.items()):
                ends = worker.child.exited.is_set() or worker.retired.is_set()
                if not ends and self._may_run(worker, line):
                    timer.cancel()
                    del self._idle[worker]
                    worker.borrower.serve(sink)
                    return worker
            if self._starting < _STARTING:
                return await self._start(line, prepared, Borrower(sink, self._others_start))
            await self._changed.wait()

    def _may_run(self, worker: Worker, line: Line) -> bool:
        if worker.key != line.key:
            return False
        if worker.profile == line.profile:
            return True
        needs_no_loan = self._lender is None or (line.key, line.profile) in self._need_no_loan
        return needs_no_loan and not worker.has_loan

    def give_back(self, worker: Worker, kilobytes: int) -> None:
        """Keeps the worker, which takes so much memory, for another command."""
        worker.borrower.serve(None)
        if worker.child.exited.is_set():
            return
        if kilobytes > MOST_KILOBYTES:
            worker.retired.set()
            return
        loop = asyncio.get_running_loop()
        self._idle[worker] = loop.call_later(IDLE_SECONDS, worker.retired.set)
        if len(self._idle) > IDLE_WORKERS:
            next(iter(self._idle)).retired.set()
        self._tell()

    @contextlib.contextmanager
    def _others_start(self) -> Iterator[None]:
        """While a start waits for a person, no core is busy with it."""
        self._starting -= 1
        self._tell()
        try:
            yield
        finally:
            self._starting += 1

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _start(self, line: Line, prepared: PreparedCommand, borrower: Borrower) -> Worker:
        started: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        keeper = asyncio.create_task(self._keep(line, prepared, borrower, started))
        self._keepers.add(keeper)
        keeper.add_done_callback(self._keepers.discard)
        self._starting += 1
        try:
            return await started
        except asyncio.CancelledError:
            keeper.cancel()
            await uncancellable(_end_of(keeper))
            raise
        except NotWarm as error:
            if len(self._unusable) >= _REMEMBERED:
                self._unusable.clear()
            self._unusable[line.key, line.profile] = str(error)
            raise
        finally:
            self._starting -= 1
            self._tell()

    async def _keep(
        self,
        line: Line,
        prepared: PreparedCommand,
        borrower: Borrower,
        started: asyncio.Future[Worker],
    ) -> None:
        """A worker's life, to whose end it has its credentials and the watchdog knows of it."""
        worker_id = uuid4()
        try:
            with self._watchdog.watching(worker_id) as watch:
                async with self._lent(prepared, borrower) as command:
                    has_loan = command is not prepared
                    if not has_loan:
                        if len(self._need_no_loan) >= _REMEMBERED:
                            self._need_no_loan.clear()
                        self._need_no_loan.add((line.key, line.profile))
                    ours, child = _spawn(line, command.environment, worker_id)
                    watch(child.pid)
                    worker = Worker(
                        line.key, line.profile, has_loan, child, ours, worker_id, borrower
                    )
                    with ours:
                        await self._live(worker, started)
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)  # whatever it is, a command waits to be told

    def _lent(
        self, prepared: PreparedCommand, borrower: Borrower
    ) -> AbstractAsyncContextManager[PreparedCommand]:
        if self._lender is None or not prepared.calls_aws:
            return contextlib.nullcontext(prepared)
        return self._lender.lent(prepared, borrower)

    async def _live(self, worker: Worker, started: asyncio.Future[Worker]) -> None:
        try:
            greeting = await worker.receive() or {"unusable": "it ended while it was started"}
            if "unusable" in greeting:
                raise NotWarm(f"this aws cannot be kept warm: {greeting['unusable']}")
            worker.version = greeting["ready"]
            if not started.done():
                started.set_result(worker)
                await _first(worker.child.exited, worker.retired)
        finally:
            if worker in self._idle:
                self._idle.pop(worker).cancel()
            await uncancellable(_end(worker.child))


def _spawn(
    line: Line, environment: Mapping[str, str], worker_id: UUID
) -> tuple[socket.socket, Child]:
    """A new worker and our end of the connection to it; raises ``SpawnFailed``."""
    program = line.program
    # What this kernel itself runs in, without the command: the worker outlives that.
    tags = {TAG_VARIABLE: f"{line.outer_tags} {worker_id}".strip()}
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        arguments = (str(theirs.fileno()), str(program.script), line.profile or "")
        try:
            child = Child(
                (*program.interpreter, str(_PROGRAM), *arguments),
                cwd=line.cwd,
                environment={**environment, **dict(program.variables), **tags},
                pass_fds=(theirs.fileno(),),
            )
        except SpawnFailed:
            ours.close()
            raise
    return ours, child


async def _end_of(task: asyncio.Task[None]) -> None:
    await asyncio.wait([task])


async def _first(*events: asyncio.Event) -> None:
    waiters = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()


async def _end(child: Child) -> None:
    if not child.exited.is_set():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.exited.wait()
