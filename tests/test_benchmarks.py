"""How benchmarks are judged and reported; the figures themselves are ``make bench``'s."""

import pytest

from benchmarks import __main__ as bench
from benchmarks.measure import Goal, Row, alone, alternate, beside, percentile


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [
        (Goal(1.4), 1.4, "yes"),
        (Goal(1.4), 1.41, "no"),
        (Goal(5, at_least=True), 5.0, "yes"),
        (Goal(5, at_least=True), 4.9, "no"),
        (None, 4.9, "–"),
    ],
)
def test_a_row_says_whether_its_goal_is_met(goal: Goal | None, value: float, met: str) -> None:
    assert beside("x", "1 s", "2 s", value, goal).met == met


def test_a_promise_that_was_broken_is_named_whatever_the_figure() -> None:
    row = alone("x", 1, Goal(50, " ms"), notes="2 survivors", broken=["survivors"])
    assert row == Row("x", "1 ms; 2 survivors", "≤ 50 ms", "no: survivors")


def test_a_percentile_is_the_value_of_the_nearest_rank() -> None:
    values = [float(n) for n in range(200, 0, -1)]
    assert [percentile(values, p) for p in (50, 95, 99, 100)] == [100, 190, 198, 200]
    assert percentile([7.0], 99) == 7


def test_what_is_compared_takes_turns() -> None:
    ran: list[str] = []
    assert len(alternate(2, lambda: ran.append("ours"), lambda: ran.append("peer"))) == 2
    assert ran == ["ours", "peer"] * 2


def test_a_benchmark_that_fails_is_a_row_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(bench.BENCHMARKS, "broken", list)  # its process knows nothing of it
    monkeypatch.setattr("sys.argv", ["benchmarks", "broken"])
    assert bench.main() == 1
    assert "| `broken` | error: exit code 2 |" in capfd.readouterr().out


def test_the_page_names_no_machine() -> None:
    page = bench.report([])
    assert "/" not in page.partition("| what")[0].replace("`", "")
    assert all(f"`{name}`" in page for name in bench.BENCHMARKS)
