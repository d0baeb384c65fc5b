"""Facts about where an operation keeps its records."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cloudops_nb.aws.catalogue import result_key


@pytest.mark.parametrize(
    ("service", "operation", "key"),
    [
        ("ec2", "describe-instances", "Reservations"),
        ("iam", "list-users", "Users"),
        ("cloudfront", "list-distributions", "DistributionList.Items"),
    ],
)
def test_a_paginator_names_the_key(service: str, operation: str, key: str) -> None:
    assert result_key(service, operation) == key


def test_of_several_keys_the_first_is_taken() -> None:
    assert result_key("s3api", "list-objects-v2") == "Contents"


def test_of_several_keys_one_that_holds_no_list_is_passed_over() -> None:
    # Its paginator names "InsightId", a string, before "AnomalousLogGroups".
    assert result_key("devops-guru", "list-anomalous-log-groups") == "AnomalousLogGroups"


def test_a_paginator_over_text_has_no_records() -> None:
    assert result_key("rds", "download-db-log-file-portion") is None


def test_without_a_paginator_a_single_list_is_the_key() -> None:
    assert result_key("ec2", "describe-key-pairs") == "KeyPairs"


def test_without_a_paginator_two_lists_are_no_key() -> None:
    assert result_key("ec2", "run-instances") is None


def test_an_output_without_a_list_has_no_key() -> None:
    assert result_key("sts", "get-caller-identity") is None


@pytest.mark.parametrize(
    ("command", "operation", "key"),
    [
        ("s3api", "list-buckets", "Buckets"),
        ("deploy", "list-applications", "applications"),
        ("configservice", "describe-config-rules", "ConfigRules"),
    ],
)
def test_commands_the_cli_renames_are_known_by_that_name(
    command: str, operation: str, key: str
) -> None:
    assert result_key(command, operation) == key


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("no-such-service", "describe-instances"),
        ("../ec2", "describe-instances"),
        ("", ""),
        ("ec2", "no-such-operation"),
        ("ec2", "DescribeInstances"),
        ("s3", "ls"),
    ],
)
def test_what_is_unknown_has_no_key(service: str, operation: str) -> None:
    assert result_key(service, operation) is None


def test_importing_the_package_does_not_import_botocore() -> None:
    code = (
        "import sys, cloudops_nb.aws, cloudops_nb.aws.catalogue, cloudops_nb.aws.sandbox\n"
        "assert not {'botocore', 'boto3', 'moto', 'awscli'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
