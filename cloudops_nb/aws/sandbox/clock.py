"""Dates in the past, for what moto creates."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def dated(moment: str) -> Iterator[None]:
    """Let moto believe that it is ``moment`` (ISO 8601, UTC) for what is created meanwhile.

    moto takes "now" from the ``datetime`` module of these two modules and from nowhere else, for
    the services used here; a test compares two starts, so that a third place would show.
    """
    clock = _StoppedClock(dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC))
    with patch("moto.core.utils.datetime", clock), patch("moto.s3.models.datetime", clock):
        yield


class _StoppedClock:
    """The ``datetime`` module, but for the time it is."""

    def __init__(self, moment: dt.datetime) -> None:
        class Stopped(dt.datetime):
            @classmethod
            def now(cls, tz: dt.tzinfo | None = None) -> Any:
                return moment.astimezone(tz) if tz else moment.replace(tzinfo=None)

        self.datetime = Stopped

    def __getattr__(self, name: str) -> Any:
        return getattr(dt, name)
