"""Regions and partitions: who has enabled what, and why a key is unknown somewhere."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cloudops_nb.aws.identity import Identity
from cloudops_nb.aws.regions import Regions, partition_of, partitions
from cloudops_nb.aws.sessions import new_session
from cloudops_nb.errors import RegionsUnavailable

SESSION = new_session({"HOME": "/nonexistent"})
OPTED = {"us-east-1": "opt-in-not-required", "eu-south-1": "opted-in", "ap-east-1": "not-opted-in"}


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Any")


class Aws:
    """An AWS that knows one key of one partition, and says what it is allowed to."""

    def __init__(self, partition: str = "aws", *, deny: str = "") -> None:
        self.partition = partition
        self.deny = deny.split()
        self.asked: list[str] = []

    def client(self, _: object, service: str, region: str) -> Any:
        self.asked.append(f"{service} in {region}")
        self.known = partition_of(region) == self.partition
        if service in self.deny:
            raise refusal("UnauthorizedOperation")
        return self

    def get_caller_identity(self) -> dict[str, str]:
        if not self.known:
            raise refusal("InvalidClientTokenId")
        return {"Account": "1" * 12, "Arn": f"arn:{self.partition}:iam::1:user/u", "UserId": "U"}

    def describe_regions(self, *, AllRegions: bool) -> Any:  # noqa: N803 - AWS's name
        assert AllRegions
        return {"Regions": [{"RegionName": k, "OptInStatus": v} for k, v in OPTED.items()]}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_regions"
        return self

    def paginate(self) -> Any:
        yield {"Regions": [{"RegionName": "us-east-1", "RegionOptStatus": "ENABLED_BY_DEFAULT"}]}
        yield {"Regions": [{"RegionName": "ap-east-1", "RegionOptStatus": "DISABLED"}]}


def identity(partition: str = "aws") -> Identity:
    return Identity("1" * 12, f"arn:{partition}:iam::1:user/u", "U")


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-1", "aws"),
        ("us-gov-west-1", "aws-us-gov"),
        ("cn-north-1", "aws-cn"),
        ("eu-north-99", "aws"),  # newer than the data
        ("nowhere", None),
    ],
)
def test_a_regions_name_says_its_partition(region: str, partition: str | None) -> None:
    assert partition_of(region) == partition


def test_the_known_regions_are_those_one_can_call() -> None:
    assert "eu-west-1" in partitions()["aws"]
    assert not any("global" in region for names in partitions().values() for region in names)


def test_what_an_account_has_enabled_is_asked_once() -> None:
    aws = Aws()
    regions = Regions(aws.client)
    found = regions.of(SESSION, identity())
    assert (found.enabled, found.disabled) == (("eu-south-1", "us-east-1"), ("ap-east-1",))
    assert regions.of(SESSION, identity()) is found
    assert aws.asked == ["ec2 in us-east-1"]


def test_who_may_not_ask_ec2_asks_the_account() -> None:
    found = Regions(Aws(deny="ec2").client).of(SESSION, identity())
    assert (found.enabled, found.disabled) == (("us-east-1",), ("ap-east-1",))


def test_who_may_ask_neither_is_told_what_to_allow() -> None:
    with pytest.raises(RegionsUnavailable, match=r"1{12}.*ec2:DescribeRegions or account:ListReg"):
        Regions(Aws(deny="ec2 account").client).of(SESSION, identity())


def test_it_is_asked_in_the_partition_of_the_credentials() -> None:
    aws = Aws("aws-cn")
    Regions(aws.client).of(SESSION, identity("aws-cn"))
    assert aws.asked == ["ec2 in cn-north-1"]


@pytest.mark.parametrize(
    ("partition", "region", "why"),
    [
        ("aws", "ap-east-1", "not enabled for account 111111111111: enable it"),
        ("aws-us-gov", "eu-west-1", "eu-west-1 is in partition aws, .* of aws-us-gov"),
        ("aws", "cn-north-1", "cn-north-1 is in partition aws-cn, .* are of aws:"),
        ("aws", "eu-north-99", "has no region eu-north-99"),
    ],
)
def test_a_key_that_a_region_does_not_know_is_explained(
    partition: str, region: str, why: str
) -> None:
    told = Regions(Aws(partition).client).why_unknown(SESSION, region)
    assert told is not None
    assert re.search(why, told)


@pytest.mark.parametrize(("partition", "region"), [("aws", "us-east-1"), ("aws-iso", "us-east-1")])
def test_what_is_no_matter_of_regions_is_left_alone(partition: str, region: str) -> None:
    assert Regions(Aws(partition).client).why_unknown(SESSION, region) is None
