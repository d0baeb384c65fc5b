"""Who lets what run, without anybody to ask."""

import asyncio
import re
from dataclasses import replace

import pytest

from cloudops_nb.errors import ApprovalRequired
from cloudops_nb.models import RiskLevel
from cloudops_nb.safety import ApprovalRequest, HeadlessApprover
from tests.models.test_prepared import prepared

SAFE, MODIFY, DESTRUCTIVE = RiskLevel
DIGEST = "0123456789abcdef"


def ask(*risks: RiskLevel, given: str | None = None, lines: tuple[str, ...] = ()) -> None:
    commands = tuple(
        replace(prepared(), line=lines[index] if lines else f"command {index}")
        for index in range(len(risks))
    )
    asyncio.run(HeadlessApprover().approve(ApprovalRequest(commands, risks, DIGEST, given)))


def test_what_is_not_destructive_runs() -> None:
    ask(SAFE, MODIFY)


def test_what_is_destructive_is_refused_with_its_digest() -> None:
    with pytest.raises(ApprovalRequired, match=r"destructive: command 1\n") as caught:
        ask(MODIFY, DESTRUCTIVE)
    assert caught.value.digest == DIGEST


def test_its_digest_lets_it_run() -> None:
    ask(DESTRUCTIVE, DESTRUCTIVE, given=DIGEST)


def test_another_digest_does_not_and_is_told_so() -> None:
    with pytest.raises(ApprovalRequired, match="made for something else"):
        ask(DESTRUCTIVE, given=DIGEST[::-1])


def test_many_commands_are_counted_and_long_ones_are_cut() -> None:
    with pytest.raises(ApprovalRequired) as caught:
        ask(*[DESTRUCTIVE] * 9, lines=("x" * 1000,) * 9)
    assert re.search(r"and 4 more", str(caught.value))
    assert len(str(caught.value)) < 1500
