"""``when``: a JMESPath expression over how earlier steps of a plan ended.

    steps.build.status == 'completed'
    steps.probe.exit_code != `0` || steps.probe.stdout == ''
    steps.list.records[?State == 'running']

The document is ``{"steps": {NAME: {status, exit_code, success, stdout, stderr, records}}}`` with
the steps the expression names; a name that is no identifier stands in double quotes. Empty results
(``null``, ``''``, ``[]``, ``{}``) are false, as in JMESPath; a number is refused, since 0 would be
true. Each step an expression reads is named in it, so that what it waits for is known beforehand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, cast

from cloudops_nb.errors import InvalidCommand, StepValueUnavailable

FIELDS = ("status", "exit_code", "success", "stdout", "stderr", "records")
"""What there is to know of a step that ended."""

_Node = dict[str, Any]
_INNER = ("expref",)
# The first child is read in the place of the whole, the others in what the first one found.
_STEPWISE = (
    "subexpression", "pipe", "index_expression", "projection", "value_projection",
    "filter_projection",
)  # fmt: skip


@lru_cache(maxsize=1024)
def references(when: str) -> Mapping[str, frozenset[str]]:
    """The steps that a condition names, each with the fields it reads of it.

    Raises:
        InvalidCommand: it is no JMESPath, names no step, or reads something that is none of a
            step's fields.
    """
    found: dict[str, set[str]] = {}
    for name, field in _read(_parsed(when), when):
        found.setdefault(name, set()).add(field)
    if not found:
        raise _refusal(when, "it names no step; write steps.NAME.status == 'completed'")
    return {name: frozenset(fields) for name, fields in found.items()}


def holds(when: str, steps: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a condition is true of the steps it names.

    Raises:
        StepValueUnavailable: it cannot be evaluated on what these steps gave.
    """
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        value = jmespath.search(when, {"steps": steps})
    except (JMESPathError, RecursionError) as error:
        raise StepValueUnavailable(f"when {when!r}: {_one_line(error)}") from None
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise StepValueUnavailable(
            f"when {when!r}: it gives the number {value}, neither true nor false; compare it"
        )
    return bool(value)


def _parsed(when: str) -> _Node:
    import jmespath
    from jmespath.exceptions import JMESPathError

    try:
        return cast(_Node, jmespath.compile(when).parsed)
    except (JMESPathError, RecursionError) as error:
        raise _refusal(when, f"not JMESPath: {_one_line(error)}") from None


def _read(node: _Node, when: str) -> Iterator[tuple[str, str]]:
    """The (step, field) pairs read by a node that sees the whole document."""
    kind, children = node["type"], node.get("children", [])
    if kind == "subexpression" and children[0] == _STEPS:
        yield _named(children, when)
    elif kind == "field":
        name = node["value"]
        why = "name the step: steps.NAME.status" if name == "steps" else (
            f"`{name}` is no step; write steps.NAME.…, and texts in single quotes: '{name}'"
        )  # fmt: skip
        raise _refusal(when, why)
    elif kind in ("current", "identity"):
        raise _refusal(when, "it reads all steps; name each: steps.NAME.status")
    elif kind == "not_expression" and children[0] == _STEPS:
        # In JMESPath `!a.b` is `(!a).b`, which is never true.
        raise _refusal(when, "put what follows `!` into parentheses: !(steps.NAME.…)")
    elif kind not in _INNER:
        for child in children[:1] if kind in _STEPWISE else children:
            if isinstance(child, dict):
                yield from _read(child, when)


_STEPS: _Node = {"type": "field", "children": [], "value": "steps"}


def _named(children: list[_Node], when: str) -> tuple[str, str]:
    if len(children) < 3 or children[1]["type"] != "field":
        raise _refusal(when, "name the step and one of its fields: steps.NAME.status")
    field = children[2]
    while field["type"] in (*_STEPWISE, "flatten"):
        field = field["children"][0]
    if field.get("value") not in FIELDS:
        raise _refusal(when, f"a step has {', '.join(FIELDS)}; not {field.get('value')!r}")
    return children[1]["value"], field["value"]


def _refusal(when: str, why: str) -> InvalidCommand:
    return InvalidCommand(f"when {when!r}: {why}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
