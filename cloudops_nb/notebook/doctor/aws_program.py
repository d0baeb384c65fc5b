"""Which ``aws`` commands get, and what can be done with it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from cloudops_nb.config import home_relative
from cloudops_nb.executors.aws_warm.program import NotWarm, find_program
from cloudops_nb.notebook.doctor.findings import Finding

PART = "AWS CLI"
_TIMEOUT = 20.0  # seconds; a cold start of the AWS CLI takes about one


def aws_program(environment: Mapping[str, str]) -> Iterator[Finding]:
    """The program, its version, and whether it can be kept warm."""
    program = shutil.which("aws", path=environment.get("PATH"))
    if program is None:
        remedy = "pip install awscli, add it to PATH, or use AwsSdk, which needs none"
        yield Finding(PART, "aws", "not on PATH", "bad", remedy)
        return
    shown = home_relative(program)
    try:
        answer = subprocess.run(
            [program, "--version"],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=True,
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.SubprocessError) as error:
        yield Finding(PART, "aws", f"{shown}: {error}", "bad", "reinstall it")
        return
    # The first version once printed it to standard error.
    version = (answer.stdout or answer.stderr).strip()
    yield Finding(PART, "aws", f"{version} at {shown}")
    yield _kind(Path(program))


def _kind(program: Path) -> Finding:
    try:
        cli = find_program(program)
    except NotWarm as reason:
        return Finding(
            PART,
            "kind",
            f"a process for each command: {reason}",
            "note",
            "for many short commands use AwsSdk, or pip install awscli for --via auto",
        )
    script = home_relative(cli.script)
    return Finding(PART, "kind", f"a Python script, kept warm by --via auto ({script})")
