"""Whether a command that failed is tried again, how often, and after how long."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from cloudops_nb.models.base import Duration, InputModel, addition

MAX_ATTEMPTS = 100
"""Most attempts of one command: each is an entry of its result and leaves a log."""

_Delay = Annotated[Duration, Field(le=timedelta(days=1))]
_Jitter = Annotated[float, Field(ge=0, le=1)]


def _checked(name: str) -> str:
    if name.startswith("exit:") and not re.fullmatch(r"exit:-?\d{1,3}", name):
        raise ValueError(f"{name!r} has no exit code: write exit:75")
    return name


_ErrorName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_checked)
]


class ErrorCategory(StrEnum):
    """What may be done about an attempt that failed."""

    RETRYABLE = "retryable"
    """It may go well next time."""
    NON_RETRYABLE = "non_retryable"
    """It would fail in the same way."""
    ROLLBACK_REQUIRED = "rollback_required"
    """Part of its work may be done: that is to be undone or looked at first."""


# Jitter is the share of a wait that is left to chance: 0 none, 1 anything up to the full wait. It
# keeps commands that were throttled together from coming back together.


class FixedBackoff(InputModel):
    """The same wait before each attempt."""

    type: Literal["fixed"] = "fixed"
    delay: _Delay = timedelta(seconds=1)
    jitter: _Jitter = addition(0.0)


class ExponentialBackoff(InputModel):
    """``base``, then twice as long each time, but never above ``max``."""

    type: Literal["exponential"] = "exponential"
    base: _Delay = timedelta(seconds=1)
    max: _Delay = timedelta(seconds=20)
    jitter: _Jitter = addition(0.5)


class LinearBackoff(InputModel):
    """``increment``, then longer by that much each time, but never above ``max``."""

    type: Literal["linear"] = "linear"
    increment: _Delay = timedelta(seconds=1)
    max: _Delay = timedelta(seconds=20)
    jitter: _Jitter = addition(0.5)


BackoffStrategy = Annotated[
    FixedBackoff | ExponentialBackoff | LinearBackoff, Field(discriminator="type")
]


class RetryConfig(InputModel):
    """How often a command is tried (``max_attempts`` counts the first) and what is waited between.

    ``retryable_errors`` empty: all failures but those known to stay. Otherwise these alone: an
    error's name as the command prints it (``ThrottlingException``), ``exit:75``, or a kind of
    error: ``throttling``, ``service``, ``network``, ``timeout``, ``spawn``, ``signal``, ``exit``.

    ``idempotent`` says that running the command again does no harm. Without it only what is known
    to change nothing is tried again.
    """

    max_attempts: int = Field(ge=1, le=MAX_ATTEMPTS)
    backoff: BackoffStrategy = ExponentialBackoff()
    retryable_errors: tuple[_ErrorName, ...] = ()
    idempotent: bool = addition(False)
