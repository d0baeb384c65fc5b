"""The page's side of the live view, as far as it needs no page."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cloudops_nb.notebook.console import SCRIPT

MISSING = "no node on PATH: the console's script is not tested without a page"


@pytest.fixture
def node() -> str:
    """Node; without it the test is skipped, or fails where a browser is required."""
    path = shutil.which("node")
    if path is None and os.environ.get("CLOUDOPS_REQUIRE_BROWSER"):
        pytest.fail(MISSING)
    return path or pytest.skip(MISSING)


def test_the_script_keeps_its_promises(node: str, tmp_path: Path) -> None:
    tests = Path(__file__).with_name("console.test.mjs")
    script = tmp_path / "console.mjs"
    script.write_text(SCRIPT)
    environ = os.environ | {"CLOUDOPS_SCRIPT": str(script)}
    command = [node, "--test", str(tests)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
