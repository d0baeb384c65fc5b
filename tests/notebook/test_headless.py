"""Notebooks that nobody looks at: each tool ends, warns of no widget and keeps the same record."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).resolve().parents[2]
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
CELLS = (
    "%load_ext cloudops_nb\nfrom cloudops_nb import ExecutionEngine",
    "%%cloudops\necho from a cell; sleep 0.3",
    "%%cloudops --parallel\necho one\necho two",
    "print('before')\nresult = ExecutionEngine.get_global().run('echo from python')\nresult",
    "%%capture\n%%cloudops\necho captured",
    "%cloudops attach",
    "%%cloudops --bg --out job\necho in the background",
    "print(job.result().stdout)",
)
KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a module of this Python beside the notebook."""
    environment = {
        **os.environ,
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "CLOUDOPS_LOG_DIR": str(tmp_path / "logs"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    notebook = new_notebook(
        cells=[new_code_cell(source) for source in CELLS], metadata={"kernelspec": KERNELSPEC}
    )
    nbformat.write(notebook, tmp_path / "in.ipynb")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


TOOLS = {
    "jupyter execute": ("jupyter", "execute", "in.ipynb", "--output=out.ipynb"),
    "nbconvert": ("nbconvert", "in.ipynb", "--to=notebook", "--execute", "--output=out"),
    "papermill": ("papermill", "in.ipynb", "out.ipynb"),
}


def texts(path: Path) -> list[list[str]]:
    """What each cell shows as plain text, times and ids blotted out."""
    cells = nbformat.read(path, as_version=4).cells
    return [
        [
            re.sub(
                r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+\.\d\d s|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC",
                "…",
                output.get("text") or output.get("data", {}).get("text/plain", ""),
            )
            for output in cell.outputs
        ]
        for cell in cells
    ]


@pytest.mark.parametrize("tool", TOOLS)
def test_the_record_is_all_that_a_cell_keeps(tool: str, run: Run, tmp_path: Path) -> None:
    ended = run(*TOOLS[tool])
    assert ended.returncode == 0, ended.stderr
    assert "idget" not in ended.stdout + ended.stderr
    assert "unhandled" not in ended.stderr
    shown = texts(tmp_path / "out.ipynb")
    ((cell,), (plan,)) = shown[1:3]
    assert cell.startswith("✓ completed · exit 0 · …\n$ echo from a cell")
    assert plan.startswith("✓ completed · 2 commands in parallel")
    assert shown[3][0] == "before\n"
    assert "| from python" in shown[3][-1]
    assert "| captured" in shown[5][-1]  # below the view that was asked for
    assert shown[7] == ["in the background\n\n"]
    for each in nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[1:5]:
        assert not any(WIDGET_VIEW in output.get("data", {}) for output in each.outputs)


def test_nbval_agrees_with_what_was_saved(run: Run, tmp_path: Path) -> None:
    assert run(*TOOLS["jupyter execute"]).returncode == 0
    saved = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    del saved.cells[6:]  # what a background cell shows in the end depends on who asks first
    nbformat.write(saved, tmp_path / "out.ipynb")
    nbval = run(
        *("pytest", "out.ipynb", "-p", "no:cacheprovider", "--nbval", "--color=no"),
        *("--nbval-current-env", "--nbval-sanitize-with", str(ROOT / "tests/nbval_sanitize.cfg")),
    )
    assert nbval.returncode == 0, nbval.stdout + nbval.stderr
    assert "6 passed" in nbval.stdout


@pytest.mark.parametrize("tool", TOOLS)
def test_a_command_that_fails_stops_the_notebook(tool: str, run: Run, tmp_path: Path) -> None:
    cells = [new_code_cell(CELLS[0]), new_code_cell("%%cloudops\nexit 3"), new_code_cell("'on'")]
    nbformat.write(
        new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC}), tmp_path / "in.ipynb"
    )
    ended = run(*TOOLS[tool])
    assert ended.returncode != 0
    assert "CommandFailed" in ended.stderr
