"""The ``retry`` of a plan in the short form.

retry: 3                             # attempts in all
retry:
  max_attempts: 5
  backoff: linear                    # or fixed, exponential; or with its delays:
                                     #   {type: exponential, base: 1s, max: 20s, jitter: 0.5}
  retryable_errors: [ThrottlingException, "exit:75", network]
  idempotent: true                   # running it again does no harm
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import pydantic

from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models import yaml_nodes as nodes
from cloudops_nb.models.base import first_problem
from cloudops_nb.models.durations import parse_duration
from cloudops_nb.models.retry import (
    BackoffStrategy,
    ExponentialBackoff,
    FixedBackoff,
    LinearBackoff,
    RetryConfig,
)

if TYPE_CHECKING:
    from yaml import Node

_Text = Callable[["Node", str], str]
_Model = TypeVar("_Model", bound=pydantic.BaseModel)

_KEYS = ("max_attempts", "backoff", "retryable_errors", "idempotent")
_BACKOFFS: dict[str, type[FixedBackoff | ExponentialBackoff | LinearBackoff]] = {
    "fixed": FixedBackoff,
    "exponential": ExponentialBackoff,
    "linear": LinearBackoff,
}


def read_retry(node: Node, where: str, text: _Text) -> RetryConfig:
    """What a ``retry`` says; ``text`` reads a scalar with its placeholders filled in.

    Raises:
        InvalidPlan: it is wrong; names the line and the key.
    """
    if nodes.is_scalar(node):
        return _made(node, where, RetryConfig, {"max_attempts": text(node, where)})
    keys = nodes.mapping(node, where)
    for key, value in keys.items():
        if key not in _KEYS:
            nodes.refuse(value, where, f"unknown key `{key}`{nodes.close(key, _KEYS)}")
    if "max_attempts" not in keys:
        nodes.refuse(node, where, "it has no `max_attempts`")
    fields: dict[str, Any] = {"max_attempts": text(keys["max_attempts"], f"{where}, max_attempts")}
    if "backoff" in keys:
        fields["backoff"] = _backoff(keys["backoff"], f"{where}, backoff", text)
    if "retryable_errors" in keys:
        place = f"{where}, retryable_errors"
        listed = nodes.sequence(keys["retryable_errors"], place)
        fields["retryable_errors"] = tuple(text(item, place) for item in listed)
    if "idempotent" in keys:
        fields["idempotent"] = nodes.flag(keys["idempotent"], f"{where}, idempotent")
    return _made(node, where, RetryConfig, fields)


def _backoff(node: Node, where: str, text: _Text) -> BackoffStrategy:
    keys = {"type": node} if nodes.is_scalar(node) else nodes.mapping(node, where)
    if "type" not in keys:
        nodes.refuse(node, where, f"it has no `type`: {', '.join(_BACKOFFS)}")
    kind = text(keys["type"], f"{where}, type")
    if kind not in _BACKOFFS:
        nodes.refuse(keys["type"], where, f"unknown `{kind}`{nodes.close(kind, _BACKOFFS)}")
    model = _BACKOFFS[kind]
    fields: dict[str, Any] = {}
    for key, value in keys.items():
        if key not in model.model_fields:
            known = tuple(model.model_fields)
            nodes.refuse(value, where, f"unknown key `{key}`{nodes.close(key, known)}")
        written = text(value, f"{where}, {key}")
        fields[key] = written
        if key not in ("type", "jitter"):
            try:
                fields[key] = timedelta(milliseconds=parse_duration(written))
            except InvalidCommand as error:
                nodes.refuse(value, f"{where}, {key}", str(error))
    return _made(node, where, model, fields)


def _made(node: Node, where: str, model: type[_Model], fields: dict[str, Any]) -> _Model:
    try:
        return model(**fields)
    except pydantic.ValidationError as error:
        nodes.refuse(node, where, first_problem(error))
