"""Requests that hold placeholders for what earlier steps will have given."""

from pathlib import Path

import pytest

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.errors import InvalidCommand, InvalidPlan, ValidationError
from cloudops_nb.models import AwsCli, AwsSdk, Exec, ExecutionRequest, Script, Serial, Shell
from cloudops_nb.models.shortform import parse_plan
from cloudops_nb.models.templates import check_template, filled, inputs_of
from tests.support import plan, request

STEPS = {
    "build": {"stdout": "it's; rm -rf $HOME", "exit_code": 0},
    "list": {"records": [{"Id": "i-1", "Groups": ["a", "b c"]}, {"Id": "i-2"}]},
}


def template(command: object, **fields: object) -> ExecutionRequest:
    made = ExecutionRequest.model_validate({"command": command, **fields})
    return made.model_copy(update={"inputs": inputs_of(made)})


def test_what_a_step_gave_is_quoted_in_shell_text_and_put_in_as_it_is_elsewhere() -> None:
    made = template(
        Shell(command="echo {{ steps.build.stdout }} {{ steps.list.records[0].Groups }} {{ x }}"),
        env={"A": "<{{ steps.list.records[-1].Id }}>"},
        working_dir="/{{ steps.list.records[0].Id }}",
    )
    assert made.inputs == ("build", "list")
    check_template(made)
    done = filled(made, STEPS)
    assert done.command == Shell(command="echo 'it'\"'\"'s; rm -rf $HOME' a 'b c' {{ x }}")
    assert done.env == {"A": "<i-2>"}
    assert done.working_dir == Path("/i-1")
    assert done.inputs == ()


def test_a_list_becomes_several_arguments_and_what_was_put_in_is_not_read_again() -> None:
    made = template(Exec(program="ls", args=("{{ steps.list.records[0].Groups }}", "x")))
    assert filled(made, STEPS).command == Exec(program="ls", args=("a", "b c", "x"))
    again = template(Exec(program="ls", args=("{{ steps.build.stdout }}",)))
    gave = {"build": {"stdout": "{{ steps.build.stdout }}"}}
    assert filled(again, gave).command == Exec(program="ls", args=("{{ steps.build.stdout }}",))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("'{{ steps.build.stdout }}'", "quotes"),
        ('echo "{{ steps.build.stdout }}"', "quotes"),
        ("{{ steps.build.stdout }} -x", "where a program is named"),
        ("exec {{ steps.build.stdout }}", "where a program is named"),
        ("echo $(( {{ steps.build.stdout }} ))", "{{ steps.build.stdout }} (line 1)"),
        ("echo {{ steps.build.out }}", "a field of status, exit_code"),
        ("echo {{ steps.build }}", "steps.NAME.FIELD"),
        ("echo {{ steps[0].stdout }}", "steps.NAME.FIELD"),
        ("echo {{ steps.build.stdout }} {{steps.build.stdout}}", "is not put in: write it"),
    ],
)
def test_an_output_stands_only_where_the_shell_takes_it_as_data(text: str, says: str) -> None:
    with pytest.raises(InvalidCommand) as refused:
        check_template(template(Shell(command=text)))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "command",
    [
        Exec(program="{{ steps.build.stdout }}"),
        Script(path=Path("{{ steps.build.stdout }}")),
        AwsCli(service="{{ steps.build.stdout }}", operation="x"),
        AwsCli(service="ec2", operation="{{ steps.build.stdout }}"),
        AwsCli(service="ec2", operation="x", profile="{{ steps.build.stdout }}"),
        AwsCli(service="ec2", operation="x", region="{{ steps.build.stdout }}"),
    ],
)
def test_no_output_decides_what_runs_or_on_whose_account(command: object) -> None:
    with pytest.raises(InvalidCommand, match=r"steps\.build\.stdout .* cannot stand here"):
        check_template(template(command))


def test_no_output_goes_into_a_script_among_arguments() -> None:
    command = Exec(program="bash", args=("-c", "echo {{ steps.build.stdout }}"))
    with pytest.raises(InvalidCommand, match="is a script for `bash`"):
        check_template(template(command))


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "LD_PRELOAD",
        "AWS_PROFILE",
        "BASH_ENV",
        "HOME",
        "PS4",
        "SHELLOPTS",
        "BASH_FUNC_ls%%",
        "PYTHONPATH",
        "https_proxy",
    ],
)
def test_no_output_decides_it_by_way_of_the_environment(name: str) -> None:
    with pytest.raises(InvalidCommand, match=f"env: {name} decides what runs"):
        check_template(template(Shell(command="x"), env={name: "{{ steps.build.stdout }}"}))


def test_inputs_are_exactly_the_steps_that_the_text_refers_to() -> None:
    for inputs, says in (((), "'a' is used but not listed"), (("a", "b"), "'b' is not used")):
        made = request("echo {{ steps.a.stdout }}", inputs=inputs)
        with pytest.raises(InvalidCommand, match=says):
            check_template(made)
    text = request("echo {{ steps.a.stdout }}")
    plan(Serial(), text).check(ExecutionConfig())  # plain text: it does not say it is a template
    after = text.model_copy(update={"when": "steps.a.success"})
    plan(Serial(), request("true", name="a"), after).check(ExecutionConfig())


def test_inputs_must_be_earlier_steps() -> None:
    a = request("true", name="a")
    b = request("echo {{ steps.a.stdout }}", name="b", inputs=("a",))
    plan(Serial(), a, b).check(ExecutionConfig())
    with pytest.raises(InvalidPlan, match=r"command 0 \(b\): inputs: `a` runs after this one"):
        plan(Serial(), b, a).check(ExecutionConfig())
    with pytest.raises(InvalidPlan, match="inputs: no step is named `a`"):
        plan(Serial(), b).check(ExecutionConfig())


# As plans are written


PLAN = """
- {name: a, shell: echo x}
- name: b
  shell: echo {{ v }} {{ steps.a.stdout }}
- name: c
  aws: ec2 describe-instances --instance-ids {{ steps.a.records[0].Id }} --x {{ v }}
- exec: [ls, "{{ steps.b.stdout }}"]
  cwd: "{{ steps.a.stdout }}"
  env: {A: "{{ steps.c.exit_code }}"}
"""


def test_the_short_form_finds_the_steps_itself() -> None:
    _, b, c, d = parse_plan(PLAN, lookup={"v": "a b"}).commands
    assert b.command == Shell(command="echo 'a b' {{ steps.a.stdout }}")
    assert c.command == AwsCli(
        service="ec2",
        operation="describe-instances",
        args=("--instance-ids", "{{ steps.a.records[0].Id }}", "--x", "a b"),
    )
    assert (b.inputs, c.inputs, d.inputs) == (("a",), ("a",), ("a", "b", "c"))
    assert str(d.working_dir) == "{{ steps.a.stdout }}"


def test_raw_text_is_no_template() -> None:
    text = "- {name: a, shell: echo x}\n- shell: echo '{{ steps.a.stdout }}'"
    assert parse_plan(text).commands[1].inputs == ()


def test_a_backslash_keeps_shell_text_from_being_a_template() -> None:
    text = "- {name: a, shell: echo x}\n- shell: echo \\{{ steps.a.stdout }}"
    assert parse_plan(text, lookup={}).commands[1].inputs == ()
    both = parse_plan(text + " {{ steps.a.stdout }}", lookup={}).commands[1]
    done = filled(both, {"a": {"stdout": "y"}})
    assert done.command == Shell(command="echo \\{{ steps.a.stdout }} y")


def test_the_seeds_form_finds_them_too() -> None:
    work = plan(Serial(), request("true", name="a"), request("echo {{ steps.a.stdout }} {{ v }}"))
    read = parse_plan(work.model_dump_json(), lookup={"v": 1})
    assert read.commands[1].inputs == ("a",)
    assert read.commands[1].command == Shell(command="echo {{ steps.a.stdout }} 1")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- {name: a, shell: x}\n- shell: echo '{{ steps.a.stdout }}'", "line 2, step 2: {{ steps"),
        (
            "- shell: echo {{ steps.a.stdout }}",
            "line 1, step 1 (unnamed): inputs: no step is named",
        ),
        ("- shell: echo {{ steps.a.text }}", "a field of status, exit_code"),
        ("- {name: a, shell: x}\n- {name: '{{ steps.a.stdout }}', shell: x}", "in commands, env"),
        (
            "- {name: a, shell: x}\n- {shell: x, timeout: '{{ steps.a.stdout }}'}",
            "in commands, env",
        ),
        ("- {name: a, shell: x}\n- {shell: x, region: '{{ steps.a.stdout }}'}", "in commands, env"),
        (
            "- {name: a, shell: x}\n- shell: echo {{steps.a.stdout}}",
            "is not put in: write it {{ st",
        ),
        ("- {name: a, shell: x}\n- aws: ec2 {{ steps.a.stdout }}", "cannot stand here"),
        ("- {name: a, shell: x}\n- shell: echo {{ evil }}", "values are data"),
        ("- {name: a, shell: x}\n- {shell: x, env: {A: '{{ evil }}'}}", "values are data"),
        (
            "- {name: a, shell: x}\n- {shell: x, env: {A: '{{ left }}{{ right }}'}}",
            "values are data",
        ),
        ("- {name: a, shell: x}\n- exec: [ls, '{{ evil }}']", "values are data"),
        ("- {name: a, shell: x}\n- exec: [ls, '{{ evils }}']", "values are data"),
    ],
)
def test_what_cannot_be_handed_on_is_refused_before_anything_runs(text: str, says: str) -> None:
    evil = "{{ steps.a.stdout }}"
    names = {"evil": evil, "evils": ["x", evil], "left": "{{ steps.a", "right": ".stdout }}"}
    with pytest.raises(ValidationError) as refused:
        parse_plan(text, lookup=names)
    assert says in str(refused.value)


def test_parameters_of_a_call_take_values_with_their_type() -> None:
    made = template(
        AwsSdk(
            service="ec2",
            operation="StartInstances",
            params={
                "InstanceIds": "{{ steps.list.records[0].Groups }}",
                "Nested": [{"Code": "{{ steps.build.exit_code }}"}],
                "Text": "code {{ steps.build.exit_code }}",
            },
        )
    )
    assert made.inputs == ("build", "list")
    check_template(made)
    done = filled(made, STEPS).command
    assert isinstance(done, AwsSdk)
    assert done.params == {
        "InstanceIds": ["a", "b c"],
        "Nested": [{"Code": 0}],
        "Text": "code 0",
    }


@pytest.mark.parametrize("field", ["service", "operation", "profile", "region"])
def test_what_a_call_reaches_is_not_a_steps_to_say(field: str) -> None:
    fields = {"service": "ec2", "operation": "DescribeVpcs", field: "{{ steps.build.stdout }}"}
    made = ExecutionRequest(command=AwsSdk(**fields))
    with pytest.raises(InvalidCommand, match="cannot stand here"):
        check_template(made)
