"""Hands events to any number of handlers without ever waiting for one."""

from __future__ import annotations

import threading
from datetime import datetime
from uuid import UUID

from cloudops_nb.engine.forms import Chunk
from cloudops_nb.engine.past import PastRun
from cloudops_nb.engine.runs import Run
from cloudops_nb.engine.story import story
from cloudops_nb.engine.subscription import EventHandler, Subscription
from cloudops_nb.models import ExecutionEvent
from cloudops_nb.models.events import is_last, subject
from cloudops_nb.models.results import Stream


class EventHub:
    """Publishes to all subscriptions; called on the engine's loop alone."""

    def __init__(self) -> None:
        self._subscriptions: tuple[Subscription, ...] = ()
        self._changing = threading.Lock()

    def subscribe(self, handler: EventHandler, only: UUID | None = None) -> Subscription:
        """Adds a handler, for everything or for one execution (or plan and its commands)."""
        subscription = Subscription(handler, only)
        with self._changing:
            self._subscriptions = (*self._still_open(), subscription)
        return subscription

    def subscribe_late(self, handler: EventHandler, run: Run | PastRun) -> Subscription:
        """Adds a handler for one execution, which is told its story first.

        On the engine's loop, unless the execution has ended.
        """
        form = getattr(handler, "output", "lines")
        subscription = Subscription(handler, run.id, story(run, output=form != "none"))
        if run.finished.done():
            subscription.close()  # the story has its end
        else:
            with self._changing:
                self._subscriptions = (*self._still_open(), subscription)
        return subscription

    def publish(self, event: ExecutionEvent) -> None:
        """Queues an event for whoever listens to it."""
        about = subject(event)
        for subscription in self._open():
            if subscription.wants(about, event.plan_id):
                subscription.put(event)
                if subscription.only is not None and is_last(event, subscription.only):
                    subscription.close()

    def publish_output(
        self, execution_id: UUID, plan_id: UUID | None, stream: Stream, data: bytes, at: datetime
    ) -> None:
        """Queues a piece of output for whoever asked for output."""
        chunk = Chunk(execution_id, plan_id, stream, data, at)
        for subscription in self._open():
            if subscription.output != "none" and subscription.wants(execution_id, plan_id):
                subscription.put(chunk)

    def close(self) -> tuple[Subscription, ...]:
        """Ends all subscriptions; returns them."""
        for subscription in self._subscriptions:
            subscription.close()
        return self._subscriptions

    def _open(self) -> tuple[Subscription, ...]:
        if any(subscription.closed for subscription in self._subscriptions):
            with self._changing:  # another thread may subscribe at this moment
                self._subscriptions = self._still_open()
        return self._subscriptions

    def _still_open(self) -> tuple[Subscription, ...]:
        return tuple(each for each in self._subscriptions if not each.closed)
