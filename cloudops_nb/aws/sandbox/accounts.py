"""Who owns what in the sandbox: three invented accounts, four regions."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SandboxAccount:
    """An account of the sandbox; its id, alias and key all say that it is not a real one."""

    id: str
    stage: str  # "prod", "staging" or "dev", as in the Environment tag
    access_key_id: str
    secret_access_key: str = field(default="sandbox/not/a/secret/sandbox/not/a/secret", repr=False)

    @property
    def alias(self) -> str:
        """The IAM account alias, unique over all accounts."""
        return f"cloudops-sandbox-{self.stage}"

    @property
    def profile(self) -> str:
        """The profile of the AWS configuration that acts in this account."""
        return f"sandbox-{self.stage}"


PROD = SandboxAccount("111111111111", "prod", "AKIASANDBOXPROD00001")
STAGING = SandboxAccount("222222222222", "staging", "AKIASANDBOXSTAGING01")
DEV = SandboxAccount("333333333333", "dev", "AKIASANDBOXDEV000001")

ACCOUNTS = (PROD, STAGING, DEV)
DEFAULT_REGION = "us-east-1"
REGIONS = (DEFAULT_REGION, "us-west-2", "eu-west-1", "ap-southeast-2")
