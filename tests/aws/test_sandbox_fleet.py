"""Facts about the fleet: what stands there, what is wrong with it, and that it never varies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from cloudops_nb.aws.sandbox import Sandbox, fleet
from cloudops_nb.aws.sandbox.accounts import DEV, PROD, STAGING, SandboxAccount

if TYPE_CHECKING:
    from pathlib import Path

READS = {
    "ec2": (
        "describe_addresses",
        "describe_images",
        "describe_instances",
        "describe_network_interfaces",
        "describe_security_groups",
        "describe_subnets",
        "describe_tags",
        "describe_volumes",
    ),
    "lambda": ("list_functions",),
    "rds": ("describe_db_instances", "describe_db_snapshots"),
    "sqs": ("list_queues",),
}
GLOBAL_READS = {
    "iam": ("get_account_authorization_details", "list_account_aliases", "list_roles"),
    "s3": ("list_buckets",),
}


def client(sandbox: Sandbox, account: SandboxAccount, service: str, region: str) -> Any:
    create: Any = sandbox.session(account.profile, region).client
    return create(service)


def everything(sandbox: Sandbox) -> str:
    """All that the fleet's services list, but for what cannot be the same on two starts."""
    places = [(region, READS) for region in sandbox.regions]
    answers: dict[str, Any] = {}
    for account in sandbox.accounts:
        create: Any = sandbox.session(account.profile).client
        for region, reads in [*places, ("us-east-1", GLOBAL_READS)]:
            for service, operations in reads.items():
                reader = create(service, region_name=region)
                for operation in operations:
                    answer = getattr(reader, operation)()
                    del answer["ResponseMetadata"]
                    for database in answer.get("DBInstances", []):
                        database.pop("LatestRestorableTime", None)  # moto: the time of asking
                    answers[f"{account.stage} {region} {operation}"] = answer
    text = json.dumps(answers, default=str, indent=1)
    return text.replace(sandbox.endpoint_url, "ENDPOINT")  # in the queues' URLs


def instances(sandbox: Sandbox, account: SandboxAccount, region: str) -> list[dict[str, Any]]:
    answer = client(sandbox, account, "ec2", region).describe_instances()
    return [entry for group in answer["Reservations"] for entry in group["Instances"]]


def test_each_start_gives_the_same_fleet_down_to_ids_and_dates(tmp_path: Path) -> None:
    # Neither is the session's: even assuming a role leaves a trace there.
    with Sandbox.start(directory=tmp_path) as one, Sandbox.start(directory=tmp_path) as other:
        assert one.endpoint_url != other.endpoint_url
        assert everything(one).splitlines() == everything(other).splitlines()


def test_there_are_three_accounts_whose_aliases_say_sandbox(sandbox: Sandbox) -> None:
    seen = {}
    for account in sandbox.accounts:
        session = sandbox.session(account.profile)
        number = session.client("sts").get_caller_identity()["Account"]
        seen[number] = session.client("iam").list_account_aliases()["AccountAliases"]
    assert seen == {
        "111111111111": ["cloudops-sandbox-prod"],
        "222222222222": ["cloudops-sandbox-staging"],
        "333333333333": ["cloudops-sandbox-dev"],
    }


@pytest.mark.parametrize(("account", "count"), [(PROD, 21), (STAGING, 5), (DEV, 5)])
def test_each_account_has_its_number_of_instances(
    sandbox: Sandbox, account: SandboxAccount, count: int
) -> None:
    assert sum(len(instances(sandbox, account, region)) for region in sandbox.regions) == count


def test_every_region_has_instances(sandbox: Sandbox) -> None:
    for region in sandbox.regions:
        assert any(instances(sandbox, account, region) for account in sandbox.accounts)


def test_instances_have_names_teams_and_states(sandbox: Sandbox) -> None:
    (web, api) = instances(sandbox, STAGING, "eu-west-1")
    assert {tag["Key"]: tag["Value"] for tag in web["Tags"]} == {
        "Name": "staging-web-01",
        "Environment": "staging",
        "Team": "storefront",
        "ManagedBy": "cloudops-sandbox",
    }
    assert (web["State"]["Name"], api["State"]["Name"]) == ("running", "stopped")


def test_buckets_users_functions_queues_and_databases_are_the_listed_ones(
    sandbox: Sandbox,
) -> None:
    for account in sandbox.accounts:
        session = sandbox.session(account.profile)
        buckets = {entry["Name"] for entry in session.client("s3").list_buckets()["Buckets"]}
        users = {entry["UserName"] for entry in session.client("iam").list_users()["Users"]}
        functions, queues, databases = set(), set(), set()
        for region in sandbox.regions:
            listed = client(sandbox, account, "lambda", region).list_functions()
            functions |= {entry["FunctionName"] for entry in listed["Functions"]}
            urls = client(sandbox, account, "sqs", region).list_queues().get("QueueUrls", [])
            queues |= {url.rsplit("/", 1)[1] for url in urls}
            listed = client(sandbox, account, "rds", region).describe_db_instances()
            databases |= {entry["DBInstanceIdentifier"] for entry in listed["DBInstances"]}
        assert buckets == {entry.name for entry in fleet.BUCKETS if entry.account is account}
        assert users == {"operator"} | {u.name for u in fleet.USERS if u.account is account}
        assert functions == {f.name for f in fleet.FUNCTIONS if f.account is account}
        names = {entry.name for entry in fleet.QUEUES if entry.account is account}
        assert queues == names | {f"{name}-dlq" for name in names}
        assert databases == {d.name for d in fleet.DATABASES if d.account is account}


def found_untagged_instances(account: SandboxAccount, region: str, sandbox: Sandbox) -> list[str]:
    return [i["InstanceType"] for i in instances(sandbox, account, region) if not i.get("Tags")]


def found_gpus(account: SandboxAccount, region: str, sandbox: Sandbox) -> list[str]:
    return [
        next(tag["Value"] for tag in instance["Tags"] if tag["Key"] == "Name")
        for instance in instances(sandbox, account, region)
        if instance["InstanceType"].startswith("g") and instance["State"]["Name"] == "running"
    ]


def found_loose_volumes(account: SandboxAccount, region: str, sandbox: Sandbox) -> list[str]:
    volumes = client(sandbox, account, "ec2", region).describe_volumes()["Volumes"]
    return [f"{entry['Size']} GiB" for entry in volumes if entry["State"] == "available"]


def found_loose_addresses(account: SandboxAccount, region: str, sandbox: Sandbox) -> list[str]:
    addresses = client(sandbox, account, "ec2", region).describe_addresses()["Addresses"]
    return ["address" for entry in addresses if "AssociationId" not in entry]


def found_open_groups(account: SandboxAccount, region: str, sandbox: Sandbox) -> list[str]:
    groups = client(sandbox, account, "ec2", region).describe_security_groups()["SecurityGroups"]
    return [
        group["GroupName"]
        for group in groups
        for rule in group["IpPermissions"]
        if rule.get("FromPort") == 22
        and "0.0.0.0/0" in [entry["CidrIp"] for entry in rule["IpRanges"]]
    ]


def found_retired_runtimes(account: SandboxAccount, region: str, sandbox: Sandbox) -> list[str]:
    functions = client(sandbox, account, "lambda", region).list_functions()["Functions"]
    return [entry["FunctionName"] for entry in functions if entry["Runtime"] == "python3.7"]


def found_dead_letters(account: SandboxAccount, region: str, sandbox: Sandbox) -> list[str]:
    sqs = client(sandbox, account, "sqs", region)
    counted = ["ApproximateNumberOfMessages"]
    return [
        url.rsplit("/", 1)[1]
        for url in sqs.list_queues().get("QueueUrls", [])
        if sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counted)["Attributes"][counted[0]]
        != "0"
    ]


def found_open_databases(account: SandboxAccount, region: str, sandbox: Sandbox) -> list[str]:
    databases = client(sandbox, account, "rds", region).describe_db_instances()["DBInstances"]
    return [
        entry["DBInstanceIdentifier"]
        for entry in databases
        if entry["PubliclyAccessible"] and not entry["StorageEncrypted"]
    ]


@pytest.mark.parametrize(
    ("what", "search"),
    [
        ("an instance without any tag", found_untagged_instances),
        ("a GPU instance left running", found_gpus),
        ("a volume attached to nothing", found_loose_volumes),
        ("an elastic IP address used by nothing", found_loose_addresses),
        ("a security group: SSH open to the world", found_open_groups),
        ("a function on a retired runtime", found_retired_runtimes),
        ("a dead-letter queue that is not empty", found_dead_letters),
        ("a public, unencrypted database", found_open_databases),
    ],
)
def test_a_search_of_all_regions_finds_each_listed_fault_and_no_other(
    sandbox: Sandbox, what: str, search: Any
) -> None:
    found = [
        (account.stage, region, resource)
        for account in sandbox.accounts
        for region in sandbox.regions
        for resource in search(account, region, sandbox)
    ]
    listed = [
        (fault.account.stage, fault.region, fault.resource)
        for fault in fleet.FAULTS
        if fault.what == what
    ]
    assert sorted(found) == sorted(listed)
    assert listed


def test_one_bucket_is_public_and_one_has_no_tags(sandbox: Sandbox) -> None:
    public, untagged = [], []
    for account in sandbox.accounts:
        s3 = client(sandbox, account, "s3", "us-east-1")
        for bucket in s3.list_buckets()["Buckets"]:
            grants = s3.get_bucket_acl(Bucket=bucket["Name"])["Grants"]
            if any("AllUsers" in grant["Grantee"].get("URI", "") for grant in grants):
                public.append(bucket["Name"])
            try:
                s3.get_bucket_tagging(Bucket=bucket["Name"])
            except s3.exceptions.ClientError:
                untagged.append(bucket["Name"])
    faults = {fault.what: fault.resource for fault in fleet.FAULTS}
    assert public == [faults["a public bucket"]]
    assert untagged == [faults["a bucket without tags"]]


def test_one_console_user_has_no_mfa_and_one_user_has_an_old_key(sandbox: Sandbox) -> None:
    without_mfa, old_keys = [], []
    for account in sandbox.accounts:
        iam = client(sandbox, account, "iam", "us-east-1")
        for user in iam.list_users()["Users"]:
            name = user["UserName"]
            try:
                iam.get_login_profile(UserName=name)
            except iam.exceptions.NoSuchEntityException:
                pass  # no console: no second factor to ask for
            else:
                if not iam.list_mfa_devices(UserName=name)["MFADevices"]:
                    without_mfa.append(name)
            keys = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
            old_keys += [name for key in keys if key["CreateDate"].year < 2024]
    faults = {fault.what: fault.resource for fault in fleet.FAULTS}
    assert without_mfa == [faults["a console user without MFA"]]
    assert old_keys == [faults["an access key from 2021"]]


def test_the_auditor_role_of_another_account_can_be_assumed(sandbox: Sandbox) -> None:
    sts = client(sandbox, PROD, "sts", "us-east-1")
    role = f"arn:aws:iam::{STAGING.id}:role/auditor"
    assumed = sts.assume_role(RoleArn=role, RoleSessionName="audit")
    assert assumed["AssumedRoleUser"]["Arn"].startswith(f"arn:aws:sts::{STAGING.id}:")


def test_invoking_a_function_starts_no_container(sandbox: Sandbox) -> None:
    function = client(sandbox, DEV, "lambda", "us-east-1")
    answer = function.invoke(FunctionName="try-out", Payload=b'{"ping": 1}')
    assert json.loads(answer["Payload"].read()) == {"ping": 1}
