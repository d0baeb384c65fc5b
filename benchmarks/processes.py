"""What a command costs through the engine, beside the bare system call and ``%%bash``."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell

from benchmarks.measure import Row, alternate, milliseconds
from cloudops_nb import Exec, ExecutionConfig, ExecutionEngine, ExecutionRequest, Shell

FLOOD_BYTES = 400_000_000


class _Listener:
    """A handler that asks for lines as any would, so that events are on in what is measured."""

    output = "batches"

    def on_event(self, event: object) -> None:
        """Takes the event and does nothing with it."""


def rows() -> list[Row]:
    """All rows of this file."""
    with tempfile.TemporaryDirectory() as directory:
        config = ExecutionConfig(
            log_dir=Path(directory),
            max_timeout_ms=3_600_000,
            default_timeout_ms=3_600_000,
            oversized_output_strategy="stream_to_file",
        )
        engine = ExecutionEngine(config, handlers=[_Listener()])
        try:
            return [_spawn(engine), _bash(engine), _flood(engine)]
        finally:
            engine.close()


def _spawn(engine: ExecutionEngine, commands: int = 50, rounds: int = 11) -> Row:
    async def many() -> None:
        for _ in range(commands):
            request = ExecutionRequest(command=Exec(program="/bin/true"))
            await engine.wait_for_completion(await engine.execute(request))

    def peer() -> None:
        for _ in range(commands):
            os.waitpid(os.posix_spawn("/bin/true", ["true"], os.environ), 0)

    ours, theirs = (t / commands for t in alternate(lambda: asyncio.run(many()), peer, rounds))
    ratio = ours / theirs
    return Row(
        "`/bin/true`, awaited, vs `posix_spawn` + `waitpid`",
        milliseconds(ours),
        milliseconds(theirs),
        ratio,
        "≤ 1.40",
        ratio <= 1.4,
    )


def _bash(engine: ExecutionEngine, rounds: int = 15) -> Row:
    shell = InteractiveShell.instance()
    script = "for i in 1 2 3; do echo $i; done"

    def ours() -> None:
        engine.submit(ExecutionRequest(command=Shell(command=script))).result()

    def theirs() -> None:
        shell.run_cell_magic("bash", "--out _ignored", script)

    mine, peer = alternate(ours, theirs, rounds)
    return Row(
        "a bash script vs IPython `%%bash`",
        milliseconds(mine),
        milliseconds(peer),
        mine / peer,
        "≤ 0.50",
        mine / peer <= 0.5,
    )


def _flood(engine: ExecutionEngine, rounds: int = 3) -> Row:
    line = "x" * 79
    flood = f"yes {line} | head -c {FLOOD_BYTES}"

    def ours() -> None:
        execution = engine.submit(ExecutionRequest(command=Shell(command=flood)))
        execution.result()
        engine.get_log_path(execution.id).unlink()

    def theirs() -> None:
        subprocess.run(["bash", "-c", f"{flood} | cat > /dev/null"], check=True)

    mine, peer = (FLOOD_BYTES / t / 1e6 for t in alternate(ours, theirs, rounds))
    return Row(
        "400 MB of 80-byte lines, logged, batches published, vs `cat > /dev/null`",
        f"{mine:.0f} MB/s",
        f"{peer:.0f} MB/s",
        mine / peer,
        "≥ 0.75",
        mine / peer >= 0.75,
    )
