"""Run every notebook in a real JupyterLab page and keep it as that page saves it.

A headless run would not do: what a `--bg` cell shows when its run has ended reaches only a page.
"""

import tempfile
from pathlib import Path

import nbformat
from playwright.sync_api import expect

from tests.browser.chromium import find_chromium, launched
from tests.browser.lab import lab_page
from tests.browser.server import LabServer

NOTEBOOKS = Path("notebooks")  # `python -m scripts.save_notebooks` runs from the root
RUN_SECONDS = 120.0


def main() -> None:
    with tempfile.TemporaryDirectory() as private, launched(find_chromium()) as browser:
        server = LabServer(Path(private))
        try:
            for path in sorted(NOTEBOOKS.glob("*.ipynb")):
                print(path)
                with lab_page(browser, server) as lab:
                    lab.open_notebook(path)
                    lab.run_all(RUN_SECONDS)
                    expect(lab.page.locator(".cloudops-live")).to_have_count(0)
                    saved = lab.save()
                # The page adds what it knows of this machine's Python.
                saved.metadata = nbformat.read(path, as_version=4).metadata
                nbformat.write(saved, path)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
