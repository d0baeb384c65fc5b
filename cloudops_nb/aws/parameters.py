"""An operation's parameters, checked against its input shape before anything is sent."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import Shape
from botocore.validate import ParamValidator

from cloudops_nb.aws.operations import Operation, closest
from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models.placeholders import PLACEHOLDER


def typed_parameters(operation: Operation, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as botocore takes them: what is base64 text for bytes becomes bytes.

    Raises:
        InvalidCommand: a parameter is not known, missing or of the wrong kind; names it, and the
            closest that there is.
    """
    typed: dict[str, Any] = _typed(operation, operation.model.input_shape, parameters, "")
    if operation.model.input_shape is not None:
        report = ParamValidator().validate(typed, operation.model.input_shape)
        if report.has_errors():
            first = report.generate_report().split("\n", 1)[0]
            raise _refused(operation, first[0].lower() + first[1:])
    return typed


def check_template(operation: Operation, parameters: Mapping[str, Any]) -> None:
    """Checks what can be checked of parameters in which placeholders stand for values.

    Raises:
        InvalidCommand: a parameter is not known; names it, and the closest that there is.
    """
    _typed(operation, operation.model.input_shape, parameters, "")


def secrets_in(operation: Operation, parameters: Mapping[str, Any]) -> dict[str, str]:
    """The texts that AWS's own models call sensitive, by the names of their parameters."""
    shape = operation.model.input_shape
    return dict(_sensitive(shape, parameters, "")) if shape is not None else {}


def _typed(operation: Operation, shape: Shape | None, value: Any, path: str) -> Any:
    kind = shape.type_name if shape is not None else "structure"
    match value:
        case Mapping() if kind == "structure":
            members: Mapping[str, Shape] = getattr(shape, "members", {})
            for name in value:
                if name not in members:
                    raise _refused(operation, _unknown(f"{path}{name}", name, members))
            return {
                name: _typed(operation, members[name], item, f"{path}{name}.")
                for name, item in value.items()
            }
        case Mapping() if kind == "map":
            of = shape.value  # type: ignore[union-attr] # a map shape has one
            return {
                key: _typed(operation, of, item, f"{path}{key}.") for key, item in value.items()
            }
        case list() if kind == "list":
            of = shape.member  # type: ignore[union-attr] # a list shape has one
            return [
                _typed(operation, of, item, f"{path.removesuffix('.')}[{n}].")
                for n, item in enumerate(value)
            ]
        case str() if kind == "blob" and not PLACEHOLDER.search(value):
            try:
                return base64.b64decode(value, validate=True)
            except binascii.Error:
                name = path.removesuffix(".")
                raise _refused(
                    operation, f"{name} are bytes, and the text is no base64; give bytes, or base64"
                ) from None
        case _:
            return value


def _unknown(path: str, name: str, members: Mapping[str, Shape]) -> str:
    near = closest(name, members)
    if near:
        return f"no parameter {path}; did you mean {' or '.join(near)}?"
    known = ", ".join(sorted(members)) or "none"
    return f"no parameter {path}; known there: {known}"


def _refused(operation: Operation, why: str) -> InvalidCommand:
    return InvalidCommand(f"{operation.service} {operation.name}: {why}")


def _sensitive(shape: Shape, value: Any, name: str) -> Iterator[tuple[str, str]]:
    if shape.metadata.get("sensitive") and isinstance(value, str):
        yield name, value
    elif isinstance(value, Mapping) and shape.type_name == "structure":
        for key, item in value.items():
            if key in shape.members:  # type: ignore[attr-defined] # a structure has them
                yield from _sensitive(shape.members[key], item, key)  # type: ignore[attr-defined]
    elif isinstance(value, Mapping) and shape.type_name == "map":
        for key, item in value.items():
            yield from _sensitive(shape.value, item, key)  # type: ignore[attr-defined]
    elif isinstance(value, list) and shape.type_name == "list":
        for item in value:
            yield from _sensitive(shape.member, item, name)  # type: ignore[attr-defined]
