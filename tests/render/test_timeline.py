"""The picture of who ran when."""

import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudops_nb.models.results import Attempt, ExecutionResult, ExecutionStatus
from cloudops_nb.models.retry import ErrorCategory
from cloudops_nb.render.timeline import timeline
from tests.render.pictures import Drawn
from tests.render.samples import STARTED, a_plan, a_result, a_skipped_result
from tests.render.test_bounds import ANY_TEXT, HEAVY
from tests.render.test_hostile_text import PAYLOADS


def started(result: ExecutionResult, seconds: float) -> ExecutionResult:
    """The result of a command that started so long after the plan was submitted."""
    return result.model_copy(update={"started_at": STARTED + timedelta(seconds=seconds)})


def an_attempt(at: float, seconds: float, waited: float, status: str = "failed") -> Attempt:
    return Attempt(
        number=1,
        status=ExecutionStatus(status),
        exit_code=1,
        error=None,
        category=ErrorCategory.RETRYABLE,
        reason="throttled",
        started_at=STARTED + timedelta(seconds=at),
        duration=timedelta(seconds=seconds),
        waited=timedelta(seconds=waited),
        log_path=Path("/log"),
    )


def retried() -> ExecutionResult:
    """Ran from 10 s to 20 s, timed out from 30 s to 40 s, completed from 60 s to 100 s."""
    earlier = (an_attempt(10, 10, 10), an_attempt(30, 10, 20, "timeout"))
    result = a_result(seconds=90, name="flaky", attempts=3, earlier_attempts=earlier)
    return started(result, 10)


def of_length(seconds: float, *results: ExecutionResult, **fields: Any) -> Any:
    plan = a_plan(*results, **fields)
    return plan.model_copy(update={"total_duration": timedelta(seconds=seconds)})


def rows(text: str) -> list[str]:
    return re.findall(r"\|(.{40})\|", text)


def test_each_command_has_a_row_with_its_name_and_how_it_ended() -> None:
    plan = a_plan(a_result(name="one"), a_result("failed", 3, name="two", number=1))
    drawn = Drawn(timeline(plan))

    assert drawn.texts("co-end") == ["one", "two"]
    assert drawn.texts("co-completed") == ["✓ 0.31 s"]
    assert drawn.texts("co-failed") == ["✗ failed · exit 3 · 0.31 s"]


def test_a_command_waits_from_the_plans_start_to_its_own() -> None:
    plan = of_length(100, started(a_result(seconds=50), 50))

    assert rows(str(timeline(plan))) == ["." * 20 + "#" * 20]
    assert len(Drawn(timeline(plan)).shapes("co-wait")) == 1


def test_attempts_are_bars_and_what_lies_between_is_waiting() -> None:
    picture = timeline(of_length(100, retried()))
    drawn = Drawn(picture)

    assert rows(str(picture)) == ["....xxxxx...xxxxx.......################"]
    assert [wait.get("d", "").count("M") for wait in drawn.shapes("co-wait")] == [3]
    assert [bar.get("class") for bar in drawn.shapes("co-striped")] == [
        "co-failed co-striped",
        "co-timeout co-striped",
    ]
    assert drawn.texts("co-completed") == ["✓ 3 attempts · 90.00 s".replace("90.00", "1 min 30")]


def test_the_result_of_one_command_has_a_timeline_too() -> None:
    assert "flaky" in Drawn(timeline(retried())).texts()


def test_what_did_not_complete_is_told_apart_without_colour() -> None:
    plan = a_plan(a_result(), a_result("timeout", None, number=1, seconds=5))
    drawn = Drawn(timeline(plan))

    assert len(drawn.shapes("co-fill")) == len(drawn.shapes("co-striped")) == 1


def test_what_was_skipped_is_a_ring_where_that_was_decided() -> None:
    plan = of_length(100, started(a_skipped_result("not run: the plan was cancelled"), 99))
    picture = timeline(plan)

    assert rows(str(picture)) == [" " * 39 + "o"]
    assert len(Drawn(picture).below("co-skipped", "circle")) == 1


def test_hovering_tells_the_whole_name_and_the_error() -> None:
    name = "a name that is much too long for the column of names"
    drawn = Drawn(timeline(a_plan(a_result("failed", 1, name=name, error="no such host"))))

    assert drawn.titles()[1] == f"#0 {name} · ✗ failed · exit 1 · 0.31 s · no such host"
    assert drawn.texts("co-end") == ["a name that is much too lon…"]


def test_a_picture_is_an_image_with_a_title_and_a_description() -> None:
    root = Drawn(timeline(a_plan(a_result(), a_skipped_result("no", number=1)))).root

    assert root.get("role") == "img"
    assert [each.tag.partition("}")[2] for each in root[:2]] == ["title", "desc"]
    assert "2 commands: 1 completed, 1 skipped" in (root[1].text or "")


def test_with_more_than_a_hundred_commands_a_row_stands_for_several() -> None:
    results = [started(a_result(number=n, seconds=2), n) for n in range(480)]
    results += [a_skipped_result("no", number=n) for n in range(480, 500)]
    picture = timeline(of_length(500, *results))
    drawn = Drawn(picture)

    assert drawn.texts("co-end")[0] == "#0 to #19"
    assert drawn.texts("co-completed") == ["✓ 20"] * 24
    assert drawn.texts("co-skipped") == ["○ 20"]


def test_characters_that_xml_forbids_are_replaced() -> None:
    assert Drawn(timeline(a_plan(a_result(name="a\ufffeb\uffff")))).texts("co-end") == [
        "a\ufffdb\ufffd"
    ]


def test_a_hundred_long_command_lines_have_a_row_each() -> None:
    results = [a_result("failed", 1, command=f"echo {n} {'x' * 400}") for n in range(100)]

    assert len(Drawn(timeline(a_plan(*results))).texts("co-end")) == 100


def test_a_plan_that_has_no_commands_is_drawn() -> None:
    Drawn(timeline(a_plan()))


def test_a_clock_that_was_set_back_moves_nothing_before_the_start() -> None:
    assert rows(str(timeline(of_length(10, started(a_result(seconds=1), -500)))))[0][0] == "#"


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_hostile_names_and_errors_stay_text(payload: str) -> None:
    text = payload.encode(errors="replace").decode()
    result = a_result("failed", 1, name=text, error=text)

    Drawn(timeline(result))
    Drawn(timeline(a_plan(*[result] * 3, description=text)))
    Drawn(timeline(a_plan(*[result] * 300, description=text)))


@pytest.mark.parametrize("char", HEAVY, ids=range(len(HEAVY)))
def test_the_heaviest_names_stay_within_bounds(char: str) -> None:
    text = char * 10_000
    earlier = tuple(an_attempt(n, 0.5, 0.5) for n in range(50))
    result = a_result("failed", 1, name=text, error=text, attempts=51, earlier_attempts=earlier)

    for many in (1, 100, 5_000):
        Drawn(timeline(a_plan(*[result] * many, description=text)))


def test_five_thousand_commands_take_well_under_a_second() -> None:
    results = [started(a_result(number=n, seconds=30), n / 10) for n in range(5_000)]
    plan = of_length(530, *results)
    began = time.process_time()
    picture = timeline(plan)._repr_html_()

    assert time.process_time() - began < 0.5
    assert len(picture) < 40_000


RESULTS = st.builds(
    lambda status, name, start, seconds, tries: started(
        a_result(
            status,
            0 if status == "completed" else None,
            name=name,
            seconds=seconds,
            attempts=tries + 1,
            earlier_attempts=tuple(an_attempt(start, seconds, start) for _ in range(tries)),
        ),
        start,
    ),
    st.sampled_from([status.value for status in ExecutionStatus]),
    ANY_TEXT,
    st.floats(0, 1e6),
    st.one_of(st.just(0.0), st.floats(0, 1e6)),
    st.integers(0, 4),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(RESULTS, max_size=8), st.sampled_from([1, 1, 30]), st.floats(0, 1e7))
def test_any_result_is_well_formed_and_every_command_is_there_or_counted(
    some: list[ExecutionResult], times: int, seconds: float
) -> None:
    results = some * times
    drawn = Drawn(timeline(of_length(seconds, *results)))

    if len(results) <= 100:
        assert len(drawn.texts("co-end")) == len(results)
    else:
        texts = [t for status in ExecutionStatus for t in drawn.texts(f"co-{status}")]
        assert sum(int(t.split()[1].replace(",", "")) for t in texts) == len(results)
