"""Fixtures for all that needs an AWS to talk to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cloudops_nb.aws.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One running sandbox for the whole session: a test that changes its fleet starts its own."""
    with Sandbox.start(directory=tmp_path_factory.mktemp("sandbox")) as running:
        yield running
