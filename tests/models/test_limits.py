"""Limits as they are written, and what is refused."""

import pydantic
import pytest

from cloudops_nb.errors import InvalidCommand
from cloudops_nb.models import ExecutionRequest, ResourceLimits, Shell
from cloudops_nb.models.limits import parse_limits, parse_size


def test_limits_are_written_as_people_write_them() -> None:
    assert parse_limits({"cpu": "1m30s", "memory": "512M", "processes": "64"}) == ResourceLimits(
        cpu_seconds=90, memory_bytes=512 * 2**20, processes=64
    )


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("1048576", 2**20),
        ("4k", 4096),
        ("4 KiB", 4096),
        ("512M", 2**29),
        ("512mb", 2**29),
        ("2G", 2**31),
        ("1T", 2**40),
    ],
)
def test_a_size_is_in_powers_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "0M", "-1", "1.5G", "M", "1P", "1 000", "٣", "1M1"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidCommand, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("key", "text"),
    [("cpu", "500ms"), ("cpu", "soon"), ("processes", "0"), ("processes", "many"), ("disk", "1")],
)
def test_a_wrong_limit_is_refused_by_name_or_value(key: str, text: str) -> None:
    with pytest.raises(InvalidCommand, match=f"{key}|{text}"):
        parse_limits({key: text})


@pytest.mark.parametrize("field", ["cpu_seconds", "memory_bytes", "processes"])
def test_a_limit_of_nothing_is_refused(field: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=field):
        ResourceLimits(**{field: 0})


def test_a_request_without_limits_says_nothing_of_them() -> None:
    request = ExecutionRequest(command=Shell(command="true"))
    assert "limits" not in request.model_dump(mode="json")


def test_limits_cross_the_wire_with_what_is_set() -> None:
    limits = ResourceLimits(cpu_seconds=3)
    request = ExecutionRequest(command=Shell(command="true"), limits=limits)
    assert request.model_dump(mode="json")["limits"] == {"cpu_seconds": 3}
    assert ExecutionRequest.from_json(request.model_dump_json()) == request
