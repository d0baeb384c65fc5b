"""What is decided before a command may run: its risk and its approval."""

from cloudops_nb.safety.approval import ApprovalRequest, Approver, HeadlessApprover
from cloudops_nb.safety.risk import (
    aws_files,
    aws_options,
    check_operations_fixed,
    classify,
    is_riskier,
)

__all__ = [
    "ApprovalRequest",
    "Approver",
    "HeadlessApprover",
    "aws_files",
    "aws_options",
    "check_operations_fixed",
    "classify",
    "is_riskier",
]
