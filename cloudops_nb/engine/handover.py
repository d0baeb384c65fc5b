"""What the steps of a plan that ended give to later ones. Reads logs: not for the loop's thread."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cloudops_nb.errors import LogUnavailable, RecordsUnavailable, StepValueUnavailable
from cloudops_nb.models import ExecutionResult
from cloudops_nb.models.conditions import holds, references
from cloudops_nb.models.results import Stream

MAX_OUTPUT_BYTES = 16 * 1024 * 1024
"""A step with a larger log hands on nothing of its output, so that memory stays bounded."""

_OUTPUTS = frozenset(["stdout", "stderr", "records"])


def reads_output(when: str) -> bool:
    """Whether a condition needs more of a step than how it ended."""
    return any(fields & _OUTPUTS for fields in references(when).values())


def condition_holds(when: str, results: Mapping[str, ExecutionResult]) -> bool:
    """Whether a condition is true of the steps that ended, by their names.

    Raises:
        StepValueUnavailable: it reads what a step does not have.
    """
    return holds(
        when, {name: document(results[name], fields) for name, fields in references(when).items()}
    )


def document(result: ExecutionResult, fields: Collection[str]) -> dict[str, Any]:
    """These fields of a step, as conditions and placeholders see them.

    Raises:
        StepValueUnavailable: one cannot be had.
    """
    document: dict[str, Any] = {}
    for field in fields:
        match field:
            case "status":
                document[field] = str(result.status)
            case "exit_code":
                document[field] = result.exit_code
            case "success":
                document[field] = result.success
            case "stdout" | "stderr":
                document[field] = output_of(result, field)
            case _:
                document[field] = rows_of(result)
    return document


def output_of(result: ExecutionResult, stream: Stream) -> str:
    """What a step printed to a stream, without the newlines at its end, as ``$(…)`` gives it.

    Raises:
        StepValueUnavailable: not all of it was kept, or it is too large.
    """
    _check_whole(result)
    try:
        text = result.stdout if stream == "stdout" else result.stderr
    except LogUnavailable as error:
        raise StepValueUnavailable(f"step `{result.title}`: {error}") from None
    return text.rstrip("\n")


def rows_of(result: ExecutionResult) -> list[dict[str, Any]]:
    """The records of a step.

    Raises:
        StepValueUnavailable: its output is not the JSON its query needs, or see ``output_of``.
    """
    _check_whole(result)
    try:
        return list(result.records)
    except (LogUnavailable, RecordsUnavailable) as error:
        raise StepValueUnavailable(f"step `{result.title}`: {error}") from None


def _check_whole(result: ExecutionResult) -> None:
    if result.omitted_bytes:
        raise StepValueUnavailable(
            f"step `{result.title}`: {result.omitted_bytes} bytes of its output were left out; "
            "raise max_output_size_bytes or print less"
        )
    try:
        size = result.log_path.stat().st_size
    except OSError:
        return  # never started, or gone: the reading tells
    if size > MAX_OUTPUT_BYTES:
        raise StepValueUnavailable(
            f"step `{result.title}`: its output is {size} bytes, and at most {MAX_OUTPUT_BYTES} "
            "are handed on; print less, or hand on the name of a file"
        )
