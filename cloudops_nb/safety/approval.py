"""Who may let a risky command run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cloudops_nb.errors import ApprovalRequired
from cloudops_nb.models import PreparedCommand, RiskLevel


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What is about to run. ``given`` is the digest the user has approved, if any."""

    commands: tuple[PreparedCommand, ...]
    risks: tuple[RiskLevel, ...]
    digest: str
    given: str | None = None


class Approver(Protocol):
    """Decides whether commands may run."""

    async def approve(self, request: ApprovalRequest) -> None:
        """Returns if the commands may run. Awaited on the loop of who submits, or the engine's.

        Raises:
            ApprovalRequired: they may not, or not yet.
        """
        ...


class HeadlessApprover:
    """Lets everything run but destructive commands; those need their digest."""

    async def approve(self, request: ApprovalRequest) -> None:
        """See ``Approver.approve``."""
        risky = [
            command.line
            for command, risk in zip(request.commands, request.risks, strict=True)
            if risk is RiskLevel.DESTRUCTIVE
        ]
        if not risky or request.given == request.digest:
            return
        listed = "; ".join(line[:200] for line in risky[:5])
        if len(risky) > 5:
            listed += f"; and {len(risky) - 5} more"
        if request.given is not None:
            listed += " (the digest given was made for something else)"
        raise ApprovalRequired(f"destructive: {listed}", request.digest)
