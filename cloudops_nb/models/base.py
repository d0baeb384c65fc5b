"""What all wire models share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Self

import pydantic
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.functional_validators import AfterValidator, BeforeValidator

from cloudops_nb.errors import SerializationError


def addition(default: Any = None) -> Any:
    """A field the seeds' JSON does not have: left off the wire while it has its default."""
    return Field(default, exclude_if=lambda value: value == default)


def _duration_from_wire(value: object) -> object:
    # Rust's serde writes a Duration as {"secs": …, "nanos": …}. A timedelta holds microseconds.
    if isinstance(value, dict) and value.keys() == {"secs", "nanos"}:
        try:
            return timedelta(seconds=value["secs"], microseconds=value["nanos"] // 1000)
        except (TypeError, OverflowError):
            raise ValueError("not a duration: secs and nanos must be numbers, in range") from None
    return value


def _duration_to_wire(value: timedelta) -> dict[str, int]:
    microseconds = value // timedelta(microseconds=1)
    return {"secs": microseconds // 1_000_000, "nanos": microseconds % 1_000_000 * 1000}


Duration = Annotated[
    timedelta,
    Field(ge=timedelta(0)),
    BeforeValidator(_duration_from_wire),
    PlainSerializer(_duration_to_wire, when_used="json"),
]


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of range in UTC") from None


Timestamp = Annotated[AwareDatetime, AfterValidator(_to_utc)]


def now() -> datetime:
    """The current moment, timezone-aware, in UTC."""
    return datetime.now(UTC)


class WireModel(BaseModel):
    """A frozen value that crosses a boundary; its JSON is the wire format."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Reads the model from JSON text.

        Raises:
            SerializationError: the text is not JSON or not this model; names the first bad field.
        """
        try:
            return cls.model_validate_json(text)
        except pydantic.ValidationError as error:
            raise SerializationError(f"{cls.__name__}: {first_problem(error)}") from error


class InputModel(WireModel):
    """A wire model that people and programs write: unknown fields are refused by name."""

    model_config = ConfigDict(extra="forbid")


def first_problem(error: pydantic.ValidationError) -> str:
    """The first problem of a pydantic error as one line that names the field."""
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"]
    if problem["type"] == "extra_forbidden":
        message = "unknown field"
    return f"{where}: {message}" if where else message
