"""Lets clicks be handled while a cell awaits, on kernels that do not do so by themselves.

ipykernel 6 handles one message of its shell channel after the other, and a cell is one of them.
What comes meanwhile waits in ``msg_queue``. Of that the comm messages are handled here, and the
cells stay where they are. (``jupyter_ui_poll`` takes the cells out, too, and the kernel then
reports as idle the cell that still runs: pages may drop what it returns.)
"""

from __future__ import annotations

from typing import Any

from IPython.core.getipython import get_ipython


async def handle_comms() -> None:
    """Handles the comm messages that have come; on newer kernels there is nothing to do."""
    kernel: Any = getattr(get_ipython(), "kernel", None)
    if not hasattr(kernel, "msg_queue"):
        return
    items, cells = _drained(kernel.msg_queue), []
    try:
        while items:
            _, dispatch, arguments = item = items.pop(0)
            if _is_comm(kernel.session, arguments):
                await _within_cell(kernel, dispatch, arguments)
            else:
                cells.append(item)
    finally:  # an interrupt loses none; what has come meanwhile came later
        for item in [*cells, *items, *_drained(kernel.msg_queue)]:
            kernel.msg_queue.put_nowait(item)


def _drained(queue: Any) -> list[Any]:
    return [queue.get_nowait() for _ in range(queue.qsize())]


def _is_comm(session: Any, arguments: tuple[Any, ...]) -> bool:
    if not arguments:  # a callback of the kernel's own
        return False
    _, parts = session.feed_identities(arguments[0], copy=False)
    header = session.unpack(parts[1].bytes)  # after the signature, which is checked as ever
    return str(header["msg_type"]).startswith("comm_")


async def _within_cell(kernel: Any, dispatch: Any, arguments: tuple[Any, ...]) -> None:
    """Handles a message as ever, then makes the cell again what output belongs to."""
    ident, parent = kernel._parent_ident["shell"], kernel.get_parent("shell")
    on_interrupt = kernel.saved_sigint_handler
    try:
        await dispatch(*arguments)
    finally:
        kernel.saved_sigint_handler = on_interrupt
        kernel.set_parent(ident, parent, channel="shell")
