"""A real kernel to run cells in."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_async_kernel

REPLY_SECONDS = 60.0


@dataclass
class Cell:
    """What one cell sent to the page."""

    status: str = ""
    stream: str = ""
    displays: list[dict[str, Any]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    value: dict[str, Any] | None = None
    error: str | None = None
    traceback: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The cell's value as plain text."""
        assert self.value is not None, (self.error, self.traceback, self.stream)
        return str(self.value["text/plain"])


class Kernel:
    """Runs cells in a kernel process, as a notebook page would."""

    def __init__(self, runner: asyncio.Runner, manager: Any, client: Any) -> None:
        self.runner = runner
        self.manager = manager
        self.client = client

    @property
    def pid(self) -> int:
        """The kernel's process."""
        return int(self.manager.provisioner.process.pid)

    def run(
        self, source: str, on_message: Callable[[str, dict[str, Any]], None] | None = None
    ) -> Cell:
        """Runs a cell to its end; ``on_message`` sees each message's type and content."""
        sent = self.client.execute(source)
        cell = Cell()
        while True:
            message = self.runner.run(self.client.get_iopub_msg(timeout=REPLY_SECONDS))
            if message["parent_header"].get("msg_id") != sent:
                continue
            kind, content = message["msg_type"], message["content"]
            cell.messages.append(kind)
            if on_message is not None:
                on_message(kind, content)
            match kind:
                case "stream":
                    cell.stream += content["text"]
                case "display_data":
                    cell.displays.append(content["data"])
                case "update_display_data":
                    cell.updates.append(content["data"])
                case "execute_result":
                    cell.value = content["data"]
                case "error":
                    cell.error = content["ename"]
                    cell.traceback = content["traceback"]
                case "status" if content["execution_state"] == "idle":
                    break
        cell.status = self._reply(sent)["status"]
        return cell

    def _reply(self, sent: str) -> dict[str, Any]:
        """What the kernel answers to a request; answers that nobody waited for are passed over."""
        while True:
            reply = self.runner.run(self.client.get_shell_msg(timeout=REPLY_SECONDS))
            if reply["parent_header"].get("msg_id") == sent:
                return dict(reply["content"])

    def interrupt_when(self, source: str, path: Path) -> Cell:
        """Runs a cell and presses ■ when ``path``, a FIFO, has been opened and written to."""

        def press() -> None:
            path.read_text()
            os.kill(self.pid, signal.SIGINT)  # what the manager's interrupt does

        presser = threading.Thread(target=press)
        presser.start()
        cell = self.run(source)
        presser.join()
        return cell

    def complete(self, text: str) -> list[str]:
        """The completions at the end of ``text``."""
        return list(self._reply(self.client.complete(text))["matches"])


@pytest.fixture(scope="package")
def started_kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel for the tests of this folder."""
    with running_kernel(tmp_path_factory.mktemp("kernel-home")) as kernel:
        yield kernel


@contextmanager
def running_kernel(home: Path, **variables: str) -> Iterator[Kernel]:
    """A kernel with the extension; logs go to a directory of its own."""
    environment = {
        **os.environ,
        "IPYTHONDIR": str(home),
        "CLOUDOPS_LOG_DIR": str(home / "logs"),
        **variables,
    }
    # The blocking client of jupyter_client leaves its event loop open; this one is ours to close.
    with asyncio.Runner() as runner:
        manager, client = runner.run(start_new_async_kernel(env=environment))
        try:
            kernel = Kernel(runner, manager, client)
            assert kernel.run("%load_ext cloudops_nb").status == "ok"
            yield kernel
        finally:
            client.stop_channels()
            runner.run(manager.shutdown_kernel(now=True))


@pytest.fixture
def kernel(started_kernel: Kernel) -> Kernel:
    """The kernel, with nothing left over from an earlier test but its engine."""
    started_kernel.run("%cloudops cancel all")
    return started_kernel
