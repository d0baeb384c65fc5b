"""What a record says of attempts."""

from datetime import timedelta
from pathlib import Path
from textwrap import dedent

from cloudops_nb.models import Attempt, ErrorCategory
from cloudops_nb.models.results import ExecutionStatus
from cloudops_nb.render.html import result_html
from cloudops_nb.render.text import result_text
from tests.render.samples import STARTED, Elements, a_plan, a_result


def an_attempt(number: int = 1, reason: str = "ThrottlingException") -> Attempt:
    return Attempt(
        number=number,
        status=ExecutionStatus.FAILED,
        exit_code=254,
        error="exit code 254",
        category=ErrorCategory.RETRYABLE,
        reason=reason,
        started_at=STARTED,
        duration=timedelta(seconds=1),
        waited=timedelta(seconds=2.5),
        log_path=Path("x"),
    )


def test_each_earlier_attempt_is_told_with_what_was_waited() -> None:
    result = a_result(
        stdout="hello\n", attempts=3, earlier_attempts=(an_attempt(), an_attempt(2, "timed out"))
    )

    assert result_text(result) == dedent("""\
        ✓ completed · exit 0 · 3 attempts · 0.31 s
        $ true
        attempt 1: ThrottlingException; tried again after 2.50 s
        attempt 2: timed out; tried again after 2.50 s
        stdout
          | hello
        started: 2026-07-30 14:03:22 UTC
        log: ~/.local/state/cloudops_nb/logs/00000000-0000-5eed-0000-000000000000.log""")


def test_of_many_attempts_the_last_are_told() -> None:
    result = a_result(attempts=9, earlier_attempts=tuple(map(an_attempt, range(1, 9))))
    lines = result_text(result).splitlines()

    assert "attempts before: 3, in .earlier_attempts" in lines
    assert [line[:9] for line in lines if line.startswith("attempt ")] == [
        f"attempt {number}" for number in range(4, 9)
    ]


def test_why_it_was_not_tried_again_is_told_of_a_command_and_in_a_plan() -> None:
    result = a_result("failed", 254, not_retried="AccessDenied")

    line = "not tried again: AccessDenied"
    assert line in result_text(result).splitlines()
    assert f"  {line}" in result_text(a_plan(result)).splitlines()


def test_a_hostile_reason_is_text() -> None:
    reason = "<script>alert(1)</script>"
    page = Elements(result_html(a_result(attempts=2, earlier_attempts=(an_attempt(1, reason),))))

    assert reason in page.text
    assert "script" not in page.tags
