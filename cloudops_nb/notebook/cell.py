"""What a cell's options and body ask for, as a request or a plan. Pure: nothing runs here."""

from __future__ import annotations

import itertools
import re
from collections import ChainMap, Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cloudops_nb.errors import InvalidCommand, InvalidPlan, MissingField
from cloudops_nb.models.aws_line import aimed, aws_command
from cloudops_nb.models.commands import AwsCli, Command, Shell
from cloudops_nb.models.placeholders import (
    SHELLS,
    stand_in,
    step_outputs,
    substitute_shell,
    substitute_value,
    substitute_words,
)
from cloudops_nb.models.plans import (
    DependencyGraph,
    ExecutionPlan,
    ExecutionStrategy,
    Parallel,
    Serial,
)
from cloudops_nb.models.requests import ExecutionMetadata, ExecutionRequest
from cloudops_nb.models.retry import RetryConfig
from cloudops_nb.models.shell_syntax import incomplete, simple_command
from cloudops_nb.models.shortform import parse_plan
from cloudops_nb.models.shortform_order import default_title
from cloudops_nb.notebook.options import CellOptions

SOURCE = "notebook"
MAX_COMBINATIONS = 10_000

_STRICT = "set -euo pipefail\n"
_JOINED = re.compile(r"(?<!\\)(?:\\\\)*\\\Z")  # an odd number of backslashes ends the line
_LINE_SHELLS = (*SHELLS, "ksh", "zsh")


def build(
    options: CellOptions,
    body: str,
    *,
    namespace: Mapping[str, object],
    environ: Mapping[str, str],
) -> ExecutionRequest | ExecutionPlan:
    """The request or plan of a cell. ``namespace`` has the notebook's variables, for placeholders;
    ``environ`` the kernel's environment, for ``--env NAME``.

    Raises:
        MissingField: the body is empty.
        InvalidCommand: a placeholder or an option's value is wrong; names it.
        InvalidPlan: a line or step is wrong; names it.
        SerializationError: the body of ``--plan`` is no plan.
    """
    if not body.strip():
        raise MissingField("commands, on the lines below %%cloudops")
    _check_query(options.query)
    cell = _Cell(options, namespace, environ)
    work = _work(cell, body)
    if options.via is not None:
        commands = work.commands if isinstance(work, ExecutionPlan) else (work,)
        if not any(isinstance(each.command, AwsCli) for each in commands):
            raise InvalidCommand(
                "--via is for aws lines, and there is none: a script runs its own processes "
                "(write one plain `aws SERVICE OPERATION …`, or lines of it with --serial)"
            )
    return work


def _work(cell: _Cell, body: str) -> ExecutionRequest | ExecutionPlan:
    options = cell.options
    if options.plan:
        return _plan(cell, body)
    if options.each:
        return _each(cell, body)
    if options.serial or options.parallel:
        return _lines(cell, body)
    return cell.request(cell.filled(body), name=options.title, retry=cell.retry)


@dataclass(frozen=True)
class _Cell:
    """A cell's options, and the values in reach of its placeholders."""

    options: CellOptions
    lookup: Mapping[str, object]
    environ: Mapping[str, str]
    bound: Mapping[str, str] = field(default_factory=dict)

    def binding(self, values: dict[str, str]) -> _Cell:
        """The cell with ``{{ key }}`` bound to values of ``--each``."""
        names = dict[str, object](values)
        lookup = ChainMap(names, dict(self.lookup))
        return _Cell(self.options, lookup, self.environ, values)

    def filled(self, text: str) -> str:
        """Text of the body with its placeholders filled in."""
        if self.options.raw:
            return text
        return substitute_shell(text, self.lookup, shell=self.options.shell)

    @property
    def retry(self) -> RetryConfig | None:
        """What the options say about trying again."""
        if self.options.retries is None:
            return None
        return RetryConfig(
            max_attempts=self.options.retries + 1, idempotent=self.options.idempotent
        )

    def request(
        self, text: str, *, name: str | None, retry: RetryConfig | None = None
    ) -> ExecutionRequest:
        """The request that runs this text, which is filled in."""
        request = ExecutionRequest(
            command=self._command(text),
            name=name,
            query=self.options.query,
            retry=retry,
            metadata=ExecutionMetadata(source=SOURCE, tags=dict(self.bound)),
        )
        return self.surround(request)

    def surround(self, request: ExecutionRequest) -> ExecutionRequest:
        """The request with what the options say about env, directory, timeout, profile and region,
        where it says nothing itself.
        """
        cwd = self._value(self.options.cwd)
        env = self._env()
        for value in (*env.values(), cwd or ""):
            if request.inputs and step_outputs(value):
                raise InvalidCommand(
                    "--env and --cwd: what a step of the plan gave is put into the plan's own text "
                    "alone; write it there"
                )
        is_aws = isinstance(request.command, AwsCli)
        request = request.model_copy(
            update={
                "env": env | request.env,
                "working_dir": request.working_dir or (None if cwd is None else Path(cwd)),
                "timeout_ms": request.timeout_ms or self.options.timeout,
                "query": request.query or self.options.query,
                "via": request.via or (self.options.via if is_aws else None),
            }
        )
        return aimed(
            request,
            profile=self.bound.get("profile", self._value(self.options.profile)),
            region=self.bound.get("region", self._value(self.options.region)),
        )

    def strategy(self) -> ExecutionStrategy:
        """How several commands are ordered: in parallel unless ``--serial`` says otherwise."""
        if self.options.serial:
            return Serial(stop_on_error=not self.options.keep_going)
        return Parallel(max_concurrency=self.options.max_concurrency)

    def plan(self, commands: list[ExecutionRequest], title: str | None = None) -> ExecutionPlan:
        """The plan of these commands; ``title`` is what it is called if no option says so."""
        strategy = self.strategy()
        return ExecutionPlan(
            description=self.options.title or title or default_title(len(commands), strategy),
            strategy=strategy,
            commands=tuple(commands),
            metadata=ExecutionMetadata(source=SOURCE),
            max_failures=self.options.max_failures,
            # For each line that may be run again. A script of --each has its own: it is one thing,
            # and refused where it may not.
            retry=None if self.options.each else self.retry,
        )

    def values(self, text: str) -> tuple[str, ...]:
        """The values of one ``--each``: between commas, a placeholder for a list being several."""
        words = text.split(",")
        return tuple(words) if self.options.raw else substitute_words(words, self.lookup)

    def _command(self, text: str) -> Command:
        if _name(self.options.shell) in SHELLS:
            command = aws_command(simple_command(text) or ())
            if command is not None:
                return command
        return Shell(command=_STRICT * self.options.strict + text, shell=self.options.shell)

    def _value(self, text: str | None) -> str | None:
        if text is None or self.options.raw:
            return text
        return substitute_value(text, self.lookup)

    def _env(self) -> dict[str, str]:
        env: dict[str, str] = {}
        for word in self.options.env:
            name, equals, value = word.partition("=")
            if equals:
                env[name] = self._value(value) or ""
            elif name in self.environ:
                env[name] = self.environ[name]
            else:
                raise InvalidCommand(f"--env {name}: the kernel has no such variable; give a value")
        return env


def _lines(cell: _Cell, body: str) -> ExecutionPlan:
    """Each line of the body is a command."""
    shell = _name(cell.options.shell)
    if shell not in _LINE_SHELLS:
        raise InvalidCommand(
            f"--serial and --parallel read lines as shell commands; with --shell {shell} the body "
            "can only be one script"
        )
    lines: dict[int, str] = {}
    for number, line in _commands_of(body):
        where = f"line {number} of the commands"
        reason = incomplete(line if cell.options.raw else stand_in(line))
        if reason is not None:
            raise InvalidPlan(
                f"{where} is not complete: {reason}; each line is a command of its own "
                "(end it with \\ to join the next; without --serial or --parallel it is a script)"
            )
        try:
            lines[number] = cell.filled(line)
        except InvalidCommand as error:
            raise InvalidCommand(f"{where}: {error}") from None
    if not lines:
        raise MissingField("commands: the lines below %%cloudops are all comments")
    alike = Counter(lines.values())
    return cell.plan(
        [
            cell.request(line, name=line if alike[line] == 1 else f"{line} (line {number})")
            for number, line in lines.items()
        ]
    )


def _commands_of(body: str) -> Iterator[tuple[int, str]]:
    """The lines but blank ones and comments, with their numbers; a ``\\`` at the end joins."""
    begun: list[str] = []
    number = 0
    for at, line in enumerate(body.split("\n"), 1):
        if not begun and (not line.strip() or line.lstrip().startswith("#")):
            continue
        number = number if begun else at
        begun.append(line)
        if not _JOINED.search(line):
            yield number, "\n".join(begun).strip()
            begun = []
    if begun:
        yield number, "\n".join(begun).strip()


def _each(cell: _Cell, body: str) -> ExecutionPlan:
    """The body, as a script, once for every combination of the values of ``--each``."""
    values: dict[str, tuple[str, ...]] = {}
    for key, text in cell.options.each:
        values[key] = cell.values(text)
        wrong = [value for value, count in Counter(values[key]).items() if count > 1 or not value]
        if wrong:
            why = f"has {wrong[0]} twice" if wrong[0] else "has an empty value"
            raise InvalidPlan(f"--each {key}={text} {why}")
    combinations = 1
    for several in values.values():
        combinations *= len(several)
    if combinations > MAX_COMBINATIONS:
        raise InvalidPlan(
            f"--each makes {combinations} combinations; at most {MAX_COMBINATIONS} are run"
        )
    commands = []
    for combination in itertools.product(*values.values()):
        bound = dict(zip(values, combination, strict=True))
        name = " ".join(f"{key}={value}" for key, value in bound.items())
        one = cell.binding(bound)
        commands.append(one.request(one.filled(body), name=name, retry=cell.retry))
    # The commands are called by their values, so the plan has to say what was run.
    return cell.plan(commands, f"{_first_line(body)}, for each {' and '.join(values)}")


def _first_line(body: str) -> str:
    """The first line of the body that says something; cut short, and marked as not being all."""
    lines = [line.strip() for line in body.splitlines() if line.strip()]
    first = next((line for line in lines if not line.startswith("#")), lines[0])
    return first if len(lines) == 1 and len(first) <= 80 else f"{first[:79]}…"


def _plan(cell: _Cell, body: str) -> ExecutionPlan:
    """The body is a plan; the options stand in for what its steps do not say."""
    plan = parse_plan(body, lookup=None if cell.options.raw else cell.lookup)
    if cell.options.keep_going:
        if isinstance(plan.strategy, DependencyGraph):
            raise InvalidPlan(
                "--keep-going: a step that needs a failed one cannot run; all others go on anyway"
            )
        if isinstance(plan.strategy, Serial):
            plan = plan.model_copy(update={"strategy": Serial(stop_on_error=False)})
    return plan.model_copy(
        update={
            "description": cell.options.title or plan.description,
            "commands": tuple(cell.surround(request) for request in plan.commands),
            "metadata": plan.metadata.model_copy(update={"source": SOURCE}),
            "max_failures": (
                plan.max_failures
                if cell.options.max_failures is None
                else cell.options.max_failures
            ),
            "retry": plan.retry or cell.retry,
        }
    )


def _name(shell: str) -> str:
    return shell.rpartition("/")[2]


def _check_query(query: str | None) -> None:
    if query is None:
        return
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        jmespath.compile(query)
    except JMESPathError as error:
        reason = " ".join(str(error).split())
        raise InvalidCommand(f"--query {query!r} is not JMESPath: {reason}") from None
