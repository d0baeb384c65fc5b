"""Older kernels, installed by pip into pytest's cache when they are first asked for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def installed(version: str, config: pytest.Config) -> Path:
    """Where ipykernel of this version lies; without a package index the test is skipped."""
    assert config.cache is not None
    target = Path(config.cache.mkdir("kernels")) / version
    if not (target / "ipykernel").is_dir():
        pip = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"),
                *("--target", str(target), f"ipykernel=={version}"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if pip.returncode:
            reason = f"pip install ipykernel=={version} failed: {pip.stderr.strip()[-300:]}"
            pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return target
