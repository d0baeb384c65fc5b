"""Digests: what an approval is bound to."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from cloudops_nb.executors.process.environment import child_environment as process_environment
from cloudops_nb.models import PreparedCommand
from cloudops_nb.models.prepared import digest
from tests.support import request


def prepared(**fields: Any) -> PreparedCommand:
    defaults: dict[str, Any] = {
        "id": uuid4(),
        "request": request("true"),
        "line": "true",
        "argv": ("/bin/bash", "-c", "true"),
        "cwd": Path("/work"),
        "environment": {"HOME": "/root"},
        "timeout_ms": 1000,
    }
    return PreparedCommand(**{**defaults, **fields})


BASE = prepared()


def test_equal_work_has_the_same_digest_whatever_its_ids() -> None:
    assert digest([BASE]) == digest([prepared()])


def test_the_tag_of_an_execution_does_not_change_the_digest() -> None:
    """It holds the execution's id; what the child is given otherwise decides whom it reaches."""
    one, other = (child_environment(uuid4()) for _ in range(2))
    assert one != other
    assert digest([prepared(environment=one)]) == digest([prepared(environment=other)])


def child_environment(execution_id: UUID) -> dict[str, str]:
    environment, _ = process_environment(
        {"HOME": "/root"},
        own={},
        pass_env=frozenset(),
        keeps_aws=True,
        execution_id=execution_id,
    )
    return environment


@pytest.mark.parametrize(
    "change",
    [
        {"argv": ("/bin/bash", "-c", "true ")},
        {"argv": ("/bin/bash", "-c", "true", "")},
        {"cwd": Path("/elsewhere")},
        {"environment": {"HOME": "/root", "A": "1"}},
        {"environment": {"HOME": "/elsewhere"}},
        {"timeout_ms": 1001},
        {"binary_sha256": "00"},
        {"script_sha256": "00"},
        {"profile": "p"},
        {"region": "r"},
        {"endpoint": "http://localhost"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_decides_the_effect_changes_the_digest(change: dict[str, Any]) -> None:
    assert digest([replace(BASE, **change)]) != digest([BASE])


def test_order_and_number_change_the_digest() -> None:
    other = replace(BASE, argv=("/bin/false",))
    digests = {
        digest([BASE, other]),
        digest([other, BASE]),
        digest([BASE]),
        digest([BASE, BASE]),
        digest([BASE, other], {"type": "serial"}),
    }
    assert len(digests) == 5


def test_where_words_end_changes_the_digest() -> None:
    assert digest([replace(BASE, argv=("a", "b c"))]) != digest([replace(BASE, argv=("a b", "c"))])


def test_a_digest_is_32_hexadecimal_digits() -> None:
    assert len(digest([BASE])) == 32
    int(digest([BASE]), 16)


def test_secrets_in_the_environment_are_not_shown() -> None:
    assert "hunter2" not in repr(prepared(environment={"PASSWORD": "hunter2"}))


@pytest.mark.parametrize(
    "change",
    [
        {"parameters": {"a": 2}},
        {"operation": "DescribeSubnets"},
        {"service": "rds"},
        {"profile": "other"},
        {"region": "eu-west-2"},
        {"endpoint": "http://elsewhere"},
    ],
    ids=str,
)
def test_each_part_of_an_api_call_is_in_its_digest(change: dict[str, Any]) -> None:
    call = prepared(argv=(), service="ec2", operation="DescribeVpcs", parameters={"a": 1})
    assert digest([call]) != digest([replace(call, **change)])
