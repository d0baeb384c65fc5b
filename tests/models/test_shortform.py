"""Plans as people write them."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.errors import ExecutionError, InvalidCommand, InvalidPlan, SerializationError
from cloudops_nb.models import (
    AwsCli,
    AwsSdk,
    DependencyGraph,
    Exec,
    ExecutionPlan,
    ExecutionRequest,
    ExponentialBackoff,
    LinearBackoff,
    Parallel,
    ResourceLimits,
    RetryConfig,
    Script,
    Serial,
    Shell,
)
from cloudops_nb.models.shortform import parse_plan
from tests.models.strategies import plans

NAMES = {"x": "it's; rm -rf $HOME", "xs": ["a", "b c"], "n": 2}


def test_via_is_for_aws_steps_the_plans_for_those_that_say_nothing() -> None:
    plan = parse_plan(
        "via: cli\nsteps: [{aws: sts get-caller-identity, via: sdk}, {aws: iam list-users}, uptime]"
    )
    assert [request.via for request in plan.commands] == ["sdk", "cli", None]


def test_an_unknown_via_is_refused_with_those_there_are() -> None:
    with pytest.raises(InvalidPlan, match="'http' is none of cli, sdk, auto"):
        parse_plan("[{aws: iam list-users, via: http}]")


def commands(text: str, **lookup: object) -> list[object]:
    """The commands of a plan's steps."""
    plan = parse_plan(dedent(text), lookup=lookup or None)
    return [request.command for request in plan.commands]


def refusal(text: str, lookup: dict[str, object] | None = None) -> str:
    """What the refusal of a plan says."""
    with pytest.raises((InvalidPlan, SerializationError)) as refused:
        parse_plan(dedent(text), lookup=lookup)
    return str(refused.value)


@given(plans)
def test_the_seeds_json_is_read_as_it_is(plan: ExecutionPlan) -> None:
    assert parse_plan(plan.model_dump_json()) == plan


def test_the_seeds_form_may_be_yaml() -> None:
    plan = parse_plan(
        "strategy: {type: parallel, max_concurrency: 2}\ndescription: 2024-01-02\n"
        "commands:\n- command: {type: exec, program: ls, args: [-l]}\n  timeout_ms: 1000\n"
    )
    assert plan.description == "2024-01-02"
    assert plan.strategy == Parallel(max_concurrency=2)
    assert plan.commands[0].command == Exec(program="ls", args=("-l",))
    assert plan.commands[0].timeout_ms == 1000


def test_placeholders_in_the_seeds_form_are_filled_after_parsing() -> None:
    plan = {
        "description": "d",
        "strategy": {"type": "serial"},
        "commands": [
            {"command": {"type": "shell", "command": "echo {{ x }}"}, "env": {"A": "{{ x }}"}},
            {"command": {"type": "exec", "program": "ls", "args": ["{{ xs }}", "p={{ n }}"]}},
            {
                "command": {
                    "type": "aws_cli",
                    "service": "s3",
                    "operation": "ls",
                    "region": "{{ n }}",
                }
            },
        ],
    }
    shell, program, aws = parse_plan(json.dumps(plan), lookup=NAMES).commands
    assert shell.command == Shell(command="echo 'it'\"'\"'s; rm -rf $HOME'")
    assert shell.env == {"A": NAMES["x"]}
    assert program.command == Exec(program="ls", args=("a", "b c", "p=2"))
    assert aws.command == AwsCli(service="s3", operation="ls", region="2")
    with pytest.raises(InvalidCommand, match=r"command 0: .* no variable `x`"):
        parse_plan(json.dumps(plan), lookup={})


def test_a_step_is_one_of_shell_exec_script_and_aws() -> None:
    assert commands(
        """
        - shell: a | b
        - exec: [ls, -l, a b]
        - exec: ls -l 'a b'
        - {script: ./x.sh, interpreter: bash -x}
        - aws: ec2 describe-instances --filters 'Name=x,Values=*'
        - aws: aws --region r s3 ls
        - aws: [s3, ls, s3://b]
        - uptime
        """
    ) == [
        Shell(command="a | b"),
        Exec(program="ls", args=("-l", "a b")),
        Exec(program="ls", args=("-l", "a b")),
        Script(path=Path("x.sh"), interpreter="bash -x"),
        AwsCli(
            service="ec2",
            operation="describe-instances",
            args=("--filters", "Name=x,Values=*"),
        ),
        AwsCli(service="s3", operation="ls", args=("--region", "r")),
        AwsCli(service="s3", operation="ls", args=("s3://b",)),
        Shell(command="uptime"),
    ]


def test_steps_run_one_after_another_unless_they_say_otherwise() -> None:
    assert parse_plan("[a, b]").strategy == Serial()
    assert parse_plan("keep_going: true\nsteps: [a, b]").strategy == Serial(stop_on_error=False)
    assert parse_plan("strategy: parallel\nsteps: [a, b]").strategy == Parallel()
    assert parse_plan("max_concurrency: 3\nsteps: [a, b]").strategy == Parallel(max_concurrency=3)


def test_needs_make_a_graph_by_names() -> None:
    plan = parse_plan(
        dedent(
            """
            - {name: report, shell: a, needs: [users, fleet]}
            - {name: users, shell: b}
            - {name: fleet, shell: c, needs: users}
            """
        )
    )
    assert plan.strategy == DependencyGraph(dependencies={0: (1, 2), 2: (1,)})


def test_a_step_takes_what_it_does_not_say_from_the_plan() -> None:
    plan = parse_plan(
        dedent(
            """
            title: both
            env: {A: plan, B: plan}
            tags: {team: x}
            cwd: /plan
            timeout: 2m
            region: plan-1
            steps:
              - shell: a
              - {shell: a, env: {A: step}, cwd: /step, timeout: 90s, tags: {kind: y}}
              - {aws: ec2 x, region: step-1, profile: p, query: 'a[0]', name: one}
              - aws: ec2 x --region own-1
            """
        )
    )
    first, second, third, fourth = plan.commands
    assert plan.description == "both"
    aimed = {"AWS_REGION": "plan-1", "AWS_DEFAULT_REGION": "plan-1"}
    assert first.env == {"A": "plan", "B": "plan", **aimed}
    assert (first.working_dir, first.timeout_ms) == (Path("/plan"), 120_000)
    assert second.env == {"A": "step", "B": "plan", **aimed}
    assert (second.working_dir, second.timeout_ms) == (Path("/step"), 90_000)
    assert second.metadata.tags == {"team": "x", "kind": "y"}
    assert third.command == AwsCli(service="ec2", operation="x", region="step-1", profile="p")
    assert (third.query, third.name) == ("a[0]", "one")
    assert fourth.command == AwsCli(service="ec2", operation="x", args=("--region", "own-1"))


def test_retry_is_a_number_of_attempts_or_says_more() -> None:
    plan = parse_plan(
        dedent(
            """
            retry: "{{ n }}"
            steps:
              - a
              - shell: b
                retry:
                  max_attempts: 5
                  backoff: {type: exponential, base: 500ms, max: 1m, jitter: 0}
                  retryable_errors: [SlowDown, "exit:75"]
                  idempotent: true
              - {shell: c, retry: {max_attempts: 2, backoff: linear}}
            """
        ),
        lookup=NAMES,
    )
    first, second, third = plan.commands
    assert plan.retry == RetryConfig(max_attempts=2)
    assert first.retry is None
    assert second.retry == RetryConfig(
        max_attempts=5,
        backoff=ExponentialBackoff(base=timedelta(seconds=0.5), max=timedelta(minutes=1), jitter=0),
        retryable_errors=("SlowDown", "exit:75"),
        idempotent=True,
    )
    assert third.retry == RetryConfig(max_attempts=2, backoff=LinearBackoff())


def test_a_plan_without_a_title_says_what_it_does() -> None:
    assert parse_plan("[a]").description == "1 command"
    assert parse_plan("[a, b]").description == "2 commands one after another"
    assert parse_plan("strategy: parallel\nsteps: [a, b]").description == "2 commands in parallel"


def test_values_are_text_as_written_whatever_yaml_takes_them_for() -> None:
    plan = parse_plan("- {shell: a, env: {A: no, B: 1.10, C: 1:30, D: 012, E: 2024-01-02, F: ''}}")
    assert plan.commands[0].env == {
        "A": "no", "B": "1.10", "C": "1:30", "D": "012", "E": "2024-01-02", "F": ""
    }  # fmt: skip


def test_json_may_be_the_short_form_and_indented_with_tabs() -> None:
    text = json.dumps({"steps": [{"shell": "echo 😀 \t"}]}, indent="\t")
    assert commands(text) == [Shell(command="echo 😀 \t")]


def test_placeholders_follow_the_shells_rule_in_shell_and_are_plain_elsewhere() -> None:
    plan = parse_plan(
        dedent(
            """
            - shell: echo {{ x }}
              name: step {{ n }}
              env: {A: "{{ x }}"}
              timeout: "{{ n }}m"
            - exec: [ls, "{{ xs }}", "p={{ n }}", "'{{ n }}'"]
            - aws: s3 rm {{ xs }} --include '*'
            - {shell: a, needs: "step {{ n }}"}
            """
        ),
        lookup=NAMES,
    )
    first, second, third, _ = plan.commands
    assert first.command == Shell(command="echo 'it'\"'\"'s; rm -rf $HOME'")
    assert (first.name, first.env, first.timeout_ms) == ("step 2", {"A": NAMES["x"]}, 120_000)
    assert second.command == Exec(program="ls", args=("a", "b c", "p=2", "'2'"))
    assert third.command == AwsCli(
        service="s3", operation="rm", args=("a", "b c", "--include", "*")
    )


def test_without_a_lookup_placeholders_stay_as_written() -> None:
    assert commands("- shell: echo '{{ x }}'\n- exec: [ls, '{{ x }}']") == [
        Shell(command="echo '{{ x }}'"),
        Exec(program="ls", args=("{{ x }}",)),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the plan is empty"),
        ("steps: []", "line 1, steps: the plan has no steps"),
        ("title: x", "line 1, plan: it has no `steps`"),
        ("uptime", "line 1, plan: a text stands where `key: value` lines belong"),
        ("steps: 3", "line 1, steps: a text stands where a list belongs"),
        ("- shel: x", "line 1, step 1: unknown key `shel`; did you mean shell?"),
        ("- name: a", "line 1, step 1 (a): it has nothing to run; a step is one of shell, exec"),
        ("- a\n- {shell: x,\n   exec: y}", "line 2, step 2: it has shell and exec"),
        ("- rollback: x", "line 1, step 1: `rollback` is not available yet"),
        ("- sdk: ec2", "line 1, step 1, sdk: write it as SERVICE OPERATION"),
        ("- {shell: x, params: {}}", "line 1, step 1, params: only an sdk step has it"),
        (
            "- {sdk: ec2 DescribeVpcs, params: 1}",
            "params: a text stands where `key: value`",
        ),
        (
            "- {sdk: ec2 DescribeVpcs, max_records: 0}",
            "max_records: '0' stands where a whole",
        ),
        ("- shell: x\n  retry: x", "line 2, step 1, retry: max_attempts: Input should be a valid"),
        ("retry: 101\nsteps: [a]", "line 1, plan, retry: max_attempts: Input should be less than"),
        ("- {shell: x, retry: {max_attempts: 3, backof: x}}", "unknown key `backof`; did you mean"),
        ("- {shell: x, retry: {backoff: fixed}}", "step 1, retry: it has no `max_attempts`"),
        ("- {shell: x, retry: {max_attempts: 2, backoff: lin}}", "backoff: unknown `lin`; did you"),
        ("- {shell: x, retry: {max_attempts: 2, backoff: {base: 1s}}}", "it has no `type`: fixed"),
        (
            "- {shell: x, retry: {max_attempts: 2, backoff: {type: fixed, base: 1s}}}",
            "unknown key `base`; known: delay, jitter, type",
        ),
        (
            "- {shell: x, retry: {max_attempts: 2, backoff: {type: fixed, delay: soon}}}",
            "retry, backoff, delay: 'soon' is not a duration",
        ),
        (
            "- {shell: x, retry: {max_attempts: 2, retryable_errors: ['exit:x']}}",
            "'exit:x' has no exit code: write exit:75",
        ),
        ("- shell: ''", "step 1, shell: missing required field: command"),
        ("- shell:", "line 1, step 1, shell: has no value"),
        ("- exec: []", "line 1, step 1, exec: it is empty"),
        ("- exec: ls *", "only plain words can stand here"),
        ("- aws: ec2", "line 1, step 1, aws: write it as SERVICE OPERATION ARGUMENTS"),
        ("- {aws: ec2 x --region a, region: b}", "region is 'b' as a field but 'a' in args"),
        ("- {shell: x, timeout: 1:30}", "step 1, timeout: '1:30' is not a duration"),
        ("- {shell: x, interpreter: y}", "step 1, interpreter: only a script step has it"),
        (
            "- {shell: x, needs: ab}\n- {shell: y, name: a}",
            "no step is named `ab`; did you mean a?",
        ),
        ("- {shell: x, name: a}\n- {shell: y, name: a}", "line 2, step 2: the step in line 1 has"),
        ("- {shell: x, name: a, needs: a}", "in a circle: a → a"),
        (
            "- {shell: x, name: a, needs: b}\n- {shell: y, name: b, needs: a}",
            "line 1, step 1: steps need each other in a circle: a → b → a",
        ),
        ("strategy: parallell\nsteps: [a]", "unknown `parallell`; did you mean parallel?"),
        (
            "strategy: serial\nsteps: [{name: a, shell: x}, {shell: y, needs: a}]",
            "steps with `needs` cannot be serial",
        ),
        ("strategy: serial\nmax_concurrency: 2\nsteps: [a]", "only a parallel plan has it"),
        ("max_concurrency: 0\nsteps: [a]", "'0' stands where a whole number above 0 belongs"),
        ("keep_going: maybe\nsteps: [a]", "'maybe' stands where true or false belongs"),
        ("title: a\ndescription: b\nsteps: [a]", "give one"),
        (
            "- {shell: x, name: a}\n- {shell: y,\n   when: steps.b.success}",
            "line 3, step 2 (unnamed): when: no step is named `b`",
        ),
        (
            "- {shell: x, name: a, when: steps.b.success}\n- {shell: y, name: b}",
            "line 1, step 1 (a): when: `b` runs after this one",
        ),
        (
            "- {shell: x, name: a}\n- {shell: y, when: steps.a.state}",
            "line 2, step 2 (unnamed): when 'steps.a.state': a step has status",
        ),
        (
            "- {shell: x, name: a, when: steps.b.success}\n- {shell: y, name: b, needs: a}",
            "in a circle: ",
        ),
        ("max_failures: 1\nsteps: [a]", "a serial plan stops at its first failure; add keep_going"),
        (
            "strategy: parallel\nmax_failures: 1.5\nsteps: [a]",
            "line 2, plan, max_failures: takes how many commands may fail",
        ),
        ("steps: [a]\nsteps: [b]", "line 2: the key 'steps' is twice"),
        ("- {{ x }}", 'put a placeholder at the start of a value into double quotes: "{{ name }}"'),
        ("- [", "line 1: not YAML"),
        ("--- [a]\n--- [b]", "not YAML"),
        ("- !!python/object:os.system x", "line 1: the tag"),
        ("- \x01", "not YAML"),
        ("commands: []\ndescription: 2024-13-01", "month must be in 1..12"),
        ('{"steps": ["a"], "steps": ["b"]}', "the key 'steps' is twice"),
        ('{"strategy": {"type": "serial"}, "commands": [{}]}', "ExecutionPlan: description"),
        (
            '{"description": "", "strategy": {"type": "serial"}, "commands": [], "x": 1}',
            "ExecutionPlan: x: unknown field",
        ),
    ],
)
def test_a_wrong_plan_is_told_line_step_and_key(text: str, says: str) -> None:
    assert says in refusal(text, {})


def test_a_placeholder_in_the_quotes_of_a_shell_step_is_refused_with_its_step() -> None:
    said = refusal("- {name: greet, shell: \"echo '{{ x }}'\"}", dict(NAMES))
    assert "line 1, step 1 (greet), shell: {{ x }} (line 1) is inside quotes" in said


@pytest.mark.parametrize(
    "text",
    [
        "a: &a ["
        + "x," * 9
        + "]\n"
        + "".join(
            f"{b}: &{b} [" + f"*{a}," * 9 + "]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)
        ),
        "&a [*a]",
        "[" * 5000,
        "[" + "x," * 600_000 + "]",
    ],
    ids=["aliases", "circle", "depth", "size"],
)
def test_a_document_made_to_be_huge_is_refused(text: str) -> None:
    with pytest.raises(ExecutionError):
        parse_plan(text)


@given(st.text())
def test_any_text_is_a_plan_or_a_typed_refusal(text: str) -> None:
    with suppress(InvalidPlan, SerializationError, InvalidCommand):
        parse_plan(text, lookup={})


def test_a_plan_says_how_many_failures_it_takes() -> None:
    text = "strategy: parallel\nmax_failures: 25%\nsteps: [a, b]"
    assert parse_plan(text).max_failures == "25%"
    assert parse_plan("keep_going: true\nmax_failures: 0\nsteps: [a]").max_failures == 0


def test_a_step_has_a_condition_as_it_is_written() -> None:
    plan = parse_plan(
        "- {name: a, shell: x}\n- shell: y\n  when: steps.a.status == 'failed'", lookup=NAMES
    )
    assert plan.strategy == Serial()
    assert plan.commands[1].when == "steps.a.status == 'failed'"


def test_a_step_names_the_lock_it_needs() -> None:
    plan = parse_plan("- {shell: x, lock: 'db-{{ n }}'}\n- y", lookup=NAMES)
    assert [request.lock for request in plan.commands] == ["db-2", None]


def test_the_plan_in_the_readme_is_one() -> None:
    readme = Path(__file__).parents[2].joinpath("README.md").read_text()
    plan = parse_plan(readme.partition("```yaml\n")[2].partition("```")[0], lookup={})
    plan.check(ExecutionConfig())
    assert [request.name for request in plan.commands] == ["list", "patch", "alarm"]


def test_limits_of_a_plan_are_those_of_each_step_that_has_none_of_its_own() -> None:
    plan = parse_plan(
        "limits: {cpu: 30s, memory: 512M}\n"
        "steps:\n"
        "  - shell: make\n"
        "  - {shell: make test, limits: {processes: 64}}\n"
    )
    assert [each.limits for each in plan.commands] == [
        ResourceLimits(cpu_seconds=30, memory_bytes=512 * 2**20),
        ResourceLimits(processes=64),
    ]


@pytest.mark.parametrize(
    ("limits", "told"),
    [("{cpu: soon}", "not a duration"), ("{disk: 1G}", "unknown limit `disk`"), ("3", "a text")],
)
def test_a_wrong_limit_names_its_line(limits: str, told: str) -> None:
    with pytest.raises(InvalidPlan, match=rf"line 2, .*limits.*{told}"):
        parse_plan(f"- shell: ls\n  limits: {limits}\n")


def test_an_api_call_is_a_step_with_parameters_of_their_json_types() -> None:
    text = """
        - sdk: ec2 DescribeInstances
          params:
            MaxResults: 10
            DryRun: false
            Filters: [{Name: version, Values: ["1.10", no, {{ n }}, "{{ n }}", "v{{ n }}"]}]
          max_records: 5
          region: eu-west-1
    """.replace('{{ n }}, "', '"<{{ n }}>", "')
    assert commands(text, n=2) == [
        AwsSdk(
            service="ec2",
            operation="DescribeInstances",
            params={
                "MaxResults": 10,
                "DryRun": False,
                "Filters": [{"Name": "version", "Values": ["1.10", "no", "<2>", 2, "v2"]}],
            },
            max_records=5,
            region="eu-west-1",
        )
    ]


def test_parameters_in_the_seeds_form_take_values_with_their_type() -> None:
    command = AwsSdk(service="ec2", operation="{{ what }}", params={"Ids": "{{ ids }}", "n": 1})
    plan = parse_plan(
        ExecutionPlan(
            description="", strategy=Serial(), commands=(ExecutionRequest(command=command),)
        ).model_dump_json(),
        lookup={"what": "DescribeVpcs", "ids": ("a", "b")},
    )
    assert plan.commands[0].command == AwsSdk(
        service="ec2", operation="DescribeVpcs", params={"Ids": ["a", "b"], "n": 1}
    )
