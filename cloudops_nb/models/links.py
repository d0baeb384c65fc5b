"""Which earlier steps of a plan a step refers to, by their names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from cloudops_nb.errors import InvalidPlan
from cloudops_nb.models.conditions import references
from cloudops_nb.models.requests import ExecutionRequest

Edges = dict[int, tuple[int, ...]]
"""A step's index to the indices of the steps it waits for."""


class Links:
    """Finds what the steps of one plan refer to.

    Args:
        steps: the plan's requests, in order.
        serial: whether they run one after another, so that only those before a step are earlier.
    """

    def __init__(self, steps: Sequence[ExecutionRequest], *, serial: bool) -> None:
        self._steps = steps
        self._serial = serial
        self._index = {step.name: at for at, step in enumerate(steps) if step.name is not None}

    def condition(self, at: int) -> tuple[int, ...]:
        """The steps that the condition of the step at ``at`` refers to; empty without one.

        Raises:
            InvalidCommand: the condition is no expression over steps.
            InvalidPlan: there is no such step, or it is not an earlier one.
        """
        when = self._steps[at].when
        return () if when is None else self._found(at, "when", references(when))

    def conditions(self) -> Edges:
        """The steps of each step that has a condition; raises as ``condition`` does."""
        return {at: self.condition(at) for at, step in enumerate(self._steps) if step.when}

    def inputs(self, at: int) -> tuple[int, ...]:
        """The steps whose output the step at ``at`` is given; raises as ``condition`` does."""
        return self._found(at, "inputs", self._steps[at].inputs)

    def all_inputs(self) -> Edges:
        """The steps of each step that is given outputs; raises as ``condition`` does."""
        return {at: self.inputs(at) for at, step in enumerate(self._steps) if step.inputs}

    def _found(self, at: int, field: str, names: Iterable[str]) -> tuple[int, ...]:
        found = []
        for name in sorted(names):
            if name not in self._index:
                near = difflib.get_close_matches(name, self._index, n=2)
                hint = f"; did you mean {' or '.join(near)}?" if near else ""
                raise InvalidPlan(f"{field}: no step is named `{name}`{hint}")
            other = self._index[name]
            if other == at or (self._serial and other > at):
                what = "is the step itself" if other == at else "runs after this one"
                raise InvalidPlan(f"{field}: `{name}` {what}; only earlier steps have a result")
            found.append(other)
        return tuple(found)


def merged(*edges: Edges) -> Edges:
    """All edges in one mapping."""
    found: Edges = {}
    for each in edges:
        for at, others in each.items():
            found[at] = (*found.get(at, ()), *others)
    return found
