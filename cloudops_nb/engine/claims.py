"""Ids that nothing else has."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

from cloudops_nb.models import ExecutionPlan, ExecutionRequest

Work = ExecutionRequest | ExecutionPlan


class Claims:
    """Gives work ids that are free, on any thread.

    Args:
        is_used: whether an id was used before, by an execution that is remembered or has a log.
    """

    def __init__(self, is_used: Callable[[UUID], bool]) -> None:
        self._is_used = is_used
        self._claimed: set[UUID] = set()
        self._lock = threading.Lock()

    @contextmanager
    def under_free_ids(self, work: Work) -> Iterator[Work]:
        """``work`` under its own ids, or new ones where those were used before.

        Nobody else is given them until the block ends: by then it was launched, or never will be.
        """
        wanted = {work.id}
        if isinstance(work, ExecutionPlan):
            wanted |= {request.id for request in work.commands}
        with self._lock:
            ids = {each: each if self._is_free(each) else uuid4() for each in wanted}
            self._claimed.update(ids.values())
        try:
            yield _renamed(work, ids)
        finally:
            with self._lock:
                self._claimed.difference_update(ids.values())

    def _is_free(self, wanted: UUID) -> bool:
        return wanted not in self._claimed and not self._is_used(wanted)


def _renamed(work: Work, ids: dict[UUID, UUID]) -> Work:
    if all(old == new for old, new in ids.items()):
        return work
    changes: dict[str, object] = {"id": ids[work.id]}
    if isinstance(work, ExecutionPlan):
        changes["commands"] = tuple(
            request.model_copy(update={"id": ids[request.id]}) for request in work.commands
        )
    return work.model_copy(update=changes)
