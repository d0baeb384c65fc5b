"""Runs ``aws`` lines with the executor alone, either way."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cloudops_nb.aws.sandbox import Sandbox
from cloudops_nb.config import ExecutionConfig
from cloudops_nb.executors.aws_cli import AwsCliExecutor
from cloudops_nb.executors.base import Exit, Surroundings
from cloudops_nb.executors.process.prepare import prepare_process
from cloudops_nb.models import AwsCli, ExecutionRequest, PreparedCommand
from cloudops_nb.models.requests import Via
from tests.executors.helpers import Sink

V1 = Path(sys.executable).parent / "aws"
"""The CLI of the test environment."""

V2 = Path("/usr/bin/aws")
"""Debian's CLI, where it is installed."""


def environment(sandbox: Sandbox, cli: Path) -> dict[str, str]:
    """The sandbox's, with this CLI itself as the first ``aws`` on PATH."""
    environ = sandbox.environment(os.environ)
    return environ | {"PATH": f"{cli.parent}{os.pathsep}{environ['PATH']}"}


def prepared(
    line: str | tuple[str, ...],
    environ: Mapping[str, str],
    *,
    via: Via | None = None,
    cwd: Path | None = None,
    **fields: object,
) -> PreparedCommand:
    """What comes after ``aws`` as a command; nothing of it is judged, rebuilt or refused: it is for
    the worker to say what it is.
    """
    words = tuple(shlex.split(line)) if isinstance(line, str) else line
    command = AwsCli(service=words[0], operation=words[1], args=words[2:])
    request = ExecutionRequest.model_validate({"command": command, "via": via, **fields})
    around = Surroundings(ExecutionConfig(), environ, cwd or Path.cwd())
    command_line = prepare_process(request, around, ("aws", *words), keeps_aws=True)
    return replace(command_line, service=words[0], operation=words[1])


async def outcome(executor: AwsCliExecutor, command: PreparedCommand) -> tuple[Exit, bytes, bytes]:
    """How it ended, and what it printed to stdout and stderr."""
    sink = Sink()
    exit_ = await executor.run(command, sink)
    return exit_, sink.text("stdout"), sink.text("stderr")
