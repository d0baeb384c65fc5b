"""Each way of running a line gives the same bytes and the same exit code."""

from __future__ import annotations

import asyncio
import re
import subprocess
from pathlib import Path

import pytest

from cloudops_nb.aws.sandbox import Sandbox
from cloudops_nb.executors.aws_cli import AwsCliExecutor
from cloudops_nb.models.requests import Via
from tests.executors.aws_warm.helpers import V1, V2, environment, outcome, prepared

_LINES = Path(__file__).parent
# What differs from call to call: ids, times, tokens. Nothing else is let through.
_DIFFERS = [
    (re.compile(rb"probe-(cli|sdk)"), b"NAME"),
    (re.compile(rb"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}"), b"UUID"),
    (re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)?"), b"TIME"),
    (re.compile(rb"\b(FQoG|ASIA|AROA)[A-Za-z0-9+/=_-]+(:[\w-]+)?"), b"TOKEN"),
    (re.compile(rb'("SecretAccessKey": )"[^"]+"'), rb'\1"KEY"'),
]
_AT_A_TIME = 2

Outcome = tuple[str, int | None, bytes, bytes]


async def outcomes(
    scenes: list[list[str]], via: Via, cli: Path, sandbox: Sandbox, cwd: Path
) -> list[Outcome]:
    """How the lines end; those of one scene one after another."""
    executor = AwsCliExecutor()
    environ = environment(sandbox, cli)
    free = asyncio.Semaphore(_AT_A_TIME)
    url = sandbox.endpoint_url

    async def play(scene: list[str]) -> list[Outcome]:
        ends = []
        async with free:
            for text in scene:
                line = text.replace("NAME", f"probe-{via}").replace("ENDPOINT", url)
                command = prepared(f"{line} --endpoint-url {url}", environ, via=via, cwd=cwd)
                exit_, stdout, stderr = await outcome(executor, command)
                assert str(exit_.via).startswith(via), text
                ends.append((text, exit_.code, _alike(stdout), _alike(stderr)))
        return ends

    played = await asyncio.gather(*map(play, scenes))
    return [end for scene in played for end in scene]


def _alike(output: bytes) -> bytes:
    for pattern, word in _DIFFERS:
        output = pattern.sub(word, output)
    return output


def both(
    scenes: list[list[str]], cli: Path, sandbox: Sandbox, cwd: Path
) -> tuple[list[Outcome], list[Outcome]]:
    (cwd / "input.json").write_text('{"MaxResults": 5}')
    (cwd / "item.json").write_text('{"k": {"S": "2"}}')
    as_processes = asyncio.run(outcomes(scenes, "cli", cli, sandbox, cwd))
    in_workers = asyncio.run(outcomes(scenes, "sdk", cli, sandbox, cwd))
    return as_processes, in_workers


def scenes(*, every: int = 1) -> list[list[str]]:
    """What comes after ``aws``: lines that only read, each for itself; and, in an order, lines that
    change what no other looks at: there NAME is another word each way.
    """
    reading = (_LINES / "reading.txt").read_text().splitlines()[::every]
    changing = (_LINES / "changing.txt").read_text().split("\n\n")
    return [scene.strip().splitlines() for scene in changing] + [[line] for line in reading]


def test_there_are_enough_of_them() -> None:
    lines = [line for scene in scenes() for line in scene]
    assert len(lines) >= 150
    assert len({line.split()[0] for line in lines}) >= 25


@pytest.mark.timeout(240)
def test_every_line_ends_alike_either_way(sandbox: Sandbox, tmp_path: Path) -> None:
    as_processes, in_workers = both(scenes(), V1, sandbox, tmp_path)
    assert in_workers == as_processes


@pytest.mark.timeout(240)
def test_with_version_2_too(sandbox: Sandbox, tmp_path: Path) -> None:
    if not V2.exists() or b"aws-cli/2" not in subprocess.check_output([V2, "--version"]):
        pytest.skip("there is no AWS CLI 2 in /usr/bin (apt-get install awscli)")
    as_processes, in_workers = both(scenes(every=10), V2, sandbox, tmp_path)
    assert in_workers == as_processes
