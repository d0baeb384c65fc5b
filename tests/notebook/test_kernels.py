"""Cancel, ■ and the order of cells on older kernels and the newest: clicks as a page sends them."""

import contextlib
import os
import queue
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.aws.accounts_server import MFA_CODE, Accounts, cell, variables
from tests.aws.faults import FaultServer
from tests.kernels import installed
from tests.notebook.conftest import Cell, Kernel, running_kernel
from tests.support import is_alive

VERSIONS = ("6.29.5", "7.3.0", "installed")


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def old_kernel(
    version: str, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kernel]:
    """A kernel of this version, everything else being as it is here."""
    path = os.environ.get("PYTHONPATH", "")
    if version != "installed":
        path = f"{installed(version, pytestconfig)}:{path}"
    with running_kernel(tmp_path_factory.mktemp("kernel"), PYTHONPATH=path) as kernel:
        found = kernel.run("import ipykernel; print(ipykernel.__version__)").stream.strip()
        assert version in (found, "installed")
        yield kernel


class Page:
    """Says to widgets what a page does; as JupyterLab, on a subshell if there are any."""

    def __init__(self, kernel: Kernel) -> None:
        self._client = kernel.client
        self._header: dict[str, Any] = {}
        control = kernel.client.control_channel
        control.send(kernel.client.session.msg("create_subshell_request"))
        with contextlib.suppress(queue.Empty):  # there are none
            reply = kernel.runner.run(control.get_msg(timeout=2))
            self._header = {"subshell_id": reply["content"]["subshell_id"]}

    def say(self, widget: str, content: dict[str, Any]) -> None:
        data = {"method": "custom", "content": content}
        message = self._client.session.msg("comm_msg", {"comm_id": widget, "data": data})
        message["header"].update(self._header)
        self._client.shell_channel.send(message)


class Clicks:
    """Clicks on Cancel, once a cell shows it."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.button = ""

    def __call__(self, kind: str, content: dict[str, Any]) -> None:
        """Sees what a cell sends."""
        state = content.get("data", {}).get("state", {}) if kind == "comm_open" else {}
        if state.get("_model_name") == "ButtonModel":  # the view has one, and it cancels
            self.button = content["comm_id"]
        if kind == "update_display_data" and self.button:
            self.click()

    def click(self) -> None:
        self._page.say(self.button, {"event": "click"})


class Codes:
    """Sends the code of an MFA device, once a cell shows the form that asks for it."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._form = ""

    def __call__(self, kind: str, content: dict[str, Any]) -> None:
        """Sees what a cell sends."""
        state = content.get("data", {}).get("state", {}) if kind.startswith("comm_") else {}
        if "question" in state:
            self._form = f"IPY_MODEL_{content['comm_id']}"
        if self._form in state.get("children", ()):
            widget = self._form.removeprefix("IPY_MODEL_")
            self._page.say(widget, {"type": "answer", "code": MFA_CODE})


@pytest.fixture(scope="module")
def page(old_kernel: Kernel) -> Page:
    return Page(old_kernel)


@pytest.fixture
def clicks(page: Page) -> Clicks:
    return Clicks(page)


@pytest.fixture
def codes(page: Page) -> Codes:
    return Codes(page)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """An AWS whose profile ``mfa`` wants a code."""
    with FaultServer() as server:
        Accounts(server)
        yield server


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def texts_of(told: list[str]) -> Callable[[str, dict[str, Any]], None]:
    """Notes the text of every widget."""

    def note(kind: str, content: dict[str, Any]) -> None:
        if kind.startswith("comm"):
            told.append(str(content.get("data", {}).get("state", {}).get("value", "")))

    return note


def test_cancel_is_heard_while_a_cell_awaits(old_kernel: Kernel, clicks: Clicks) -> None:
    cell = old_kernel.run("%%cloudops\nsleep 60", clicks)
    assert cell.error == "ExecutionCancelled"


def test_cancel_is_heard_while_a_cell_blocks_or_the_view_says_what_is(
    old_kernel: Kernel, clicks: Clicks, version: str, fifo: Path
) -> None:
    old_kernel.run("from cloudops_nb import ExecutionEngine\nengine = ExecutionEngine.get_global()")
    if version.startswith("6"):
        told: list[str] = []
        old_kernel.run("engine.run('true')", texts_of(told))
        assert any("hears no click while the cell blocks it: ■ cancels" in text for text in told)
    else:
        assert "cancelled" in old_kernel.run("engine.run('sleep 60')", clicks).text


def test_cancel_is_heard_while_a_run_is_in_the_background(
    old_kernel: Kernel, clicks: Clicks
) -> None:
    old_kernel.run("%%cloudops --bg --out job\nsleep 60", clicks)
    assert old_kernel.run("str(job.result().status)").text == "'cancelled'"


@pytest.mark.parametrize("how", ["%%cloudops\n{}", "engine.run('{}')"])
def test_stop_ends_a_cell_and_its_processes(old_kernel: Kernel, fifo: Path, how: str) -> None:
    old_kernel.run("from cloudops_nb import ExecutionEngine\nengine = ExecutionEngine.get_global()")
    command = f"echo $$ > {fifo}.pid; echo up > {fifo}; sleep 60"
    cell = old_kernel.interrupt_when(how.format(command), fifo)
    assert cell.error in ("ExecutionCancelled", "KeyboardInterrupt")
    assert not is_alive(int(Path(f"{fifo}.pid").read_text()))
    assert old_kernel.run("'the kernel goes on'").status == "ok"


def test_a_cell_that_was_queued_runs_after_the_one_that_waits(
    old_kernel: Kernel, fifo: Path
) -> None:
    """It is sent while the first awaits, which ends only after the kernel has read on."""
    queued: list[str] = []

    def send(kind: str, content: dict[str, Any]) -> None:
        if kind == "update_display_data" and not queued:
            queued.append(old_kernel.client.execute("order.append('queued')"))
            queued.append(old_kernel.client.execute("open('" + str(fifo) + ".done', 'w').close()"))

    old_kernel.run("order = []")
    cell = old_kernel.run("%%cloudops --out first\nsleep 0.5; echo first", send)
    assert cell.text.startswith("✓ completed")
    for _ in range(2):  # their replies
        old_kernel.runner.run(old_kernel.client.get_shell_msg(timeout=30))
    assert old_kernel.run("order, first.stdout").text == "(['queued'], 'first\\n')"


def test_a_cell_is_a_record_in_the_end(old_kernel: Kernel) -> None:
    cell: Cell = old_kernel.run("%%cloudops\necho hello")
    assert "hello" in cell.text
    assert cell.stream == ""


def test_a_code_is_heard_while_a_cell_awaits(
    old_kernel: Kernel, codes: Codes, server: FaultServer, tmp_path: Path
) -> None:
    record = old_kernel.run(cell(server, tmp_path, "mfa"), codes)
    assert record.text.startswith("✓ completed · 2 commands")


def test_a_code_is_heard_while_a_cell_blocks_or_the_record_says_where_it_is(
    old_kernel: Kernel, codes: Codes, server: FaultServer, tmp_path: Path, version: str
) -> None:
    old_kernel.run("from cloudops_nb import *\nengine = ExecutionEngine.get_global()")
    call = "AwsSdk(service='dynamodb', operation='ListTables', profile='mfa')"
    env = variables(server, tmp_path)
    record = old_kernel.run(f"engine.run(ExecutionRequest(command={call}, env={env}))", codes)
    if version.startswith("6"):
        told = "this kernel hears no answer while the cell blocks it; run it in a plain %%cloudops"
        assert told in record.text
    else:
        assert record.text.startswith("✓ completed")
