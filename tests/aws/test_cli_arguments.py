"""Facts about how an ``aws`` command's arguments are read, passed on or refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.aws.cli_arguments import CliArguments, cli_arguments
from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models import AwsCli


def arguments(line: str | tuple[str, ...], home: Path = Path("/nowhere")) -> CliArguments:
    service, operation, *args = line.split() if isinstance(line, str) else line
    command = AwsCli(service=service, operation=operation, args=tuple(args))
    return cli_arguments(command, {"HOME": str(home)}, home)


def words(line: str | tuple[str, ...], home: Path = Path("/nowhere")) -> list[str]:
    """The words after service and operation."""
    return list(arguments(line, home).words[2:])


@pytest.mark.parametrize(
    ("line", "rebuilt"),
    [
        ("ec2 describe-instances --max-items 5", ["--max-items=5"]),
        ("ec2 describe-instances --max-items=5", ["--max-items=5"]),
        ("ec2 describe-instances --dry-run", ["--dry-run"]),
        ("ec2 describe-instances --no-dry-run", ["--no-dry-run"]),
        ("ec2 start-instances --instance-ids a b", ["--instance-ids", "a", "b"]),
        ("ec2 start-instances --instance-i a", ["--instance-ids", "a"]),
        ("ec2 describe-instances --max-i 5", ["--max-items=5"]),
        ("ec2 describe-instances --no-d", ["--no-dry-run"]),
        ("iam get-user --u=x", ["--user-name=x"]),
        ("sqs purge-queue --queue https://q", ["--queue-url=https://q"]),
        ("ec2 wait vpc-exists --vpc a b", ["vpc-exists", "--vpc-ids", "a", "b"]),
        ("ec2 run-instances --image a --count 2", ["--image", "a", "--count", "2"]),
        ("ec2 authorize-security-group-ingress --cidr x", ["--cidr", "x"]),
        ("iam create-user --user-name -x", ["--user-name=-x"]),
        ("ec2 modify-vpc-attribute --enable-dns-support", ["--enable-dns-support"]),
        ("ec2 modify-vpc-attribute --enable-dns-support {}", ["--enable-dns-support={}"]),
        ("s3api get-object --bucket b --key k out", ["--bucket=b", "--key=k", "out"]),
        ("ec2 wait vpc-exists --vpc-ids a b", ["vpc-exists", "--vpc-ids", "a", "b"]),
        ("ec2 wait no-such --x y", ["no-such", "--x", "y"]),
        ("ec2 wait", []),
        ("s3 cp a s3://b --acl x", ["a", "s3://b", "--acl", "x"]),
        ("no-such thing --x y", ["--x", "y"]),
        ("ec2 x --generate-cli-skeleton", ["--generate-cli-skeleton"]),
        ("sts get-caller-identity --generate-cli-skeleton output --q a",
         ["--generate-cli-skeleton=output", "--query=a"]),
    ],
)  # fmt: skip
def test_a_value_that_is_one_stands_in_the_word_of_its_option(
    line: str, rebuilt: list[str]
) -> None:
    assert words(line) == rebuilt


@pytest.mark.parametrize(
    ("line", "rebuilt"),
    [
        ("s3 ls --reg r", ["--region=r"]),
        ("s3 ls --out=text --q a", ["--output=text", "--query=a"]),
        ("s3 ls --no-cli-pager --no-cli-auto-prompt", []),
        ("s3 ls --no-pag --no-si", ["--no-paginate", "--no-sign-request"]),
        ("s3 ls --region a --reg b", ["--region=b"]),
        ("s3 ls --query -a", ["--query=-a"]),
    ],
)
def test_global_options_are_written_out(line: str, rebuilt: list[str]) -> None:
    assert words(line) == rebuilt


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("s3 ls --cli x", "--cli could be --cli-auto-prompt, --cli-binary-format"),
        ("s3 ls --v", "--v could be --v2-debug, --version"),
        ("s3 ls --debug", "--debug is refused: it prints credentials"),
        ("s3 ls --deb", "--debug is refused"),
        ("s3 ls --no-verify-ssl", "name the authority with --ca-bundle FILE"),
        ("s3 ls --version", "--version is refused"),
        ("s3 ls --cli-auto-prompt", "asks on a terminal"),
        ("s3 ls --debug=1", "--debug takes no value, and has '1'"),
        ("s3 ls --region", "--region has no value"),
        ("s3 ls --region --query x", "--region has no value"),
        ("s3 ls -- x", "write --option=value"),
        ("ec2 describe-instances --max 3", "--max could be --max-items, --max-results: write"),
        ("ec2 describe-instances --cli-input {}", "--cli-input-json, --cli-input-yaml"),
        ("ec2 describe-instances --instance-isd i", "; did you mean --instance-ids"),
        ("iam get-user --zzz=1", "aws iam get-user has no option --zzz (as of botocore "),
        ("ec2 wait vpc-exists --zzz", "has no option --zzz"),
        ("sts get-caller-identity --page-size 1", "has no option --page-size"),
        ("iam get-user --user-name", "--user-name has no value"),
        ("iam get-user --user-name --weird", "if --weird is it, write --user-name=--weird"),
        ("s3 ls --endpoint-url x", "'x' is no http:// or https:// address"),
        ("s3 ls --endpoint-url http://a.example", "session token unencrypted"),
        ("s3 ls --endpoint-url https://u:p@a.example", "has a user name in it"),
        ("s3 ls --endpoint-url https://[", "Invalid IPv6 URL"),
        ("s3 ls --endpoint-url https://a:b", "--endpoint-url 'https://a:b'"),
        ("s3 ls --ca-bundle none.pem", "none.pem is no file that can be read"),
        ("iam create-policy --policy-document file://none", "none is no file that can be read"),
        ("iam create-policy --policy-document file://$HOME/x", "write the path out"),
        ("iam create-policy --policy-document file://{{ steps.a.stdout }}", "known beforehand"),
        ("iam create-policy --cli-input-json file://none", "none is no file"),
        ("lambda create-function --environment Variables@=file://x", "inside a value"),
        ("iam create-user --user-name https://x", "version 1 of the CLI would fetch this"),
        ("ec2 start-instances --instance-ids http://x", "version 1 of the CLI would fetch this"),
    ],
)  # fmt: skip
def test_what_is_not_passed_on_is_refused_with_what_to_do(line: str, says: str) -> None:
    given = line.split(" ", 3 if "{{" in line else -1)
    with pytest.raises(InvalidCommand) as refused:
        words(tuple(given))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://minio.example:9000",
        "https://vpce-1.ec2.us-east-1.vpce.amazonaws.com",
        "http://127.0.0.1:4566",
        "http://[::1]:4566",
        "http://localhost:4566",
        "http://localstack.localhost:4566",
    ],
)
def test_an_endpoint_by_tls_or_on_this_machine_is_passed_on(endpoint: str) -> None:
    found = arguments(f"s3 ls --endpoint-url {endpoint}")
    assert found.endpoint == endpoint


def test_an_unsigned_request_may_go_anywhere() -> None:
    line = "s3 ls --no-sign-request --endpoint-url http://mirror.example"
    assert arguments(line).endpoint == "http://mirror.example"


@pytest.mark.parametrize("name", ["file://f.json", "fileb://f.json", "file://~/f.json"])
def test_a_file_is_passed_on_by_its_absolute_path(name: str, tmp_path: Path) -> None:
    (tmp_path / "f.json").write_text("{}")
    found = arguments(f"iam create-policy --policy-document {name}", tmp_path)
    prefix = name.partition("//")[0]
    assert found.words[2:] == (f"--policy-document={prefix}//{tmp_path}/f.json",)
    assert found.files == (tmp_path / "f.json",)


def test_a_ca_bundle_is_a_file_that_the_cli_reads(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    found = arguments("s3 ls --ca ca.pem", tmp_path)
    assert found.words[2:] == (f"--ca-bundle={tmp_path}/ca.pem",)
    assert found.files == (tmp_path / "ca.pem",)


@pytest.mark.parametrize(
    "line",
    [
        "sqs send-message --queue-url https://sqs.us-east-1.amazonaws.com/1/q",
        "cloudformation create-stack --template-url https://s3.amazonaws.com/b/t.json",
        "iam create-open-id-connect-provider --url https://token.example",
        "configure set endpoint_url http://localhost:4566",
    ],
)
def test_an_address_that_no_cli_fetches_is_passed_on(line: str) -> None:
    assert "".join(words(line)).count("://") == 1


def test_with_cli_follow_urlparam_off_any_address_is_passed_on(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("[profile p]\ncli_follow_urlparam = false\n")
    command = AwsCli(
        service="iam", operation="get-user", args=("--user-name", "http://x"), profile="p"
    )
    found = cli_arguments(command, {"AWS_CONFIG_FILE": str(config)}, tmp_path)
    assert found.words[2:] == ("--user-name=http://x", "--profile=p")


@pytest.mark.parametrize(
    ("aliases", "line", "says"),
    [
        ("[toplevel]\nwhoami = sts get-caller-identity\n", "whoami x", "for `sts get-caller-id"),
        ("[toplevel]\nec2 =\n  !rm -rf\n", "ec2 describe-instances", "`ec2` is an alias"),
        ("[command ec2]\nup = describe-instances\n", "ec2 up", "`up` is an alias"),
        ("nonsense", "ec2 up", "aliases cannot be read"),
    ],
)
def test_an_alias_is_refused_with_what_it_stands_for(
    aliases: str, line: str, says: str, tmp_path: Path
) -> None:
    file = tmp_path / ".aws/cli/alias"
    file.parent.mkdir(parents=True)
    file.write_text(aliases)
    with pytest.raises(InvalidCommand) as refused:
        words(line, tmp_path)
    assert says in str(refused.value)
    if "nonsense" not in aliases:
        assert words("s3 ls", tmp_path) == []


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=40))
def test_whatever_a_value_is_it_is_no_option_of_its_own(value: str) -> None:
    line = ("iam", "get-user", "--user-name", value, "--profile", "p")
    try:
        found = arguments(line)
    except InvalidCommand:
        assert value.startswith(("--", "file", "http")) or "@=" in value
        return
    assert found.words[2:] == (f"--user-name={value}", "--profile=p")
    assert found.profile == "p"
