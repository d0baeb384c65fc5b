"""Schemas read from botocore's models."""

from __future__ import annotations

import pytest

from cloudops_nb.aws.operations import find_operation
from cloudops_nb.aws.schema import ITSELF, schema_of
from cloudops_nb.records import Field, Schema


def schema(service: str, operation: str) -> Schema:
    found = schema_of(service, operation, find_operation(service, operation).result_key or ITSELF)
    assert found is not None
    return found


def kinds(fields: tuple[Field, ...]) -> dict[str, str]:
    return {field.name: field.kind for field in fields}


@pytest.mark.parametrize(
    ("service", "operation", "list_inside"),
    [
        ("ec2", "DescribeInstances", "Instances"),
        ("eks", "DescribeAddonVersions", "addonVersions"),
        ("inspector", "ListEventSubscriptions", "eventSubscriptions"),
        ("medialive", "DescribeThumbnails", "Thumbnails"),
    ],
)
def test_a_list_of_containers_is_unfolded_to_what_the_operation_is_called_after(
    service: str, operation: str, list_inside: str
) -> None:
    assert schema(service, operation).unfolds == list_inside


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("ec2", "DescribeInstanceStatus"),
        ("ec2", "DescribeVolumes"),  # each has Attachments and Tags
        ("elbv2", "DescribeTags"),  # a resource's tags are its mapping, not rows
        ("directconnect", "DescribeTags"),
        ("iam", "ListRoles"),
        ("elb", "DescribeLoadBalancerPolicies"),  # each has one list of structures
        ("route53", "ListResourceRecordSets"),
    ],
)
def test_any_other_member_of_a_list_is_a_row_itself(service: str, operation: str) -> None:
    assert schema(service, operation).unfolds is None


def test_what_the_container_says_is_part_of_each_row() -> None:
    names = list(kinds(schema("ec2", "DescribeInstances").fields))
    assert names[0] == "InstanceId"
    assert {"ReservationId", "OwnerId"} < set(names)
    assert "Instances" not in names


@pytest.mark.parametrize(
    ("service", "operation", "first"),
    [
        ("ec2", "DescribeVolumes", ["VolumeArn", "VolumeId"]),
        ("rds", "DescribeDBInstances", ["DBInstanceIdentifier", "DBInstanceArn"]),
        ("iam", "ListUsers", ["UserName", "UserId", "Arn"]),
        ("lambda", "ListFunctions", ["FunctionName", "FunctionArn"]),
        ("cloudfront", "ListDistributions", ["Id", "ARN"]),
    ],
)
def test_what_names_a_row_comes_first(service: str, operation: str, first: list[str]) -> None:
    names = list(kinds(schema(service, operation).fields))
    assert set(names[: len(first)]) == set(first)


@pytest.mark.parametrize(
    ("service", "operation", "name", "members"),
    [
        ("ec2", "DescribeVolumes", "Tags", ["Key", "Value"]),
        ("rds", "DescribeDBInstances", "TagList", ["Key", "Value"]),
        ("ec2", "DescribeNetworkInterfaces", "TagSet", ["Key", "Value"]),
        ("ecs", "ListTagsForResource", "value", None),
        ("kms", "ListResourceTags", "TagKey", None),
        ("apigateway", "GetRestApis", "tags", []),
        ("autoscaling", "DescribeAutoScalingGroups", "Tags", ["Key", "Value"]),
    ],
)
def test_tags_are_known_by_their_form(
    service: str, operation: str, name: str, members: list[str] | None
) -> None:
    field = {each.name: each for each in schema(service, operation).fields}[name]
    assert (field.kind == "tags") is (members is not None)
    assert [each.name for each in field.fields] == (members or [])


def test_the_shapes_types_become_kinds() -> None:
    found = kinds(schema("lambda", "ListFunctions").fields)
    assert found["FunctionName"] == "string"
    assert found["CodeSize"] == "integer"
    assert found["VpcConfig"] == "structure"
    assert found["Layers"] == "object"
    volumes = kinds(schema("ec2", "DescribeVolumes").fields)
    assert (volumes["Encrypted"], volumes["CreateTime"]) == ("boolean", "timestamp")


def test_a_list_of_values_gives_rows_with_one() -> None:
    assert kinds(schema("sqs", "ListQueues").fields) == {"value": "string"}


def test_an_operation_without_a_list_is_one_row() -> None:
    found = kinds(schema("sts", "GetCallerIdentity").fields)
    assert found == {"UserId": "string", "Account": "string", "Arn": "string"}


def test_a_shape_inside_itself_ends() -> None:
    fields = schema("ce", "GetCostCategories")  # a rule may be made of rules
    assert fields is not None
    assert schema("wafv2", "GetRuleGroup").fields  # statements of statements


@pytest.mark.parametrize(
    ("service", "operation", "path"),
    [
        ("nosuch", "ListThings", "Things"),
        ("ec2", "ListNothing", "Things"),
        ("ec2", "DescribeVolumes", "Absent"),
        ("ec2", "DescribeVolumes", "Volumes.Inside"),
        ("dynamodb", "Scan", "Items"),  # maps: their keys are the table's affair
        ("ec2", "DeleteVolume", "@"),  # answers nothing
    ],
)
def test_where_the_models_say_nothing_there_is_no_schema(
    service: str, operation: str, path: str
) -> None:
    assert schema_of(service, operation, path) is None
