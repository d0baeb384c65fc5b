"""The error tree."""

import inspect
from pathlib import Path
from uuid import uuid4

import pytest

from cloudops_nb import errors
from cloudops_nb.errors import ExecutionError, TimeoutTooLarge, ValidationError

CLASSES = {
    name: each for name, each in inspect.getmembers(errors, inspect.isclass)
    if each.__module__ == errors.__name__
}  # fmt: skip


@pytest.mark.parametrize("name", CLASSES)
def test_every_error_hangs_on_the_one_root(name: str) -> None:
    assert issubclass(CLASSES[name], ExecutionError)


@pytest.mark.parametrize("name", CLASSES)
def test_every_error_stands_in_the_drawn_tree(name: str) -> None:
    assert errors.__doc__ is not None
    lines = [line.strip(" │├└─").split(" ")[0] for line in errors.__doc__.splitlines()]
    assert name in lines


def test_the_drawn_tree_names_no_error_that_is_not_there() -> None:
    assert errors.__doc__ is not None
    drawn = [line for line in errors.__doc__.splitlines() if "── " in line]
    assert {line.split("── ")[1].split(" ")[0] for line in drawn} == set(CLASSES) - {
        "ExecutionError"
    }


def test_the_drawn_branch_of_validation_errors_is_the_real_one() -> None:
    assert errors.__doc__ is not None
    below = [line for line in errors.__doc__.splitlines() if line.startswith("    │   ")]
    drawn = {line.split("── ")[1].split(" ")[0] for line in below}
    assert drawn == {
        name
        for name, each in CLASSES.items()
        if issubclass(each, ValidationError) and each is not ValidationError
    }


def test_standard_handlers_catch_what_they_would_expect() -> None:
    assert issubclass(errors.ValidationError, ValueError)
    assert issubclass(errors.SerializationError, ValueError)
    assert issubclass(errors.ExecutionNotFound, LookupError)
    assert issubclass(errors.ExecutionTimeout, TimeoutError)


def test_a_timeout_that_is_too_large_names_every_way_to_raise_the_maximum() -> None:
    message = str(TimeoutTooLarge(700_000, 600_000))
    for part in ("700000", "600000", "max_timeout_ms", "CLOUDOPS_MAX_TIMEOUT_MS", "%cloudops"):
        assert part in message


def test_an_approval_that_is_missing_carries_the_digest_to_give() -> None:
    error = errors.ApprovalRequired("destructive: aws s3 rb", "0123abcd")
    assert error.digest == "0123abcd"
    assert "--approve 0123abcd" in str(error)


@pytest.mark.parametrize(
    ("error", "attributes"),
    [
        (errors.ScriptNotFound(Path("x.sh")), {"path": Path("x.sh")}),
        (errors.InvalidWorkingDir(Path("x")), {"path": Path("x")}),
        (errors.MissingField("command"), {"field": "command"}),
        (errors.TimeoutTooLarge(2, 1), {"timeout_ms": 2, "max_timeout_ms": 1}),
        (errors.CommandFailed("exit code 3", 3), {"exit_code": 3}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_carry_what_they_are_about(error: Exception, attributes: dict[str, object]) -> None:
    assert {name: getattr(error, name) for name in attributes} == attributes


def test_errors_about_an_execution_name_it() -> None:
    execution_id = uuid4()
    for error in (
        errors.ExecutionNotFound(execution_id),
        errors.ExecutionNotCompleted(execution_id, "running"),
        errors.ExecutionNotRunning(execution_id, "completed"),
    ):
        assert error.execution_id == execution_id
        assert str(execution_id) in str(error)
