"""Which run the arguments of a subcommand mean."""

from __future__ import annotations

import shlex
from uuid import UUID

from IPython.core.error import UsageError

from cloudops_nb.engine import Execution, ExecutionEngine
from cloudops_nb.models import ExecutionPlan, ExecutionStatus


def named(engine: ExecutionEngine, command: str, prefix: str) -> Execution:
    """The run whose id starts with ``prefix``.

    Raises:
        UsageError: none does, or several do.
    """
    if not prefix:
        raise UsageError(f"%cloudops {command}: give an id, or its first characters (see ps)")
    ids = engine.ids(prefix)
    if len(ids) > 1:
        raise UsageError(f"%cloudops {command}: {len(ids)} ids start with {prefix!r}; give more")
    if not ids:
        raise UsageError(f"%cloudops {command}: no execution has an id that starts with {prefix!r}")
    return engine.get(ids[0])


def to_resume(engine: ExecutionEngine, rest: str) -> tuple[UUID, str | None]:
    """The plan that ``%cloudops resume REST`` means, and the digest it approves.

    Raises:
        UsageError: the arguments are wrong, or there is no such plan.
    """
    words = shlex.split(rest)
    approve = None
    if "--approve" in words:
        at = words.index("--approve")
        if at + 1 == len(words):
            raise UsageError("%cloudops resume: --approve takes a digest")
        approve = words[at + 1]
        del words[at : at + 2]
    if len(words) > 1:
        raise UsageError(f"%cloudops resume takes one id, but was given {rest!r}")
    if words:
        return named(engine, "resume", words[0]).id, approve
    resumed: set[UUID | None] = set()
    for summary in reversed(engine.summaries()):
        execution = engine.get(summary.id)
        resumed.add(execution.resumed_from)
        ended_badly = summary.status.is_final and summary.status is not ExecutionStatus.COMPLETED
        if ended_badly and isinstance(execution.work, ExecutionPlan) and summary.id not in resumed:
            return summary.id, approve
    raise UsageError("%cloudops resume: no plan of this kernel is left to resume (see ps)")
