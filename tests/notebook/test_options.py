"""The line of a ``%%cloudops`` cell."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.error import UsageError

from cloudops_nb.notebook.options import (
    CellOptions,
    complete,
    help_text,
    option_names,
    parse_options,
)


def test_an_empty_line_asks_for_nothing() -> None:
    assert parse_options("") == CellOptions()


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("--serial", CellOptions(serial=True)),
        ("--parallel", CellOptions(parallel=True)),
        ("--parallel 4", CellOptions(parallel=True, max_concurrency=4)),
        ("--parallel=4 --quiet", CellOptions(parallel=True, max_concurrency=4, quiet=True)),
        ("--plan --bg", CellOptions(plan=True, bg=True)),
        ("--timeout 90s", CellOptions(timeout=90_000)),
        ("--timeout 2", CellOptions(timeout=2_000)),
        ("--profile p --region r", CellOptions(profile="p", region="r")),
        ("--cwd '/a b' --shell sh", CellOptions(cwd="/a b", shell="sh")),
        ("--env A=1 B --env 'C=x y'", CellOptions(env=("A=1", "B", "C=x y"))),
        ("--out df --no-raise --raw", CellOptions(out="df", no_raise=True, raw=True)),
        ("--approve 0f --title 'two words'", CellOptions(approve="0f", title="two words")),
        ("--serial --strict --keep-going", CellOptions(serial=True, strict=True, keep_going=True)),
        ("--parallel --max-failures 3", CellOptions(parallel=True, max_failures=3)),
        ("--plan --max-failures=25%", CellOptions(plan=True, max_failures="25%")),
        ("--retries 2 --idempotent", CellOptions(retries=2, idempotent=True)),
        ("--query \"a[?b=='c'].{d: e}\"", CellOptions(query="a[?b=='c'].{d: e}")),
    ],
)
def test_every_option_of_the_grammar_is_read(line: str, options: CellOptions) -> None:
    assert parse_options(line) == options


def test_each_takes_several_keys_in_one_go_or_in_several() -> None:
    each = (("region", "a,b"), ("env", "dev"), ("n", "{{ ns }}"))
    assert parse_options("--each region=a,b env=dev n={{ ns }}").each == each
    assert parse_options("--each region=a,b --quiet --each env=dev --each n={{ ns }}").each == each


def test_a_placeholder_is_one_word_of_the_line() -> None:
    options = parse_options("--env A=x{{ a.b[0] }}y --profile {{ p }} --cwd {{ d }}/x")
    assert options.env == ("A=x{{ a.b[0] }}y",)
    assert (options.profile, options.cwd) == ("{{ p }}", "{{ d }}/x")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--paralel", "no option --paralel; did you mean --parallel?"),
        ("--keepgoing=1", "no option --keepgoing; did you mean --keep-going?"),
        ("--zzzzzz", "no option --zzzzzz; see %%cloudops?"),
        ("--reg x", "no option --reg"),
        ("uptime", "unexpected 'uptime': commands go on the lines below the options"),
        ("--region", "--region: expected one argument"),
        ("--each", "--each: expected at least one argument"),
        ("--each a", "--each: takes KEY=V1,V2"),
        ("--each a=", "--each: takes KEY=V1,V2"),
        ("--each a-b=c", "--each: takes KEY=V1,V2 with a Python name"),
        ("--each a=1 a=2", "--each a=… is given twice"),
        ("--env =x", "--env: takes NAME=VALUE or NAME, not '=x'"),
        ("--env a-b=x", "--env: takes NAME=VALUE or NAME"),
        ("--out 1x", "--out: takes a Python name, not '1x'"),
        ("--out for", "--out: takes a Python name, not 'for'"),
        ("--timeout soon", "--timeout: 'soon' is not a duration"),
        ("--parallel 0", "--parallel: takes a whole number above 0, not '0'"),
        ("--parallel x", "--parallel: takes a whole number above 0, not 'x'"),
        ("--region a --region b", "--region is given 2 times"),
        ("--title 'x", "no closing quotation in the options"),
        ("--serial --parallel", "--serial and --parallel do not go together"),
        ("--serial --plan", "--serial and --plan do not go together"),
        ("--plan --each a=b", "--plan and --each do not go together"),
        ("--plan --strict", "--plan and --strict do not go together"),
        ("--plan --shell sh", "--plan and --shell do not go together"),
        ("--region x --each region=a", "--region and --each region=… do not go together"),
        ("--keep-going", "--keep-going needs several commands"),
        ("--max-failures 1", "--max-failures needs several commands"),
        ("--serial --max-failures 1", "--serial stops at the first failure: add --keep-going"),
        ("--parallel --max-failures x", "--max-failures: takes how many commands may fail"),
        ("--retries 0", "--retries: takes a whole number above 0, not '0'"),
        ("--retries 100", "--retries: takes at most 99, not 100"),
        ("--idempotent", "--idempotent needs --retries"),
        ("--strict --shell sh", "--strict needs bash, ksh or zsh"),
    ],
)
def test_a_wrong_line_is_refused_in_one_line_that_names_the_option(line: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_options(line)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "option",
    "--record f|--replay f|--step a|--dry-run".split("|"),
)
def test_an_option_that_is_not_built_yet_is_refused_by_name(option: str) -> None:
    with pytest.raises(UsageError, match=f"{option[:5]}.* is not available yet"):
        parse_options(f"--quiet {option}")


def test_the_help_has_every_option_and_runs_as_shown() -> None:
    text = help_text()
    assert all(name in text for name in option_names())
    lines = [line.strip() for line in text.splitlines() if line.startswith("  %%cloudops")]
    assert len(lines) >= 4
    for line in lines:
        parse_options(line.removeprefix("%%cloudops"))


def test_the_help_has_no_line_too_wide_to_read() -> None:
    assert max(map(len, help_text().splitlines())) <= 100


@pytest.mark.parametrize(
    ("line", "answers"),
    [
        ("%%cloudops --par", ["--parallel"]),
        (" --par", ["--parallel"]),
        (" --serial --s", ["--shell", "--strict"]),
        (" --region us-w", ["us-west-1", "us-west-2"]),
        (" --region=us-w", ["us-west-1", "us-west-2"]),
        (" --shell z", ["zsh"]),
        (" --each ", ["profile=", "region="]),
        (" --each region=us-east-1,us-w", ["us-west-1", "us-west-2"]),
        (" --each x=1 reg", ["region="]),
        (" --each x=", []),
        (" --title x", []),
        (" --re", ["--region", "--retries"]),
    ],
)
def test_completion_offers_what_may_follow(line: str, answers: list[str]) -> None:
    assert complete(line) == answers


def test_completion_offers_an_option_once_but_for_those_that_may_be_repeated() -> None:
    offered = complete("--serial --env A=1 ")
    assert "--serial" not in offered
    assert "--env" in offered
    assert complete("") == option_names()


@given(st.text())
def test_any_line_is_read_or_refused(line: str) -> None:
    for text in (line, f"--title {shlex.quote(line)}", f"--each a={line}"):
        try:
            parse_options(text)
        except UsageError as error:
            assert str(error).startswith("%%cloudops: ")  # noqa: PT017 - both ways are right
        complete(text)
