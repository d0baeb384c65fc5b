"""YAML (and so JSON) as a tree that knows its lines; text is kept as it was written.

YAML 1.1 would make ``no`` false, ``1.10`` a float and ``1:30`` ninety: what a plan holds is text
for commands, so a scalar here is what stands in the document. Refused: repeated keys, tags, and
documents that are large or grow large by aliases.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from cloudops_nb.errors import InvalidPlan, SerializationError, ValidationError

if TYPE_CHECKING:
    from yaml import Node

_T = TypeVar("_T")

MAX_CHARACTERS = 1_000_000
MAX_NODES = 100_000

_JSON_SCALAR = re.compile(r"true|false|null|-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
_TAGS = re.compile(r"tag:yaml\.org,2002:(str|int|float|bool|null|timestamp|map|seq|merge|value)")


def compose(text: str) -> Node:
    """The document's root node, checked throughout.

    Raises:
        SerializationError: it is not one YAML or JSON document, or an unreasonable one; names the
            line.
    """
    import yaml

    if read_json(text) is not None:
        text = _as_yaml(text)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark is not None else ""
        raise SerializationError(f"{line}not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise SerializationError(f"not YAML: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise SerializationError("the plan is nested too deep to be read") from None
    if root is None:
        raise InvalidPlan("the plan is empty")
    _check(root)
    return root


def read_json(text: str) -> object:
    """What a JSON document holds; None for ``null`` and for text that is no JSON.

    Raises:
        SerializationError: a key is repeated, or the document is unreasonable.
    """
    if len(text) > MAX_CHARACTERS:
        raise SerializationError(
            f"the plan has {len(text)} characters; at most {MAX_CHARACTERS} are read"
        )
    try:
        return json.loads(text, object_pairs_hook=_without_repeats)
    except ValueError as error:
        if isinstance(error, SerializationError):
            raise
        return None
    except RecursionError:
        raise SerializationError("the plan is nested too deep to be read") from None


def as_json(root: Node) -> str:
    """The document as JSON text; what only YAML knows (a date) is text.

    Raises:
        SerializationError: a value is not what it looks like (a date in month 13).
    """
    import yaml

    try:
        return json.dumps(yaml.SafeLoader("").construct_document(root), default=str)
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise SerializationError(f"not to be read: {str(error).splitlines()[0]}") from None


def line_of(node: Node) -> int:
    """The line a node begins in, from 1."""
    return int(node.start_mark.line) + 1


def refuse(node: Node, where: str, why: str) -> NoReturn:
    """Raises ``InvalidPlan`` that names the line and the place."""
    raise InvalidPlan(f"line {line_of(node)}, {where}: {why}")


def blamed(node: Node, where: str, function: Callable[..., _T], *arguments: Any) -> _T:
    """Calls a function that knows nothing of plans; its refusal then names the line and place."""
    try:
        return function(*arguments)
    except ValidationError as error:
        raise InvalidPlan(f"line {line_of(node)}, {where}: {error}") from None


def close(word: str, known: Iterable[str]) -> str:
    """A hint at the known words most like this one, or all of them; begins with a semicolon."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=2) or sorted(known)
    return (
        f"; did you mean {' or '.join(near)}?" if len(near) < 3 else f"; known: {', '.join(near)}"
    )


def mapping(node: Node, where: str) -> dict[str, Node]:
    """The values of a mapping by their keys."""
    from yaml import MappingNode

    if not isinstance(node, MappingNode):
        refuse(node, where, f"{_kind(node)} stands where `key: value` lines belong")
    return {key.value: value for key, value in node.value}


def sequence(node: Node, where: str) -> list[Node]:
    """The elements of a list."""
    from yaml import SequenceNode

    if not isinstance(node, SequenceNode):
        refuse(node, where, f"{_kind(node)} stands where a list belongs")
    return list(node.value)


def scalar(node: Node, where: str) -> str:
    """A text, as it was written."""
    from yaml import ScalarNode

    if not isinstance(node, ScalarNode):
        refuse(node, where, f"{_kind(node)} stands where a text belongs")
    if node.tag.endswith(":null"):
        refuse(node, where, 'has no value (write "" for an empty text)')
    # JSON writes characters beyond U+FFFF as two escapes; YAML reads those as two characters.
    text: str = node.value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def json_value(node: Node, where: str) -> Any:
    """A value as JSON has it: what is written like a number, true, false or null there, without
    quotes, is one; all else is text (so ``no`` is, and ``"1.10"``).
    """
    from yaml import MappingNode, ScalarNode

    if is_sequence(node):
        return [json_value(item, where) for item in sequence(node, where)]
    if isinstance(node, MappingNode):
        items = mapping(node, where).items()
        return {key: json_value(item, f"{where}.{key}") for key, item in items}
    if isinstance(node, ScalarNode) and node.style is None and _JSON_SCALAR.fullmatch(node.value):
        return json.loads(node.value)
    return scalar(node, where)


def is_scalar(node: Node) -> bool:
    """Whether the node is a text (or a number, which is text here)."""
    from yaml import ScalarNode

    return isinstance(node, ScalarNode)


def is_sequence(node: Node) -> bool:
    """Whether the node is a list."""
    from yaml import SequenceNode

    return isinstance(node, SequenceNode)


def flag(node: Node, where: str) -> bool:
    """``true`` or ``false``."""
    text = scalar(node, where).lower()
    if text not in ("true", "false"):
        refuse(node, where, f"{text!r} stands where true or false belongs")
    return text == "true"


def count(node: Node, where: str) -> int:
    """A whole number above zero."""
    text = scalar(node, where)
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text):
        refuse(node, where, f"{text!r} stands where a whole number above 0 belongs")
    return int(text)


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise SerializationError(f"the key {repeated!r} is twice")
    return found


def _as_yaml(text: str) -> str:
    """JSON as YAML reads it, line by line: no tabs between values, no rare characters in them."""
    escaped = re.sub(r"[^\x00-\x7e]", lambda match: json.dumps(match[0])[1:-1], text)
    return escaped.replace("\x7f", "\\u007f").replace("\t", " ")


def _check(root: Node) -> None:
    from yaml import MappingNode, ScalarNode

    pending = [root]
    seen = 0
    while pending:
        node = pending.pop()
        seen += 1
        if seen > MAX_NODES:
            raise SerializationError(f"the plan has more than {MAX_NODES} values, aliases included")
        if not _TAGS.fullmatch(node.tag):
            raise SerializationError(f"line {line_of(node)}: the tag {node.tag!r} is not read")
        if isinstance(node, MappingNode):
            keys = set()
            for key, value in node.value:
                if not isinstance(key, ScalarNode):
                    raise SerializationError(
                        f"line {line_of(key)}: put a placeholder at the start of a value into "
                        'double quotes: "{{ name }}" (YAML reads braces as a mapping)'
                    )
                if key.value in keys:
                    raise SerializationError(f"line {line_of(key)}: the key {key.value!r} is twice")
                keys.add(key.value)
                pending.append(value)
        elif not isinstance(node, ScalarNode):
            pending.extend(node.value)


def _kind(node: Node) -> str:
    return "a text" if is_scalar(node) else "a list" if is_sequence(node) else "a mapping"
