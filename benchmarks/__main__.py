"""``make bench``: measures everything and prints the table."""

from __future__ import annotations

from benchmarks import processes
from benchmarks.measure import table


def main() -> None:
    """Runs all benchmarks."""
    print(table(processes.rows()))


if __name__ == "__main__":
    main()
