"""What an endpoint's address says of who answers there."""

from __future__ import annotations

from functools import cache
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from cloudops_nb.aws.catalogue import loader
from cloudops_nb.errors import InvalidCommand


def is_loopback(url: str) -> bool:
    """Whether it is this machine: LocalStack, moto, a tunnel."""
    host = _split(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761, 6.3


def is_of_aws(url: str) -> bool:
    """Whether it is a host of AWS's, in any partition, reached by TLS."""
    parts = _split(url)
    host = (parts.hostname or "").rstrip(".")
    return parts.scheme == "https" and host.endswith(_suffixes())


def check_endpoint(url: str, *, signed: bool) -> None:
    """Makes sure that a command may name this endpoint.

    Any host by TLS, this machine without: an S3-compatible store, a VPC endpoint, LocalStack. A
    signed request carries the session token, which must not go over a network in the clear.

    Raises:
        InvalidCommand: it is no such address.
    """
    parts = _split(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidCommand(f"--endpoint-url {url!r} is no http:// or https:// address")
    if parts.username is not None:
        raise InvalidCommand("--endpoint-url has a user name in it: AWS takes none")
    if parts.scheme == "http" and signed and not is_loopback(url):
        raise InvalidCommand(
            f"--endpoint-url {url} would send the session token unencrypted; use https://, or, if "
            "it is a server of yours without TLS, name it in AWS_ENDPOINT_URL"
        )


@cache
def _suffixes() -> tuple[str, ...]:
    """``.amazonaws.com`` and those of the other partitions, from botocore's data."""
    partitions = loader().load_data("partitions")["partitions"]
    names = ("dnsSuffix", "dualStackDnsSuffix")
    return tuple(f".{partition['outputs'][name]}" for partition in partitions for name in names)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # read lazily, and it may be no number
    except ValueError as error:
        raise InvalidCommand(f"--endpoint-url {url!r}: {error}") from None
    return parts
