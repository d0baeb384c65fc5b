"""Facts about where an operation keeps its records."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from cloudops_nb.aws.catalogue import _BOTOCORE_NAMES, result_key


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


def test_every_renamed_command_of_the_installed_cli_is_known() -> None:
    # In a process of its own: awscli puts its vendored botocore in place of the real one.
    code = (
        "import json\n"
        "from awscli.clidriver import create_clidriver\n"
        "commands = create_clidriver()._get_command_table()\n"
        "services = {n: getattr(c, '_service_name', None) for n, c in commands.items()}\n"
        "print(json.dumps({n: service for n, service in services.items() if service}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    services: dict[str, str] = json.loads(shown)
    renamed = {name: service for name, service in services.items() if name != service}
    assert renamed == _BOTOCORE_NAMES


def test_importing_the_package_does_not_import_botocore() -> None:
    code = (
        "import sys, cloudops_nb.aws, cloudops_nb.aws.catalogue, cloudops_nb.aws.sandbox\n"
        "assert not {'botocore', 'boto3', 'moto', 'awscli'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
