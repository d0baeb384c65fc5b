"""Botocore clients, made once for each session, service and region."""

from __future__ import annotations

import gc
import threading
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

from botocore.session import Session

PAUSE_SECONDS = 2.0
"""How long the garbage collector rests at most while clients are made."""


class Clients:
    """The clients of one engine. May be used on any thread."""

    def __init__(self) -> None:
        self._by_session: WeakKeyDictionary[Session, dict[tuple[str, str | None], Any]] = (
            WeakKeyDictionary()
        )
        # One at a time: sessions are not thread-safe, and it is work for the one interpreter.
        self._making = threading.Lock()

    def get(self, session: Session, service: str, region: str | None) -> Any:
        """The client of a service in a region, or of a service that has no regions.

        Raises:
            botocore.exceptions.BotoCoreError: it cannot be made; no credentials, for example.
        """
        key = service, region
        client = self._by_session.get(session, {}).get(key)
        if client is not None:
            return client
        with _collector_resting, self._making:
            made = self._by_session.setdefault(session, {})
            if key not in made:
                alike = next((each for of, each in made.items() if of[0] == service), None)
                made[key] = _lightened(session.create_client(service, region), alike)
            return made[key]


def _lightened(client: Any, alike: Any) -> Any:
    """A client that has its class in common with another of its session and service.

    Botocore makes a class for each client, with a method and a documentation for each operation:
    half of all objects, which the garbage collector would go through for as long as they live.
    ``_instance_cache``, where a service model keeps what those were made of, is a name of
    botocore's that is not public; without it the objects stay.
    """
    if alike is not None:
        client.__class__ = type(alike)
        vars(client.meta.service_model).get("_instance_cache", {}).clear()
    return client


class _Pause:
    """Rests Python's cyclic collector while anyone is inside, but never for long.

    A client is some ten thousand objects that stay, and while a hundred are made the collector
    would go through all that is there again and again: half of the time (FACTS: 2.14 s of boto3,
    cold). It is not touched where the user has turned it off.
    """

    def __init__(self) -> None:
        self._inside = 0
        self._until = 0.0
        self._rests = False
        self._changing = threading.Lock()

    def __enter__(self) -> None:
        with self._changing:
            self._inside += 1
            if self._inside == 1 and gc.isenabled():
                gc.disable()
                self._rests, self._until = True, monotonic() + PAUSE_SECONDS
            elif monotonic() > self._until:
                self._end()

    def __exit__(self, *_: object) -> None:
        with self._changing:
            self._inside -= 1
            if not self._inside:
                self._end()

    def _end(self) -> None:
        if self._rests:
            self._rests = False
            gc.enable()


_collector_resting = _Pause()
