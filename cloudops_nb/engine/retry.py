"""Which commands may be tried again at all, and how long is waited before. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from cloudops_nb.errors import UnsafeRetry
from cloudops_nb.models import (
    BackoffStrategy,
    FixedBackoff,
    LinearBackoff,
    PreparedCommand,
    RetryConfig,
    RiskLevel,
)
from cloudops_nb.safety import classify


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What was asked for, and whether the command may be run more than once at all."""

    config: RetryConfig
    repeatable: bool


def retry_policy(prepared: PreparedCommand, default: RetryConfig | None) -> RetryPolicy | None:
    """The policy of a command, from its request or else its plan's ``default``; None: one attempt.

    Raises:
        UnsafeRetry: the request itself asks for retries, but it may change something each time.
    """
    own = prepared.request.retry
    config = default if own is None else own
    if config is None or config.max_attempts == 1:
        return None
    repeatable = config.idempotent or classify(prepared) is RiskLevel.READ_ONLY
    if own is not None and not repeatable:
        raise UnsafeRetry(prepared.line)
    return RetryPolicy(config, repeatable)


def backoff_delay(backoff: BackoffStrategy, attempt: int) -> timedelta:
    """What is waited at most after attempt number ``attempt``, which counts from 1."""
    if isinstance(backoff, FixedBackoff):
        return backoff.delay
    if isinstance(backoff, LinearBackoff):
        return min(backoff.increment * attempt, backoff.max)
    # In seconds: a timedelta that is doubled a hundred times overflows.
    seconds = backoff.base.total_seconds() * 2.0 ** (attempt - 1)
    return min(timedelta(seconds=min(seconds, backoff.max.total_seconds())), backoff.max)


def jittered(backoff: BackoffStrategy, attempt: int, chance: float) -> timedelta:
    """The wait after an attempt; ``chance`` is a random number from 0 up to 1."""
    return backoff_delay(backoff, attempt) * (1 - backoff.jitter * chance)
