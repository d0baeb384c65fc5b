"""What rows hold, read from the shapes of botocore's models.

Nothing is listed by hand: what a row is, what names it and what its tags are, the shapes tell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from botocore.model import ListShape, MapShape, Shape, StructureShape

from cloudops_nb.records import Field, FieldKind, Schema

_KINDS: dict[str, FieldKind] = {
    "string": "string",
    "character": "string",
    "blob": "string",  # base64, in JSON
    "integer": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "boolean": "boolean",
    "timestamp": "timestamp",
}
_TAG_MEMBERS = (("key", "value"), ("tagkey", "tagvalue"))
_IDENTIFIERS = ("id", "name", "arn", "identifier")
_VERB = re.compile(r"^[A-Z][a-z0-9]*")


def rows_in(output: Shape | None, operation: str, path: Sequence[str]) -> Schema | None:
    """The schema of the rows at a path in an operation's output; of the output itself if empty.

    Where each member of the list is a container, and one of its own lists is what the operation is
    called after, that list's members are the rows (``DescribeInstances``: the ``Instances`` of each
    of the ``Reservations``), and what the container says besides is part of each row.

    Members that name the row come first (``InstanceId``, ``Arn``), then all others in the order of
    the shape.
    """
    row = output
    for name in path:
        row = row.members.get(name) if isinstance(row, StructureShape) else None
    if path:
        row = row.member if isinstance(row, ListShape) else None
    if row is None or isinstance(row, MapShape):
        return None
    if not isinstance(row, StructureShape):
        return Schema((_field("value", row, ()),))
    unfolds = _called_after(operation, row) if path else None
    if unfolds is None:
        return Schema(_named_first(_fields(row, ()), row.name, *path[-1:]))
    inner = _members(row.members[unfolds])
    assert inner is not None
    fields = _named_first(_fields(inner, ()), inner.name, unfolds)
    known = {unfolds, *inner.members}
    around = (field for field in _fields(row, ()) if field.name not in known)
    return Schema((*fields, *around), unfolds=unfolds)


def _called_after(operation: str, container: StructureShape) -> str | None:
    noun = _VERB.sub("", operation).lower()
    for name, shape in container.members.items():
        if name.lower() == noun and _members(shape) is not None and _tags(name, shape) is None:
            return str(name)
    return None


def _named_first(fields: Sequence[Field], *things: str) -> tuple[Field, ...]:
    """The fields, those first that are called as names of such a thing are."""
    stems = {"", *(thing.lower() for thing in things)}
    stems |= {stem.removesuffix("s") for stem in stems}
    names = {f"{stem}{suffix}" for stem in stems for suffix in _IDENTIFIERS}
    return tuple(sorted(fields, key=lambda field: field.name.lower() not in names))


def _fields(structure: StructureShape, above: tuple[str, ...]) -> tuple[Field, ...]:
    inside = (*above, structure.name)
    return tuple(_field(name, shape, inside) for name, shape in structure.members.items())


def _field(name: str, shape: Shape, above: tuple[str, ...]) -> Field:
    if (tags := _tags(name, shape)) is not None:
        return Field(name, "tags", tags)
    # What may hold anything, and a shape inside itself, is one column of objects.
    if isinstance(shape, StructureShape) and shape.members and shape.name not in above:
        return Field(name, "structure", _fields(shape, above))
    return Field(name, _KINDS.get(shape.type_name, "object"))


def _tags(name: str, shape: Shape) -> tuple[Field, ...] | None:
    """The key and the value of tags in a list, nothing of tags in a map; None for no tags."""
    if "tag" not in name.lower():
        return None
    if isinstance(shape, MapShape) and shape.value.type_name == "string":
        return ()
    tag = _members(shape)
    members = {} if tag is None else {member.lower(): member for member in tag.members}
    for pair in _TAG_MEMBERS:
        if all(member in members for member in pair):
            return tuple(Field(members[member], "string") for member in pair)
    return None


def _members(shape: Shape) -> StructureShape | None:
    """What a list of structures has."""
    member = shape.member if isinstance(shape, ListShape) else None
    return member if isinstance(member, StructureShape) else None
