"""A record stays within its bound, whatever it is about."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudops_nb.models.results import Attempt, ErrorCategory, ExecutionResult, ExecutionStatus
from cloudops_nb.records import Records
from cloudops_nb.render.describe import Recordable, describe
from cloudops_nb.render.describe_list import ExecutionTable
from cloudops_nb.render.html import record_html
from cloudops_nb.render.record import MAX_BYTES
from cloudops_nb.render.style import style_sheet
from cloudops_nb.render.text import record_text, result_text
from cloudops_nb.render.weigh import weigh
from tests.render.samples import STARTED, a_plan, a_result, a_summary
from tests.render.test_hostile_text import assert_only_ours


def assert_bounded(value: Recordable) -> None:
    """A notebook keeps the text and the HTML: it is the two together that are bounded."""
    record = describe(value)
    html, text = record_html(record), record_text(record)
    taken = len(html.encode()) + len(text.encode())

    assert_only_ours(html)
    assert taken <= MAX_BYTES
    assert taken <= weigh(record) + len(style_sheet().encode()) + 100  # the div around it


ANY_TEXT = st.text(
    st.characters() | st.sampled_from("<>&\"'\x1b[]m;\n\r\u202e\u0301漢"), max_size=300
)


@settings(max_examples=60, deadline=None)
@given(ANY_TEXT, ANY_TEXT, ANY_TEXT, st.integers(1, 3000), st.integers(1, 60))
def test_any_text_any_number_of_times_stays_within_bounds(
    stdout: str, title: str, error: str, times: int, commands: int
) -> None:
    texts = {"name": title, "command": title * times, "error": error * times}
    result = a_result(
        "failed", 1, stdout=stdout * times, stderr=error * times, tags={title: error}, **texts
    )
    plain = a_result(number=1)

    assert_bounded(result)
    assert_bounded(a_plan(plain, *[result] * commands, description=title, error=error * times))


HEAVY = [
    "'" * 150 + "\n",
    "é" * 600 + "\n",
    "x" * 79 + "\n",
    "\U000e0041",
    "'",
    "\x1b[1;3;4;9;38;5;99;48;5;120mx\x1b[0my",
    "\xff",
    "\0",
    "漢",
    "x\u0301\u0301\u0301\u0301",
    "a\n",
]


@pytest.mark.parametrize("piece", HEAVY, ids=range(len(HEAVY)))
def test_the_heaviest_results_there_are_stay_within_bounds(piece: str) -> None:
    text = (piece * 400_000)[:400_000]
    texts = {"name": text, "command": text, "error": text, "log_path": "/" + text[:4000]}
    more = {"tags": {text: text}, "withheld_env": (text,), "signal": text, "omitted_bytes": 10**15}
    more |= {"region": text, "profile": text, "endpoint": text, "not_retried": text}
    attempts = tuple(an_attempt(number, text) for number in range(1, 9))
    more |= {"attempts": 9, "earlier_attempts": attempts}
    result = a_result("failed", 1, stdout=text, stderr=text, **texts, **more)

    assert_bounded(result)
    assert_bounded(a_plan(*[result] * 5000, description=text, error=text))


def an_attempt(number: int, reason: str) -> Attempt:
    return Attempt(
        number=number,
        status=ExecutionStatus.FAILED,
        exit_code=1,
        error=reason,
        category=ErrorCategory.RETRYABLE,
        reason=reason,
        started_at=STARTED,
        duration=timedelta(seconds=1),
        waited=timedelta(seconds=2),
        log_path=Path("/log"),
    )


def test_five_thousand_failures_with_long_names_stay_within_bounds() -> None:
    name = "restart-the-web-tier-of-account-123456789012-" * 20

    assert_bounded(
        a_plan(
            *(
                a_result("failed", 1, number=n, name=f"{n}-{name}", command=name, stderr=name)
                for n in range(5000)
            )
        )
    )


def test_ten_megabytes_on_one_coloured_line_stay_within_bounds() -> None:
    assert_bounded(a_result(stdout="\x1b[31mred\x1b[1;38;2;1;2;3mother" * 350_000))


def test_a_thousand_attempts_stay_within_bounds() -> None:
    attempts = tuple(an_attempt(number, "Rate exceeded. " * 50) for number in range(1, 1000))

    assert_bounded(a_result("failed", 1, attempts=1000, earlier_attempts=attempts))


def test_ten_megabytes_of_every_character_stay_within_bounds() -> None:
    noise = bytes(range(256)).decode("latin-1") * 40_000

    assert_bounded(a_result(stdout=noise, stderr=noise))


@pytest.mark.parametrize("count", [101, 1000])
def test_long_lists_stay_within_bounds(count: int) -> None:
    heavy = "\U000e0041" * 500

    assert_bounded(ExecutionTable([a_summary(title=heavy, commands=9999, reason=heavy)] * count))
    assert_bounded(Records([{f"{heavy}{c}": heavy for c in range(50)}] * count))


def test_where_failures_have_much_to_say_fewer_are_told_and_the_rest_counted() -> None:
    def failures(error: str) -> list[ExecutionResult]:
        return [
            a_result("failed", 1, number=n, command=error, error=error, stderr=error)
            for n in range(20)
        ]

    brief, long = (a_plan(*failures(error)) for error in ("no space left", "no space left " * 500))

    assert "more failures: 12, in .results" in result_text(brief)
    told = result_text(long).count("\n  error: ")
    assert 0 < told < 8
    assert f"more failures: {20 - told}, in .results" in result_text(long)
