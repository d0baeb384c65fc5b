"""``when``: what an expression refers to, and whether it holds."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.errors import InvalidCommand, StepValueUnavailable, ValidationError
from cloudops_nb.models import DependencyGraph, ExecutionRequest, Parallel, Serial
from cloudops_nb.models.conditions import holds, references
from tests.support import plan, request

STEPS = {
    "build": {"status": "completed", "success": True, "exit_code": 0, "stdout": "ok"},
    "db-1": {"status": "failed", "success": False, "exit_code": 3},
    "list": {"records": [{"State": "running", "n": 2}, {"State": "stopped", "n": 1}]},
}


@pytest.mark.parametrize(
    ("when", "found"),
    [
        ("steps.build.status == 'completed'", {"build": {"status"}}),
        ("steps.build.exit_code == `0`", {"build": {"exit_code"}}),
        ("steps.build.success && !(steps.\"db-1\".success)",
         {"build": {"success"}, "db-1": {"success"}}),
        ("steps.list.records[0].State == 'running'", {"list": {"records"}}),
        ("steps.list.records[?State == 'running'].n | [0]", {"list": {"records"}}),
        ("steps.list.records[].n", {"list": {"records"}}),
        ("(steps.list.records)[1:]", {"list": {"records"}}),
        ("sort_by(steps.list.records, &n)[0].n == `1`", {"list": {"records"}}),
        ("contains(steps.build.stdout, 'o') || steps.build.status == 'failed'",
         {"build": {"stdout", "status"}}),
        ("{a: steps.build.success}.a", {"build": {"success"}}),
        ("length(steps.list.records[*].n) > `1`", {"list": {"records"}}),
    ],
)  # fmt: skip
def test_the_steps_and_fields_that_are_read_are_known_beforehand(
    when: str, found: dict[str, set[str]]
) -> None:
    assert references(when) == found


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ("", "not JMESPath"),
        ("steps.a.status = 'x'", "not JMESPath"),
        ("(" * 5000, "not JMESPath"),
        ("steps.build.status == completed", "texts in single quotes: 'completed'"),
        ('steps.build.status == "completed"', "texts in single quotes: 'completed'"),
        ("build.status == 'completed'", "`build` is no step"),
        ("steps.build", "name the step and one of its fields"),
        ("steps.build[0].status", "name the step and one of its fields"),
        ("steps.build.state == 'x'", "a step has status, exit_code"),
        ("steps.build.*", "name the step and one of its fields"),
        ("steps.*.status", "name the step: steps.NAME.status"),
        ("length(steps) > `1`", "name the step: steps.NAME.status"),
        ("@", "it reads all steps"),
        ("@.steps.build.status", "it reads all steps"),
        ("!steps.build.success", "put what follows `!` into parentheses"),
        ("`true`", "it names no step"),
        ("__import__('os')", "it names no step"),
        ("{{ x }} == 'a'", "not JMESPath"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_says_how_to_write_it(when: str, says: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        references(when)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("when", "true"),
    [
        ("steps.build.status == 'completed'", True),
        ("steps.\"db-1\".status == 'completed'", False),
        ('steps."db-1".exit_code > `2`', True),
        ("steps.list.records[?State == 'gone']", False),
        ("steps.list.records[?State == 'running']", True),
        ("steps.list.records[7].State == 'running'", False),
        ("steps.build.stdout", True),
    ],
)
def test_a_condition_holds_as_jmespath_has_it(when: str, true: bool) -> None:
    assert holds(when, STEPS) is true


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ("steps.build.exit_code", "it gives the number 0"),
        ("length(steps.build.exit_code) > `1`", "invalid type"),
        ("no_such(steps.build.stdout)", "no_such"),
    ],
)
def test_what_is_neither_true_nor_false_is_an_error(when: str, says: str) -> None:
    with pytest.raises(StepValueUnavailable) as caught:
        holds(when, STEPS)
    assert says in str(caught.value)


@pytest.mark.filterwarnings("ignore:deprecated string literal:PendingDeprecationWarning")
@given(st.text(max_size=40) | st.text("steps.ab[]?!|&@`'\"(){}*0:= ", max_size=40))
def test_any_text_is_read_or_refused(when: str) -> None:
    try:
        found = references(when)
    except InvalidCommand:
        return
    document = {name: dict.fromkeys(fields, json.loads("[1]")) for name, fields in found.items()}
    try:
        holds(when, document)
    except StepValueUnavailable:
        return


# In a plan


def refused(strategy: object, *commands: ExecutionRequest) -> str:
    with pytest.raises(ValidationError) as caught:
        plan(strategy, *commands).check(ExecutionConfig())
    return str(caught.value)


def test_a_condition_refers_to_earlier_steps_only() -> None:
    a = request("true", name="a")
    after_a = request("true", name="b", when="steps.a.success")
    for strategy in (Serial(), Parallel(), DependencyGraph()):
        plan(strategy, a, after_a).check(ExecutionConfig())
    assert refused(Serial(), after_a, a) == (
        "command 0 (b): when: `a` runs after this one; only earlier steps have a result"
    )
    assert "did you mean a1?" in refused(Serial(), request("true", name="a1"), after_a)
    itself = request("true", name="b", when="steps.b.success")
    assert "command 0 (b): when: `b` is the step itself" in refused(Parallel(), itself)


def test_conditions_and_needs_in_a_circle_are_refused() -> None:
    a, b = (request("true", name=n, when=f"steps.{o}.success") for n, o in ("ab", "ba"))
    assert "in a cycle" in refused(Parallel(), a, b)
    needs = DependencyGraph(dependencies={0: (1,)})
    assert "in a cycle" in refused(
        needs, request("true", name="a"), request("x", when="steps.a.success")
    )


def test_a_condition_that_is_no_expression_is_refused_by_its_step() -> None:
    with pytest.raises(InvalidCommand, match=r"command 1 \(x\): when 'steps\.a\.state'"):
        plan(Serial(), request("true", name="a"), request("x", when="steps.a.state")).check(
            ExecutionConfig()
        )
