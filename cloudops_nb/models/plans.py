"""Several requests and the order they run in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from graphlib import CycleError, TopologicalSorter
from typing import Annotated, Literal
from uuid import UUID, uuid4

from pydantic import BeforeValidator, Field

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.errors import InvalidPlan, ValidationError
from cloudops_nb.models.base import InputModel, addition
from cloudops_nb.models.links import Edges, Links, merged
from cloudops_nb.models.requests import ExecutionMetadata, ExecutionRequest
from cloudops_nb.models.retry import RetryConfig
from cloudops_nb.models.templates import check_template
from cloudops_nb.models.thresholds import Threshold, allowed, parse_threshold


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
    """Requests and the strategy that orders them.

    ``max_failures`` is how many commands, or what share of them (``"25%"``), may fail, time out or
    be cancelled one by one; when it is exceeded, what runs goes on to its end and the rest is
    skipped.
    ``retry`` is for the commands that have none of their own and may be run again.
    """

    id: UUID = Field(default_factory=uuid4)
    description: str
    strategy: ExecutionStrategy
    commands: tuple[ExecutionRequest, ...]
    metadata: ExecutionMetadata = Field(default_factory=ExecutionMetadata)
    retry: RetryConfig | None = addition()
    max_failures: Annotated[Threshold, BeforeValidator(parse_threshold)] | None = addition()

    @property
    def allowed_failures(self) -> int | None:
        """How many commands may fail before nothing more is started; None: any number."""
        if self.max_failures is None:
            return None
        return allowed(self.max_failures, len(self.commands))

    def check(self, config: ExecutionConfig) -> None:
        """Checks the plan's shape and every request in it.

        Raises:
            InvalidPlan: no commands, a repeated id or name, a graph with a cycle, an unknown
                index, a step that depends on itself, or a reference to a step that is not earlier.
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
        if self.max_failures is not None and self.strategy == Serial():
            raise InvalidPlan(
                "max_failures: this series stops at its first failure anyway; let it go on "
                "(keep_going, or stop_on_error off) or leave max_failures out"
            )
        self.check_order()
        for index, request in enumerate(self.commands):
            with self._naming(index, request):
                request.check(config)

    @property
    def links(self) -> Links:
        """What the steps refer to by name."""
        return Links(self.commands, serial=isinstance(self.strategy, Serial))

    def check_order(self) -> None:
        """Checks what the commands depend on and refer to.

        Raises:
            InvalidPlan: a cycle, an unknown index or a command that depends on itself.
            ValidationError: a reference to another step is wrong; the message names the step.
        """
        needs: Edges = {}
        if isinstance(self.strategy, DependencyGraph):
            needs = self.strategy.dependencies
            self._check_graph(needs)
        linked: Edges = {}
        links = self.links
        for index, request in enumerate(self.commands):
            if request.when is not None or request.inputs:
                with self._naming(index, request):
                    if request.inputs:  # what says nothing is plain text
                        check_template(request)
                    linked[index] = (*links.condition(index), *links.inputs(index))
        if not needs and not linked:
            return
        try:
            TopologicalSorter(merged(needs, linked)).prepare()
        except CycleError as error:
            # graphlib lists each node before what it is needed by; a reader follows "needs".
            cycle = " → ".join(self._label(index) for index in reversed(error.args[1]))
            raise InvalidPlan(f"steps wait for each other in a cycle: {cycle}") from None

    def _check_graph(self, dependencies: Edges) -> None:
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

    @contextmanager
    def _naming(self, index: int, request: ExecutionRequest) -> Iterator[None]:
        try:
            yield
        except ValidationError as error:
            error.args = (f"command {index} ({request.title[:60]}): {error}",)
            raise

    def _label(self, index: int) -> str:
        name = self.commands[index].name
        return f"{index} ({name})" if name else str(index)
