"""The order of a plan's steps, as the short form writes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from cloudops_nb.models import yaml_nodes as nodes
from cloudops_nb.models.links import Edges, Links, merged
from cloudops_nb.models.plans import DependencyGraph, ExecutionStrategy, Parallel, Serial
from cloudops_nb.models.requests import ExecutionRequest
from cloudops_nb.models.thresholds import Threshold, parse_threshold

if TYPE_CHECKING:
    from yaml import Node

ORDER_KEYS = ("strategy", "max_concurrency", "keep_going", "max_failures")
"""The keys of a plan that are read here."""
_STRATEGIES = ("serial", "parallel", "dependency_graph")


class Order:
    """Reads strategy and failure threshold, and checks what the steps say of each other.

    Args:
        keys: the plan's own keys.
        steps: the nodes of its steps.
        commands: what the steps are, in the same order.
        text: reads a text and fills in its placeholders; given the node and where it is.

    Raises:
        InvalidPlan: it makes no sense; names the line, the step and the key.
    """

    def __init__(
        self,
        keys: dict[str, Node],
        steps: Sequence[Node],
        commands: Sequence[ExecutionRequest],
        text: Callable[[Node, str], str],
    ) -> None:
        self._keys = keys
        self._steps = steps
        self._commands = commands
        self._text = text
        needs = self._needs()
        self.strategy = self._strategy(needs)
        self._check_links(needs)
        self.max_failures = self._max_failures()

    def _strategy(self, needs: Edges) -> ExecutionStrategy:
        keys = self._keys
        limit = keys.get("max_concurrency")
        going = "keep_going" in keys and nodes.flag(keys["keep_going"], "plan, keep_going")
        default = "dependency_graph" if needs else "parallel" if limit else "serial"
        kind = default
        if "strategy" in keys:
            where = "plan, strategy"
            kind = nodes.scalar(keys["strategy"], where)
            if kind not in _STRATEGIES:
                nodes.refuse(
                    keys["strategy"], where, f"unknown `{kind}`{nodes.close(kind, _STRATEGIES)}"
                )
            if needs and kind != "dependency_graph":
                nodes.refuse(keys["strategy"], where, f"steps with `needs` cannot be {kind}")
        if limit is not None and kind != "parallel":
            nodes.refuse(limit, "plan, max_concurrency", f"only a parallel plan has it, not {kind}")
        if going and kind == "dependency_graph":
            nodes.refuse(
                keys["keep_going"],
                "plan, keep_going",
                "a step that needs a failed one cannot run; all others go on anyway",
            )
        if kind == "dependency_graph":
            return DependencyGraph(dependencies=needs)
        if kind == "parallel":
            most = nodes.count(limit, "plan, max_concurrency") if limit is not None else None
            return Parallel(max_concurrency=most)
        return Serial(stop_on_error=not going)

    def _max_failures(self) -> Threshold | None:
        if "max_failures" not in self._keys:
            return None
        node, where = self._keys["max_failures"], "plan, max_failures"
        if self.strategy == Serial():
            nodes.refuse(node, where, "a serial plan stops at its first failure; add keep_going")
        return nodes.blamed(node, where, parse_threshold, self._text(node, where))

    def _needs(self) -> Edges:
        """The indices each step waits for, from the names in its ``needs``."""
        index: dict[str, int] = {}
        for n, (step, command) in enumerate(zip(self._steps, self._commands, strict=True)):
            if command.name is not None and index.setdefault(command.name, n) != n:
                first = nodes.line_of(self._steps[index[command.name]])
                nodes.refuse(step, f"step {n + 1}", f"the step in line {first} has the same name")
        needs: Edges = {}
        for n in range(len(self._steps)):
            node = self._key(n, "needs")
            if node is None:
                continue
            where = f"{self._where(n)}, needs"
            items = [node] if nodes.is_scalar(node) else nodes.sequence(node, where)
            names = [self._text(item, where) for item in items]
            for name in names:
                if name not in index:
                    nodes.refuse(
                        node, where, f"no step is named `{name}`{nodes.close(name, index)}"
                    )
            needs[n] = tuple(index[name] for name in names)
        return needs

    def _check_links(self, needs: Edges) -> None:
        links = Links(self._commands, serial=isinstance(self.strategy, Serial))
        linked: Edges = {}
        for n, step in enumerate(self._steps):
            where = self._where(n)
            conditions = nodes.blamed(self._key(n, "when") or step, where, links.condition, n)
            linked[n] = (*conditions, *nodes.blamed(step, where, links.inputs, n))
        try:
            TopologicalSorter(merged(needs, linked)).prepare()
        except CycleError as error:
            # graphlib lists each node before what needs it; a reader follows "needs".
            cycle = " → ".join(f"{self._commands[n].name}" for n in reversed(error.args[1]))
            n = error.args[1][0]
            why = f"steps need each other in a circle: {cycle}"
            nodes.refuse(self._steps[n], f"step {n + 1}", why)

    def _key(self, n: int, key: str) -> Node | None:
        step = self._steps[n]
        return None if nodes.is_scalar(step) else nodes.mapping(step, "").get(key)

    def _where(self, n: int) -> str:
        return f"step {n + 1} ({self._commands[n].name or 'unnamed'})"


def default_title(commands: int, strategy: ExecutionStrategy) -> str:
    """What a plan is called that was given no title: "3 commands in parallel"."""
    if commands == 1:
        return "1 command"
    how = {"serial": "one after another", "parallel": "in parallel"}
    return f"{commands} commands {how.get(strategy.type, 'by their needs')}"
