"""Builds the fleet inside the server process, by API calls against the server itself.

API calls, since moto's API is AWS's and stays put while its internals move. Two things no call
can do, and both need moto's process: access keys of our choice, and dates in the past.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from functools import cache
from typing import TYPE_CHECKING, Any

from cloudops_nb.aws.sandbox import fleet
from cloudops_nb.aws.sandbox.accounts import ACCOUNTS, DEFAULT_REGION, REGIONS, SandboxAccount
from cloudops_nb.aws.sandbox.clock import dated
from cloudops_nb.aws.sandbox.session import session

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3

_SEED = 20240205  # any number: it decides the ids, so changing it changes every saved output
_WORLD = [{"CidrIp": "0.0.0.0/0"}]
_LAMBDA_ROLE = "app-lambda"


def build(progress: Callable[[str], None]) -> None:
    """Build the whole fleet, by calls to AWS_ENDPOINT_URL; ``progress`` takes lines of text."""
    from moto.moto_api._internal import mock_random

    mock_random.seed(_SEED)
    for account in ACCOUNTS:
        progress(f"seeding {account.alias}")
        _operator(account)
        with dated(fleet.BUILT):
            _identity(account)
            images = {region: _region(account, region) for region in REGIONS}
            _storage(account)
            _services(account)
        with dated(fleet.GROWN):
            _machines(account, images)
    with dated(fleet.GROWN):
        _faults()
    _messages()  # undated: a message of the past would have expired


def _operator(account: SandboxAccount) -> None:
    """The user each profile acts as. Its key is as young as the sandbox: no old key to find."""
    from moto.backends import get_backend

    backend = get_backend("iam")[account.id]["aws"]
    with dated(fleet.BUILT):
        backend.create_user(DEFAULT_REGION, "operator")
    key = backend.create_access_key("operator")
    del backend.access_keys[key.access_key_id]
    key.access_key_id = account.access_key_id
    key.secret_access_key = account.secret_access_key
    backend.access_keys[key.access_key_id] = key


def _identity(account: SandboxAccount) -> None:
    iam = _client(account, "iam")
    iam.create_account_alias(AccountAlias=account.alias)
    service = {"Service": "lambda.amazonaws.com"}
    anyone = {"AWS": [f"arn:aws:iam::{other.id}:root" for other in ACCOUNTS]}
    for role, principal in ((_LAMBDA_ROLE, service), ("auditor", anyone)):
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        iam.create_role(
            RoleName=role,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )
    for user in fleet.USERS:
        if user.account is account:
            _user(iam, user)


def _user(iam: Any, user: fleet.User) -> None:
    iam.create_user(UserName=user.name, Tags=_tags(user.account))
    if user.console:
        iam.create_login_profile(UserName=user.name, Password="Sandbox-not-a-secret-1")  # noqa: S106
    if user.mfa:
        device = iam.create_virtual_mfa_device(VirtualMFADeviceName=user.name)
        serial = device["VirtualMFADevice"]["SerialNumber"]
        iam.enable_mfa_device(
            UserName=user.name,
            SerialNumber=serial,
            AuthenticationCode1="111111",
            AuthenticationCode2="222222",
        )
    if user.key_since:
        with dated(user.key_since):
            iam.create_access_key(UserName=user.name)


def _region(account: SandboxAccount, region: str) -> tuple[str, str]:
    """The image and the security group that the region's machines start with."""
    ec2 = _client(account, "ec2", region)
    image = ec2.register_image(
        Name="cloudops-base-2024.02",
        Architecture="x86_64",
        RootDeviceName="/dev/xvda",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20}}],
    )["ImageId"]
    group = ec2.create_security_group(GroupName="web", Description="HTTPS from everywhere")
    _open(ec2, group["GroupId"], 443)
    return image, group["GroupId"]


def _open(ec2: Any, group: str, port: int) -> None:
    rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": _WORLD}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])


def _machines(account: SandboxAccount, images: dict[str, tuple[str, str]]) -> None:
    for machines in (*fleet.MACHINES, fleet.FORGOTTEN_MACHINE):
        if machines.account is not account:
            continue
        ec2 = _client(account, "ec2", machines.region)
        for number in range(1, machines.count + 1):
            _machine(ec2, machines, f"{account.stage}-{machines.role}-{number:02}", images)


def _machine(
    ec2: Any, machines: fleet.Machines, name: str, images: dict[str, tuple[str, str]]
) -> None:
    image, group = images[machines.region]
    tags = _tags(machines.account, Name=name, Team=fleet.TEAMS[machines.role])
    zone = f"{machines.region}a"
    instance = ec2.run_instances(
        ImageId=image,
        InstanceType=machines.type,
        SecurityGroupIds=[group],
        Placement={"AvailabilityZone": zone},
        ClientToken=name,  # botocore would draw one of its own
        TagSpecifications=[{"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")],
        MinCount=1,
        MaxCount=1,
    )["Instances"][0]["InstanceId"]
    if machines.disk is not None:
        volume = ec2.create_volume(
            AvailabilityZone=zone,
            Size=machines.disk,
            VolumeType="gp3",
            Encrypted=True,
            TagSpecifications=[{"ResourceType": "volume", "Tags": tags}],
        )["VolumeId"]
        ec2.attach_volume(Device="/dev/sdf", InstanceId=instance, VolumeId=volume)
    if machines.stopped:
        ec2.stop_instances(InstanceIds=[instance])


def _storage(account: SandboxAccount) -> None:
    for bucket in fleet.BUCKETS:
        if bucket.account is not account:
            continue
        s3 = _client(account, "s3", bucket.region)
        # us-east-1 is S3's default location and may not be named as one.
        location = {"LocationConstraint": bucket.region}
        home = bucket.region == DEFAULT_REGION
        s3.create_bucket(
            Bucket=bucket.name, **({} if home else {"CreateBucketConfiguration": location})
        )
        if bucket.tagged:
            tags = _tags(account, Purpose=bucket.purpose)
            s3.put_bucket_tagging(Bucket=bucket.name, Tagging={"TagSet": tags})
        if bucket.public:
            s3.put_bucket_acl(Bucket=bucket.name, ACL="public-read")
        else:
            switches = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy")
            block = dict.fromkeys((*switches, "RestrictPublicBuckets"), True)
            s3.put_public_access_block(Bucket=bucket.name, PublicAccessBlockConfiguration=block)
        for key in bucket.objects:
            s3.put_object(Bucket=bucket.name, Key=key, Body=f"sandbox: {key}\n".encode())


def _services(account: SandboxAccount) -> None:
    role = f"arn:aws:iam::{account.id}:role/{_LAMBDA_ROLE}"
    for function in fleet.FUNCTIONS:
        if function.account is account:
            _client(account, "lambda", function.region).create_function(
                FunctionName=function.name,
                Runtime=function.runtime,
                Role=role,
                Handler="app.handler",
                Code={"ZipFile": _code()},
                MemorySize=function.memory,
                Tags={tag["Key"]: tag["Value"] for tag in _tags(account)},
            )
    for queue in fleet.QUEUES:
        if queue.account is account:
            sqs = _client(account, "sqs", queue.region)
            sqs.create_queue(QueueName=f"{queue.name}-dlq")
            dead = f"arn:aws:sqs:{queue.region}:{account.id}:{queue.name}-dlq"
            redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 3})
            sqs.create_queue(
                QueueName=queue.name,
                Attributes={"RedrivePolicy": redrive},
                tags={tag["Key"]: tag["Value"] for tag in _tags(account)},
            )
    for database in fleet.DATABASES:
        if database.account is account:
            _client(account, "rds", database.region).create_db_instance(
                DBInstanceIdentifier=database.name,
                DBInstanceClass="db.m5.large",
                Engine=database.engine,
                AllocatedStorage=database.size,
                MasterUsername="sandbox",
                MasterUserPassword="sandbox-not-a-secret",
                PubliclyAccessible=database.public,
                StorageEncrypted=database.encrypted,
                Tags=_tags(account),
            )


def _faults() -> None:
    account, region, kind = fleet.UNTAGGED_MACHINE
    ec2 = _client(account, "ec2", region)
    image = ec2.describe_images(Owners=["self"])["Images"][0]["ImageId"]
    ec2.run_instances(
        ImageId=image, InstanceType=kind, ClientToken="untagged", MinCount=1, MaxCount=1
    )
    for account, region, size in fleet.LOOSE_VOLUMES:
        ec2 = _client(account, "ec2", region)
        ec2.create_volume(AvailabilityZone=f"{region}a", Size=size, VolumeType="gp2")
    account, region = fleet.LOOSE_ADDRESS
    _client(account, "ec2", region).allocate_address(Domain="vpc")
    account, region, name = fleet.OPEN_GROUP
    ec2 = _client(account, "ec2", region)
    group = ec2.create_security_group(GroupName=name, Description="to be closed after the move")
    _open(ec2, group["GroupId"], 22)


def _messages() -> None:
    for queue in fleet.QUEUES:
        sqs = _client(queue.account, "sqs", queue.region)
        for number in range(queue.dead):
            url = sqs.get_queue_url(QueueName=f"{queue.name}-dlq")["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"order": 4100 + number}))


def _tags(account: SandboxAccount, **more: str) -> list[dict[str, str]]:
    tags = {"Environment": account.stage, "ManagedBy": "cloudops-sandbox", **more}
    return [{"Key": key, "Value": value} for key, value in tags.items()]


@cache
def _code() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        # ZipInfo's default date is fixed, so the package's hash is, too.
        package.writestr(zipfile.ZipInfo("app.py"), "def handler(event, context): return event\n")
    return archive.getvalue()


@cache
def _client(account: SandboxAccount, service: str, region: str = DEFAULT_REGION) -> Any:
    # One session an account: clients of a session are cheaper than sessions.
    create: Any = _session(account).client  # the stubs want a literal service name
    return create(service, region_name=region)


@cache
def _session(account: SandboxAccount) -> boto3.Session:
    return session(account, os.environ["AWS_ENDPOINT_URL"], DEFAULT_REGION)
