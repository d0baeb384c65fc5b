"""How long is waited between attempts, and which commands may have several."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.engine.retry import backoff_delay, jittered, retry_policy
from cloudops_nb.errors import UnsafeRetry
from cloudops_nb.models import (
    AwsCli,
    BackoffStrategy,
    ExecutionRequest,
    ExponentialBackoff,
    FixedBackoff,
    LinearBackoff,
    RetryConfig,
    Shell,
)
from cloudops_nb.models.retry import MAX_ATTEMPTS
from tests.executors.helpers import prepare
from tests.models.test_prepared import prepared

SECOND = timedelta(seconds=1)
some_delays = st.timedeltas(timedelta(0), timedelta(days=1))
some_jitter = st.floats(0, 1)
some_backoffs = st.one_of(
    st.builds(FixedBackoff, delay=some_delays, jitter=some_jitter),
    st.builds(ExponentialBackoff, base=some_delays, max=some_delays, jitter=some_jitter),
    st.builds(LinearBackoff, increment=some_delays, max=some_delays, jitter=some_jitter),
)
some_attempts = st.integers(1, MAX_ATTEMPTS)


def seconds(backoff: BackoffStrategy, attempts: int = 5) -> list[float]:
    return [backoff_delay(backoff, n).total_seconds() for n in range(1, attempts + 1)]


def test_each_strategy_waits_as_its_name_says() -> None:
    assert seconds(FixedBackoff(delay=2 * SECOND)) == [2, 2, 2, 2, 2]
    assert seconds(ExponentialBackoff(base=SECOND, max=10 * SECOND)) == [1, 2, 4, 8, 10]
    assert seconds(LinearBackoff(increment=3 * SECOND, max=10 * SECOND)) == [3, 6, 9, 10, 10]


@given(some_backoffs, some_attempts, st.floats(0, 1, exclude_max=True))
def test_a_wait_is_never_negative_nor_above_its_maximum(
    backoff: BackoffStrategy, attempt: int, chance: float
) -> None:
    wait = jittered(backoff, attempt, chance)
    most = backoff.delay if isinstance(backoff, FixedBackoff) else backoff.max
    assert timedelta(0) <= wait <= backoff_delay(backoff, attempt) <= most


@given(some_backoffs, st.integers(1, MAX_ATTEMPTS - 1))
def test_waits_never_shrink_but_by_jitter(backoff: BackoffStrategy, attempt: int) -> None:
    assert backoff_delay(backoff, attempt) <= backoff_delay(backoff, attempt + 1)


@given(some_backoffs, some_attempts)
def test_jitter_takes_off_its_share_at_most(backoff: BackoffStrategy, attempt: int) -> None:
    full = backoff_delay(backoff, attempt)
    assert jittered(backoff, attempt, 0) == full
    least = full * (1 - backoff.jitter)
    assert abs(jittered(backoff, attempt, 1) - least) <= timedelta(microseconds=1)


READS = AwsCli(service="ec2", operation="describe-instances")
THREE = RetryConfig(max_attempts=3)
SAFE = RetryConfig(max_attempts=3, idempotent=True)


def test_nothing_is_tried_again_unasked() -> None:
    assert retry_policy(prepare(Shell(command="ls")), None) is None
    once = RetryConfig(max_attempts=1)
    assert retry_policy(prepare(Shell(command="ls"), retry=once), THREE) is None


def test_what_changes_nothing_may_be_tried_again() -> None:
    asked = ExecutionRequest(command=READS, retry=THREE)
    policy = retry_policy(prepared(request=asked), None)
    assert policy is not None
    assert (policy.config, policy.repeatable) == (THREE, True)


def test_what_says_that_it_does_no_harm_may_be_tried_again() -> None:
    policy = retry_policy(prepare(Shell(command="make"), retry=SAFE), None)
    assert policy is not None
    assert policy.repeatable


def test_a_request_for_retries_of_what_may_do_harm_is_refused_with_what_to_write() -> None:
    with pytest.raises(UnsafeRetry, match=r"`make`.*--idempotent.*idempotent: true"):
        retry_policy(prepare(Shell(command="make"), retry=THREE), None)


def test_a_plans_default_leaves_such_a_command_alone() -> None:
    policy = retry_policy(prepare(Shell(command="make")), THREE)
    assert policy is not None
    assert not policy.repeatable


def test_a_commands_own_retry_goes_before_its_plans() -> None:
    policy = retry_policy(prepare(Shell(command="make"), retry=SAFE), THREE)
    assert policy is not None
    assert policy.config is SAFE
