"""Plans as people write them: the seeds' JSON as it is, or a short form in YAML or JSON.

    description: two looks at the fleet      # or title
    strategy: serial                         # or parallel; left out: serial, or a graph by `needs`
    max_concurrency: 4                       # of a parallel plan
    keep_going: true                         # of a serial plan: go on after a failure
    env: {STAGE: dev}                        # for all steps; so cwd, timeout, profile, region, tags
    steps:
      - name: instances
        aws: ec2 describe-instances          # a line, or a list of words
        timeout: 90s
      - name: report
        needs: [instances]
        shell: echo {{ name }} | tee report  # or exec: [program, word, …], or script: path
      - uptime                               # a text alone is a step for the shell

A plan may also be the list of steps alone. Placeholders in ``shell`` follow the shell's rule, those
elsewhere are put in as they are; a list of words may hold one that becomes several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cloudops_nb.errors import InvalidPlan, ValidationError
from cloudops_nb.models import yaml_nodes as nodes
from cloudops_nb.models.aws_line import aimed, aws_command
from cloudops_nb.models.commands import AwsCli, Command, Exec, Script, Shell, has_option
from cloudops_nb.models.durations import parse_duration
from cloudops_nb.models.placeholders import substitute_shell, substitute_value, substitute_words
from cloudops_nb.models.plan_wire import plan_from_wire
from cloudops_nb.models.plans import (
    DependencyGraph,
    ExecutionPlan,
    ExecutionStrategy,
    Parallel,
    Serial,
)
from cloudops_nb.models.requests import ExecutionMetadata, ExecutionRequest
from cloudops_nb.models.shell_syntax import simple_command

if TYPE_CHECKING:
    from yaml import Node

_T = TypeVar("_T")

_COMMON = ("env", "cwd", "timeout", "profile", "region", "tags")
_PLAN_KEYS = ("description", "title", "strategy", "max_concurrency", "keep_going", "steps")
_KINDS = ("shell", "exec", "script", "aws")
_STEP_KEYS = ("name", *_KINDS, "interpreter", "needs", "query")
_LATER = ("sdk", "when", "retry", "rollback", "lock", "via")
_STRATEGIES = ("serial", "parallel", "dependency_graph")


def parse_plan(text: str, *, lookup: Mapping[str, object] | None = None) -> ExecutionPlan:
    """Reads a plan. ``lookup`` has the values of placeholders; without it they stay as written.

    Raises:
        SerializationError: the text is no YAML or JSON, or not the seeds' JSON it seems to be.
        InvalidPlan: the short form is wrong; names the line, the step and the key.
        InvalidCommand: a placeholder cannot be filled in the seeds' JSON.
    """
    document = nodes.read_json(text)
    if isinstance(document, dict) and "commands" in document:
        return plan_from_wire(text, lookup)
    root = nodes.compose(text)
    if not nodes.is_sequence(root) and "commands" in nodes.mapping(root, "plan"):
        return plan_from_wire(nodes.as_json(root), lookup)
    return _Reader(lookup).plan(root)


class _Reader:
    """Reads the short form, filling in placeholders as it goes."""

    def __init__(self, lookup: Mapping[str, object] | None) -> None:
        self._lookup = lookup

    def plan(self, root: Node) -> ExecutionPlan:
        keys = {"steps": root} if nodes.is_sequence(root) else nodes.mapping(root, "plan")
        _check_keys(keys, (*_PLAN_KEYS, *_COMMON), "plan")
        if "steps" not in keys:
            nodes.refuse(root, "plan", "it has no `steps`")
        steps = nodes.sequence(keys["steps"], "steps")
        if not steps:
            nodes.refuse(keys["steps"], "steps", "the plan has no steps")
        shared = {key: value for key, value in keys.items() if key in _COMMON}
        commands = [self._step(step, f"step {n}", shared) for n, step in enumerate(steps, 1)]
        strategy = self._strategy(keys, self._needs(steps, commands))
        if "title" in keys and "description" in keys:
            nodes.refuse(keys["title"], "plan, title", "it is the same as description; give one")
        title = self._optional(keys, "title" if "title" in keys else "description", "plan")
        return ExecutionPlan(
            description=title if title is not None else default_title(len(steps), strategy),
            strategy=strategy,
            commands=tuple(commands),
        )

    def _strategy(
        self, keys: dict[str, Node], needs: dict[int, tuple[int, ...]]
    ) -> ExecutionStrategy:
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

    def _step(self, node: Node, where: str, shared: dict[str, Node]) -> ExecutionRequest:
        own = {"shell": node} if nodes.is_scalar(node) else nodes.mapping(node, where)
        name = self._text(own["name"], f"{where}, name") if "name" in own else None
        if name is not None:
            where = f"{where} ({name[:40]})"
        _check_keys(own, (*_STEP_KEYS, *_COMMON), where)
        kinds = [key for key in own if key in _KINDS]
        if len(kinds) != 1:
            found = f"it has {' and '.join(kinds)}" if kinds else "it has nothing to run"
            nodes.refuse(node, where, f"{found}; a step is one of {', '.join(_KINDS)}")
        if "interpreter" in own and kinds != ["script"]:
            nodes.refuse(own["interpreter"], f"{where}, interpreter", "only a script has one")
        command = self._command(kinds[0], own, f"{where}, {kinds[0]}")
        request = ExecutionRequest(
            name=name,
            command=command,
            query=self._optional(own, "query", where),
        )
        for keys in (own, shared):
            request = self._with_common(request, keys, where if keys is own else "plan")
        if not isinstance(command, Script):  # whether a script exists is seen when it is to run
            _blamed(own[kinds[0]], f"{where}, {kinds[0]}", request.command.check)
        return request

    def _with_common(
        self, request: ExecutionRequest, keys: dict[str, Node], where: str
    ) -> ExecutionRequest:
        """The request with what it does not have yet of the keys a plan shares with its steps."""
        env = self._table(keys, "env", where) | request.env
        tags = self._table(keys, "tags", where) | request.metadata.tags
        cwd = self._optional(keys, "cwd", where)
        timeout = request.timeout_ms
        if timeout is None and "timeout" in keys:
            text = self._text(keys["timeout"], f"{where}, timeout")
            timeout = _blamed(keys["timeout"], f"{where}, timeout", parse_duration, text)
        changes = {
            "env": env,
            "metadata": ExecutionMetadata(tags=tags),
            "working_dir": request.working_dir or (Path(cwd) if cwd is not None else None),
            "timeout_ms": timeout,
        }
        return aimed(
            request.model_copy(update=changes),
            profile=self._default(request.command, keys, "profile", where),
            region=self._default(request.command, keys, "region", where),
        )

    def _default(self, command: Command, keys: dict[str, Node], key: str, where: str) -> str | None:
        # What the plan says for all steps gives way to what an AWS command's own arguments say.
        if where == "plan" and isinstance(command, AwsCli) and has_option(command.args, f"--{key}"):
            return None
        return self._optional(keys, key, where)

    def _command(self, kind: str, keys: dict[str, Node], where: str) -> Command:
        node = keys[kind]
        if kind == "shell":
            text = nodes.scalar(node, where)
            if self._lookup is not None:
                text = _blamed(node, where, substitute_shell, text, self._lookup)
            return Shell(command=text)
        if kind == "script":
            path = Path(self._text(node, where))
            return Script(path=path, interpreter=self._optional(keys, "interpreter", where))
        words = self._words(node, where)
        if kind == "exec":
            return Exec(program=words[0], args=words[1:])
        command = aws_command(words if words[0] == "aws" else ("aws", *words))
        if command is None:
            nodes.refuse(node, where, "write it as SERVICE OPERATION ARGUMENTS, or use exec:")
        return command

    def _words(self, node: Node, where: str) -> tuple[str, ...]:
        if nodes.is_sequence(node):
            texts = [nodes.scalar(item, where) for item in nodes.sequence(node, where)]
            if self._lookup is not None:
                texts = list(_blamed(node, where, substitute_words, texts, self._lookup))
            words: tuple[str, ...] | None = tuple(texts)
        else:
            line = nodes.scalar(node, where)
            if self._lookup is not None:
                line = _blamed(node, where, substitute_shell, line, self._lookup)
            words = simple_command(line)
            if words is None:
                nodes.refuse(
                    node, where, "only plain words can stand here (quote *, [, $ …); or use shell:"
                )
        if not words:
            nodes.refuse(node, where, "it is empty")
        return words

    def _text(self, node: Node, where: str) -> str:
        text = nodes.scalar(node, where)
        if self._lookup is None:
            return text
        return _blamed(node, where, substitute_value, text, self._lookup)

    def _optional(self, keys: dict[str, Node], key: str, where: str) -> str | None:
        return self._text(keys[key], f"{where}, {key}") if key in keys else None

    def _table(self, keys: dict[str, Node], key: str, where: str) -> dict[str, str]:
        if key not in keys:
            return {}
        items = nodes.mapping(keys[key], f"{where}, {key}").items()
        return {name: self._text(node, f"{where}, {key}.{name}") for name, node in items}

    def _needs(
        self, steps: list[Node], commands: list[ExecutionRequest]
    ) -> dict[int, tuple[int, ...]]:
        """The indices each step waits for, from the names in its ``needs``."""
        index: dict[str, int] = {}
        for n, (step, command) in enumerate(zip(steps, commands, strict=True)):
            if command.name is not None and index.setdefault(command.name, n) != n:
                first = nodes.line_of(steps[index[command.name]])
                nodes.refuse(step, f"step {n + 1}", f"the step in line {first} has the same name")
        needs: dict[int, tuple[int, ...]] = {}
        for n, step in enumerate(steps):
            node = None if nodes.is_scalar(step) else nodes.mapping(step, "").get("needs")
            if node is None:
                continue
            where = f"step {n + 1} ({commands[n].name or 'unnamed'}), needs"
            items = [node] if nodes.is_scalar(node) else nodes.sequence(node, where)
            names = [self._text(item, where) for item in items]
            for name in names:
                if name not in index:
                    nodes.refuse(
                        node, where, f"no step is named `{name}`{nodes.close(name, index)}"
                    )
            needs[n] = tuple(index[name] for name in names)
        try:
            TopologicalSorter(needs).prepare()
        except CycleError as error:
            # graphlib lists each node before what needs it; a reader follows "needs".
            cycle = " → ".join(f"{commands[n].name}" for n in reversed(error.args[1]))
            n = error.args[1][0]
            nodes.refuse(steps[n], f"step {n + 1}", f"steps need each other in a circle: {cycle}")
        return needs


def default_title(commands: int, strategy: ExecutionStrategy) -> str:
    """What a plan is called that was given no title: "3 commands in parallel"."""
    if commands == 1:
        return "1 command"
    how = {"serial": "one after another", "parallel": "in parallel"}
    return f"{commands} commands {how.get(strategy.type, 'by their needs')}"


def _check_keys(keys: dict[str, Node], known: tuple[str, ...], where: str) -> None:
    for key, node in keys.items():
        if key in _LATER:
            nodes.refuse(node, where, f"`{key}` is not available yet")
        if key not in known:
            nodes.refuse(node, where, f"unknown key `{key}`{nodes.close(key, known)}")


def _blamed(node: Node, where: str, function: Callable[..., _T], *arguments: Any) -> _T:
    """Calls a function that knows nothing of plans; its refusal then names the line and place."""
    try:
        return function(*arguments)
    except ValidationError as error:
        raise InvalidPlan(f"line {nodes.line_of(node)}, {where}: {error}") from None
