"""What a cell asks for: options, body and variables in, a request or plan out."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.errors import InvalidCommand, InvalidPlan, MissingField, ValidationError
from cloudops_nb.models import (
    AwsCli,
    DependencyGraph,
    ExecutionPlan,
    ExecutionRequest,
    Parallel,
    RetryConfig,
    Serial,
    Shell,
)
from cloudops_nb.notebook.cell import build
from cloudops_nb.notebook.options import parse_options

ENVIRON = {"HOME": "/home/me", "TOKEN": "secret"}


def cell(line: str, body: str, **names: object) -> ExecutionRequest | ExecutionPlan:
    """What the cell asks for."""
    return build(parse_options(line), body, namespace=names, environ=ENVIRON)


def request(line: str, body: str, **names: object) -> ExecutionRequest:
    """The request of a cell that is one command."""
    made = cell(line, body, **names)
    assert isinstance(made, ExecutionRequest)
    return made


def plan(line: str, body: str, **names: object) -> ExecutionPlan:
    """The plan of a cell that is several commands; it would be accepted."""
    made = cell(line, body, **names)
    assert isinstance(made, ExecutionPlan)
    made.check(ExecutionConfig())
    return made


def test_the_body_is_one_script_for_the_shell() -> None:
    body = "for i in 1 2; do\n  echo $i\ndone | sort\n"
    assert request("", body).command == Shell(command=body)
    assert request("--shell dash", body).command == Shell(command=body, shell="dash")


def test_via_is_said_of_the_aws_lines_alone() -> None:
    assert request("--via sdk", "aws iam list-users").via == "sdk"
    assert [each.via for each in plan("--serial --via cli", "aws iam list-users\nls").commands] == [
        "cli",
        None,
    ]


def test_via_without_an_aws_line_is_refused() -> None:
    with pytest.raises(InvalidCommand, match="--via is for aws lines, and there is none"):
        cell("--via sdk", "aws iam list-users | sort")


def test_retries_come_after_the_first_attempt() -> None:
    assert request("--retries 2", "aws s3 ls").retry == RetryConfig(max_attempts=3)
    assert request("--retries 1 --idempotent", "make").retry == RetryConfig(
        max_attempts=2, idempotent=True
    )
    assert request("", "make").retry is None


def test_retries_of_lines_are_for_those_that_may_be_run_twice() -> None:
    made = plan("--parallel --retries 2", "aws s3 ls\nmake")
    assert made.retry == RetryConfig(max_attempts=3)
    assert [each.retry for each in made.commands] == [None, None]


def test_retries_of_each_are_asked_for_its_one_script() -> None:
    made = plan("--each n=1,2 --retries 2", "make {{ n }}")
    assert made.retry is None
    assert [each.retry for each in made.commands] == [RetryConfig(max_attempts=3)] * 2


def test_retries_stand_in_where_a_plan_says_nothing() -> None:
    steps = "steps: [{shell: a, retry: 9}, b]"
    made = plan("--plan --retries 2", steps)
    assert made.retry == RetryConfig(max_attempts=3)
    assert made.commands[0].retry == RetryConfig(max_attempts=9)
    assert plan("--plan --retries 2", f"retry: 5\n{steps}").retry == RetryConfig(max_attempts=5)


def test_strict_puts_set_before_the_script() -> None:
    assert request("--strict", "a | b").command == Shell(command="set -euo pipefail\na | b")


@pytest.mark.parametrize(
    "body",
    [
        "aws s3 ls s3://b\n",
        "# what is there\naws s3 ls s3://b",
        "aws \\\n  s3 ls \\\n  s3://b",
        "aws s3 ls 's3://b'",
        "aws s3 ls {{ bucket }}",
    ],
)
def test_one_simple_aws_line_is_a_typed_command(body: str) -> None:
    made = request("--strict", body, bucket="s3://b")
    assert made.command == AwsCli(service="s3", operation="ls", args=("s3://b",))


@pytest.mark.parametrize(
    "body",
    [
        "aws s3 ls | wc -l",
        "aws s3 ls $B",
        "aws s3 ls *",
        "aws s3 ls > f",
        "aws s3 ls\naws s3 ls",
        "A=1 aws s3 ls",
        "aws --version",
        "echo aws s3 ls",
    ],
)
def test_any_other_aws_line_is_the_shells(body: str) -> None:
    assert request("", body).command == Shell(command=body)


def test_a_value_is_quoted_whatever_is_in_it() -> None:
    hostile = "it's; rm -rf $HOME"
    assert request("", "echo {{ v }} | cat", v=hostile).command == Shell(
        command="echo 'it'\"'\"'s; rm -rf $HOME' | cat"
    )
    assert request("", "aws s3 ls {{ v }}", v=hostile).command == AwsCli(
        service="s3", operation="ls", args=(hostile,)
    )


def test_raw_leaves_placeholders_as_they_are() -> None:
    made = request("--raw --env A={{ x }} --cwd {{ y }}", "echo '{{ nothing }}'")
    assert made.command == Shell(command="echo '{{ nothing }}'")
    assert (made.env, made.working_dir) == ({"A": "{{ x }}"}, Path("{{ y }}"))


def test_another_language_runs_as_it_is_but_takes_no_placeholders() -> None:
    body = "print({1: '{{x}}'})"
    assert request("--shell python3", body).command == Shell(command=body, shell="python3")
    with pytest.raises(InvalidCommand, match="how python3 reads quotes is not known"):
        request("--shell python3", "print({{ x }})", x=1)


def test_the_options_surround_the_command() -> None:
    made = request(
        "--env A=1 B={{ v }} TOKEN --cwd {{ d }}/x --timeout 90s --title look --query a[0]",
        "env",
        v="it's",
        d=Path("/data"),
    )
    assert made.env == {"A": "1", "B": "it's", "TOKEN": "secret"}
    assert made.working_dir == Path("/data/x")
    assert (made.timeout_ms, made.name, made.query) == (90_000, "look", "a[0]")
    assert made.metadata.source == "notebook"


def test_a_variable_to_pass_on_must_be_there() -> None:
    with pytest.raises(InvalidCommand, match="--env NOPE: the kernel has no such variable"):
        request("--env NOPE", "env")


def test_profile_and_region_are_fields_of_aws_and_variables_for_others() -> None:
    line = "--profile {{ p }} --region r"
    assert request(line, "aws s3 ls", p="prod").command == AwsCli(
        service="s3", operation="ls", profile="prod", region="r"
    )
    assert request(line, "tofu plan", p="prod").env == {
        "AWS_PROFILE": "prod",
        "AWS_REGION": "r",
        "AWS_DEFAULT_REGION": "r",
    }


def test_a_region_given_twice_and_differently_is_refused() -> None:
    made = request("--region r", "aws s3 ls --region other")
    with pytest.raises(InvalidCommand, match="region is 'r' as a field but 'other' in args"):
        made.check(ExecutionConfig())


@pytest.mark.parametrize("body", ["", " \n\t\n"])
def test_an_empty_body_is_refused(body: str) -> None:
    for line in ("", "--serial", "--plan", "--each a=b"):
        with pytest.raises(MissingField, match="commands, on the lines below"):
            cell(line, body)


def test_a_query_that_is_not_jmespath_is_refused_before_anything_runs() -> None:
    with pytest.raises(InvalidCommand, match=r"--query 'a\[' is not JMESPath") as refused:
        request("--query a[", "aws s3 ls")
    assert "\n" not in str(refused.value)


def test_each_line_is_a_command_named_by_itself() -> None:
    made = plan("--parallel 2", "\n# not this\na 1\n\n  aws s3 ls {{ b }}\nc | \\\n  d\n", b="x y")
    assert [command.command for command in made.commands] == [
        Shell(command="a 1"),
        AwsCli(service="s3", operation="ls", args=("x y",)),
        Shell(command="c | \\\n  d"),
    ]
    assert [command.name for command in made.commands] == [
        "a 1",
        "aws s3 ls 'x y'",
        "c | \\\n  d",
    ]
    assert made.strategy == Parallel(max_concurrency=2)
    assert made.description == "3 commands in parallel"
    assert made.metadata.source == "notebook"


def test_lines_that_are_alike_are_told_apart_by_their_number() -> None:
    names = [command.name for command in plan("--serial", "a\n\nb\na").commands]
    assert names == ["a (line 1)", "b", "a (line 4)"]


def test_serial_stops_at_a_failure_unless_told_to_keep_going() -> None:
    assert plan("--serial", "a\nb").strategy == Serial()
    assert plan("--serial --keep-going", "a\nb").strategy == Serial(stop_on_error=False)


def test_strict_is_put_before_each_line_that_the_shell_reads() -> None:
    first, second = plan("--serial --strict", "a | b\naws s3 ls").commands
    assert first.command == Shell(command="set -euo pipefail\na | b")
    assert isinstance(second.command, AwsCli)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("a\necho 'b\nc'", "line 2 of the commands is not complete: an unclosed single quote"),
        ("if a; then\nb\nfi", "line 1 of the commands is not complete: `if` without `fi`"),
        ("a\n\n# b\nfi", "line 4 of the commands is not complete: `fi` without `if`"),
        ("a\n{\nb\n}", "line 2 of the commands is not complete: `{` without `}`"),
        ("cat <<EOF\nb\nEOF", "line 1 of the commands is not complete: a here-document"),
        ("a |\nb", "line 1 of the commands is not complete: something missing at its end"),
        ("a\nb \\", "line 2 of the commands is not complete: a `\\` at its end"),
        ("a\necho {{ v }} '", "line 2 of the commands is not complete: an unclosed single quote"),
    ],
)
def test_an_incomplete_line_is_refused_by_its_number(body: str, says: str) -> None:
    with pytest.raises(InvalidPlan) as refused:
        cell("--serial", body, v=1)
    assert says in str(refused.value)


def test_a_wrong_placeholder_is_refused_with_its_line() -> None:
    with pytest.raises(InvalidCommand, match=r"line 2 of the commands: \{\{ nope \}\}"):
        cell("--serial", "a\necho {{ nope }}")


def test_lines_are_not_commands_of_another_language() -> None:
    with pytest.raises(InvalidCommand, match="--shell python3"):
        cell("--serial --shell python3", "print(1)\nprint(2)")


def test_a_body_of_comments_has_no_commands() -> None:
    with pytest.raises(MissingField, match="all comments"):
        cell("--serial", "# a\n# b")


def test_each_runs_the_body_once_for_every_combination() -> None:
    made = plan(
        "--each region=r1,r2 stage={{ stages }}", "aws s3 ls {{ stage }}", stages=["a", "b"]
    )
    assert [command.name for command in made.commands] == [
        "region=r1 stage=a",
        "region=r1 stage=b",
        "region=r2 stage=a",
        "region=r2 stage=b",
    ]
    assert made.commands[1].command == AwsCli(
        service="s3", operation="ls", args=("b",), region="r1"
    )
    assert made.commands[1].metadata.tags == {"region": "r1", "stage": "b"}
    assert made.strategy == Parallel()
    assert made.description == "aws s3 ls {{ stage }}, for each region and stage"


def test_each_runs_a_script_of_several_lines_as_one() -> None:
    made = plan("--each region=r1,r2 --parallel 1 --title twice", "cd /tmp\naws s3 ls {{ region }}")
    assert made.commands[0].command == Shell(command="cd /tmp\naws s3 ls r1")
    assert made.commands[0].env == {"AWS_REGION": "r1", "AWS_DEFAULT_REGION": "r1"}
    assert made.strategy == Parallel(max_concurrency=1)
    assert made.description == "twice"


def test_each_with_serial_goes_through_the_combinations_in_order() -> None:
    made = plan("--each profile=p1,p2 --serial --keep-going", "aws s3 ls")
    assert made.strategy == Serial(stop_on_error=False)
    assert [command.command for command in made.commands] == [
        AwsCli(service="s3", operation="ls", profile=profile) for profile in ("p1", "p2")
    ]


def test_each_binds_its_keys_in_the_other_options_and_before_the_notebooks() -> None:
    made = cell("--each s=a,b --env S={{ s }} --cwd /{{ s }}", "echo {{ s }}", s="the notebook's")
    assert isinstance(made, ExecutionPlan)
    assert [command.env for command in made.commands] == [{"S": "a"}, {"S": "b"}]
    assert made.commands[1].working_dir == Path("/b")
    assert made.commands[1].command == Shell(command="echo b")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--each a=1,1", "--each a=1,1 has 1 twice"),
        ("--each a=1,", "--each a=1, has an empty value"),
        ("--each a={{ many }} b={{ many }}", "makes 1000000 combinations"),
    ],
)
def test_values_that_make_no_sense_are_refused(line: str, says: str) -> None:
    with pytest.raises(InvalidPlan) as refused:
        cell(line, "echo", many=range(1000))
    assert says in str(refused.value)


def test_an_empty_list_of_values_is_refused() -> None:
    with pytest.raises(InvalidCommand, match="empty list"):
        cell("--each a={{ none }}", "echo", none=[])


PLAN = """
- {name: a, shell: "echo {{ v }}", env: {A: step}}
- {aws: s3 ls, region: own, timeout: 5s}
"""


def test_a_plan_is_read_from_the_body_and_the_options_fill_its_gaps() -> None:
    made = plan("--plan --region r --env A=1 B=2 --timeout 90s --title t", PLAN, v="x y")
    first, second = made.commands
    assert first.command == Shell(command="echo 'x y'")
    assert first.env == {
        "A": "step",
        "B": "2",
        "AWS_REGION": "r",
        "AWS_DEFAULT_REGION": "r",
    }
    assert second.command == AwsCli(service="s3", operation="ls", region="own")
    assert [command.timeout_ms for command in made.commands] == [90_000, 5_000]
    assert (made.description, made.metadata.source) == ("t", "notebook")


def test_a_plan_keeps_going_where_that_means_something() -> None:
    assert plan("--plan --keep-going", "[a, b]").strategy == Serial(stop_on_error=False)
    assert plan("--plan --keep-going", "{strategy: parallel, steps: [a]}").strategy == Parallel()
    graph = "[{name: a, shell: x}, {shell: y, needs: a}]"
    assert isinstance(plan("--plan", graph).strategy, DependencyGraph)
    with pytest.raises(InvalidPlan, match="--keep-going: a step that needs a failed one"):
        cell("--plan --keep-going", graph)


def test_a_plan_with_raw_keeps_its_placeholders() -> None:
    made = plan("--plan --raw", "- shell: echo '{{ x }}'")
    assert made.commands[0].command == Shell(command="echo '{{ x }}'")


def test_whatever_is_wrong_with_a_cell_is_a_typed_refusal() -> None:
    for line in ("", "--serial", "--plan", "--each a=b"):
        with pytest.raises(ValidationError):
            cell(line, "echo '{{ v }}'", v=1)


def test_max_failures_goes_into_the_plan_and_wins_over_what_the_plan_says() -> None:
    assert plan("--parallel --max-failures 2", "a\nb").max_failures == 2
    assert plan("--each x=1,2 --max-failures 50%", "a {{ x }}").max_failures == "50%"
    body = "strategy: parallel\nmax_failures: 1\nsteps: [a, b]"
    assert plan("--plan", body).max_failures == 1
    assert plan("--plan --max-failures 0", body).max_failures == 0


def test_steps_outputs_stay_in_a_plan_and_out_of_the_options() -> None:
    body = "- {name: a, shell: x}\n- shell: echo {{ steps.a.stdout }} {{ v }}"
    made = plan("--plan --env A={{ v }}", body, v="1")
    assert made.commands[1].command == Shell(command="echo {{ steps.a.stdout }} 1")
    assert made.commands[1].inputs == ("a",)
    assert plan("--plan --raw", body.replace(" {{ v }}", "")).commands[1].inputs == ()
    with pytest.raises(InvalidCommand, match="--env and --cwd: what a step of the plan gave"):
        cell("--plan --env A={{ v }}", body.replace(" {{ v }}", ""), v="{{ steps.a.stdout }}")
