"""Run every notebook in a real JupyterLab page and keep it as that page saves it.

A headless run would not do: what a `--bg` cell shows when its run has ended reaches only a page.
"""

import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from playwright.sync_api import Browser, expect

from tests.browser.chromium import find_chromium, launched
from tests.browser.lab import lab_page
from tests.browser.server import LabServer

NOTEBOOKS = Path("notebooks")  # `python -m scripts.save_notebooks` runs from the root
RUN_SECONDS = 120.0
TRIES = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as private, launched(find_chromium()) as browser:
        server = LabServer(Path(private))
        try:
            for path in sorted(NOTEBOOKS.glob("*.ipynb")):
                print(path)
                for _ in range(TRIES):
                    saved = run(browser, server, path)
                    if not told_on_stderr(saved):
                        break
                else:
                    sys.exit(f"{path}: a cell writes to standard error")
                # The page adds what it knows of this machine's Python.
                saved.metadata = nbformat.read(path, as_version=4).metadata
                nbformat.write(saved, path)
        finally:
            server.stop()


def run(browser: Browser, server: LabServer, path: Path) -> NotebookNode:
    """The notebook as the page saves it after a whole run."""
    with lab_page(browser, server) as lab:
        lab.open_notebook(path)
        lab.run_all(RUN_SECONDS)
        expect(lab.page.locator(".cloudops-live")).to_have_count(0)
        return lab.save()


def told_on_stderr(notebook: NotebookNode) -> bool:
    """Whether anything came in between.

    Where JupyterLab ends a subshell (it has one for each comm) while a message is on its way there,
    ipykernel 7.4 writes "Task was destroyed but it is pending" into whichever cell runs.
    """
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return any(output.get("name") == "stderr" for output in outputs)


if __name__ == "__main__":
    main()
