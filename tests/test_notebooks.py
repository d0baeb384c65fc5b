"""Every saved notebook runs again, cell for cell, to the outputs it was saved with."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from scripts.environment import isolated

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SANITIZE = ROOT / "tests" / "nbval_sanitize.cfg"

# A cell is interrupted, with its traceback, before pytest-timeout would end the whole run.
CELL_TIMEOUT_SECONDS = 100

A_MACHINES_PATH = re.compile(r"(?<![\w.~])/(?:home|Users|root|work|tmp|var/folders)/[\w.-]+")
A_REGISTRY = re.compile(r"https?://\S*(?:pypi|pythonhosted|npmjs|/simple\b|/artifactory\b)\S*")

each_notebook = pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.stem) for path in NOTEBOOKS]
)


def test_the_notebooks_are_there() -> None:
    assert {"01_quickstart", "02_plans", "03_live_view"} <= {path.stem for path in NOTEBOOKS}


@pytest.fixture(scope="module")
def kernels_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Nobody's settings, history, credentials or home; a font cache that is ready."""
    private = tmp_path_factory.mktemp("notebooks")
    environment = isolated(private) | {"HOME": str(private)}
    # Building its font cache matplotlib may say so on stderr, in the output of a cell that plots.
    subprocess.run(
        [sys.executable, "-c", "import matplotlib.font_manager"],
        env=environment,
        check=True,
        capture_output=True,
    )
    return environment


@pytest.mark.timeout(600)
@each_notebook
def test_runs_again_to_the_same_outputs(path: Path, kernels_environment: dict[str, str]) -> None:
    nbval = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", str(path), "-p", "no:cacheprovider"),
            *("--nbval", "--nbval-current-env", "--nbval-sanitize-with", str(SANITIZE)),
            *("--nbval-cell-timeout", str(CELL_TIMEOUT_SECONDS), "--color=no"),
        ],
        cwd=ROOT,
        env=kernels_environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert nbval.returncode == 0, nbval.stdout + nbval.stderr


@each_notebook
def test_is_saved_after_a_whole_run(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]

    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert any(cell.outputs for cell in cells)


@each_notebook
def test_names_no_machine(path: Path) -> None:
    text = "\n".join(texts(nbformat.read(path, as_version=4)))

    assert not A_MACHINES_PATH.findall(text)
    assert not A_REGISTRY.findall(text)
    assert str(Path.home()) + "/" not in text
    assert str(ROOT) not in text


def texts(node: object) -> Iterator[str]:
    """Every string in a notebook, but for pictures, whose base64 could spell anything."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for item in node:
            yield from texts(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if not key.startswith("image/"):
                yield from texts(value)
