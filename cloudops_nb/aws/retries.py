"""Botocore's retries as they are, but seen, and with waits that can be stopped.

The rules (mode ``standard``: what is tried again, how often, after how long) are botocore's:
docs/source/guide/retries.rst of boto3. It would sleep between two attempts without a word.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.hooks import HierarchicalEmitter

from cloudops_nb.aws.calls import current

_EVENT = "needs-retry."
_OF_A_MODE = "retry-config-"  # the unique id that botocore/client.py registers its retries under


class Hooks(HierarchicalEmitter):
    """The events of a session whose clients wait where it shows."""

    def register(
        self,
        event_name: str,
        handler: Callable[..., Any],
        unique_id: str | None = None,
        unique_id_uses_count: bool = False,
    ) -> None:
        """See ``BaseEventHooks.register``; the handler that decides on retries is wrapped."""
        if event_name.startswith(_EVENT) and str(unique_id).startswith(_OF_A_MODE):
            handler = _Seen(handler)
        super().register(event_name, handler, unique_id, unique_id_uses_count)


class _Seen:
    """Asks botocore's handler for the wait, and does the waiting itself."""

    def __init__(self, decide: Callable[..., float | None]) -> None:
        self._decide = decide

    def __call__(self, **event: Any) -> float | None:
        call = current()
        if call is None:
            return self._decide(**event)
        call.check()
        delay = self._decide(**event)
        if delay is None or delay is False:
            return delay
        call.wait(delay, _note(event, delay))
        return 0.0


def _note(event: dict[str, Any], delay: float) -> str:
    failure = event["caught_exception"]
    if event["response"] is not None:
        http, parsed = event["response"]
        why = parsed.get("Error", {}).get("Code") or f"status {http.status_code}"
    else:
        why = str(failure).split("\n", 1)[0]
    attempts = event["request_dict"]["context"].get("retries", {}).get("max")
    of = f" of {attempts}" if attempts else ""
    return f"{why}: attempt {event['attempts'] + 1}{of} in {delay:.1f} s"
