"""Run a notebook from a fresh kernel, print the tables it makes, and say where the result lies."""

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError
from nbconvert import HTMLExporter

from scripts.environment import isolated

QUICKSTART = Path("notebooks/01_quickstart.ipynb")  # `python -m scripts.demo` runs from the root
BUILD = Path("build/demo")
CELL_TIMEOUT_SECONDS = 300


class Progress:
    """One line a code cell: its number, how it begins, how it ended, how long it took."""

    def __init__(self, notebook: nbformat.NotebookNode) -> None:
        cells = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
        self._numbers = {index: number for number, index in enumerate(cells, start=1)}
        self._started = 0.0

    def start(self, cell: nbformat.NotebookNode, cell_index: int) -> None:
        self._started = time.monotonic()
        number = f"[{self._numbers[cell_index]}/{len(self._numbers)}]"
        print(f"{number:>8} {first_line(cell):60.60}", end=" ", flush=True)

    def end(self, cell: nbformat.NotebookNode, execute_reply: dict[str, Any], **_: Any) -> None:
        ended = "ok"
        if execute_reply["content"]["status"] == "error":
            ended = "failed, as it should" if may_fail(cell) else "FAILED"
        print(f"{time.monotonic() - self._started:6.1f} s  {ended}", flush=True)


def first_line(cell: nbformat.NotebookNode) -> str:
    return next((line.strip() for line in cell.source.splitlines() if line.strip()), "")


def may_fail(cell: nbformat.NotebookNode) -> bool:
    """The tag that nbclient, nbval and papermill share."""
    return "raises-exception" in cell.metadata.get("tags", [])


def forget_outputs(notebook: nbformat.NotebookNode) -> None:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None


def execute(notebook: nbformat.NotebookNode, directory: Path) -> None:
    """Run every cell, in place, with `directory` as the working directory."""
    progress = Progress(notebook)
    client = NotebookClient(
        notebook,
        extra_arguments=["--log-level=ERROR"],  # or ipykernel warns that loopback is not encrypted
        kernel_name="python3",
        store_widget_state=False,  # of live views that are gone: half a megabyte that shows nothing
        timeout=CELL_TIMEOUT_SECONDS,
        resources={"metadata": {"path": str(directory)}},
        on_cell_execute=progress.start,
        on_cell_executed=progress.end,
    )
    with tempfile.TemporaryDirectory(prefix="cloudops-demo-") as private:
        client.execute(env=isolated(Path(private)))


def tables(notebook: nbformat.NotebookNode) -> Iterator[tuple[str, str]]:
    """The data frames among the outputs: the line that ends the cell, and the table as text."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if 'class="dataframe"' in data.get("text/html", ""):
                yield cell.source.rstrip().splitlines()[-1], data["text/plain"]


def save(notebook: nbformat.NotebookNode, executed: Path) -> Path:
    """Write the notebook and, beside it, its page; return where that is."""
    executed.parent.mkdir(parents=True, exist_ok=True)
    page = executed.with_suffix(".html")
    nbformat.write(notebook, executed)
    html, _ = HTMLExporter().from_notebook_node(notebook)
    page.write_text(html, encoding="utf-8")
    return page


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("notebook", nargs="?", type=Path, default=QUICKSTART)
    parser.add_argument("--out", metavar="DIR", type=Path, default=BUILD)
    arguments = parser.parse_args()
    source: Path = arguments.notebook
    executed: Path = arguments.out / source.name

    notebook = nbformat.read(source, as_version=4)
    forget_outputs(notebook)  # or a cell that is never reached would show those it was saved with
    print(f"Running {source.name} in a fresh kernel\n")
    failure = None
    try:
        execute(notebook, source.parent)
    except (CellControlSignal, DeadKernelError) as error:  # a cell failed, hung, or killed it
        failure = error
    page = save(notebook, executed)

    width = shutil.get_terminal_size().columns
    for title, table in tables(notebook):
        print(f"\n{title[:width]}\n{table}")
    print(f"\nNotebook  {executed}\nHTML      {page}")
    if failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
    return 1 if failure else 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
