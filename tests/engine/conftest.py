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
