"""Regions: which partition each belongs to, and which an account has enabled.

Credentials of one partition are unknown in another, and an account's are unknown in a region that
it has not enabled: AWS answers both as it answers a wrong key. Sources:
https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html,
https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cloudops_nb.aws.catalogue import loader
from cloudops_nb.aws.identity import Identity
from cloudops_nb.aws.sessions import EnvironSession
from cloudops_nb.errors import RegionsUnavailable

UNKNOWN_KEY = frozenset(
    "AuthFailure InvalidAccessKeyId InvalidClientTokenId InvalidSecurity "
    "UnrecognizedClientException".split()
)
"""What services say of a key that they do not know in this region."""

_DENIED = frozenset("AccessDenied AccessDeniedException UnauthorizedOperation".split())
_HOMES = ("us-east-1", "us-gov-west-1", "cn-north-1")
"""A region of each public partition that cannot be disabled."""
_ENABLED = ("ENABLED", "ENABLED_BY_DEFAULT")
_OPTED_OUT = "not-opted-in"

ClientOf = Callable[[EnvironSession, str, str], Any]
"""Gives a session's client of a service in a region."""


@dataclass(frozen=True, slots=True)
class AccountRegions:
    """What an account has enabled, and what it could enable."""

    enabled: tuple[str, ...]
    disabled: tuple[str, ...]


@cache
def partitions() -> dict[str, tuple[str, ...]]:
    """Partition → its regions, as botocore's data has them; pseudo-regions are left out."""
    return {
        partition["id"]: tuple(
            sorted(name for name in partition["regions"] if not name.endswith("-global"))
        )
        for partition in loader().load_data("partitions")["partitions"]
    }


def partition_of(region: str) -> str | None:
    """The partition that a region belongs to, by its name; also of one newer than the data."""
    for partition in loader().load_data("partitions")["partitions"]:
        if region in partition["regions"] or re.match(partition["regionRegex"], region):
            return str(partition["id"])
    return None


class Regions:
    """What accounts have enabled, asked once for each. May be used on any thread."""

    def __init__(self, client: ClientOf) -> None:
        self._client = client
        self._known: dict[str, AccountRegions] = {}
        self._changing = threading.Lock()

    def of(self, session: EnvironSession, identity: Identity) -> AccountRegions:
        """The regions of an account, by its credentials.

        Raises:
            RegionsUnavailable: it is not allowed to ask, neither EC2 nor the account itself.
            botocore.exceptions.BotoCoreError: there is no answer.
            botocore.exceptions.ClientError: AWS refuses for another reason.
        """
        with self._changing:  # asked once, however many want to know
            if identity.account not in self._known:
                self._known[identity.account] = self._ask(session, identity)
            return self._known[identity.account]

    def explain(self, session: EnvironSession, region: str, code: str | None) -> str | None:
        """What an error code has to do with the region it came from.

        None: nothing, or it cannot be found out; then the error itself is all that can be said.
        """
        if code not in UNKNOWN_KEY:
            return None
        try:
            return self.why_unknown(session, region)
        except (BotoCoreError, ClientError, RegionsUnavailable):
            return None

    def why_unknown(self, session: EnvironSession, region: str) -> str | None:
        """Why a region does not know a session's key that AWS itself knows.

        None: nowhere is it known, or it is known there as well.

        Raises:
            as ``of``.
        """
        identity = self._identity(session)
        if identity is None:
            return None
        partition = partition_of(region)
        if partition != identity.partition:
            return (
                f"{region} is in partition {partition or 'nobody knows'}, and the credentials are "
                f"of {identity.partition}: choose a profile for that partition"
            )
        found = self.of(session, identity)
        if region in found.disabled:
            return (
                f"region {region} is not enabled for account {identity.account}: enable it "
                f"(aws account enable-region --region-name {region}), or choose another"
            )
        if region not in found.enabled:
            return f"account {identity.account} has no region {region}: is its name right?"
        return None

    def _identity(self, session: EnvironSession) -> Identity | None:
        for home in _HOMES:
            try:
                answer = self._client(session, "sts", home).get_caller_identity()
            except ClientError as error:
                if error.response["Error"]["Code"] not in UNKNOWN_KEY:
                    raise
            else:
                return Identity(answer["Account"], answer["Arn"], answer["UserId"])
        return None

    def _ask(self, session: EnvironSession, identity: Identity) -> AccountRegions:
        home = next(home for home in _HOMES if partition_of(home) == identity.partition)
        denied = []
        for ask in (_from_ec2, _from_account):
            try:
                return ask(self._client, session, home)
            except ClientError as error:
                if error.response["Error"]["Code"] not in _DENIED:
                    raise
                denied.append(str(error))
        raise RegionsUnavailable(identity.account, denied)


def _from_ec2(client: ClientOf, session: EnvironSession, home: str) -> AccountRegions:
    answer = client(session, "ec2", home).describe_regions(AllRegions=True)["Regions"]
    status = {each["RegionName"]: each["OptInStatus"] for each in answer}
    return _divided({name: opted != _OPTED_OUT for name, opted in status.items()})


def _from_account(client: ClientOf, session: EnvironSession, home: str) -> AccountRegions:
    pages = client(session, "account", home).get_paginator("list_regions").paginate()
    found = [region for page in pages for region in page["Regions"]]
    return _divided({each["RegionName"]: each["RegionOptStatus"] in _ENABLED for each in found})


def _divided(enabled: dict[str, bool]) -> AccountRegions:
    names = sorted(enabled)
    return AccountRegions(
        tuple(name for name in names if enabled[name]),
        tuple(name for name in names if not enabled[name]),
    )
