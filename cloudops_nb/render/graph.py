"""What waits for what: a plan's commands as boxes, or the levels of a large plan as bars."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from xml.etree.ElementTree import Element

from cloudops_nb.errors import InvalidPlan
from cloudops_nb.models.commands import Shell
from cloudops_nb.models.links import Edges, merged
from cloudops_nb.models.plans import DependencyGraph, ExecutionPlan, Serial
from cloudops_nb.models.results import ExecutionResult, PlanExecutionResult
from cloudops_nb.redaction import Redactor, secrets_in
from cloudops_nb.render.describe_plan import FAILED, plan_headline
from cloudops_nb.render.graph_boxes import Box, draw_boxes
from cloudops_nb.render.graph_levels import LevelRow, draw_levels
from cloudops_nb.render.layers import levels
from cloudops_nb.render.picture import Picture, fitting, label
from cloudops_nb.render.record import Headline, count, one_line
from cloudops_nb.render.spans import groups
from cloudops_nb.render.tallies import in_words, outcome, tally, tip

_BOXES = 60
_EDGES = 400  # more could not be told apart
_LEVEL_ROWS = (30, 10)
_NAME = 26  # columns
_NEEDS_SHOWN = 12
_CULPRITS = 3
_TITLE = 1_000  # bytes, like the next
_TIPS = (300, 60)


def graph(plan: ExecutionPlan, result: PlanExecutionResult | None = None) -> Picture:
    """Draws what each command of ``plan`` waits for and, given its ``result``, how each ended.

    A serial plan is a chain, a parallel one has no lines. With more than 60 commands (or too many
    lines to tell apart) each level is a bar: those of a level need something of the one above.

    Raises:
        InvalidPlan: the plan has a cycle or names commands it does not have, or ``result`` is not
            one of this plan.
        ValidationError: a command refers to another's output or state in a wrong way.
    """
    plan.check_order()
    shown = _masked(plan)
    title = one_line(shown.description, _TITLE)
    headline = Headline(None, (count(len(plan.commands), "command"),), title)
    results: Sequence[ExecutionResult | None] = [None] * len(plan.commands)
    if result is not None:
        _check_same(shown, result)
        results, headline = result.results, plan_headline(result)
    needs = _needs(plan)
    drawings = []
    for tips in _TIPS:
        boxes = [
            Box(index, label(title, _NAME), one_line(tip(index, title, ended), tips), ended)
            for index, (request, ended) in enumerate(zip(shown.commands, results, strict=True))
            for title in (ended.title if ended else request.title,)
        ]
        drawings.append(partial(_graph, boxes, needs))
    if len(boxes) > _BOXES or sum(map(len, needs.values())) > _EDGES:
        drawings = []
    return fitting(headline, [*drawings, *(partial(_bars, boxes, needs, n) for n in _LEVEL_ROWS)])


def _masked(plan: ExecutionPlan) -> ExecutionPlan:
    """The plan as a notebook may keep it, with what looks secret in the environment masked."""
    redactor = Redactor(secrets_in(os.environ))
    commands = []
    for request in plan.commands:
        mask = redactor.including(secrets_in(request.env)).text
        name = None if request.name is None else mask(request.name)
        shown = {"name": name, "command": Shell(command=mask(request.command.line))}
        commands.append(request.model_copy(update=shown))
    update = {"commands": tuple(commands), "description": redactor.text(plan.description)}
    return plan.model_copy(update=update)


def _check_same(plan: ExecutionPlan, result: PlanExecutionResult) -> None:
    # Not by id: a plan that is run again runs under another one.
    if len(plan.commands) != len(result.results):
        raise InvalidPlan(
            f"the result has {count(len(result.results), 'command')} and the plan "
            f"{len(plan.commands):,}: give the plan that was run"
        )
    for index, (request, ended) in enumerate(zip(plan.commands, result.results, strict=True)):
        if request.name != ended.name:
            here, there = (repr((name or "")[:60]) for name in (request.name, ended.name))
            raise InvalidPlan(
                f"command {index} is named {here} in the plan and {there} in the result: "
                "give the plan that was run"
            )


def _needs(plan: ExecutionPlan) -> Edges:
    """What each command waits for, each only once: by the strategy, and by what it refers to."""
    strategy = plan.strategy
    if isinstance(strategy, Serial):  # what is referred to is further up the chain
        return {index: (index - 1,) for index in range(1, len(plan.commands))}
    needs = strategy.dependencies if isinstance(strategy, DependencyGraph) else {}
    edges = merged(needs, plan.links.all_inputs(), plan.links.conditions())
    return {index: tuple(sorted(set(needed))) for index, needed in edges.items()}


def _graph(boxes: Sequence[Box], needs: Edges) -> tuple[Element, str]:
    by_level: dict[int, list[Box]] = {}
    for box, level in zip(boxes, levels(len(boxes), needs), strict=True):
        by_level.setdefault(level, []).append(box)
    lines = []
    for level, members in sorted(by_level.items()):
        lines.append(f"level {level}")
        lines += [_line(box, needs.get(box.index, ())) for box in members]
    return draw_boxes(boxes, needs, _description(boxes)), "\n".join(lines)


def _line(box: Box, needed: Sequence[int]) -> str:
    after = ", ".join(f"#{need}" for need in needed[:_NEEDS_SHOWN])
    if len(needed) > _NEEDS_SHOWN:
        after += f" and {len(needed) - _NEEDS_SHOWN} more"
    parts = (f"  #{box.index}", box.name, f"<- {after}" if after else "")
    line = " ".join(filter(None, parts))
    return f"{line} · {outcome(box.result)}" if box.result else line


def _bars(boxes: Sequence[Box], needs: Edges, most: int) -> tuple[Element, str]:
    by_level: dict[int, list[Box]] = {}
    for box, level in zip(boxes, levels(len(boxes), needs), strict=True):
        by_level.setdefault(level, []).append(box)
    rows = []
    for part in groups(len(by_level), most):
        name = f"levels {part[0]:,} to {part[-1]:,}" if len(part) > 1 else f"level {part[0]:,}"
        members = [box for level in part for box in by_level[level]]
        counts = tally(box.result.status for box in members if box.result)
        rows.append(LevelRow(name, len(members), counts, _culprits(members)))
    lines = []
    for row in rows:
        lines.append(f"{row.name}: {in_words(row.counts, row.total)}")
        if row.culprits:
            lines.append(f"  {row.culprits}")
    return draw_levels(rows, _description(boxes)), "\n".join(lines)


def _culprits(members: Sequence[Box]) -> str:
    failed = [box for box in members if box.result and box.result.status in FAILED]
    if not failed:
        return ""
    names = ", ".join(f"#{box.index} {box.name}" for box in failed[:_CULPRITS])
    more = len(failed) - _CULPRITS
    return f"{names} and {more:,} more" if more > 0 else names


def _description(boxes: Sequence[Box]) -> str:
    return in_words(tally(box.result.status for box in boxes if box.result), len(boxes))
