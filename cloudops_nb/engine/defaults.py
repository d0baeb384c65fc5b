"""What an engine carries commands out with, unless it is given something else."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from cloudops_nb.aws.questions import CredentialPrompt
from cloudops_nb.aws.renewal import Renewals
from cloudops_nb.config import ExecutionConfig
from cloudops_nb.executors.accounts import AccountedExecutor, Accounts
from cloudops_nb.executors.aws_cli import AwsCliExecutor
from cloudops_nb.executors.aws_sdk import AwsSdkExecutor
from cloudops_nb.executors.base import Executor
from cloudops_nb.executors.explaining import ExplainingExecutor
from cloudops_nb.executors.lending import CredentialLender
from cloudops_nb.executors.process import ProcessExecutor
from cloudops_nb.executors.process.watchdog import Watchdog
from cloudops_nb.executors.renewing import RenewingExecutor
from cloudops_nb.models import AwsCli, AwsSdk, Exec, Script, Shell
from cloudops_nb.safety.read_only import is_read_only

if TYPE_CHECKING:
    from cloudops_nb.aws.regions import Regions
    from cloudops_nb.aws.sessions import Sessions


def default_renewals(prompt: CredentialPrompt) -> Renewals:
    """AWS sessions for all of an engine's commands, and what renews their credentials."""

    @cache
    def sessions() -> Sessions:
        from cloudops_nb.aws.sessions import Sessions  # with botocore, which is slow to import

        return Sessions()

    return Renewals(sessions, prompt)


def default_executors(config: ExecutionConfig, renewals: Renewals) -> dict[type, Executor]:
    """An executor for each kind of command; they share a watchdog, AWS sessions and regions."""

    @cache
    def regions() -> Regions:
        from cloudops_nb.aws.clients import Clients
        from cloudops_nb.aws.regions import Regions

        return Regions(Clients().get)

    grace = config.cancel_grace_ms / 1000
    watchdog = Watchdog()
    lender = CredentialLender(renewals)
    process = ProcessExecutor(grace, watchdog, lender)
    accounts = Accounts(renewals)
    aws = RenewingExecutor(AwsCliExecutor(grace, watchdog, lender), renewals, is_read_only)
    return {
        Shell: process,
        Exec: process,
        Script: process,
        AwsCli: AccountedExecutor(ExplainingExecutor(aws, renewals, regions), accounts),
        AwsSdk: AccountedExecutor(AwsSdkExecutor(renewals, regions), accounts),
    }
