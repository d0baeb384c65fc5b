"""The AWS CLIs that tests run: version 1 of this environment, version 2 of the system."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

REQUIRED = "CLOUDOPS_REQUIRE_AWS_CLI_2"
"""Set where a missing CLI 2 is to fail the tests that need it (``.ci/run``)."""

VERSIONS = (1, 2)
_PLACES = {1: Path(sys.executable).parent / "aws", 2: Path("/usr/bin/aws")}


def aws_cli(version: int) -> Path:
    """The ``aws`` of a version; without it the test is skipped, or fails where it must not be."""
    path = _PLACES[version]
    if _answer(path).startswith(f"aws-cli/{version}."):
        return path
    if version == 1 or REQUIRED in os.environ:
        pytest.fail(f"{path} is no AWS CLI {version}")
    pytest.skip(f"{path} is no AWS CLI {version}; on Debian: apt-get install awscli")


def interpreter(aws: Path) -> str:
    """The Python that an ``aws`` runs under, read from its first line."""
    return aws.read_text().splitlines()[0].removeprefix("#!").strip()


@cache
def _answer(path: Path) -> str:
    try:
        done = subprocess.run(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout
