"""The sandbox that the lines are run against."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cloudops_nb.aws.sandbox import Sandbox


@pytest.fixture(scope="package")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox.start(directory=tmp_path_factory.mktemp("sandbox")) as running:
        yield running
