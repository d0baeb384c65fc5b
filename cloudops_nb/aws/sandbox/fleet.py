"""What stands in the sandbox, as data: the resources, and the faults left there to be found.

Ids (``i-…``, ``vol-…``) are moto's, from a seeded generator; names, counts and dates are these.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloudops_nb.aws.sandbox.accounts import DEV, PROD, STAGING, SandboxAccount

# Every date of the fleet is fixed, so that a listing is the same on every start and in every year.
BUILT = "2024-02-05T09:00:00"
GROWN = "2024-09-16T14:30:00"
LONG_AGO = "2021-03-02T08:15:00"

TEAMS = {"web": "storefront", "api": "storefront", "batch": "data", "notebook": "research"}


@dataclass(frozen=True, slots=True)
class Machines:
    """``count`` instances that share a role; ``disk`` is an extra data volume's size in GiB."""

    account: SandboxAccount
    region: str
    role: str
    type: str
    count: int
    disk: int | None = None
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Bucket:
    account: SandboxAccount
    region: str
    purpose: str
    objects: tuple[str, ...] = ()
    public: bool = False
    tagged: bool = True

    @property
    def name(self) -> str:
        return f"{self.account.alias}-{self.purpose}"


@dataclass(frozen=True, slots=True)
class User:
    """An IAM user; ``key_since`` is the ISO date of its access key, if it has one."""

    account: SandboxAccount
    name: str
    console: bool = True
    mfa: bool = True
    key_since: str | None = None


@dataclass(frozen=True, slots=True)
class Function:
    account: SandboxAccount
    region: str
    name: str
    runtime: str = "python3.12"
    memory: int = 256  # MiB


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue with a dead-letter queue of its own, in which ``dead`` messages lie."""

    account: SandboxAccount
    region: str
    name: str
    dead: int = 0


@dataclass(frozen=True, slots=True)
class Database:
    account: SandboxAccount
    region: str
    name: str
    engine: str = "postgres"
    size: int = 100  # GiB
    public: bool = False
    encrypted: bool = True


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with the fleet. ``resource`` is the name, id or type it is found by."""

    account: SandboxAccount
    region: str | None  # None: a global resource
    service: str
    resource: str
    what: str


MACHINES = (
    Machines(PROD, "us-east-1", "web", "t3.large", 4),
    Machines(PROD, "us-east-1", "api", "m5.large", 3, disk=200),
    Machines(PROD, "us-east-1", "batch", "c5.xlarge", 2, disk=500),
    Machines(PROD, "us-west-2", "web", "t3.large", 2),
    Machines(PROD, "us-west-2", "api", "m5.large", 2, disk=200),
    Machines(PROD, "eu-west-1", "web", "t3.large", 3),
    Machines(PROD, "eu-west-1", "api", "m5.large", 2, disk=200),
    Machines(PROD, "ap-southeast-2", "web", "t3.large", 2),
    Machines(STAGING, "us-east-1", "web", "t3.small", 1),
    Machines(STAGING, "us-east-1", "api", "t3.medium", 1, disk=50),
    Machines(STAGING, "us-west-2", "web", "t3.small", 1, stopped=True),
    Machines(STAGING, "eu-west-1", "web", "t3.small", 1),
    Machines(STAGING, "eu-west-1", "api", "t3.medium", 1, disk=50, stopped=True),
    Machines(DEV, "us-east-1", "notebook", "t3.medium", 2),
    Machines(DEV, "us-west-2", "notebook", "t3.medium", 1, stopped=True),
    Machines(DEV, "eu-west-1", "notebook", "t3.medium", 1),
)
UNTAGGED_MACHINE = (PROD, "us-west-2", "m5.2xlarge")
FORGOTTEN_MACHINE = Machines(DEV, "ap-southeast-2", "notebook", "g4dn.xlarge", 1)
LOOSE_VOLUMES = ((PROD, "eu-west-1", 500), (STAGING, "us-west-2", 80), (DEV, "us-east-1", 120))
LOOSE_ADDRESS = (PROD, "us-west-2")
OPEN_GROUP = (PROD, "us-east-1", "legacy-ssh")

BUCKETS = (
    Bucket(PROD, "us-east-1", "assets", ("css/site.css", "img/logo.svg")),
    Bucket(PROD, "us-east-1", "logs", ("2024/09/14.log", "2024/09/15.log", "2024/09/16.log")),
    Bucket(PROD, "eu-west-1", "backups", ("orders/2024-09-15.dump",)),
    Bucket(STAGING, "us-east-1", "assets", ("css/site.css",)),
    Bucket(STAGING, "us-west-2", "exports", ("customers.csv",), public=True),
    Bucket(DEV, "us-east-1", "scratch", tagged=False),
)
USERS = (
    User(PROD, "alice"),
    User(PROD, "bob", mfa=False),
    User(PROD, "ci-deploy", console=False, mfa=False, key_since=LONG_AGO),
    User(STAGING, "alice"),
    User(DEV, "alice"),
    User(DEV, "dana"),
)
FUNCTIONS = (
    Function(PROD, "us-east-1", "resize-images", memory=1024),
    Function(PROD, "us-east-1", "nightly-report", "nodejs20.x"),
    Function(PROD, "eu-west-1", "invoice-mailer", "python3.7"),
    Function(STAGING, "us-east-1", "resize-images", memory=512),
    Function(DEV, "us-east-1", "try-out"),
)
QUEUES = (
    Queue(PROD, "us-east-1", "orders", dead=7),
    Queue(PROD, "eu-west-1", "invoices"),
    Queue(STAGING, "us-east-1", "orders"),
)
DATABASES = (
    Database(PROD, "us-east-1", "orders", size=500),
    Database(PROD, "eu-west-1", "orders-eu", size=200),
    Database(STAGING, "us-east-1", "orders-staging", public=True, encrypted=False),
    Database(DEV, "us-east-1", "analytics-dev", "mysql", 20),
)

FAULTS = (
    Fault(PROD, "us-west-2", "ec2", "m5.2xlarge", "an instance without any tag"),
    Fault(DEV, "ap-southeast-2", "ec2", "dev-notebook-01", "a GPU instance left running"),
    *(
        Fault(account, region, "ec2", f"{size} GiB", "a volume attached to nothing")
        for account, region, size in LOOSE_VOLUMES
    ),
    Fault(*LOOSE_ADDRESS, "ec2", "address", "an elastic IP address used by nothing"),
    Fault(*OPEN_GROUP[:2], "ec2", OPEN_GROUP[2], "a security group: SSH open to the world"),
    Fault(STAGING, "us-west-2", "s3", "cloudops-sandbox-staging-exports", "a public bucket"),
    Fault(DEV, "us-east-1", "s3", "cloudops-sandbox-dev-scratch", "a bucket without tags"),
    Fault(PROD, None, "iam", "bob", "a console user without MFA"),
    Fault(PROD, None, "iam", "ci-deploy", "an access key from 2021"),
    Fault(PROD, "eu-west-1", "lambda", "invoice-mailer", "a function on a retired runtime"),
    Fault(PROD, "us-east-1", "sqs", "orders-dlq", "a dead-letter queue that is not empty"),
    Fault(STAGING, "us-east-1", "rds", "orders-staging", "a public, unencrypted database"),
)
