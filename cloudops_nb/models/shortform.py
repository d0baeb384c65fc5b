"""Plans as people write them: the seeds' JSON as it is, or a short form in YAML or JSON.

    description: two looks at the fleet      # or title
    strategy: serial                         # or parallel; left out: serial, or a graph by `needs`
    max_concurrency: 4                       # of a parallel plan
    keep_going: true                         # of a serial plan: go on after a failure
    max_failures: 10%                        # or a number: when more have failed, start no more
    env: {STAGE: dev}                        # for all steps; so cwd, timeout, profile, region, tags
    via: cli                                 # how aws steps run: cli, sdk or (usual) auto
    limits: {cpu: 30s, memory: 512M, processes: 64}                       # for each step by itself
    retry: 3                                 # attempts; for steps that say nothing else and may be
                                             # run twice; more of it: models/retry_form.py
    steps:
      - name: instances
        aws: ec2 describe-instances          # a line, or a list of words
        timeout: 90s
        retry: {max_attempts: 5, backoff: linear}
      - name: report
        needs: [instances]
        shell: echo {{ name }} | tee report  # or exec: [program, word, …], or script: path
      - name: alarm
        when: steps.report.status == 'failed'  # JMESPath, see conditions.py
        script: ./alarm.sh
        lock: pager                          # of steps with one lock, one runs at a time
      - name: stopped
        sdk: ec2 DescribeInstances           # an API call; without a process
        params:
          Filters: [{Name: instance-state-name, Values: [stopped]}]
        max_records: 500
      - uptime                               # a text alone is a step for the shell

A plan may also be the list of steps alone. Placeholders in ``shell`` follow the shell's rule, those
elsewhere are put in as they are; a list of words may hold one that becomes several. In commands,
``params``, ``env`` and ``cwd``, ``{{ steps.NAME.stdout }}`` is what an earlier step printed, and
``{{ steps.NAME.records[0].Key }}`` a value of its records; they are put in when the step starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudops_nb.models import yaml_nodes as nodes
from cloudops_nb.models.aws_line import aimed, aws_command
from cloudops_nb.models.aws_options import gives
from cloudops_nb.models.commands import AwsCli, AwsSdk, Command, Exec, Script, Shell
from cloudops_nb.models.durations import parse_duration
from cloudops_nb.models.limits import parse_limits
from cloudops_nb.models.parameters import substitute_parameters
from cloudops_nb.models.placeholders import (
    Names,
    step_outputs,
    substitute_shell,
    substitute_value,
    substitute_words,
)
from cloudops_nb.models.plan_wire import plan_from_wire
from cloudops_nb.models.plans import ExecutionPlan
from cloudops_nb.models.requests import VIAS, ExecutionMetadata, ExecutionRequest, Via
from cloudops_nb.models.retry import RetryConfig
from cloudops_nb.models.retry_form import read_retry
from cloudops_nb.models.shell_syntax import simple_command
from cloudops_nb.models.shortform_order import ORDER_KEYS, Order, default_title
from cloudops_nb.models.templates import check_template, inputs_of, quoted

if TYPE_CHECKING:
    from yaml import Node

_COMMON = ("env", "cwd", "timeout", "limits", "profile", "region", "tags", "via")
_PLAN_KEYS = ("description", "title", *ORDER_KEYS, "retry", "steps")
_KINDS = ("shell", "exec", "script", "aws", "sdk")
_ONLY_OF = {"interpreter": "script", "params": "sdk", "max_records": "sdk"}
_STEP_KEYS = ("name", *_KINDS, *_ONLY_OF, "needs", "when", "lock", "query", "retry")
_LATER = ("rollback",)


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
        order = Order(keys, steps, commands, self._text)
        strategy = order.strategy
        if "title" in keys and "description" in keys:
            nodes.refuse(keys["title"], "plan, title", "it is the same as description; give one")
        title = self._optional(keys, "title" if "title" in keys else "description", "plan")
        return ExecutionPlan(
            description=title if title is not None else default_title(len(steps), strategy),
            strategy=strategy,
            commands=tuple(commands),
            max_failures=order.max_failures,
            retry=self._retry(keys, "plan"),
        )

    def _retry(self, keys: dict[str, Node], where: str) -> RetryConfig | None:
        if "retry" not in keys:
            return None
        return read_retry(keys["retry"], f"{where}, retry", self._text)

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
        for key, kind in _ONLY_OF.items():
            if key in own and kinds != [kind]:
                article = "an" if kind == "sdk" else "a"
                nodes.refuse(own[key], f"{where}, {key}", f"only {article} {kind} step has it")
        command = self._command(kinds[0], own, f"{where}, {kinds[0]}")
        request = ExecutionRequest(
            name=name,
            command=command,
            query=self._optional(own, "query", where),
            lock=self._optional(own, "lock", where),
            # As it is written: what decides whether a step runs is not put together from values.
            when=nodes.scalar(own["when"], f"{where}, when") if "when" in own else None,
            retry=self._retry(own, where),
        )
        for keys in (own, shared):
            request = self._with_common(request, keys, where if keys is own else "plan")
        if self._lookup is not None:
            inputs = nodes.blamed(node, where, inputs_of, request)
            request = request.model_copy(update={"inputs": inputs})
            nodes.blamed(node, where, check_template, request)
        if not isinstance(command, Script):  # whether a script exists is seen when it is to run
            nodes.blamed(own[kinds[0]], f"{where}, {kinds[0]}", request.command.check)
        return request

    def _with_common(
        self, request: ExecutionRequest, keys: dict[str, Node], where: str
    ) -> ExecutionRequest:
        """The request with what it does not have yet of the keys a plan shares with its steps."""
        env = self._table(keys, "env", where) | request.env
        tags = self._table(keys, "tags", where) | request.metadata.tags
        cwd = self._template(keys["cwd"], f"{where}, cwd") if "cwd" in keys else None
        timeout = request.timeout_ms
        if timeout is None and "timeout" in keys:
            text = self._text(keys["timeout"], f"{where}, timeout")
            timeout = nodes.blamed(keys["timeout"], f"{where}, timeout", parse_duration, text)
        limits = request.limits
        if limits is None and "limits" in keys:
            texts = self._table(keys, "limits", where)
            limits = nodes.blamed(keys["limits"], f"{where}, limits", parse_limits, texts)
        changes = {
            "via": request.via or self._via(request.command, keys, where),
            "env": env,
            "metadata": ExecutionMetadata(tags=tags),
            "working_dir": request.working_dir or (Path(cwd) if cwd is not None else None),
            "timeout_ms": timeout,
            "limits": limits,
        }
        return aimed(
            request.model_copy(update=changes),
            profile=self._default(request.command, keys, "profile", where),
            region=self._default(request.command, keys, "region", where),
        )

    def _via(self, command: Command, keys: dict[str, Node], where: str) -> Via | None:
        # What the plan says for all steps is for those that it can be said of.
        if "via" not in keys or (where == "plan" and not isinstance(command, AwsCli)):
            return None
        text = self._text(keys["via"], f"{where}, via")
        if text not in VIAS:
            nodes.refuse(keys["via"], f"{where}, via", f"{text!r} is none of {', '.join(VIAS)}")
        return VIAS[text]

    def _default(self, command: Command, keys: dict[str, Node], key: str, where: str) -> str | None:
        # What the plan says for all steps gives way to what an AWS command's own arguments say.
        if where == "plan" and isinstance(command, AwsCli) and gives(command.args, f"--{key}"):
            return None
        return self._optional(keys, key, where)

    def _command(self, kind: str, keys: dict[str, Node], where: str) -> Command:
        node = keys[kind]
        if kind == "shell":
            text = nodes.scalar(node, where)
            if self._lookup is not None:
                text = nodes.blamed(node, where, self._in_shell, text)
            return Shell(command=text)
        if kind == "script":
            path = Path(self._text(node, where))
            return Script(path=path, interpreter=self._optional(keys, "interpreter", where))
        words = self._words(node, where, program="aws" if kind == "aws" else "")
        if kind == "sdk":
            return self._sdk(words, keys, where)
        if kind == "exec":
            return Exec(program=words[0], args=words[1:])
        command = aws_command(words if words[0] == "aws" else ("aws", *words))
        if command is None:
            nodes.refuse(node, where, "write it as SERVICE OPERATION ARGUMENTS, or use exec:")
        return command

    def _sdk(self, words: tuple[str, ...], keys: dict[str, Node], where: str) -> AwsSdk:
        if len(words) != 2:
            nodes.refuse(
                keys["sdk"], where, "write it as SERVICE OPERATION, and `params` beside it"
            )
        params: dict[str, Any] = {}
        if "params" in keys:
            nodes.mapping(keys["params"], f"{where}, params")
            params = nodes.json_value(keys["params"], f"{where}, params")
            if self._lookup is not None:
                params = nodes.blamed(keys["params"], f"{where}, params", self._in_params, params)
        most = keys.get("max_records")
        return AwsSdk(
            service=words[0],
            operation=words[1],
            params=params,
            max_records=None if most is None else nodes.count(most, f"{where}, max_records"),
        )

    def _in_params(self, params: dict[str, Any]) -> Any:
        return substitute_parameters(params, self._lookup or {}, names=Names.NOTEBOOK)

    def _words(self, node: Node, where: str, program: str) -> tuple[str, ...]:
        if nodes.is_sequence(node):
            texts = [nodes.scalar(item, where) for item in nodes.sequence(node, where)]
            if self._lookup is not None:
                texts = list(nodes.blamed(node, where, self._in_words, texts, program))
            words: tuple[str, ...] | None = tuple(texts)
        else:
            line = nodes.scalar(node, where)
            if self._lookup is not None:
                line = nodes.blamed(node, where, self._in_line, line, program)
            words = simple_command(line)
            if words is None:
                nodes.refuse(
                    node, where, "only plain words can stand here (quote *, [, $ …); or use shell:"
                )
        if not words:
            nodes.refuse(node, where, "it is empty")
        return words

    def _text(self, node: Node, where: str) -> str:
        text = self._template(node, where)
        if self._lookup is not None and step_outputs(text):
            nodes.refuse(node, where, "a step's output can stand in commands, env and cwd alone")
        return text

    def _template(self, node: Node, where: str) -> str:
        """A text that may hold what earlier steps will have given."""
        text = nodes.scalar(node, where)
        if self._lookup is None:
            return text
        return nodes.blamed(node, where, self._in_value, text)

    def _in_value(self, text: str) -> str:
        return substitute_value(text, self._lookup or {}, names=Names.NOTEBOOK)

    def _in_words(self, words: list[str], program: str) -> tuple[str, ...]:
        lookup = self._lookup or {}
        return substitute_words(words, lookup, names=Names.NOTEBOOK, program=program)

    def _in_shell(self, text: str, program: str = "") -> str:
        lookup = self._lookup or {}
        return substitute_shell(text, lookup, names=Names.NOTEBOOK, program=program)

    def _in_line(self, line: str, program: str) -> str:
        return quoted(self._in_shell(line, program))

    def _optional(self, keys: dict[str, Node], key: str, where: str) -> str | None:
        return self._text(keys[key], f"{where}, {key}") if key in keys else None

    def _table(self, keys: dict[str, Node], key: str, where: str) -> dict[str, str]:
        if key not in keys:
            return {}
        read = self._template if key == "env" else self._text
        items = nodes.mapping(keys[key], f"{where}, {key}").items()
        return {name: read(node, f"{where}, {key}.{name}") for name, node in items}


def _check_keys(keys: dict[str, Node], known: tuple[str, ...], where: str) -> None:
    for key, node in keys.items():
        if key in _LATER:
            nodes.refuse(node, where, f"`{key}` is not available yet")
        if key not in known:
            nodes.refuse(node, where, f"unknown key `{key}`{nodes.close(key, known)}")
