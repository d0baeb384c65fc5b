"""What the plain text of a record says."""

from textwrap import dedent

import pytest

from cloudops_nb.records import Records
from cloudops_nb.render.describe import describe
from cloudops_nb.render.describe_list import ExecutionTable
from cloudops_nb.render.text import record_text, result_text
from tests.render.samples import (
    a_plan,
    a_result,
    a_result_without_log,
    a_skipped_result,
    a_summary,
    an_id,
)


def test_a_success_is_told_in_full() -> None:
    result = a_result(stdout="hello\n", stderr="careful\n", name="greet", command="echo hello")

    assert result_text(result) == dedent("""\
        ✓ completed · exit 0 · greet · 0.31 s
        $ echo hello
        stdout
          | hello
        stderr
          ! careful
        started: 2026-07-30 14:03:22 UTC
        log: ~/.local/state/cloudops_nb/logs/00000000-0000-5eed-0000-000000000000.log""")


def test_a_plan_is_told_in_full() -> None:
    plan = a_plan(
        a_result(number=1, name="list", command="aws s3 ls", tags={"env": "prod"}),
        a_result("failed", 2, number=2, name="build", command="make", stderr="no rule\n"),
        a_skipped_result("build (#1) failed", number=3, name="deploy"),
    )

    assert result_text(plan) == dedent("""\
        ✗ failed · 1 of 3 completed · 1 failed · 1 skipped · nightly checks · 2 min 03 s
          #  state        ended   command  tags      why                took
          0  ✓ completed  exit 0  list     env=prod                     0.31 s
          1  ✗ failed     exit 2  build                                 0.31 s
          2  ○ skipped            deploy             build (#1) failed
        ✗ failed · #1 · exit 2 · build · 0.31 s
          $ make
          stderr
            ! no rule
          log: ~/.local/state/cloudops_nb/logs/00000000-0000-5eed-0000-000000000002.log
        started: 2026-07-30 14:03:22 UTC
        logs: ~/.local/state/cloudops_nb/logs
        run the rest: %cloudops resume 00000000-0000-5eed-0000-0000000f423f""")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0.00 s"),
        (0.319, "0.31 s"),
        (59.999, "59.99 s"),
        (60, "1 min 00 s"),
        (3723.5, "1 h 02 min 03 s"),
        (360_000, "100 h 00 min 00 s"),
    ],
)
def test_a_duration_ends_the_first_line(seconds: float, told: str) -> None:
    assert result_text(a_result(seconds=seconds)).splitlines()[0].endswith(f" · {told}")


def test_death_by_signal_is_named() -> None:
    first = result_text(a_result("failed", -9, error="killed by SIGKILL")).splitlines()[0]

    assert first == "✗ failed · killed by SIGKILL · 0.31 s"


def test_an_error_that_the_first_line_tells_is_not_told_twice() -> None:
    assert "error" not in result_text(a_result("failed", 3, error="exit code 3"))
    assert "error: exit code 127 (not found)" in result_text(
        a_result("failed", 127, error="exit code 127 (not found)")
    )


def test_a_timeout_says_what_it_was() -> None:
    text = result_text(a_result("timeout", -15, error="timed out after 2 s", attempts=3))

    assert text.startswith("◷ timeout · killed by SIGTERM · 3 attempts · 0.31 s\n")
    assert "\nerror: timed out after 2 s\n" in text


def test_a_command_that_never_started_says_why_and_claims_no_output_time_or_log() -> None:
    text = result_text(a_skipped_result("deploy (#2) failed", name="verify"))

    assert text == f"○ skipped · verify\n$ true\nnot run: deploy (#2) failed\nid: {an_id()}"


def test_one_that_was_cancelled_while_it_waited_says_so() -> None:
    text = result_text(a_result("cancelled", None, seconds=0))

    assert "not run: cancelled before it started" in text


def test_a_lost_log_is_said_instead_of_an_output() -> None:
    assert "output: cannot be shown: the log is gone" in result_text(a_result_without_log())
    assert "output: cannot be shown: the log is gone" in result_text(
        a_plan(a_result_without_log(status="failed", exit_code=1))
    )


def test_no_output_is_said() -> None:
    assert "\noutput: none\n" in result_text(a_result())


def test_what_is_left_out_of_a_long_output_is_counted() -> None:
    text = result_text(a_result(stdout="x\n" * 1000))

    assert "\n  … 970 lines more, in the log …\n" in text


def test_a_cut_line_says_how_long_it_is() -> None:
    text = result_text(a_result(stdout="x" * 12_345))

    assert "xxx … line cut, 12,345 characters in all\n" in text


def test_a_long_command_is_cut_to_forty_lines() -> None:
    text = result_text(a_result(command="\n".join(f"step {n}" for n in range(100))))

    assert "\n  step 39\n  … 60 lines more …\n" in text


def test_variables_that_were_withheld_are_named_when_the_command_failed() -> None:
    told = "not passed to the command: AWS_SECRET_ACCESS_KEY (pass with --env NAME)"
    withheld = ("AWS_SECRET_ACCESS_KEY",)

    assert told in result_text(a_result("failed", 1, withheld_env=withheld))
    assert told not in result_text(a_result(withheld_env=withheld))


def test_records_are_counted_and_the_way_to_them_is_shown() -> None:
    assert "2 records: .records or .to_pandas()" in result_text(a_result(stdout="[1, 2]"))


@pytest.mark.parametrize("stdout", ["plain\ntext", "[]", "[" * 100_000, "[1]" + " " * 1_000_000])
def test_where_there_are_no_records_or_too_many_bytes_none_are_mentioned(stdout: str) -> None:
    assert "record" not in result_text(a_result(stdout=stdout))


def test_the_records_of_a_plan_are_counted_too() -> None:
    plan = a_plan(a_result(number=1, stdout="[1, 2]"), a_result(number=2, stdout="text"))

    assert "\n2 records: .records or .records.to_pandas()\n" in result_text(plan)


def test_output_that_was_above_the_limit_is_said() -> None:
    text = result_text(a_result(omitted_bytes=1_234_567))

    assert "left out of the log: 1,234,567 bytes above max_output_size_bytes" in text


def test_output_cannot_pass_itself_off_as_a_line_of_ours() -> None:
    forged = "✓ completed · exit 0 · 0.01 s\nlog: ~/fake.log\n"
    text = result_text(a_result("failed", 1, stdout=forged, stderr=forged))

    assert "  | ✓ completed · exit 0 · 0.01 s" in text
    assert [line for line in text.splitlines() if line.startswith(("✓", "log"))] == [
        "log: ~/.local/state/cloudops_nb/logs/00000000-0000-5eed-0000-000000000000.log"
    ]


def test_the_columns_of_a_plan_stand_where_they_do_whatever_the_times() -> None:
    def without_times(seconds: float) -> list[str]:
        results = [a_result(number=n, seconds=seconds + n) for n in range(3)]
        return [line.partition("exit 0")[0] for line in result_text(a_plan(*results)).splitlines()]

    assert without_times(0.1)[1:] == without_times(4000)[1:]


def test_a_command_without_a_name_is_told_once() -> None:
    line = "aws sts get-caller-identity"
    unnamed = a_plan(a_result("failed", 255, command=line))
    named_alike = a_plan(a_result("failed", 255, name=line, command=line))

    assert result_text(unnamed) == result_text(named_alike)
    assert result_text(unnamed).count(line) == 2  # in the table, and above its output
    assert result_text(a_result(name=line, command=line)).count(line) == 1


def test_tags_that_the_name_of_a_command_tells_are_not_told_twice() -> None:
    told = result_text(a_plan(a_result(name="region=eu-west-1", profile="dev", region="eu-west-1")))

    assert told.count("region=eu-west-1") == 1
    assert "profile=dev" in told


def test_a_plan_that_is_called_after_its_number_of_commands_tells_it_once() -> None:
    told = result_text(a_plan(a_result(), status="completed", description="1 command"))

    assert told.splitlines()[0] == "✓ completed · 1 command · 2 min 03 s"


def test_beyond_fifty_commands_failures_come_first_and_the_rest_is_counted() -> None:
    results = [a_result(number=n, name=f"c{n}") for n in range(60)]
    results[57] = a_result("failed", 1, number=57, name="c57")
    lines = result_text(a_plan(*results)).splitlines()

    assert lines[1] == "50 of 60 commands, failures first:"
    assert lines[3].split() == ["57", "✗", "failed", "exit", "1", "c57", "0.31", "s"]
    assert "  … 10 more, all in .to_pandas() …" in lines


def test_failures_beyond_the_eighth_are_counted() -> None:
    failures = [a_result("failed", 1, number=n, error=f"reason {n}") for n in range(12)]
    text = result_text(a_plan(*failures))

    assert "more failures: 4, in .results" in text
    assert "reason 11" in text  # in the table, at least


def test_a_failed_command_shows_the_end_of_its_output_where_it_had_no_stderr() -> None:
    text = result_text(a_plan(a_result("failed", 1, stdout="1\n2\n3\n4\n5\n6\n7\n8\n")))

    assert "    … 2 lines more, in the log …\n    | 3\n" in text


def test_a_log_outside_of_the_home_directory_that_does_not_carry_the_id_adds_it() -> None:
    text = result_text(a_result(log_path="/var/log/job.log"))

    assert text.endswith(f"log: /var/log/job.log\nid: {an_id()}")


def test_executions_are_a_table_in_the_order_given() -> None:
    summaries = [
        a_summary(title="true"),
        a_summary(id=an_id(1), status="running", title="nightly", duration=None, commands=7),
    ]

    assert record_text(describe(ExecutionTable(summaries))) == dedent(f"""\
        2 executions
          id                                    state        command               \
started                  took
          {an_id()}  ✓ completed  true                  2026-07-30 14:03:22 UTC  0.31 s
          {an_id(1)}  ▸ running    nightly (7 commands)  2026-07-30 14:03:22 UTC""")


def test_no_executions_are_a_sentence() -> None:
    assert record_text(describe(ExecutionTable([]))) == "0 executions"


def test_records_show_their_first_rows_and_columns() -> None:
    rows = [{f"c{c}": {"n": n} for c in range(10)} for n in range(12)]
    text = record_text(describe(Records(rows)))

    assert text.splitlines()[0] == "12 records · from JSON"
    assert text.splitlines()[2].split("  ")[1:3] == ['{"n": 0}', '{"n": 0}']
    assert "  … 2 records more and 2 columns more …" in text
    assert text.endswith("as a DataFrame: .to_pandas()")


def test_a_record_says_when_its_calls_did_not_go_to_aws() -> None:
    result = a_result(command="aws s3 ls", endpoint="http://127.0.0.1:4566")

    assert "not AWS itself: http://127.0.0.1:4566" in result_text(result)
    assert "not AWS itself: http://127.0.0.1:4566" in result_text(a_plan(result, result))
    assert "not AWS itself" not in result_text(a_result(command="aws s3 ls"))
