"""A handle on one execution."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from concurrent.futures import TimeoutError as FutureTimeoutError
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from cloudops_nb.engine.past import PastRun
from cloudops_nb.engine.runs import PlanRun, Run
from cloudops_nb.errors import ExecutionNotRunning, ExecutionTimeout
from cloudops_nb.models import (
    ExecutionPlan,
    ExecutionRequest,
    ExecutionResult,
    ExecutionStatus,
    PlanExecutionResult,
)
from cloudops_nb.records import Records

if TYPE_CHECKING:
    import pandas as pd

Result = ExecutionResult | PlanExecutionResult

HEARING_SECONDS = 0.1
"""The main thread wakes this often while it waits: an interrupt that came just before it began to,
or on another thread, does not wake it, and would be heard only when what it waits for is there."""


class Controls(Protocol):
    """What a handle needs of its engine."""

    def request_cancel(self, execution_id: UUID) -> None: ...

    def log_text(self, execution_id: UUID) -> str: ...


class Execution:
    """What ``engine.submit`` returns. ``await execution`` and ``execution.result()`` both wait.

    Usable from any thread and any event loop.
    """

    def __init__(self, engine: Controls, run: Run | PastRun) -> None:
        self._engine = engine
        self._run = run

    @property
    def id(self) -> UUID:
        """The execution's id."""
        return self._run.id

    @property
    def work(self) -> ExecutionRequest | ExecutionPlan:
        """What was submitted, under the ids in force."""
        return self._run.work

    @property
    def shown(self) -> ExecutionRequest | ExecutionPlan:
        """What was submitted, as it may be shown: secrets masked, commands as lines of text."""
        return self._run.shown

    @property
    def resumed_from(self) -> UUID | None:
        """Of a plan that resumes another: the other's id."""
        return self._run.carried.plan_id if isinstance(self._run, PlanRun) else None

    @property
    def status(self) -> ExecutionStatus:
        """Where it stands now."""
        return self._run.status

    def done(self) -> bool:
        """Whether it has ended."""
        return self._run.finished.done()

    def result(self, timeout: float | None = None) -> Result:
        """Waits for the end, at most ``timeout`` seconds.

        Raises:
            ExecutionTimeout: it has not ended by then; it goes on.
        """
        deadline = inf if timeout is None else monotonic() + timeout
        hears = threading.current_thread() is threading.main_thread()
        longest = HEARING_SECONDS if hears else threading.TIMEOUT_MAX
        while True:
            try:
                return self._run.finished.result(min(deadline - monotonic(), longest))
            except FutureTimeoutError:
                if monotonic() < deadline:
                    continue
                raise ExecutionTimeout(
                    f"execution {self.id} is still {self.status} after {timeout:g} s; it goes on"
                ) from None

    def __await__(self) -> Generator[Any, None, Result]:
        # Shielded: giving up a wait must not mark the execution itself as cancelled.
        return asyncio.shield(asyncio.wrap_future(self._run.finished)).__await__()

    def cancel(self) -> None:
        """Asks it to stop and returns; ``result()`` tells when all of it is gone.

        Cancelling what has ended does nothing.
        """
        try:
            self._engine.request_cancel(self.id)
        except ExecutionNotRunning:
            return

    def logs(self) -> str:
        """What it printed so far, both streams in order; of a plan, command after command.

        Raises:
            LogUnavailable: the log is gone.
        """
        return self._engine.log_text(self.id)

    @property
    def records(self) -> Records:
        """The rows it printed; waits for the end. See ``ExecutionResult.records``."""
        return self.result().records

    def to_pandas(self) -> pd.DataFrame:
        """Waits, then the result as a frame. See ``to_pandas`` of the result."""
        return self.result().to_pandas()

    def __repr__(self) -> str:
        return f"<Execution {self.id} {self.status}: {self._run.summary().title}>"
