"""Facts about services and operations, by any of their names."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from typing import Any

import pytest
from botocore import xform_name
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.aws.catalogue import loader
from cloudops_nb.aws.cli_names import BOTOCORE_NAMES, LEFT_OUT, OWN_COMMANDS, is_own
from cloudops_nb.aws.operations import (
    called_by,
    cli_service,
    cli_services,
    closest,
    find_operation,
    find_service,
    first_sentence,
    services,
)
from cloudops_nb.errors import UnknownName
from tests.clis import VERSIONS, aws_cli, interpreter


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("ec2", "DescribeInstances"),
        ("ec2", "describe-instances"),
        ("ec2", "describe_instances"),
        ("ec2", "describeinstances"),
    ],
)
def test_an_operation_has_the_apis_name_and_the_clis(service: str, operation: str) -> None:
    found = find_operation(service, operation)
    assert (found.service, found.name) == ("ec2", "DescribeInstances")
    assert found.cli == ("ec2", "describe-instances")


@pytest.mark.parametrize(
    ("name", "api", "cli"),
    [
        ("s3api", "s3", "s3api"),
        ("s3", "s3", "s3api"),
        ("deploy", "codedeploy", "deploy"),
        ("runtime.sagemaker", "sagemaker-runtime", "sagemaker-runtime"),
    ],
)
def test_a_service_has_the_apis_name_and_the_clis(name: str, api: str, cli: str) -> None:
    assert (find_service(name).name, find_service(name).cli) == (api, cli)


def test_every_operation_of_every_service_is_found_by_both_its_names() -> None:
    # Of botocore's data alone: models are made for a few services here, not for all of them.
    for service in sorted(services())[::20]:
        for name in loader().load_service_model(service, "service-2")["operations"]:
            found = find_operation(service, xform_name(name, "-"))
            assert (found.service, found.name) == (service, name)
            assert find_operation(found.cli[0], name) == found


@pytest.mark.parametrize(
    ("service", "operation", "says", "near"),
    [
        ("ec3", "x", "AWS has no service 'ec3'", ("ecs", "ecr")),
        ("../ec2", "x", "AWS has no service '../ec2'", ("ec2",)),
        ("iam", "ListUser", "iam has no operation 'ListUser'", ("ListUsers", "ListUserTags")),
        ("iam", "list-user", "did you mean list-users", ("list-users", "list-user-tags")),
        ("s3", "ls", "s3 has no operation 'ls'", ()),
    ],
)
def test_an_unknown_name_is_refused_with_the_closest(
    service: str, operation: str, says: str, near: tuple[str, ...]
) -> None:
    with pytest.raises(UnknownName) as refused:
        find_operation(service, operation)
    assert says in str(refused.value)
    assert refused.value.closest == near


@given(st.text())
def test_any_text_is_a_service_or_refused(text: str) -> None:
    if text not in services() | BOTOCORE_NAMES.keys():
        with pytest.raises(UnknownName):
            find_operation(text, text)
    assert called_by(text, text) is None
    assert len(closest(text, services())) <= 2


def test_a_parameter_knows_its_option_kind_values_and_first_sentence() -> None:
    parameters = find_operation("ec2", "RunInstances").parameters
    kind = parameters["InstanceType"]
    assert (kind.option, kind.type, kind.required) == ("--instance-type", "string", False)
    assert "t3.micro" in kind.enum
    assert kind.doc == "The instance type."
    assert parameters["MinCount"].required


def test_a_lists_values_are_those_of_its_members() -> None:
    parameters = find_operation("ssm", "DescribeInstanceInformation").parameters
    assert parameters["Filters"].enum == ()
    states = find_operation("cloudformation", "ListStacks").parameters["StackStatusFilter"]
    assert (states.type, "CREATE_COMPLETE" in states.enum) == ("list", True)


def test_a_token_that_botocore_makes_up_is_not_required() -> None:
    name = "ClientRequestToken"
    assert not find_operation("secretsmanager", "PutSecretValue").parameters[name].required


def test_an_operation_without_input_has_no_parameters() -> None:
    assert find_operation("sts", "GetCallerIdentity").parameters == {}


def test_a_paginator_names_its_tokens_its_limit_and_all_its_records() -> None:
    paginator = find_operation("s3", "ListObjectVersions").paginator
    assert paginator is not None
    assert paginator.input_tokens == ("KeyMarker", "VersionIdMarker")
    assert paginator.output_tokens == ("NextKeyMarker", "NextVersionIdMarker")
    assert paginator.limit_key == "MaxKeys"
    assert paginator.result_keys == ("Versions", "DeleteMarkers", "CommonPrefixes")


def test_an_operation_that_does_not_page_has_no_paginator() -> None:
    assert find_operation("sts", "GetCallerIdentity").paginator is None


def test_the_waiters_of_an_operation_are_known_and_those_of_its_service() -> None:
    assert "instance-running" in find_operation("ec2", "DescribeInstances").waiters
    assert find_service("ec2").waiters["volume-available"] == "DescribeVolumes"
    assert find_operation("ec2", "RunInstances").waiters == ()


@pytest.mark.parametrize(
    ("service", "operation", "streams"),
    [
        ("s3", "GetObject", True),
        ("s3", "SelectObjectContent", True),
        ("s3", "ListBuckets", False),
    ],
)
def test_an_answer_that_is_no_document_streams(service: str, operation: str, streams: bool) -> None:
    assert find_operation(service, operation).streams is streams


@pytest.mark.parametrize(
    ("html", "sentence"),
    [
        ("<p>The <code>ID</code> of it.</p><p>More.</p>", "The ID of it."),
        ("<p>No stop</p>", "No stop"),
        ("a &amp; b (see <i>c</i>). d", "a & b (see c)."),
        ("", ""),
    ],
)
def test_the_first_sentence_is_plain_text_in_one_line(html: str, sentence: str) -> None:
    assert first_sentence(html) == sentence


@pytest.mark.parametrize(
    ("service", "operation", "api"),
    [
        ("s3api", "list-buckets", ("s3", "ListBuckets")),
        ("rds", "add-option-to-option-group", ("rds", "ModifyOptionGroup")),
        ("s3", "ls", None),
        ("s3", "list-buckets", None),
        ("config", "describe-config-rules", None),
        ("ec2", "wait", None),
        ("ec2", "DescribeInstances", None),
        ("rds", "modify-option-group", None),
        ("ecs", "execute-command", None),
        ("kinesis", "subscribe-to-shard", None),
    ],
)
def test_a_command_calls_an_operation_unless_it_is_the_clis_own(
    service: str, operation: str, api: tuple[str, str] | None
) -> None:
    found = called_by(service, operation)
    assert (None if found is None else (found.service, found.name)) == api


def test_a_service_offers_its_operations_but_those_the_cli_has_no_command_for() -> None:
    commands = find_service("rds").commands
    assert {"wait", "generate-db-auth-token", "add-option-to-option-group"} <= set(commands)
    assert "modify-option-group" not in commands


def test_the_names_of_all_services_need_no_model() -> None:
    code = (
        "from cloudops_nb.aws import operations\n"
        "from botocore.loaders import Loader\n"
        "Loader.load_service_model = None\n"
        "assert 'ec2' in operations.services() and 's3' in operations.cli_services()"
    )
    subprocess.run([interpreter(aws_cli(1)), "-c", code], check=True)


_TABLE = """
import json
from awscli.clidriver import ServiceOperation, create_clidriver
driver = create_clidriver()
get = lambda each: each._get_command_table() if hasattr(each, "_get_command_table") \
    else each.subcommand_table
found = {}
for name, command in get(driver).items():
    service = getattr(command, "_service_name", None)
    if service is None:
        table = command.subcommand_table
        found[name] = [None, dict.fromkeys(table), []]
        continue
    table = get(command)
    calls = {
        each: what._operation_model.name if type(what) is ServiceOperation else None
        for each, what in table.items()
    }
    left = set(command._get_service_model().operation_names) - {
        what._operation_model.name for what in table.values() if isinstance(what, ServiceOperation)
    }
    found[name] = [service, calls, sorted(left)]
print(json.dumps(found))
"""


@cache
def _installed(version: int) -> dict[str, tuple[str | None, dict[str, str | None], list[str]]]:
    """By the CLI's service: the API's, what each command calls, which operations have none."""
    # In a process of its own: awscli puts its vendored botocore in place of the real one.
    code = [interpreter(aws_cli(version)), "-c", _TABLE]
    table: Any = json.loads(subprocess.run(code, capture_output=True, check=True).stdout)
    return table


@pytest.mark.parametrize("version", VERSIONS)
def test_every_service_of_an_installed_cli_goes_by_the_name_that_is_known(version: int) -> None:
    installed = {cli: api for cli, (api, *_) in _installed(version).items() if api is not None}
    renamed = {cli: api for cli, api in installed.items() if cli != api}
    assert renamed.items() <= BOTOCORE_NAMES.items()
    assert BOTOCORE_NAMES.keys() - installed.keys() <= {"opsworks-cm", "runtime.sagemaker"}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_own_commands_of_an_installed_cli_are_the_listed_ones(version: int) -> None:
    for service, (_, commands, _left) in _installed(version).items():
        own = {command for command, api in commands.items() if api is None} - {"wait"}
        assert own <= OWN_COMMANDS.get(service, frozenset()), service


def test_no_command_is_listed_that_neither_cli_has_or_had() -> None:
    installed = [_installed(version) for version in VERSIONS]
    newer = {  # CLI 2 after Debian's 2.9
        "cloudtrail": {"verify-query-results"},
        "dsql": {"generate-db-connect-admin-auth-token", "generate-db-connect-auth-token"},
        "ec2-instance-connect": {"open-tunnel", "ssh"},
    }
    for service, listed in OWN_COMMANDS.items():
        there = {command for table in installed for command in table.get(service, ("", {}))[1]}
        assert listed - there <= newer.get(service, set()), service


@pytest.mark.parametrize("version", VERSIONS)
def test_every_other_command_of_an_installed_cli_calls_what_is_known(version: int) -> None:
    for service, (api_service, commands, _) in _installed(version).items():
        if api_service not in services():
            continue  # ended since
        known = set(find_service(service).operations.values())
        for command, api in commands.items():
            if api in known and not is_own(service, command):  # `sso logout` is, in CLI 2
                found = called_by(service, command)
                assert found is not None, (service, command)
                assert found.name == api


@pytest.mark.parametrize("version", VERSIONS)
def test_the_operations_without_a_command_are_the_listed_ones(version: int) -> None:
    for service, (api_service, _, left) in _installed(version).items():
        if api_service is not None:
            names = {xform_name(name, "-") for name in left}
            listed = LEFT_OUT.get(service, frozenset()) | OWN_COMMANDS.get(service, frozenset())
            assert names <= listed, service


def test_every_service_of_the_cli_is_one_that_botocore_knows_or_of_its_own_making() -> None:
    own = {"cli-dev", "configure", "ddb", "history", "login", "logout", "s3"}
    assert {name for name in cli_services() if cli_service(name) is None} == own


def test_cli_services_are_those_of_the_installed_cli() -> None:
    # But for those that AWS has ended or begun between the CLI's botocore and this one.
    there = {cli for cli, (api, *_) in _installed(1).items() if api is None or api in services()}
    only_in_2 = {"cli-dev", "ddb", "login", "logout", "opsworks-cm"}
    assert there <= cli_services()
    assert cli_services() - there <= services() | only_in_2
