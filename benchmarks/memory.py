"""What the engine keeps: finished executions, their logs, the output of a flood."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from time import perf_counter

import psutil

from benchmarks.engines import View, engine, with_redaction
from benchmarks.measure import Goal, Row, alone, times
from cloudops_nb import Exec, ExecutionEngine, ExecutionPlan, ExecutionRequest, Parallel

KEPT = 1000
KEPT_BYTES = 64 * 1024
MEGABYTE = 1_000_000
SAMPLE_SECONDS = 0.05


def kept() -> list[Row]:
    """Finished executions that printed 64 KiB each."""
    with engine(View(), max_in_memory_executions=2 * KEPT) as used:
        _run_many(used, 100)
        before = _rss()
        _run_many(used, KEPT)
        growth = _rss() - before
        assert len(used.summaries()) >= KEPT
    return [
        alone(
            f"memory (RSS) of {KEPT:,} finished executions that printed 64 KiB each",
            growth / MEGABYTE,
            Goal(10, " MB"),
        )
    ]


def cleanup() -> list[Row]:
    """Retiring finished executions: their results go to disk, later their files are removed."""
    with engine(
        max_in_memory_executions=2 * KEPT,
        execution_retention_secs=1,
        log_dir_max_bytes=1,
        enable_auto_cleanup=False,
    ) as used:
        _run_many(used, KEPT)
        threading.Event().wait(1.1)  # all of them ended longer ago than they are to be kept
        started = perf_counter()
        used._memory.retire()  # what the background task calls once a minute
        used._memory._housekeeping.close()  # waits for it
        to_disk = perf_counter() - started
        remembered = len(used.summaries())
        threading.Event().wait(1.1)  # their files are now older than that, too
        started = perf_counter()
        used._memory.rotate()
        removal = perf_counter() - started
        left = _files(used.config.log_directory)
    return [
        alone(
            f"cleanup of {KEPT:,} finished executions: results to disk, then all files removed",
            (to_disk + removal) * 1000,
            Goal(100, " ms"),
            notes=f"{to_disk * 1000:.0f} + {removal * 1000:.0f} ms",
            broken=["executions left"] * (remembered > 0) + ["files left"] * (left > 0),
        )
    ]


def flooded() -> list[Row]:
    """``yes`` for 30 s with the default limits, in a process of its own for each row."""
    return [_flooded(redacting=False)]


def flooded_redacting() -> list[Row]:
    """The same with redaction on."""
    return [_flooded(redacting=True)]


def _flooded(*, redacting: bool) -> Row:
    duration = times(30, 3)
    view = View()
    with engine(view, redacting=redacting) as used:
        used.submit("yes | head -c 1000000").result()
        before = highest = _rss()
        flood = ExecutionRequest(command=Exec(program="/usr/bin/yes"), timeout_ms=duration * 1000)
        execution = used.submit(flood)
        while not execution.done():
            highest = max(highest, psutil.Process().memory_info().rss)
            threading.Event().wait(SAMPLE_SECONDS)
        assert execution.result().status == "timeout"
        omitted = execution.result().omitted_bytes
    return alone(
        with_redaction(f"`yes` for {duration} s: highest growth of RSS", redacting),
        (highest - before) / MEGABYTE,
        Goal(32, " MB"),
        notes=f"{omitted / 1e9:.1f} GB read",
    )


def _run_many(used: ExecutionEngine, count: int) -> None:
    command = Exec(program="/usr/bin/head", args=("-c", str(KEPT_BYTES), "/dev/zero"))
    commands = tuple(ExecutionRequest(command=command) for _ in range(count))
    plan = ExecutionPlan(description="benchmark", strategy=Parallel(), commands=commands)
    assert used.submit(plan).result().success


def _rss() -> int:
    gc.collect()
    return psutil.Process().memory_info().rss


def _files(directory: Path) -> int:
    return sum(1 for _ in directory.iterdir())
