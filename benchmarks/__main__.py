"""``make bench``: measures all figures, prints the table and writes it to ``README.md``.

``make bench ARGS="spawn flood"`` measures only these, ``--quick`` repeats less; both only print.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from benchmarks import (
    aws,
    aws_warm,
    killing,
    memory,
    processes,
    records,
    scheduling,
    soak,
    streaming,
)
from benchmarks.measure import QUICK, Row, table

BENCHMARKS: dict[str, Callable[[], list[Row]]] = {
    "spawn": processes.spawn,
    "bash": processes.bash,
    "flood": streaming.flood,
    "lines": streaming.lines,
    "pace": streaming.pace,
    "concurrent": processes.concurrent,
    "many": processes.many,
    "scheduler": scheduling.scheduler,
    "cancel": killing.cancel,
    "kill": killing.kill,
    "kept": memory.kept,
    "cleanup": memory.cleanup,
    "yes": memory.flooded,
    "yes-redacting": memory.flooded_redacting,
    "soak": soak.soak,
    "records": records.records,
    "aws-start": aws.first,
    "aws-clients": aws.clients,
    "aws-regions": aws.regions,
    "aws-warm": aws_warm.warm,
    "aws-cold": aws_warm.cold,
}
README = Path(__file__).with_name("README.md")
MISSED = Path(__file__).with_name("missed.md")
PATIENCE = 600.0
"""Seconds after which a benchmark is given up."""


def main() -> int:
    """Measures what is asked for; 1 if a benchmark could not be carried out."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="few repeats: shows that it runs")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    if options.here:
        (name,) = options.names
        print(json.dumps([asdict(row) for row in BENCHMARKS[name]()]))
        return 0
    if options.quick:
        os.environ[QUICK] = "1"
    rows, failed = [], False
    for name in options.names or BENCHMARKS:
        print(f"{name} …", file=sys.stderr)
        try:
            rows += _measured(name)
        except NotMeasured as error:
            failed = True
            rows.append(Row(f"`{name}`", f"error: {error}", goal="", met="no"))
    print(table(rows))
    if not options.names and not options.quick:
        README.write_text(report(rows), encoding="utf-8")
    return int(failed)


class NotMeasured(Exception):
    """A benchmark could not be carried out; what it had to say is on standard error."""


def _measured(name: str) -> list[Row]:
    """A benchmark's rows, from a fresh process: it starts with nothing, and may die alone."""
    command = [sys.executable, "-m", "benchmarks", "--here", name]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise NotMeasured(f"not done after {PATIENCE:g} s") from None
    if done.returncode != 0:
        raise NotMeasured(f"exit code {done.returncode}")
    return [Row(**fields) for fields in json.loads(done.stdout.splitlines()[-1])]


def report(rows: Iterable[Row]) -> str:
    """The page with the table."""
    return f"""# Benchmarks

Made by `make bench`; don't edit; the reasons are in `missed.md`. Each figure is taken
beside its peer's in the same run, the two in turn, medians of several rounds; each benchmark has a
process of its own. Streaming is measured with redaction off and on. A ratio is ours to the peer's
in what the goal speaks of: time where less is better (≤), rate where more
is (≥).

{os.cpu_count()} cores, {platform.python_implementation()} {platform.python_version()}, \
{platform.system()} {platform.release().partition("-")[0]}.

{table(rows)}

`make bench ARGS="spawn flood"` measures only these, `ARGS=--quick` all of them with few repeats.
There are: {", ".join(f"`{name}`" for name in BENCHMARKS)}.

## Where a goal is missed, and why

{MISSED.read_text(encoding="utf-8").strip()}
"""


if __name__ == "__main__":
    sys.exit(main())
