"""A page with JupyterLab in it, and what a person does there."""

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Locator, Page

from tests.browser.chromium import WAIT_SECONDS
from tests.browser.server import LabServer

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
LOOPBACK = {"127.0.0.1", "localhost", "::1"}

READY = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    return panel?.context?.isReady && panel.sessionContext?.isReady
        && panel.sessionContext.session?.kernel?.status === "idle";
}"""

# A command's promise settles when the cells it runs have ended; until then it counts as running.
RUN = """([command, index]) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    if (index !== null) {
        notebook.deselectAll();
        notebook.activeCellIndex = index;
    }
    window.runsUnderWay = (window.runsUnderWay ?? 0) + 1;
    window.jupyterapp.commands.execute(command).finally(() => { window.runsUnderWay -= 1; });
}"""

IDLE = """() => !window.runsUnderWay
    && window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === "idle"
"""

# As one edit: the page draws once.
REPLACE = """(sources) => {
    const { sharedModel } = window.jupyterapp.shell.currentWidget.content.model;
    sharedModel.transact(() => {
        sharedModel.deleteCellRange(0, sharedModel.cells.length);
        sharedModel.insertCells(0, sources.map((source) => ({ cell_type: "code", source })));
    });
}"""

# The command's promise settles when the choice is stored; the page follows.
SET_THEME = """(theme) => window.jupyterapp.commands.execute("apputils:change-theme", { theme })"""

THEMED = """(light) => document.body.dataset.jpThemeLight === light
    && window.jupyterapp.shell.isVisible"""

RESTART = "() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()"
SAVE = "() => window.jupyterapp.commands.execute('docmanager:save')"


class LabPage:
    """One notebook at a time, in single-document mode, in a directory of this page's own.

    Cells are counted as in the notebook, from 0, Markdown included. What a locator finds is best
    awaited with `playwright.sync_api.expect`. Times are seconds.
    """

    def __init__(
        self, page: Page, server: LabServer, directory: Path, start: str = "doc/tree"
    ) -> None:
        self.page = page
        self.server = server
        self.directory = directory
        self._start = start  # where in the server the application lies
        self.path = directory
        self.console_errors: list[str] = []
        self.dialogs: list[str] = []  # native ones, such as an alert() that text smuggled in
        self.outside: list[str] = []  # requests that wanted to leave this machine
        self.page_errors: list[str] = []  # exceptions that no script caught
        self._names = (f"notebook-{number}.ipynb" for number in itertools.count(1))
        page.on("console", self._on_console)
        page.on("dialog", self._on_dialog)
        page.on("pageerror", lambda error: self.page_errors.append(str(error)))
        page.on("request", lambda request: self._on_request(request.url))
        page.on("websocket", lambda websocket: self._on_request(websocket.url))

    # Notebooks

    def new_notebook(self, *sources: str) -> None:
        """Write a notebook with these code cells and open it on a fresh kernel."""
        notebook = new_notebook(
            cells=[new_code_cell(source) for source in sources],
            metadata={"kernelspec": KERNELSPEC},
        )
        path = self.directory / next(self._names)
        nbformat.write(notebook, path)
        self._open(path)

    def new_cells(self, *sources: str) -> None:
        """Put these code cells in the place of those of the open notebook; its kernel goes on."""
        self.page.evaluate(REPLACE, list(sources))

    def open_notebook(self, path: Path) -> None:
        """Open a copy of this notebook on a fresh kernel."""
        self._open(Path(shutil.copy(path, self.directory)))

    def reload(self) -> None:
        """Load the page again; the kernel goes on."""
        self._load()

    def reopen(self) -> None:
        """Open what was saved, in a new page, on a fresh kernel."""
        self.page.goto("about:blank")
        self.server.shut_kernels_down(self.directory)
        self._load()

    def save(self) -> nbformat.NotebookNode:
        """Save, and read what lies on disk now."""
        self.page.evaluate(SAVE)
        saved: nbformat.NotebookNode = nbformat.read(self.path, as_version=4)
        return saved

    def _open(self, path: Path) -> None:
        self.path = path
        self._load()

    def _load(self) -> None:
        path = quote(str(self.path.relative_to(self.server.root)))
        self.page.goto(f"{self.server.url}/{self._start}/{path}?reset&token={self.server.token}")
        self.page.wait_for_function(READY)

    # Cells

    def cell(self, index: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def output(self, index: int) -> Locator:
        """All that the cell shows below its source: text, records and widgets."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def prompt(self, index: int) -> Locator:
        """`[ ]:` not run, `[*]:` running or waiting to, `[3]:` done."""
        return self.cell(index).locator(".jp-InputPrompt")

    def start_cell(self, index: int) -> None:
        """Run a cell and return at once."""
        self.page.evaluate(RUN, ["notebook:run-cell", index])

    def run_cell(self, index: int, timeout: float = 30) -> None:
        """Run a cell to its end."""
        self.start_cell(index)
        self.wait_idle(timeout)

    def start_all(self) -> None:
        """Run all cells and return at once."""
        self.page.evaluate(RUN, ["notebook:run-all-cells", None])

    def run_all(self, timeout: float = 60) -> None:
        """Run all cells to the end, or to the first that fails."""
        self.start_all()
        self.wait_idle(timeout)

    def wait_idle(self, timeout: float = 30) -> None:
        """Wait until nothing that was started here runs, and the kernel is idle."""
        self.page.wait_for_function(IDLE, timeout=timeout * 1000)

    # Kernel and page

    def interrupt(self) -> None:
        """Click ■."""
        self.page.locator('.jp-NotebookPanel-toolbar [data-jp-item-name="interrupt"]').click()

    def is_idle(self) -> bool:
        """Whether nothing that was started here runs."""
        idle: bool = self.page.evaluate(IDLE)
        return idle

    def restart_kernel(self) -> None:
        self.page.evaluate(RESTART)
        self.page.wait_for_function(READY)

    def set_theme(self, theme: Literal["light", "dark"]) -> None:
        """In an open page at once; before a notebook is opened for when the page loads."""
        if self.page.url != "about:blank":
            self.page.evaluate(SET_THEME, THEMES[theme])
            self.page.wait_for_function(THEMED, arg=str(theme == "light").lower())
        else:
            self.server.set_theme(THEMES[theme])

    def screenshot(self, name: str, of: Locator | None = None) -> Path:
        """A picture of the page, or of one element, under `build/screenshots/`."""
        path = SCREENSHOTS / f"{name}.png"
        (of or self.page).screenshot(path=path)
        return path

    # What the page reports

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console_errors.append(message.text)

    def _on_dialog(self, dialog: Dialog) -> None:
        if dialog.type == "beforeunload":  # leaving unsaved changes, as `reopen` means to
            dialog.accept()
        else:
            self.dialogs.append(dialog.message)
            dialog.dismiss()

    def _on_request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in LOOPBACK:
            self.outside.append(url)


@contextmanager
def lab_page(
    browser: Browser,
    server: LabServer,
    *,
    width: int = 1280,
    height: int = 1000,
    scale: float = 1,
    start: str = "doc/tree",
) -> Iterator[LabPage]:
    """A fresh page and a directory for its notebooks; its kernels end with it."""
    directory = Path(tempfile.mkdtemp(prefix="page-", dir=server.root))
    context = browser.new_context(
        viewport={"width": width, "height": height}, device_scale_factor=scale
    )
    page = context.new_page()
    page.set_default_timeout(WAIT_SECONDS * 1000)
    lab = LabPage(page, server, directory, start)
    yield lab
    context.close()
    server.set_theme(THEMES["light"])
    server.shut_kernels_down(directory)
