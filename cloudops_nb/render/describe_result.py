"""What a record says about one command's result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cloudops_nb.config import home_relative
from cloudops_nb.errors import LogUnavailable, RecordsUnavailable
from cloudops_nb.models.results import ExecutionResult, ExecutionStatus, signal_name
from cloudops_nb.render.describe_attempts import attempts
from cloudops_nb.render.excerpt import excerpt
from cloudops_nb.render.record import (
    Block,
    Command,
    Headline,
    Note,
    Record,
    clipped,
    count,
    one_line,
    took,
    when,
)

# Budgets in bytes of HTML; as text the same takes as much again or less. In both forms and with the
# style sheet they stay below record.MAX_BYTES.
_COMMAND = 3_500
_ERROR = 2_000
_NAMES = 600
LABELS = 600

_OUTPUT = 36_000  # in both forms, shared by the streams

NO_OUTPUT = Note("output", "none")

_COMMAND_LINES = 40
_READ_BYTES = 64 * 2**20  # a longer log (stream_to_file) is not read into memory to show 30 lines
RECORDS_CHARACTERS = 1_000_000  # a longer output is not parsed only to count its records


def describe_result(result: ExecutionResult) -> Record:
    """The record of one command."""
    blocks: list[Block] = []
    if result.command:
        blocks.append(command(result.command, _COMMAND_LINES, _COMMAND))
    blocks += complaint(result, _ERROR)
    blocks += attempts(result)
    if was_started(result):
        blocks += _output(result)
    if result.omitted_bytes:
        text = f"{count(result.omitted_bytes, 'byte')} above max_output_size_bytes"
        blocks.append(Note("left out of the log", text))
    if result.withheld_env and not result.success:
        names = one_line(", ".join(result.withheld_env), _NAMES)
        blocks.append(Note("not passed to the command", f"{names} (pass with --env NAME)"))
    blocks += _asides(result)
    return Record(result_headline(result), tuple(blocks))


def result_headline(result: ExecutionResult) -> Headline:
    """The first line about one command."""
    return Headline(
        result.status,
        facts=ending(result),
        title=one_line(result.name or "", LABELS) if result.name != result.command else "",
        took=took(result.duration) if was_started(result) else "",
    )


def was_started(result: ExecutionResult) -> bool:
    """Whether there was a process (or call) at all."""
    ran = result.exit_code is not None or bool(result.duration)
    return ran and result.status is not ExecutionStatus.SKIPPED


def ending(result: ExecutionResult) -> tuple[str, ...]:
    """How the command ended, where its status does not say it."""
    facts = []
    killed_by = result.signal or signal_name(result.exit_code)
    if killed_by:
        facts.append(one_line(f"killed by {killed_by}", 60))
    elif result.exit_code is not None:
        facts.append(f"exit {result.exit_code}")
    if result.attempts > 1:
        facts.append(count(result.attempts, "attempt"))
    if result.resumed_from is not None:
        facts.append("in an earlier run")
    return tuple(facts)


def command(line: str, lines: int, budget: int) -> Command:
    """The command's text: up to ``lines`` lines in ``budget`` bytes of HTML."""
    head, omitted = line.split("\n", lines)[:lines], max(line.count("\n") + 1 - lines, 0)
    return Command(tuple(clipped("\n".join(head), budget).split("\n")), omitted)


def complaint(result: ExecutionResult, budget: int) -> list[Note]:
    """Why the command failed or was not run, in the engine's words, where they say more."""
    if not was_started(result) and result.status is not ExecutionStatus.FAILED:
        reason = result.error or f"{result.status} before it started"
        return [Note("not run", clipped(reason, budget))]
    told = (str(result.status), f"exit code {result.exit_code}", *ending(result))
    if result.error is None or result.error in told:
        return []
    return [Note("error", clipped(result.error, budget), "bad")]


def labels(result: ExecutionResult) -> list[str]:
    """Profile, region and tags as ``key=value``, each key once."""
    named = {"profile": result.profile, "region": result.region, **(result.tags or {})}
    return [f"{key}={value}" for key, value in named.items() if value is not None]


def log_size(result: ExecutionResult) -> int | None:
    """Bytes of the log; None where there is no such file."""
    try:
        return result.log_path.stat().st_size
    except (OSError, ValueError):  # ValueError: a path with a NUL inside, from hostile JSON
        return None


def outputs(result: ExecutionResult) -> tuple[str, str] | Note:
    """Standard output and error; a note where they cannot be shown."""
    size = log_size(result)
    if size is not None and size > _READ_BYTES:
        return Note("output", f"{count(size, 'byte')}, too long to show here; it is in the log")
    try:
        return result.stdout, result.stderr
    except LogUnavailable:
        return Note("output", "cannot be shown: the log is gone")


def record_count(result: ExecutionResult, stdout: str) -> int:
    """How many records the output holds; 0 for plain text."""
    try:
        records = result.read_records(stdout, {})
    except (RecordsUnavailable, RecursionError):  # RecursionError: JSON nested without end
        return 0
    return 0 if records.kind == "text" else len(records)


def log_note(path: Path, budget: int, label: str = "log") -> Note:
    """Where the log is, or the logs are."""
    return Note(label, one_line(home_relative(path), budget), "aside")


def _output(result: ExecutionResult) -> list[Block]:
    output = outputs(result)
    if isinstance(output, Note):
        return [output]
    stdout, stderr = output
    share = _OUTPUT // 2 if stdout and stderr else _OUTPUT
    blocks: list[Block] = []
    if stdout:
        blocks.append(excerpt(stdout, "stdout", share))
    if stderr:
        blocks.append(excerpt(stderr, "stderr", share))
    if not blocks:
        blocks.append(NO_OUTPUT)
    if result.success and len(stdout) <= RECORDS_CHARACTERS:
        found = record_count(result, stdout)
        if found:
            blocks.append(Note(count(found, "record"), ".records or .to_pandas()"))
    return blocks


def elsewhere(results: Sequence[ExecutionResult]) -> list[Note]:
    """Where AWS calls went if not to AWS, so that no record of a sandbox passes for the real."""
    endpoints = sorted({result.endpoint for result in results if result.endpoint})
    if not endpoints:
        return []
    return [Note("not AWS itself", one_line(" ".join(endpoints), LABELS), "aside")]


def _asides(result: ExecutionResult) -> list[Note]:
    asides = []
    if shown := one_line(" ".join(labels(result)), LABELS):
        asides.append(Note("tags", shown, "aside"))
    asides += elsewhere([result])
    if was_started(result):
        asides.append(Note("started", when(result.started_at), "aside"))
        asides.append(log_note(result.log_path, LABELS))
    if not was_started(result) or str(result.id) not in result.log_path.name:
        asides.append(Note("id", str(result.id), "aside"))
    return asides
