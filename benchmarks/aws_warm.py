"""``aws ec2 describe-instances`` in a warm worker, beside the ``aws`` process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.aws import environ
from benchmarks.endpoint import endpoint
from benchmarks.measure import Goal, Row, alternate, beside, milliseconds, times
from cloudops_nb import AwsCli, ExecutionConfig, ExecutionEngine, ExecutionRequest

CLI = Path(sys.executable).parent / "aws"
COMMAND = ("ec2", "describe-instances")
REGION = "us-east-1"
IN_A_ROW = 10


def warm() -> list[Row]:
    """Through the engine, its log and its record, once the worker is warm."""
    rows = []
    for latency, bound in ((0, 50), (50, 8)):
        with _engine(latency) as (engine, variables):
            _run(engine)
            mine, peer = alternate(
                times(15, 3),
                lambda: [_run(engine) for _ in range(IN_A_ROW)],
                lambda: _process(variables),
            )
        mine /= IN_A_ROW
        rows.append(
            beside(
                f"`aws {' '.join(COMMAND)}`, {latency} ms a call: `--via auto`, warm, vs `aws`",
                milliseconds(mine),
                milliseconds(peer),
                peer / mine,
                Goal(bound, at_least=True),
            )
        )
    return rows


def cold() -> list[Row]:
    """The first command of an engine: the worker that it starts serves it."""
    with _engine(0) as (engine, variables):

        def first() -> None:
            fresh = ExecutionEngine(engine.config)
            _run(fresh)
            fresh.close()

        mine, peer = alternate(times(15, 3), first, lambda: _process(variables))
    return [
        beside(
            "the same, the first of an engine, which starts a worker",
            milliseconds(mine),
            milliseconds(peer),
            mine / peer,
            None,
        )
    ]


@contextmanager
def _engine(latency: int) -> Iterator[tuple[ExecutionEngine, dict[str, str]]]:
    with endpoint(latency) as url, tempfile.TemporaryDirectory() as directory:
        variables = environ(url) | {"PATH": f"{CLI.parent}{os.pathsep}{os.environ['PATH']}"}
        os.environ.update(variables)
        engine = ExecutionEngine(ExecutionConfig(log_dir=Path(directory) / "logs"))
        yield engine, variables
        engine.close()


def _run(engine: ExecutionEngine) -> None:
    command = AwsCli(service=COMMAND[0], operation=COMMAND[1], region=REGION)
    result = engine.run(ExecutionRequest(command=command))
    assert result.success, result
    assert str(result.via).startswith("sdk"), result.via


def _process(variables: dict[str, str]) -> None:
    words = [CLI, *COMMAND, "--region", REGION]
    subprocess.run(words, env=variables, stdout=subprocess.DEVNULL, check=True)
