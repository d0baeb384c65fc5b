"""What of a plan that did not complete is run again, and what is carried over."""

from __future__ import annotations

from uuid import uuid4

from cloudops_nb.config import expanded
from cloudops_nb.engine.past import PastCommand, PastPlan, PastRun
from cloudops_nb.engine.runs import Carried, PlanRun, Run
from cloudops_nb.errors import ExecutionNotCompleted, NotResumable
from cloudops_nb.models import ExecutionPlan, ExecutionRequest


def resumption(run: Run | PastRun) -> tuple[ExecutionPlan, Carried]:
    """The plan under new ids, and what completed of it.

    Raises:
        NotResumable: it is no plan, all of it completed, or only its record is left.
        ExecutionNotCompleted: it still runs.
    """
    if isinstance(run, PastCommand | PastPlan):
        raise NotResumable(
            f"execution {run.id} cannot be resumed: only its record is kept, since what was "
            "submitted may hold secrets; submit it again"
        )
    if not isinstance(run, PlanRun):
        of = f"it is a command of plan {run.plan_id}, which can be" if run.plan_id else (
            "it is a single command; submit it again"
        )  # fmt: skip
        raise NotResumable(f"execution {run.id} cannot be resumed: {of}")
    if not run.finished.done():
        raise ExecutionNotCompleted(run.id, run.status)
    ended = run.finished.result()
    completed = {index: result for index, result in enumerate(ended.results) if result.success}
    if ended.success:
        raise NotResumable(f"plan {run.id} cannot be resumed: all of it completed")
    commands = tuple(map(_again, run.plan.commands))
    plan = run.plan.model_copy(update={"id": uuid4(), "commands": commands})
    return plan, Carried(run.id, completed)


def _again(request: ExecutionRequest) -> ExecutionRequest:
    again = request.model_copy(update={"id": uuid4()})
    chosen = request.output_log_path
    if chosen is not None and expanded(chosen).exists():
        # A log is never written over: what the earlier attempt printed stays.
        again = again.model_copy(
            update={"output_log_path": chosen.with_name(f"{chosen.name}.{again.id}")}
        )
    return again
