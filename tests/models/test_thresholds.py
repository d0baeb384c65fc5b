"""How many failures a plan takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.errors import InvalidPlan, SerializationError
from cloudops_nb.models import ExecutionPlan, Parallel, Serial
from cloudops_nb.models.thresholds import allowed, parse_threshold
from tests.support import plan


@pytest.mark.parametrize(
    ("written", "read"), [(3, 3), ("3", 3), ("0", 0), ("25%", "25%"), ("007%", "7%"), (0, 0)]
)
def test_a_threshold_is_a_number_or_a_share(written: object, read: object) -> None:
    assert parse_threshold(written) == read


@pytest.mark.parametrize("written", ["", "-1", -1, "101%", "5 %", "1.5", 1.5, True, None, "%", "x"])
def test_anything_else_is_refused_with_an_example(written: object) -> None:
    with pytest.raises(InvalidPlan, match="such as 3, or their share, such as 25%"):
        parse_threshold(written)


def test_a_share_must_be_exceeded_as_ansible_and_ssm_have_it() -> None:
    assert allowed("10%", 50) == 5  # SSM: "stops … when the sixth error is received"
    assert allowed("30%", 10) == 3
    assert allowed("10%", 9) == 0
    assert allowed("100%", 7) == 7
    assert allowed(2, 50) == 2


@given(st.integers(0, 100), st.integers(0, 10_000))
def test_one_failure_more_than_allowed_is_above_the_share(percent: int, commands: int) -> None:
    most = allowed(f"{percent}%", commands)
    assert most * 100 <= percent * commands < (most + 1) * 100


def test_a_plan_carries_its_threshold_on_the_wire_only_if_it_has_one() -> None:
    work = plan(Parallel(), "true", max_failures="5%")
    assert ExecutionPlan.from_json(work.model_dump_json()) == work
    assert '"max_failures":"5%"' in work.model_dump_json()
    assert "max_failures" not in plan(Parallel(), "true").model_dump_json()
    with pytest.raises(SerializationError, match="max_failures"):
        ExecutionPlan.from_json(work.model_dump_json().replace("5%", "5"[:0]))


def test_a_series_that_stops_anyway_takes_no_threshold() -> None:
    with pytest.raises(InvalidPlan, match="stops at its first failure anyway"):
        plan(Serial(), "true", max_failures=1).check(ExecutionConfig())
    plan(Serial(stop_on_error=False), "true", max_failures=1).check(ExecutionConfig())
