"""What is offered at the end of an ``aws`` line and of a call of ``AwsSdk``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

from cloudops_nb.notebook import matcher
from cloudops_nb.notebook.aws_completion import complete_call, complete_line
from cloudops_nb.notebook.options import complete


@pytest.fixture(autouse=True)
def _profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("[profile dev]\n[profile prod]\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_PROFILE", "not-there")


@pytest.mark.parametrize(
    ("text", "fragment", "words"),
    [
        ("aws s3ap", "s3ap", ("s3api",)),
        ("aws configs", "configs", ("configservice",)),
        ("aws ec2 describe-instance-st", "describe-instance-st", ("describe-instance-status",)),
        ("aws s3 m", "m", ("mb", "mv")),
        ("aws rds add-op", "add-op", ("add-option-to-option-group",)),
        ("aws ec2 wait vpc-e", "vpc-e", ("vpc-exists",)),
        ("aws ec2 wait vpc-exists --vpc", "--vpc", ("--vpc-ids",)),
        ("aws ec2 describe-instances --inst", "--inst", ("--instance-ids",)),
        ("aws ec2 describe-instances --no-d", "--no-d", ("--no-dry-run",)),
        ("aws iam list-users --max-i", "--max-i", ("--max-items",)),
        ("aws iam get-user --max-i", "--max-i", ()),
        ("aws ec2 describe-instances --prof", "--prof", ("--profile",)),
        ("aws ec2 describe-instances --profile ", "", ("dev", "prod")),
        ("aws ec2 describe-instances --profile=d", "d", ("dev",)),
        ("aws ec2 describe-instances --region us-w", "us-w", ("us-west-1", "us-west-2")),
        ("aws --region us-west-1 ec2 describe-vpcs --output t", "t", ("table", "text")),
        ("aws --region us-west-1 ec2 describe-vpcs --deb", "--deb", ()),
        ("aws cloudformation list-stacks --stack-status-filter CREATE_C", "CREATE_C",
         ("CREATE_COMPLETE",)),
        ("aws cloudformation list-stacks --stack-status-filter X CREATE_C", "CREATE_C",
         ("CREATE_COMPLETE",)),
        ("aws ec2 run-instances --dry-run --instance-type t3.mi", "t3.mi", ("t3.micro",)),
        ("x=$(aws kms encr", "encr", ("encrypt",)),
        ("ls | xargs aws kms encr", "encr", ("encrypt",)),
        ("aws ec2 describe-vpcs --query 'a | b(c)' --outp", "--outp", ("--output",)),
        ("  - aws: kms encr", "encr", ("encrypt",)),
        ("- {name: a, aws: kms encr", "encr", ("encrypt",)),
        ("aws no-such ", "", ()),
        ("aws no-such thing --reg", "--reg", ("--region",)),
    ],
)  # fmt: skip
def test_a_line_goes_on_with_what_the_cli_knows(
    text: str, fragment: str, words: tuple[str, ...]
) -> None:
    offer = complete_line(text)
    assert offer is not None
    assert (offer.fragment, offer.words) == (fragment, words)


def test_an_option_is_offered_once() -> None:
    offer = complete_line("aws ec2 describe-vpcs --vpc-ids a --region=r --")
    assert offer is not None
    assert not {"--vpc-ids", "--region"} & set(offer.words)


@pytest.mark.parametrize("text", ["", "ls ", "laws x", "echo aws", "# aws; ls "])
def test_another_line_is_left_to_others(text: str) -> None:
    assert complete_line(text) is None


@pytest.mark.parametrize(
    ("text", "fragment", "words"),
    [
        ('AwsSdk(service="ec2-inst', "ec2-inst", ("ec2-instance-connect",)),
        ('run(AwsSdk(\n  service="iam",\n  operation="ListUserT', "ListUserT", ("ListUserTags",)),
        ("AwsSdk(service='iam', operation='ListUsers', params={'Path", "Path", ("PathPrefix",)),
        ('AwsSdk(service="iam", operation="ListUsers", params={"PathPrefix": "/", "Ma', "Ma",
         ("Marker", "MaxItems")),
        ('AwsSdk(service="ec2", operation="RunInstances", params={"InstanceType": "t3.mi', "t3.mi",
         ("t3.micro",)),
        (("AwsSdk(service='cloudformation', operation='ListStacks',\nparams={"
          "'StackStatusFilter': ['X', 'CREATE_C"), "CREATE_C", ("CREATE_COMPLETE",)),
        ('AwsSdk(service="iam", reg', "reg", ("region=",)),
        ('AwsSdk(service="iam", profile="', "", ("dev", "prod")),
        ('AwsSdk(service="iam", params={}, region="us-w', "us-w", ("us-west-1", "us-west-2")),
        ('AwsSdk(service="nope", operation="', "", ()),
    ],
)  # fmt: skip
def test_a_call_goes_on_with_what_the_api_knows(
    text: str, fragment: str, words: tuple[str, ...]
) -> None:
    offer = complete_call(text)
    assert offer is not None
    assert (offer.fragment, offer.words) == (fragment, words)


@pytest.mark.parametrize(
    "text",
    [
        "x = ",
        'AwsSdk(service="ec2").',
        'AwsSdk(service="ec2", operation="RunInstances", params={"Placement": {"',
        'AwsSdk(service="nope", operation="X", params={"',
    ],
)
def test_elsewhere_nothing_is_offered(text: str) -> None:
    assert complete_call(text) is None


@given(st.text(alphabet="aws ec2-{}[]()'\":,=|;x\n%", max_size=40))
def test_any_text_is_read(text: str) -> None:
    for offer in (complete_line(f"aws {text}"), complete_call(f"AwsSdk({text}")):
        if offer is not None:
            assert text.endswith(offer.fragment)


def test_the_magics_own_profile_is_one_of_the_aws_files() -> None:
    assert complete("--profile ") == ["dev", "prod"]
    assert complete("--each profile=dev,p") == ["prod"]


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A shell of its own with the matcher, and nothing else of this package."""
    made = InteractiveShell()
    made.Completer.custom_matchers.append(matcher.aws_matcher)
    yield made
    made.history_manager.end_session()


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("%%cloudops --serial\naws kms encr", ["encrypt"]),
        ("%%cloudops\naws kms \\\n  encrypt --key", ["--key-id"]),
        ("%%cloudops --plan\nsteps:\n  - aws: kms encr", ["encrypt"]),
        ("AwsSdk(service='kms', operation='Encr", ["Encrypt"]),
    ],
)
def test_ipython_offers_it_alone(shell: InteractiveShell, cell: str, words: list[str]) -> None:
    with provisionalcompleter():
        found = list(shell.Completer.completions(cell, len(cell)))
    assert [each.text for each in found] == words
    start = {each.start for each in found}.pop()
    assert words[0].startswith(cell[start:])
