"""Several requests and the order they run in."""

from __future__ import annotations

from collections import Counter
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Literal
from uuid import UUID, uuid4

from pydantic import Field

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.errors import InvalidPlan, ValidationError
from cloudops_nb.models.base import InputModel
from cloudops_nb.models.requests import ExecutionMetadata, ExecutionRequest


class Serial(InputModel):
    """One after another; after a failure the rest is skipped unless ``stop_on_error`` is off."""

    type: Literal["serial"] = "serial"
    stop_on_error: bool = True


class Parallel(InputModel):
    """All at once, at most ``max_concurrency`` at a time (None: no limit but the engine's)."""

    type: Literal["parallel"] = "parallel"
    max_concurrency: int | None = Field(None, gt=0)


class DependencyGraph(InputModel):
    """Each command starts when those it depends on have completed.

    ``dependencies`` maps a command's index to the indices it waits for. What depends on a command
    that did not complete is skipped.
    """

    type: Literal["dependency_graph"] = "dependency_graph"
    dependencies: dict[int, tuple[int, ...]] = Field(default_factory=dict)


ExecutionStrategy = Annotated[Serial | Parallel | DependencyGraph, Field(discriminator="type")]


class ExecutionPlan(InputModel):
    """Requests and the strategy that orders them."""

    id: UUID = Field(default_factory=uuid4)
    description: str
    strategy: ExecutionStrategy
    commands: tuple[ExecutionRequest, ...]
    metadata: ExecutionMetadata = ExecutionMetadata()

    def check(self, config: ExecutionConfig) -> None:
        """Checks the plan's shape and every request in it.

        Raises:
            InvalidPlan: no commands, a repeated id or name, a graph with a cycle, an unknown
                index or a step that depends on itself.
            ValidationError: a request is wrong; the message names the step.
        """
        if not self.commands:
            raise InvalidPlan("the plan has no commands")
        for what, values in (
            ("id", [self.id, *(request.id for request in self.commands)]),
            ("name", [request.name for request in self.commands if request.name is not None]),
        ):
            value, count = Counter(values).most_common(1)[0] if values else (None, 0)
            if count > 1:
                raise InvalidPlan(f"the {what} {str(value)!r} is given {count} times")
        if isinstance(self.strategy, DependencyGraph):
            self._check_graph(self.strategy.dependencies)
        for index, request in enumerate(self.commands):
            try:
                request.check(config)
            except ValidationError as error:
                error.args = (f"command {index} ({request.title[:60]}): {error}",)
                raise

    def _check_graph(self, dependencies: dict[int, tuple[int, ...]]) -> None:
        known = range(len(self.commands))
        for index, needs in dependencies.items():
            for named in (index, *needs):
                if named not in known:
                    raise InvalidPlan(
                        f"the dependency graph names command {named}, "
                        f"but the commands are 0 to {len(self.commands) - 1}"
                    )
            if index in needs:
                raise InvalidPlan(f"command {self._label(index)} depends on itself")
        try:
            TopologicalSorter(dependencies).prepare()
        except CycleError as error:
            # graphlib lists each node before what it is needed by; a reader follows "needs".
            cycle = " → ".join(self._label(index) for index in reversed(error.args[1]))
            raise InvalidPlan(f"the dependency graph has a cycle: {cycle}") from None

    def _label(self, index: int) -> str:
        name = self.commands[index].name
        return f"{index} ({name})" if name else str(index)
