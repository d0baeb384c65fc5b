"""How a cell waits without going deaf to clicks and interrupts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from IPython.core.getipython import get_ipython

from cloudops_nb.engine import Execution
from cloudops_nb.engine.handle import Result
from cloudops_nb.notebook.comms import handle_comms

POLL_SECONDS = 0.1
"""A plain await is deaf to ■ until something wakes the loop, so the wait wakes it this often."""


class Interrupted(Exception):
    """The user interrupted the wait; the execution was cancelled and has ended as ``result``."""

    def __init__(self, result: Result) -> None:
        super().__init__(str(result.status))
        self.result = result


OnInterrupt = Callable[[], None] | None
"""Called when ■ or Ctrl-C was heard, before everything is gone."""


async def wait(execution: Execution, on_interrupt: OnInterrupt = None) -> Result:
    """Awaits the end in a cell.

    Raises:
        Interrupted: ■ was pressed; the execution was cancelled and everything it started is gone.
    """
    ended: asyncio.Future[Result] = asyncio.ensure_future(_result(execution))
    try:
        await _poll(ended)
    except (asyncio.CancelledError, KeyboardInterrupt):
        # ipykernel answers ■ by cancelling the cell's task; other hosts raise KeyboardInterrupt.
        _cancel(execution, on_interrupt)
        await _poll(ended)
        raise Interrupted(ended.result()) from None
    return ended.result()


async def _result(execution: Execution) -> Result:
    return await execution


async def _poll(future: asyncio.Future[Result]) -> None:
    while not future.done():
        await asyncio.wait({future}, timeout=POLL_SECONDS)
        await handle_comms()


def wait_blocking(execution: Execution, on_interrupt: OnInterrupt = None) -> Result:
    """Waits for the end on this thread.

    Raises:
        Interrupted: Ctrl-C or ■ was pressed; the execution was cancelled and is gone.
    """
    try:
        return execution.result()
    except KeyboardInterrupt:
        _cancel(execution, on_interrupt)
        raise Interrupted(execution.result()) from None


def _cancel(execution: Execution, on_interrupt: OnInterrupt) -> None:
    execution.cancel()
    if on_interrupt is not None:
        on_interrupt()


def deaf_while_blocked() -> bool:
    """Whether no click is heard while a cell keeps the main thread: there are no subshells."""
    kernel = getattr(get_ipython(), "kernel", None)
    return not getattr(kernel, "_supports_kernel_subshells", False)


def allow_asyncio_run() -> None:
    """Lets ``asyncio.run(...)`` work in a cell, where a loop runs already.

    The engine does not need it. It changes asyncio for the whole process (``nest_asyncio``), and
    makes every task somewhat slower, which is why it is never done unasked.
    """
    import nest_asyncio

    nest_asyncio.apply()
