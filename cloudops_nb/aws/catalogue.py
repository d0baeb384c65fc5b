"""Where an AWS operation keeps its records, read from botocore's own data.

Nothing is listed by hand: a paginator names its ``result_key``, and an operation without one has
records where its output has a single list. Operations go by their AWS CLI names.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from cloudops_nb.aws.cli_names import BOTOCORE_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.loaders import Loader


def result_key(service: str, operation: str) -> str | None:
    """The key under which an operation's output holds its records.

    ``service`` and ``operation`` are CLI names (``"s3api", "list-objects-v2"``). The key may be
    dotted (``"DistributionList.Items"``); where an operation has several lists it is the first
    that its paginator names. ``None``: unknown operation, or no such list. Never raises.
    """
    return _result_keys(BOTOCORE_NAMES.get(service, service)).get(operation)


@cache
def loader() -> Loader:
    """The one botocore Loader: it caches the JSON of every service model it has read."""
    from botocore.loaders import Loader

    return Loader()


@lru_cache(maxsize=512)  # more than there are services; a bound, since names come from users
def _result_keys(service: str) -> Mapping[str, str]:
    """CLI operation name → result key, for the operations of a service that have one."""
    from botocore import xform_name
    from botocore.exceptions import DataNotFoundError, UnknownServiceError

    try:
        model = loader().load_service_model(service, "service-2")
    except (DataNotFoundError, UnknownServiceError):
        return {}
    try:
        paginators = loader().load_service_model(service, "paginators-1")["pagination"]
    except (DataNotFoundError, UnknownServiceError):
        paginators = {}  # botocore ships the file only for services that page
    keys = {}
    for name, operation in model["operations"].items():
        key = _key_of(operation, paginators.get(name), model["shapes"])
        if key is not None:
            # xform_name is how the CLI itself names operations; inverting it by rule is lossy.
            keys[xform_name(name, "-")] = key
    return keys


def _key_of(
    operation: Mapping[str, Any], paginator: Mapping[str, Any] | None, shapes: Mapping[str, Any]
) -> str | None:
    output = operation.get("output", {}).get("shape")
    if output is None:
        return None
    if paginator is not None:
        named = paginator["result_key"]
        keys = named if isinstance(named, list) else [named]
        return next((key for key in keys if _is_list(output, key, shapes)), None)
    members = shapes[output].get("members", {})
    lists = [name for name in members if _is_list(output, name, shapes)]
    return lists[0] if len(lists) == 1 else None


def _is_list(shape: str, key: str, shapes: Mapping[str, Any]) -> bool:
    for part in key.split("."):  # every result_key botocore ships is a name or a dotted path
        member = shapes[shape].get("members", {}).get(part)
        if member is None:
            return False
        shape = member["shape"]
    return bool(shapes[shape]["type"] == "list")
