"""Plans: shapes that are refused before anything runs."""

import itertools
from pathlib import Path

import pytest

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.errors import InvalidPlan, ScriptNotFound, TimeoutTooLarge, ValidationError
from cloudops_nb.models import AwsCli, DependencyGraph, ExecutionRequest, Parallel, Script, Serial
from tests.support import plan, request

CONFIG = ExecutionConfig()


def graph(dependencies: dict[int, tuple[int, ...]], *names: str) -> None:
    commands = [request("true", name=name) for name in names]
    plan(DependencyGraph(dependencies=dependencies), *commands).check(CONFIG)


@pytest.mark.parametrize("strategy", [Serial(), Parallel(), DependencyGraph()])
def test_a_plan_without_commands_is_refused(strategy: object) -> None:
    with pytest.raises(InvalidPlan, match="no commands"):
        plan(strategy).check(CONFIG)


def test_the_same_id_twice_is_refused() -> None:
    twice = request("true")
    with pytest.raises(InvalidPlan, match=f"id '{twice.id}' is given 2 times"):
        plan(Serial(), twice, "false", twice).check(CONFIG)


def test_a_command_with_the_plans_own_id_is_refused() -> None:
    command = request("true")
    with pytest.raises(InvalidPlan, match="id"):
        plan(Serial(), command, id=command.id).check(CONFIG)


def test_the_same_name_twice_is_refused() -> None:
    with pytest.raises(InvalidPlan, match="name 'a' is given 3 times"):
        graph({}, "a", "b", "a", "a")


def test_commands_without_a_name_are_no_namesakes() -> None:
    plan(Serial(), "true", "true").check(CONFIG)


def test_a_diamond_is_a_good_graph() -> None:
    graph({1: (0,), 2: (0,), 3: (1, 2, 1)}, "a", "b", "c", "d")


@pytest.mark.parametrize("dependencies", [{2: (0,)}, {0: (2,)}, {0: (-1,)}, {-1: (0,)}])
def test_an_unknown_index_is_named(dependencies: dict[int, tuple[int, ...]]) -> None:
    with pytest.raises(InvalidPlan, match=r"names command (2|-1), but the commands are 0 to 1"):
        graph(dependencies, "a", "b")


def test_a_command_that_depends_on_itself_is_named() -> None:
    with pytest.raises(InvalidPlan, match=r"command 1 \(b\) depends on itself"):
        graph({1: (0, 1)}, "a", "b")


def test_a_cycle_is_shown_along_what_needs_what() -> None:
    with pytest.raises(InvalidPlan) as caught:
        graph({0: (2,), 1: (0,), 2: (1,), 3: (0,)}, "a", "b", "c", "d")
    shown = str(caught.value).partition("cycle: ")[2].split(" → ")
    assert shown[0] == shown[-1]
    needs = {("0 (a)", "2 (c)"), ("1 (b)", "0 (a)"), ("2 (c)", "1 (b)")}
    assert set(itertools.pairwise(shown)) == needs


def test_a_very_long_chain_is_checked_without_recursion() -> None:
    count = 3000
    commands = [request("true") for _ in range(count)]
    dependencies = {index: (index - 1,) for index in range(1, count)}
    plan(DependencyGraph(dependencies=dependencies), *commands).check(CONFIG)


def test_a_wrong_command_is_named_with_its_index() -> None:
    with pytest.raises(TimeoutTooLarge, match=r"command 1 \(slow\): timeout of 999999999"):
        plan(Serial(), "true", request("x", timeout_ms=999_999_999, name="slow")).check(CONFIG)


def test_a_wrong_command_keeps_its_own_error() -> None:
    missing = ExecutionRequest(command=Script(path="no-such.sh"))
    with pytest.raises(ScriptNotFound, match="command 0") as caught:
        plan(Serial(), missing).check(CONFIG)
    assert caught.value.path == Path("no-such.sh")


@pytest.mark.parametrize(
    "command",
    [
        AwsCli(service="ec2", operation="x", args=("--region",), region="r"),
        Script(path="no-such.sh", interpreter="bash '"),
    ],
    ids=repr,
)
def test_even_a_command_without_a_proper_line_is_named(command: Script) -> None:
    with pytest.raises(ValidationError, match=r"^command 0 \("):
        plan(Serial(), ExecutionRequest(command=command)).check(CONFIG)
