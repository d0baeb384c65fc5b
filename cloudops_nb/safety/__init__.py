"""What is decided before a command may run: its risk and its approval."""

from cloudops_nb.safety.approval import ApprovalRequest, Approver, HeadlessApprover
from cloudops_nb.safety.risk import classify

__all__ = ["ApprovalRequest", "Approver", "HeadlessApprover", "classify"]
