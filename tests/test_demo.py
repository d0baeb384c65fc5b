"""`make demo` shows what a notebook does, and fails when a cell does."""

import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parent.parent
TABLE = (
    "import pandas\npandas.DataFrame({'region': ['us-east-1', 'eu-west-1'], 'instances': [3, 5]})"
)


def demo(directory: Path, *cells: nbformat.NotebookNode) -> subprocess.CompletedProcess[str]:
    notebook = directory / "shown.ipynb"
    nbformat.write(new_notebook(cells=list(cells)), notebook)
    return subprocess.run(
        [sys.executable, "-m", "scripts.demo", str(notebook), "--out", str(directory / "out")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_prints_tables_and_where_the_result_lies(tmp_path: Path) -> None:
    may_fail = new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]})
    run = demo(tmp_path, new_markdown_cell("# Fleet"), may_fail, new_code_cell(TABLE))

    assert run.returncode == 0, run.stderr
    assert "failed, as it should" in run.stdout
    assert "1  eu-west-1          5" in run.stdout
    for suffix in (".ipynb", ".html"):
        result = (tmp_path / "out" / "shown").with_suffix(suffix)
        assert str(result) in run.stdout
        assert "eu-west-1" in result.read_text()


def test_fails_when_a_cell_fails_and_shows_nothing_it_did_not_compute(tmp_path: Path) -> None:
    stale = new_code_cell("1", outputs=[new_output("stream", text="from an earlier run")])
    run = demo(tmp_path, new_code_cell("1 / 0"), stale)

    assert run.returncode == 1
    assert "ZeroDivisionError" in run.stderr
    assert "from an earlier run" not in (tmp_path / "out" / "shown.ipynb").read_text()


def test_fails_when_the_kernel_dies(tmp_path: Path) -> None:
    run = demo(tmp_path, new_code_cell("import os; os._exit(1)"))

    assert run.returncode == 1
    assert "The demo failed: Kernel died" in run.stderr
