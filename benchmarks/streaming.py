"""What output costs: its rate, its lines, and how soon it is seen beside a flood."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from time import monotonic

from benchmarks.engines import View, engine, with_redaction
from benchmarks.measure import Goal, Row, alone, alternate, beside, percentile, times
from cloudops_nb import Exec, ExecutionRequest
from cloudops_nb.models import Completed, ExecutionEvent, OutputBatch, Stdout

LINE = "2026-01-01T12:00:00.000Z INFO  worker-07 GET /api/v1/instances 200 in 12.345 ms ok"[:79]
FLOOD_BYTES = 400_000_000
LINES_BYTES = 80_000_000  # as lines it takes the peers long enough
LINES_GOAL = Goal(5, at_least=True)
FLOODS = 4


def _flood(size: int) -> str:
    """A command that prints lines of 80 bytes; ours and the peer's are given the same."""
    return f"yes '{LINE}' | head -c {size}"


def flood() -> list[Row]:
    """The rate at which a flood is taken, logged and shown."""
    size = times(FLOOD_BYTES, FLOOD_BYTES // 10)

    def peer() -> None:
        subprocess.run(["bash", "-c", f"{_flood(size)} | cat > /dev/null"], check=True)

    views = View(), View()
    keeping = {"oversized_output_strategy": "stream_to_file"}
    with (
        engine(views[0], **keeping) as plain,
        engine(views[1], redacting=True, **keeping) as redacting,
    ):

        def ours(which: int) -> None:
            used = (plain, redacting)[which]
            execution = used.submit(_flood(size))
            assert execution.result().success
            views[which].wait_for_end()
            used.get_log_path(execution.id).unlink()

        ours(0)
        medians = alternate(times(5, 1), lambda: ours(0), lambda: ours(1), peer)
    off, on, theirs = (size / median / 1e6 for median in medians)
    return [
        beside(
            with_redaction(
                f"{size // 10**6} MB of 80-byte lines, made by `yes` and `head`: logged whole, "
                "64 KiB tail, 20 Hz view, vs the same into `cat > /dev/null`",
                is_on,
            ),
            f"{rate:.0f} MB/s",
            f"{theirs:.0f} MB/s",
            rate / theirs,
            Goal(0.75, at_least=True),
        )
        for is_on, rate in ((False, off), (True, on))
    ]


class _Lines:
    """Takes every line as ``str``, by cutting batches."""

    output = "batches"

    def __init__(self) -> None:
        self.count = 0
        self._rest = ""
        self._ended = threading.Event()

    def on_event(self, event: ExecutionEvent) -> None:
        if isinstance(event, OutputBatch):
            *lines, self._rest = (self._rest + event.text).split("\n")
            self.count += len(lines)
        elif isinstance(event, Completed):
            self._ended.set()

    def lines(self) -> int:
        """How many came of the execution that ends; for one execution at a time."""
        self._ended.wait()
        self._ended.clear()
        count, self.count = self.count, 0
        return count


class _LineEvents(_Lines):
    """Takes every line as an event of its own, which is what a handler is given unasked."""

    output = "lines"

    def on_event(self, event: ExecutionEvent) -> None:
        self.count += isinstance(event, Stdout)
        super().on_event(event)


def lines() -> list[Row]:
    """Every line as ``str`` to one subscriber, beside ``StreamReader.readline``."""
    return [
        *_line_rows(_Lines, LINES_BYTES, "cut from batches", LINES_GOAL),
        # What an object per line costs; the goal is on lines as `str`. Few enough that none are
        # dropped for a handler that cannot keep up.
        *_line_rows(_LineEvents, LINES_BYTES // 4, "an event each", None),
    ]


def _line_rows(
    make: Callable[[], _Lines], full_size: int, how: str, goal: Goal | None
) -> list[Row]:
    size = times(full_size, full_size // 10)
    subscribers = make(), make()
    lost = [0, 0]
    keeping = {"oversized_output_strategy": "stream_to_file"}
    with (
        engine(subscribers[0], **keeping) as plain,
        engine(subscribers[1], redacting=True, **keeping) as redacting,
    ):

        def ours(which: int) -> None:
            used = (plain, redacting)[which]
            execution = used.submit(_flood(size))
            lost[which] += size // 80 - subscribers[which].lines()
            used.get_log_path(execution.id).unlink()

        def peer() -> None:
            assert asyncio.run(_read_lines(_flood(size))) == size // 80

        ours(0)
        medians = alternate(times(5, 1), lambda: ours(0), lambda: ours(1), peer)
    off, on, theirs = (size / 80 / median / 1e6 for median in medians)
    return [
        beside(
            with_redaction(
                f"every line as `str` to one subscriber, {how}, "
                "vs `StreamReader.readline` + decode",
                is_on,
            ),
            f"{rate:.2f} M lines/s",
            f"{theirs:.2f} M lines/s",
            rate / theirs,
            goal,
            broken=[f"{lost[is_on]:,} lines dropped"] * (lost[is_on] > 0),
        )
        for is_on, rate in ((False, off), (True, on))
    ]


async def _read_lines(command: str) -> int:
    process = await asyncio.create_subprocess_exec("bash", "-c", command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    count = 0
    while data := await process.stdout.readline():
        line = data.decode()
        count += line.endswith("\n")
    await process.wait()
    return count


TICKS = """
import sys, time
for _ in range(int(sys.argv[1])):
    print(time.monotonic(), flush=True)
    time.sleep(0.02)
"""


class _Delays:
    """How long after it was printed a line arrives."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.ended = threading.Event()

    def on_event(self, event: ExecutionEvent) -> None:
        if isinstance(event, Stdout):
            self.seconds.append(monotonic() - float(event.line))
        elif isinstance(event, Completed):
            self.ended.set()


def pace() -> list[Row]:
    """A light stream beside floods."""
    return [_pace(redacting=is_on) for is_on in (False, True)]


def _pace(*, redacting: bool) -> Row:
    ticks = times(500, 100)
    light = ExecutionRequest(command=Exec(program=sys.executable, args=("-c", TICKS, str(ticks))))
    delays = _Delays()
    with engine(redacting=redacting) as used:
        floods = [used.submit(f"exec yes '{LINE}'") for _ in range(FLOODS)]
        used.subscribe(delays, light.id)
        used.submit(light).result()
        delays.ended.wait()
        for execution in floods:
            execution.cancel()
    assert len(delays.seconds) == ticks
    median, p95, longest = (percentile(delays.seconds, p) * 1000 for p in (50, 95, 100))
    return alone(
        with_redaction(
            f"a 50 Hz stream beside {FLOODS} floods, printed to handled, p95", redacting
        ),
        p95,
        Goal(2, " ms"),
        notes=f"median {median:.2f} ms, longest {longest:.1f} ms",
    )
