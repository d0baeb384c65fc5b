"""Fixtures of the engine's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.kernels import Kernel, StartKernel


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[StartKernel]:
    """Starts kernels; whatever is left of them ends with the test."""
    kernels: list[Kernel] = []

    def start(*commands: str, first: str = "") -> Kernel:
        place = tmp_path / f"kernel-{len(kernels)}"
        place.mkdir()
        kernels.append(Kernel(place, *commands, first=first))
        return kernels[-1]

    yield start
    for each in kernels:
        each.close()


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ``aws`` first on PATH that only notes down how it was called."""
    directory, calls = tmp_path / "bin", tmp_path / "calls"
    directory.mkdir()
    program = directory / "aws"
    program.write_text(f'#!/bin/sh\necho "$@" | tee -a {calls}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(directory), prepend=":")
    calls.touch()
    return calls
