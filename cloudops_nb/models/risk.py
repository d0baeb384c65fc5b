"""How much harm a command could do."""

from __future__ import annotations

from enum import StrEnum


class RiskLevel(StrEnum):
    """From harmless to irreversible. What cannot be classified is ``modify``."""

    READ_ONLY = "read_only"
    MODIFY = "modify"
    DESTRUCTIVE = "destructive"
