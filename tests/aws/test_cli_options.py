"""What options take, compared with the parsers of the CLIs that are installed."""

from __future__ import annotations

import json
import subprocess

import pytest

from cloudops_nb.aws.cli_names import OTHER_OPTIONS
from cloudops_nb.aws.cli_options import operation_asked, options_of
from cloudops_nb.aws.operations import called_by
from tests.clis import VERSIONS, aws_cli, interpreter

# Of a few services with many kinds of options: each model is read twice, once in the CLI.
_TAKES = """
import json
from awscli.clidriver import ServiceOperation, create_clidriver
get = lambda each: each._get_command_table() if hasattr(each, "_get_command_table") \
    else each.subcommand_table
class Options(dict):
    def add_argument(self, name, action=None, nargs=None, **_):
        flag = action in ("store_true", "store_false")
        self[name] = "none" if flag else {None: "one", "?": "optional"}.get(nargs, "several")
    def add_mutually_exclusive_group(self, **_):
        return self
found = []
for service, command in get(create_clidriver()).items():
    if service not in ("ec2", "iam", "s3api", "ssm", "lambda", "cloudformation", "sts", "deploy"):
        continue
    for name, operation in get(command).items():
        if type(operation) is ServiceOperation:
            options = Options()
            for argument in operation.arg_table.values():
                argument.add_to_parser(options)
            found.append([service, name, options])
print(json.dumps(found))
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_an_option_takes_what_the_installed_clis_parser_takes(version: int) -> None:
    code = [interpreter(aws_cli(version)), "-c", _TAKES]
    shown = subprocess.run(code, capture_output=True, check=True).stdout
    compared = 0
    for service, name, options in json.loads(shown):
        if (found := called_by(service, name)) is None:
            continue
        known = options_of(found)
        for option, kind in options.items():
            if option in known:
                # Where a switch may stand alone and the CLI wants a value, it says so itself.
                expected = {"one", "optional"} if known[option] == "optional" else {known[option]}
                assert kind in expected, (service, name, option)
                compared += 1
            elif option.startswith("--"):  # an output file has a name without
                assert name in OTHER_OPTIONS[service], option
    assert compared > 5_000


def test_a_page_has_a_size_where_the_operation_takes_one() -> None:
    sized, whole = (
        called_by("iam", "list-users"),
        called_by("cloudformation", "describe-account-limits"),
    )
    assert sized is not None
    assert whole is not None
    assert "--page-size" in options_of(sized)
    assert "--max-items" in options_of(whole)
    assert "--page-size" not in options_of(whole)


def test_the_options_of_a_waiter_are_those_of_what_it_calls() -> None:
    found = operation_asked("ec2", "wait", ["instance-running"])
    assert found is not None
    assert found.name == "DescribeInstances"
    assert operation_asked("ec2", "wait", ["no-such"]) is None
    assert operation_asked("no-such", "wait", ["x"]) is None


def test_pages_have_options_where_an_operation_has_pages() -> None:
    pages = {"--max-items", "--page-size", "--starting-token"}
    users, user = called_by("iam", "list-users"), called_by("iam", "get-user")
    assert users is not None
    assert user is not None
    assert pages <= options_of(users).keys()
    assert not pages & options_of(user).keys()
