"""Every service and operation that botocore knows, by any of its names, and what is known of it.

A service's model is read when it is first asked for; the names of all services need none.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from html import unescape
from typing import TYPE_CHECKING, Any

from cloudops_nb.aws.catalogue import loader, result_key
from cloudops_nb.aws.cli_names import BOTOCORE_NAMES, LEFT_OUT, OTHER_NAMES, OWN_COMMANDS, is_own
from cloudops_nb.errors import UnknownName

if TYPE_CHECKING:
    from botocore.model import OperationModel, ServiceModel, Shape

_CLI_NAMES = {BOTOCORE_NAMES[cli]: cli for cli in ("configservice", "deploy", "s3api")}
_CLI_ALONE = frozenset("cli-dev configure ddb history login logout s3".split())
_PARTITIONS = ("aws", "aws-cn", "aws-us-gov")
_TAG = re.compile(r"<[^>]*>")
_SENTENCE = re.compile(r".*?[.!?](?=\s|$)")


@dataclass(frozen=True)
class Parameter:
    """A parameter of an operation.

    ``option`` is the AWS CLI's (``--instance-ids``); ``type`` is botocore's (``string``, ``list``,
    ``structure`` …); ``enum`` are the values of it or, of a list, of its members.
    """

    name: str
    option: str
    type: str
    required: bool
    enum: tuple[str, ...]
    shape: Shape = field(repr=False, compare=False)

    @property
    def doc(self) -> str:
        """The first sentence of AWS's own words."""
        return first_sentence(self.shape.documentation)

    @property
    def is_switch(self) -> bool:
        """Whether it is a structure around one boolean, ``{"Value": true}``, as some of EC2 are."""
        members = getattr(self.shape, "members", {})
        return list(members) == ["Value"] and members["Value"].type_name == "boolean"


@dataclass(frozen=True)
class Paginator:
    """How an operation's answer goes on: names of its input, and JMESPath into its output.

    ``result_keys`` is where its records are; ``config`` is botocore's own form of all of it.
    """

    input_tokens: tuple[str, ...]
    output_tokens: tuple[str, ...]
    limit_key: str | None
    result_keys: tuple[str, ...]
    config: Mapping[str, Any] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Operation:
    """An operation: ``service`` and ``name`` are the API's names, ``cli`` those of the AWS CLI.

    ``model`` is botocore's, with ``input_shape`` and ``output_shape``.
    """

    service: str
    name: str
    cli: tuple[str, str]
    model: OperationModel = field(repr=False, compare=False)

    @property
    def doc(self) -> str:
        """The first sentence of AWS's own words."""
        return first_sentence(self.model.documentation)

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """What it takes at the top level, by the API's names, in the order of the API."""
        from botocore import xform_name

        shape = self.model.input_shape
        if shape is None:
            return {}
        return {
            name: Parameter(
                name=name,
                option=f"--{xform_name(name, '-')}",
                type=member.type_name,
                # A token that makes a call idempotent is made up where none is given.
                required=name in shape.required_members
                and not member.metadata.get("idempotencyToken"),
                enum=_enum(member),
                shape=member,
            )
            for name, member in shape.members.items()
        }

    @property
    def result_key(self) -> str | None:
        """Where its output holds its records."""
        return result_key(*self.cli)

    @cached_property
    def paginator(self) -> Paginator | None:
        """How its pages follow one another, if it has pages of records."""
        found = _data(self.service, "paginators-1", "pagination").get(self.name)
        if found is None or "result_key" not in found:
            return None
        return Paginator(
            input_tokens=_texts(found.get("input_token")),
            output_tokens=_texts(found.get("output_token")),
            limit_key=found.get("limit_key"),
            result_keys=_texts(found["result_key"]),
            config=found,
        )

    @cached_property
    def waiters(self) -> tuple[str, ...]:
        """The waiters that call it again and again, by the CLI's names (``instance-running``)."""
        from botocore import xform_name

        waiters = _data(self.service, "waiters-2", "waiters")
        return tuple(
            xform_name(name, "-")
            for name, waiter in sorted(waiters.items())
            if waiter["operation"] == self.name
        )

    @property
    def streams(self) -> bool:
        """Whether its answer is a file's content or a stream of events, not a document."""
        return bool(self.model.has_streaming_output or self.model.has_event_stream_output)

    @property
    def has_one_endpoint(self) -> bool:
        """Whether the service has one endpoint for all regions, so that none need be chosen."""
        prefix = self.model.service_model.endpoint_prefix
        partitions = loader().load_data("endpoints")["partitions"]
        return any(
            "partitionEndpoint" in partition["services"].get(prefix, {})
            for partition in partitions
            if partition["partition"] in _PARTITIONS
        )


@dataclass(frozen=True)
class Service:
    """A service: ``name`` is the API's, ``cli`` the AWS CLI's; ``operations`` maps the CLI's names
    of all its operations to the API's.
    """

    name: str
    cli: str
    operations: Mapping[str, str] = field(repr=False)
    model: ServiceModel = field(repr=False, compare=False)

    @property
    def commands(self) -> list[str]:
        """What can stand after ``aws SERVICE``, sorted."""
        named = {name for service, name in OTHER_NAMES if service == self.cli}
        offered = {*self.operations, *named, *OWN_COMMANDS.get(self.cli, ())}
        waits = {"wait"} if self.waiters else set()
        return sorted((offered - LEFT_OUT.get(self.cli, frozenset())) | waits)

    @cached_property
    def waiters(self) -> Mapping[str, str]:
        """The CLI's names of its waiters, each with the API's name of the operation it calls."""
        from botocore import xform_name

        waiters = _data(self.name, "waiters-2", "waiters")
        return {
            xform_name(name, "-"): waiter["operation"] for name, waiter in sorted(waiters.items())
        }


@lru_cache(maxsize=4096)
def find_operation(service: str, operation: str) -> Operation:
    """The operation that these names, the API's or the CLI's, mean.

    Raises:
        UnknownName: there is none; names the closest.
    """
    found = find_service(service)
    name = _api_name(found, operation)
    if name is None:
        # Compared without case: `describeinstance` is close to both kinds of name.
        names = {api: cli for cli, api in found.operations.items()}
        near = closest(operation, names)
        if operation.islower():
            near = [names[each] for each in near]
        raise UnknownName(f"{service} has no operation {operation!r}", near)
    cli = next(each for each, api in found.operations.items() if api == name)
    return Operation(found.name, name, (found.cli, cli), found.model.operation_model(name))


def called_by(service: str, operation: str) -> Operation | None:
    """The operation that ``aws SERVICE OPERATION`` calls and prints the answer of.

    None where the command is of the CLI's own making, an alias, or not known.
    """
    if is_own(service, operation) or operation in LEFT_OUT.get(service, ()):
        return None
    found = cli_service(service)
    if found is None:
        return None
    name = OTHER_NAMES.get((service, operation)) or found.operations.get(operation)
    return find_operation(service, name) if name in found.operations.values() else None


@lru_cache(maxsize=512)  # more than there are services; a bound, since names come from users
def find_service(name: str) -> Service:
    """The service of this name, the API's or the CLI's.

    Raises:
        UnknownName: there is none; names the closest.
    """
    from botocore import xform_name
    from botocore.model import ServiceModel

    api = BOTOCORE_NAMES.get(name, name)
    if api not in services():  # a name is not looked up as a path
        known = (*services(), *BOTOCORE_NAMES)
        raise UnknownName(f"AWS has no service {name!r}", closest(name, known))
    model = ServiceModel(loader().load_service_model(api, "service-2"), service_name=api)
    # xform_name is how the CLI itself names operations; inverting it by rule is lossy.
    operations = {xform_name(each, "-"): each for each in model.operation_names}
    return Service(api, _CLI_NAMES.get(api, api), operations, model)


@lru_cache(maxsize=1)
def services() -> frozenset[str]:
    """The API's names of all services; no model is read for it."""
    return frozenset(loader().list_available_services("service-2"))


@lru_cache(maxsize=1)
def cli_services() -> frozenset[str]:
    """What can stand after ``aws``; no model is read for it."""
    known = services()
    renamed = {name for name, ours in BOTOCORE_NAMES.items() if ours in known}  # AWS ends some
    return frozenset((known - _CLI_NAMES.keys()) | renamed | _CLI_ALONE)


def cli_service(name: str) -> Service | None:
    """The service that ``aws NAME`` calls; None for what is none, or of the CLI's own making."""
    if name in _CLI_ALONE or name not in cli_services():
        return None
    return find_service(name)


def closest(word: str, known: Iterable[str]) -> list[str]:
    """The known names most like a word, case aside, at most two."""
    names = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower().replace("-", ""), names, n=2)
    return [names[name] for name in found]


def first_sentence(html: str) -> str:
    """The first sentence of a botocore documentation text, without its tags, in one line."""
    text = " ".join(unescape(_TAG.sub(" ", html)).split())
    found = _SENTENCE.match(text)
    return re.sub(r"\s+([.,;:)])", r"\1", found[0] if found else text)


def _api_name(service: Service, operation: str) -> str | None:
    by_name = {name.lower(): name for name in service.operations.values()}
    return service.operations.get(operation.replace("_", "-")) or by_name.get(operation.lower())


def _enum(shape: Shape) -> tuple[str, ...]:
    if shape.type_name == "list":
        shape = shape.member  # type: ignore[attr-defined] # a list shape has one
    return tuple(getattr(shape, "enum", ()))


def _texts(value: str | list[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


def _data(service: str, kind: str, key: str) -> Mapping[str, Any]:
    """A file of botocore's beside a service's model; empty for a service that has none."""
    from botocore.exceptions import DataNotFoundError, UnknownServiceError

    try:
        data: Mapping[str, Any] = loader().load_service_model(service, kind)[key]
    except (DataNotFoundError, UnknownServiceError):
        return {}
    return data
