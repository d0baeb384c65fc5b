"""How executions ended, and what they printed."""

from __future__ import annotations

import signal as signals
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self
from uuid import UUID

from pydantic import (
    ModelWrapValidatorHandler,
    PrivateAttr,
    computed_field,
    field_serializer,
    model_validator,
)

from cloudops_nb.errors import RecordsUnavailable
from cloudops_nb.models.base import Duration, Timestamp, WireModel, addition
from cloudops_nb.models.retry import ErrorCategory
from cloudops_nb.records import Records, Row, Schema, parse_records

if TYPE_CHECKING:
    import pandas as pd

Stream = Literal["stdout", "stderr"]
STREAMS: tuple[Stream, ...] = ("stdout", "stderr")
NO_EXIT_CODE = -1
"""What the wire says where there was no exit code."""


class ExecutionStatus(StrEnum):
    """Where an execution stands. All but ``pending`` and ``running`` are final."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"

    @property
    def is_final(self) -> bool:
        """Whether the execution has ended, or never will start."""
        return self not in (ExecutionStatus.PENDING, ExecutionStatus.RUNNING)


class Output(Protocol):
    """Where a finished execution's output is read from."""

    def text(self, stream: Stream) -> str:
        """What was printed to ``stream``, decoded as UTF-8; raises ``LogUnavailable``."""
        ...


class MemoryOutput:
    """Output held in memory: of a result read from JSON, or of a command that never ran."""

    def __init__(self, stdout: str = "", stderr: str = "") -> None:
        self._texts: dict[str, str] = {"stdout": stdout, "stderr": stderr}

    def text(self, stream: Stream) -> str:
        """What was printed to ``stream``."""
        return self._texts[stream]


SchemaSource = Callable[[str, str, str], Schema | None]
"""Finds the schema of the rows of an AWS operation: its service, its name, where its rows are."""


class Attempt(WireModel):
    """An attempt that failed and was followed by another.

    ``waited`` lies between its end and the next one's start: the backoff and the queue.
    """

    number: int
    status: ExecutionStatus
    exit_code: int | None
    error: str | None
    category: ErrorCategory
    reason: str
    started_at: Timestamp
    duration: Duration
    waited: Duration
    log_path: Path


class ExecutionResult(WireModel):
    """How one command ended.

    ``exit_code`` is -N for death by signal N and None when there was none, with ``error`` saying
    why. ``stdout`` and ``stderr`` are read from the log each time they are asked for. Of several
    ``attempts`` these are the last one's; ``started_at`` and ``duration`` span them all.

    Where a retry was asked for and it failed all the same, ``not_retried`` says why it was not
    tried (again), and ``error_category`` what may be done about it.
    """

    id: UUID
    status: ExecutionStatus
    exit_code: int | None
    duration: Duration
    started_at: Timestamp
    completed_at: Timestamp | None
    log_path: Path
    error: str | None = None

    plan_id: UUID | None = addition()
    name: str | None = addition()
    command: str | None = addition()
    tags: dict[str, str] | None = addition()
    profile: str | None = addition()
    region: str | None = addition()
    endpoint: str | None = addition()
    attempts: int = addition(1)
    earlier_attempts: tuple[Attempt, ...] = addition(())
    service: str | None = addition()
    """The AWS service that was called, by its API name (``ec2``), where that is known."""
    operation: str | None = addition()
    """The operation, by its API name (``DescribeInstances``)."""
    account: str | None = addition()
    """The AWS account that answered."""
    requested_at: Timestamp | None = addition()
    """When AWS was first asked, in the last attempt."""
    via: str | None = addition()
    """How an AWS CLI command ran: ``cli``, with the reason where there was one, or ``sdk``."""
    error_category: ErrorCategory | None = addition()
    not_retried: str | None = addition()
    signal: str | None = addition()
    record_path: str | None = addition()
    query: str | None = addition()
    omitted_bytes: int = addition(0)
    withheld_env: tuple[str, ...] = addition(())
    resumed_from: UUID | None = addition()
    """The execution that did the work, in an earlier run of the plan."""

    _output: Output = PrivateAttr(default_factory=MemoryOutput)
    _schema: SchemaSource | None = PrivateAttr(default=None)

    @model_validator(mode="wrap")
    @classmethod
    def _from_wire(cls, value: Any, build: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(value, dict):
            return build(value)
        fields = {key: item for key, item in value.items() if key not in ("stdout", "stderr")}
        if fields.get("exit_code") == NO_EXIT_CODE and not fields.get("signal"):
            fields["exit_code"] = None
        result = build(fields)
        output = {stream: value[stream] for stream in STREAMS if stream in value}
        if not all(isinstance(text, str) for text in output.values()):
            raise ValueError("stdout and stderr must be text")
        if output:
            # In place: pydantic does not let __init__ hand out another object.
            result._output = MemoryOutput(**output)
        return result

    @field_serializer("exit_code", when_used="json")
    def _exit_code_to_wire(self, value: int | None) -> int:
        return NO_EXIT_CODE if value is None else value

    @computed_field  # type: ignore[prop-decorator]
    @property
    def success(self) -> bool:
        """Whether the command completed with exit code 0."""
        return self.status is ExecutionStatus.COMPLETED

    @computed_field  # type: ignore[prop-decorator]
    @property
    def stdout(self) -> str:
        """Standard output, redacted. Raises ``LogUnavailable`` when its log is gone."""
        return self._output.text("stdout")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def stderr(self) -> str:
        """Standard error, redacted. Raises ``LogUnavailable`` when its log is gone."""
        return self._output.text("stderr")

    @property
    def title(self) -> str:
        """The command's name, else its line, else its id."""
        return self.name or self.command or str(self.id)

    @property
    def records(self) -> Records:
        """Standard output as rows: JSON, JSON lines or AWS output; plain text gives its lines.

        Rows of an AWS operation say where they are from: ``account``, ``region``, ``operation`` and
        ``requested_at`` come first, and the operation's schema gives the rest its types.

        Raises:
            RecordsUnavailable: a ``query`` was given and the output is not JSON, or some of an AWS
                answer was left out of the log.
        """
        return self.read_records(self.stdout, self.origin)

    @property
    def origin(self) -> Row:
        """Where AWS rows are from; empty for what is no known AWS operation."""
        if self.service is None or self.operation is None:
            return {}
        return {
            "account": self.account,
            "region": self.region,
            "operation": f"{self.service}:{self.operation}",
            "requested_at": (self.requested_at or self.started_at).isoformat(),
        }

    def read_records(self, stdout: str, columns: Row) -> Records:
        """The rows of an output of this command, with columns in front. See ``records``."""
        if self.omitted_bytes and self.record_path is not None:
            # What is left is no JSON any more, and rows must not be missing unsaid.
            raise RecordsUnavailable(
                f"{self.title[:60]!r}: {self.omitted_bytes:,} bytes of its answer were left out of "
                "the log; raise max_output_size_bytes, or ask for less"
            )
        schema = None
        if self._schema and self.service and self.operation and self.record_path:
            schema = self._schema(self.service, self.operation, self.record_path)
        return parse_records(
            stdout, path=self.record_path, query=self.query, schema=schema, columns=columns
        )

    def to_pandas(self, tags: Collection[str] = ()) -> pd.DataFrame:
        """The records as a frame, a row a record, ``tags`` as columns ``tag:<key>``."""
        return self.records.to_pandas(tags)

    def with_output(self, output: Output, schema: SchemaSource | None = None) -> Self:
        """This result, reading its output from ``output`` and rows by what ``schema`` finds."""
        result = self.model_copy()
        result._output, result._schema = output, schema
        return result

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ExecutionResult):
            return NotImplemented
        return self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]


class ExecutionStats(WireModel):
    """How many commands of a plan ended how; the counts sum to ``total``."""

    total: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    timeout: int = 0
    skipped: int = addition(0)
    interrupted: int = addition(0)

    @classmethod
    def of(cls, statuses: Iterable[ExecutionStatus]) -> ExecutionStats:
        """Counts final statuses."""
        counts = Counter(str(status) for status in statuses)
        return cls(total=counts.total(), **counts)


class PlanExecutionResult(WireModel):
    """How a plan ended: a result for each of its commands, in plan order."""

    plan_id: UUID
    status: ExecutionStatus
    results: tuple[ExecutionResult, ...]
    total_duration: Duration
    stats: ExecutionStats
    description: str | None = addition()
    started_at: Timestamp | None = addition()
    error: str | None = addition()
    resumed_from: UUID | None = addition()
    """The plan's earlier run, whose completed commands were carried over."""

    @property
    def id(self) -> UUID:
        """The plan's id, under the name that results of single commands use."""
        return self.plan_id

    @property
    def success(self) -> bool:
        """Whether every command completed, but for those that conditions left out."""
        return self.status is ExecutionStatus.COMPLETED

    @property
    def title(self) -> str:
        """The plan's description, or its id."""
        return self.description or str(self.plan_id)

    @property
    def records(self) -> Records:
        """The records of all commands that completed, each with where it came from.

        Columns ``command``, ``profile``, ``region`` and the commands' tags come first, and what
        ``ExecutionResult.records`` has first where one is an AWS operation.

        Raises:
            RecordsUnavailable: a ``query`` was given and an output is not JSON.
        """
        completed = [result for result in self.results if result.success]
        origins = dict.fromkeys(name for result in completed for name in result.origin)
        return Records.concat(
            (
                {
                    "command": result.title,
                    "profile": result.profile,
                    **origins,
                    "region": result.region,
                    **result.origin,
                    **(result.tags or {}),
                },
                result.read_records(result.stdout, {}),
            )
            for result in completed
        )

    def to_pandas(self) -> pd.DataFrame:
        """A row a command: name, tags, status, exit_code, duration, attempts and its line."""
        import pandas as pd

        columns: dict[str, list[Any]] = {
            "name": [result.title for result in self.results],
            "tags": [result.tags or {} for result in self.results],
            "status": [str(result.status) for result in self.results],
            "exit_code": [result.exit_code for result in self.results],
            "duration": [result.duration for result in self.results],
            "attempts": [result.attempts for result in self.results],
            "profile": [result.profile for result in self.results],
            "region": [result.region for result in self.results],
            "started_at": [result.started_at for result in self.results],
            "command": [result.command for result in self.results],
            "error": [result.error for result in self.results],
        }
        frame = pd.DataFrame(columns)
        return frame.astype(
            {
                "exit_code": "Int64",
                "duration": "timedelta64[us]",
                "started_at": "datetime64[us, UTC]",
            }
        )


class ExecutionSummary(WireModel):
    """One line of a list of executions."""

    id: UUID
    status: ExecutionStatus
    started_at: Timestamp
    duration: Duration | None
    title: str | None = addition()
    plan_id: UUID | None = addition()
    commands: int = addition(1)
    reason: str | None = addition()
    """Why it is still ``pending``, where that is known."""


def signal_name(exit_code: int | None) -> str | None:
    """``SIGTERM`` for -15; None where the code is not a death by signal."""
    if exit_code is None or exit_code >= 0:
        return None
    try:
        return signals.Signals(-exit_code).name
    except ValueError:  # real-time signals have no name of their own
        return f"signal {-exit_code}"
