"""``make bench-ui``: what an operator feels of the live view, measured in a real Chromium.

``make bench-ui ARGS="cancel first-line"`` measures only these, ``--quick`` repeats less; both only
print. Otherwise the table is written to ``UI.md``.
"""

from __future__ import annotations

import argparse
import os
import platform
import select
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from time import sleep, time

from playwright.sync_api import Browser
from playwright.sync_api import TimeoutError as NotInTime

from benchmarks.measure import QUICK, Row, percentile, table, times
from benchmarks.pages import Frames, Watched
from tests.browser.chromium import find_chromium, launched
from tests.browser.lab import lab_page
from tests.browser.server import LabServer

LOAD = "%load_ext cloudops_nb"
LINE = ".cloudops-line"
CANCEL = ".cloudops-cancel"
RECORD = ".cloudops-record"
PAGE = Path(__file__).with_name("UI.md")
MISSED = Path(__file__).with_name("missed-ui.md")

# `sleep`: the view is there before the flood begins, and is not gone as soon as it is over.
FLOOD = "sleep 1; seq 1 {lines}; echo last-$((1)); date +%s%3N > ended; sleep 2"
APPEND = f"""import ipywidgets, subprocess, threading
shown = ipywidgets.Output()
display(shown)
def pump():
    with subprocess.Popen(["bash", "-c", {FLOOD!r}], stdout=subprocess.PIPE, text=True) as flood:
        for line in flood.stdout:
            shown.append_stdout(line)
threading.Thread(target=pump, daemon=True).start()"""
PEERS = {"`%%bash`": f"%%bash\n{FLOOD}", "`Output.append_stdout`": APPEND}


def the_end_of_a_flood(page: Watched, _idle: Watched) -> list[Row]:
    """From the end of ``seq 1 200000`` to its last line in the page; messages meanwhile."""
    lines = times(200_000, 2_000)
    flood = FLOOD.format(lines=lines)
    late, rates = [], []
    for _ in range(times(5, 1)):
        page.open(LOAD, f"%%cloudops\n{flood}")
        page.lab.run_cell(0)
        page.want("last-1")
        page.lab.start_cell(1)
        page.wait_for(".cloudops-live")
        sleep(0.5)  # the widgets' own beginnings are over
        page.forget()
        shown = page.shown("last-1", 60)
        page.lab.wait_idle()
        rates.append(page.messages())
        late.append(shown - _ended(page))
    return [
        Row(
            f"`seq 1 {lines}`: from its end to its last line in the DOM",
            f"{median(late):.0f} ms",
            "≤ 300 ms",
            _yes(median(late) <= 300),
        ),
        Row(
            f"`seq 1 {lines}`: messages to the page in the worst second, the header's included",
            f"{median(rates):.0f}",
            "≤ 20",
            _yes(median(rates) <= 20),
        ),
    ]


def a_peer(page: Watched, _idle: Watched, name: str) -> list[Row]:
    """The same flood the ways one would do it without us."""
    lines, patience = times(200_000, 200), times(45, 15)
    page.open(LOAD, PEERS[name].format(lines=lines))
    page.want("last-1")
    page.forget()
    page.lab.start_cell(1)
    try:
        late = f"{page.shown('last-1', patience) - _ended(page):.0f} ms"
    except NotInTime:
        late = f"not there after {patience} s"
    try:
        late += f"; frames meanwhile: {page.frames()}"
    except NotInTime:
        late += "; the page answers no more"
    return [Row(f"the same by {name}", _NONE, _NONE, _NONE, late)]


def a_flood(page: Watched, idle: Watched, commands: int) -> list[Row]:
    """Frame gaps while ``commands`` commands print as fast as they can."""
    lines = "\n".join(["timeout 300 yes"] * commands)
    idle.open()
    page.open(LOAD, f"%%cloudops --no-raise --parallel {commands}\n{lines}")
    page.lab.run_cell(0)
    page.lab.start_cell(1)
    page.wait_for(LINE)
    ours, beside, rates = [], [], []
    for _ in range(times(3, 1)):
        page.forget()
        idle.forget()
        sleep(times(10, 1))
        ours.append(page.frames())
        beside.append(idle.frames())
        rates.append(page.messages())
    page.lab.page.locator(CANCEL).click()
    page.lab.wait_idle(60)
    what = f"frame gaps while {commands} × `yes` print; {median(rates):.0f} messages a second"
    return [_smooth(what, ours, beside)]


def cancelling(page: Watched, _idle: Watched) -> list[Row]:
    """From the click on Cancel under ``yes`` until its processes are dead."""
    took = []
    page.open(LOAD, "%%cloudops --no-raise\nyes &\necho $$ $! > pids\nwait")
    page.lab.run_cell(0)
    pids = page.lab.directory / "pids"
    with ThreadPoolExecutor() as threads:
        for _ in range(times(20, 2)):
            pids.unlink(missing_ok=True)
            page.lab.start_cell(1)
            page.wait_for(LINE)
            sleep(0.5)  # the flood is under way
            dead = [threads.submit(_died, int(pid)) for pid in pids.read_text().split()]
            page.lab.page.locator(CANCEL).click()
            took.append(max(each.result() for each in dead) * 1000 - page.clicked())
            page.lab.wait_idle(60)
    p95 = percentile(took, 95)
    return [
        Row(
            "click on Cancel under `yes`, by the browser's own time of the event, until the shell "
            "and `yes` are dead",
            f"p50 {percentile(took, 50):.0f} ms, p95 {p95:.0f} ms",
            "p95 ≤ 300 ms",
            _yes(p95 <= 300),
        )
    ]


def the_first_line(page: Watched, _idle: Watched) -> list[Row]:
    """From a line's being printed to its being in the page."""
    took = []
    page.open(LOAD)
    page.lab.run_cell(0)
    for number in range(times(20, 2)):
        printed = page.lab.directory / "printed"
        page.open(
            f"%%cloudops\nsleep 0.5; date +%s%3N > printed; echo line-$(({number}))-; sleep 1"
        )
        page.want(f"line-{number}-")  # the source has an expression in its place
        page.lab.start_cell(0)
        shown = page.shown(f"line-{number}-", 30)
        took.append(shown - int(printed.read_text()))
        page.lab.wait_idle()
    p50 = percentile(took, 50)
    return [
        Row(
            "the first line, from before it is printed to the frame it is in the DOM",
            f"p50 {p50:.0f} ms, longest {max(took):.0f} ms",
            "p50 ≤ 80 ms",
            _yes(p50 <= 80),
        )
    ]


def a_large_plan(page: Watched, idle: Watched) -> list[Row]:
    """5,000 commands in one plan: frame gaps, and what the page's memory grows by."""
    commands = times(5_000, 50)
    lines = f"'\\n'.join(f'echo step {{n}}' for n in range({commands}))"
    cell = f"get_ipython().run_cell_magic('cloudops', '--parallel 8 --no-raise', {lines})"
    ours, beside, grown, rates = [], [], [], []
    idle.open()
    for _ in range(times(3, 1)):
        page.open(LOAD, cell)
        page.lab.run_cell(0)
        before = page.heap()
        page.lab.start_cell(1)
        page.wait_for(f".cloudops-row, {RECORD}", 60)  # few commands can be over by the first look
        page.forget()
        idle.forget()
        page.wait_for(RECORD, 180)
        ours.append(page.frames())
        beside.append(idle.frames())
        rates.append(page.messages())
        grown.append(page.heap() - before)
        page.lab.wait_idle(60)
    what = f"frame gaps while {commands:,} commands run as one plan, its record included"
    return [
        _smooth(f"{what}; {median(rates):.0f} messages in the worst second", ours, beside),
        Row(
            f"growth of the page's JavaScript heap by a plan of {commands:,} commands",
            f"{median(grown):.1f} MB",
            "≤ 50 MB",
            _yes(median(grown) <= 50),
        ),
    ]


_NONE = "–"
_Benchmark = Callable[[Watched, Watched], list[Row]]
BENCHMARKS: dict[str, _Benchmark] = {
    "flood": the_end_of_a_flood,
    "flood-bash": partial(a_peer, name="`%%bash`"),
    "flood-append": partial(a_peer, name="`Output.append_stdout`"),
    "yes": partial(a_flood, commands=1),
    "50-yes": partial(a_flood, commands=50),
    "cancel": cancelling,
    "first-line": the_first_line,
    "plan": a_large_plan,
}


def _smooth(what: str, ours: Iterable[Frames], beside: Iterable[Frames]) -> Row:
    frames = Frames.medians(ours)
    return Row(
        what,
        str(frames),
        "p99 ≤ 60 ms, longest ≤ 150 ms",
        _yes(frames.p99 <= 60 and frames.longest <= 150),
        f"an idle page beside: {Frames.medians(beside)}",
    )


def _yes(met: bool) -> str:
    return "yes" if met else "no"


def _ended(page: Watched) -> int:
    """When a flood was over, by its own clock, milliseconds."""
    return int((page.lab.directory / "ended").read_text())


def _died(pid: int) -> float:
    """Waits for a process's end, and gives the time of it; seconds since 1970."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return time()
    select.select([watched], [], [], 60)
    died = time()
    os.close(watched)
    return died


def measured(browser: Browser, server: LabServer, name: str) -> list[Row]:
    """A benchmark's rows, from a page of its own with an idle one beside."""
    with lab_page(browser, server) as lab, lab_page(browser, server) as idle:
        lab.new_notebook()
        idle.new_notebook()
        return BENCHMARKS[name](Watched(lab), Watched(idle))


def report(rows: Iterable[Row]) -> str:
    """The page with the table."""
    return f"""# Benchmarks of the live view

Made by `make bench-ui`; don't edit; the reasons are in `missed-ui.md`. Taken in JupyterLab in a
headless Chromium without a GPU, medians of several rounds. Frame gaps are those of the page's own
animation frames, beside those of an idle page at the same time. A peer is given up after a while.

{os.cpu_count()} cores, {platform.python_implementation()} {platform.python_version()}, \
{platform.system()} {platform.release().partition("-")[0]}.

{table(rows)}

`make bench-ui ARGS="cancel plan"` measures only these, `ARGS=--quick` all of them with few repeats.
There are: {", ".join(f"`{name}`" for name in BENCHMARKS)}.

## What to know of them

{MISSED.read_text(encoding="utf-8").strip()}
"""


def main() -> int:
    """Measures what is asked for, prints the table and, if that is all, writes it."""
    parser = argparse.ArgumentParser(prog="make bench-ui ARGS=…", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="few repeats: shows that it runs")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in BENCHMARKS]:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    if options.quick:
        os.environ[QUICK] = "1"
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as private, launched(find_chromium()) as browser:
        server = LabServer(Path(private))
        try:
            for name in options.names or BENCHMARKS:
                print(f"{name} …", file=sys.stderr)
                rows += measured(browser, server, name)
        finally:
            server.stop()
    print(table(rows))
    if not options.names and not options.quick:
        PAGE.write_text(report(rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
