"""The magic in a real kernel, as a page sees it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tests.notebook.conftest import Kernel, running_kernel

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has reaped yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_cell_shows_a_live_view_and_leaves_the_record_as_its_value(kernel: Kernel) -> None:
    cell = kernel.run("%%cloudops\necho hello")
    assert [list(data) for data in cell.updates] == [[WIDGET_VIEW, "text/plain"]]
    assert "clear_output" in cell.messages
    assert "hello" in cell.text
    assert cell.value is not None
    assert "hello" in cell.value["text/html"]


def test_a_page_without_widgets_is_told_what_runs_and_how_to_stop_it(kernel: Kernel) -> None:
    (shown,) = kernel.run("%%cloudops --title 'Nightly backup'\ntrue").updates
    assert shown["text/plain"].startswith("▸ running · Nightly backup\n")
    assert "■ cancels it" in shown["text/plain"]


def test_the_value_is_the_result_itself(kernel: Kernel) -> None:
    kernel.run("%%cloudops\necho kept")
    assert kernel.run("_.stdout").text == "'kept\\n'"


def test_out_binds_the_result(kernel: Kernel) -> None:
    kernel.run("%%cloudops --out answer\necho 42")
    assert kernel.run("answer.stdout").text == "'42\\n'"


def test_a_failed_cell_shows_its_record_and_raises_one_line(kernel: Kernel) -> None:
    cell = kernel.run("%%cloudops --out failed\necho why >&2; exit 3")
    assert cell.status == "error"
    assert cell.traceback == ["CommandFailed: echo why >&2; exit 3: exit code 3"]
    assert "why" in cell.displays[-1]["text/plain"]
    assert kernel.run("failed.exit_code").text == "3"


def test_no_raise_makes_a_failure_the_value(kernel: Kernel) -> None:
    cell = kernel.run("%%cloudops --no-raise\nexit 3")
    assert cell.status == "ok"
    assert "exit 3" in cell.text


def test_quiet_shows_nothing_and_still_binds(kernel: Kernel) -> None:
    cell = kernel.run("%%cloudops --quiet --out silent\necho hush")
    assert (cell.displays, cell.value) == ([], None)
    assert kernel.run("silent.stdout").text == "'hush\\n'"


def test_quiet_shows_a_failure_that_is_not_raised(kernel: Kernel) -> None:
    assert "exit 3" in kernel.run("%%cloudops --quiet --no-raise\nexit 3").text


def test_logs_keep_colours_and_no_other_escape_sequence(kernel: Kernel) -> None:
    printed = r"\033]0;title\007\033[31mred\033[0m\033[2J\033[>4m\t.\n"
    kernel.run(f"%%cloudops --out coloured\nprintf '{printed}'")
    identifier = kernel.run("print(coloured.id)").stream.strip()
    cell = kernel.run(f"%cloudops logs {identifier}")
    assert cell.stream == "\x1b[31mred\x1b[0m\t.\n"


def test_an_empty_setting_is_the_default_again(kernel: Kernel) -> None:
    kernel.run("before = get_ipython().cloudops.engine.config")
    kernel.run("%cloudops config pass_env=A_TOKEN,B_TOKEN default_timeout_ms=1000")
    assert kernel.run("sorted(get_ipython().cloudops.engine.config.pass_env)").text == (
        "['A_TOKEN', 'B_TOKEN']"
    )
    kernel.run("%cloudops config pass_env= default_timeout_ms=")
    assert kernel.run("get_ipython().cloudops.engine.config == before").text == "True"


def test_a_wrong_option_is_one_line_that_names_it(kernel: Kernel) -> None:
    cell = kernel.run("%%cloudops --paralel\necho never")
    assert cell.status == "error"
    assert "--paralel" in cell.stream + "".join(cell.traceback)
    assert "--parallel" in cell.stream + "".join(cell.traceback)


def test_an_option_that_is_not_built_yet_is_refused(kernel: Kernel) -> None:
    cell = kernel.run("%%cloudops --dry-run\necho never")
    assert cell.status == "error"
    assert "--dry-run" in cell.stream + "".join(cell.traceback)


def test_retries_try_again_and_the_record_tells_each_attempt(
    kernel: Kernel, tmp_path: Path
) -> None:
    cell = kernel.run(
        f"%%cloudops --retries 2 --idempotent --out tried\necho x >> {tmp_path}/runs\n"
        f"test $(wc -l < {tmp_path}/runs) -gt 1 || exit 75"
    )
    assert cell.status == "ok"
    assert "2 attempts" in cell.text
    assert "attempt 1: exit code 75; tried again after" in cell.text
    assert kernel.run("tried.attempts").text == "2"


def test_retries_of_what_may_change_something_are_refused_before_it_runs(
    kernel: Kernel, tmp_path: Path
) -> None:
    cell = kernel.run(f"%%cloudops --retries 2\ntouch {tmp_path}/ran")
    assert cell.error == "UnsafeRetry"
    assert "--idempotent" in cell.traceback[0]
    assert not (tmp_path / "ran").exists()


def test_an_error_of_ours_has_no_traceback_of_ours(kernel: Kernel) -> None:
    cell = kernel.run("%%cloudops --cwd /no/such/directory\necho never")
    assert cell.error == "InvalidWorkingDir"
    assert cell.traceback == [
        "InvalidWorkingDir: working directory is not a directory: /no/such/directory"
    ]


def test_a_variable_is_put_in_quoted(kernel: Kernel) -> None:
    kernel.run('hostile = "it\'s; echo pwned $(id)"')
    kernel.run("%%cloudops --out echoed\nprintf '%s' {{ hostile }}")
    assert kernel.run("echoed.stdout == hostile").text == "True"


def test_dollars_and_braces_are_left_to_the_shell(kernel: Kernel) -> None:
    kernel.run("x = 'from python'")
    kernel.run("%%cloudops --out raw\nx=shell; echo '{x}' $x")
    assert kernel.run("raw.stdout").text == "'{x} shell\\n'"


def test_an_unknown_variable_is_refused_before_anything_runs(
    kernel: Kernel, tmp_path: Path
) -> None:
    witness = tmp_path / "ran"
    cell = kernel.run(f"%%cloudops\ntouch {witness}\necho {{{{ nowhere }}}}")
    assert cell.error == "InvalidCommand"
    assert "nowhere" in cell.traceback[0]
    assert not witness.exists()


def test_stop_cancels_the_run_and_its_processes(kernel: Kernel, fifo: Path) -> None:
    cell = kernel.interrupt_when(
        f"%%cloudops --out stopped\necho $$ > {fifo}.pid; echo up > {fifo}; sleep 60", fifo
    )
    assert cell.status == "error"
    assert cell.error == "ExecutionCancelled"
    assert kernel.run("str(stopped.status)").text == "'cancelled'"
    assert gone(int(Path(f"{fifo}.pid").read_text()))


def test_stop_cancels_a_blocking_run_too(kernel: Kernel, fifo: Path) -> None:
    kernel.run("from cloudops_nb import ExecutionEngine\nengine = ExecutionEngine.get_global()")
    cell = kernel.interrupt_when(
        f"engine.run('echo $$ > {fifo}.pid; echo up > {fifo}; sleep 60')", fifo
    )
    assert cell.error == "KeyboardInterrupt"
    assert gone(int(Path(f"{fifo}.pid").read_text()))


def test_the_kernel_answers_messages_while_a_cell_waits(kernel: Kernel, fifo: Path) -> None:
    """A comm message is handled before the cell has ended: the cell ends by what it does."""
    kernel.run(
        "def on_open(comm, message): open(" + repr(str(fifo)) + ", 'w').close()\n"
        "get_ipython().kernel.comm_manager.register_target('probe', on_open)"
    )

    def once_running(kind: str, content: object) -> None:
        if kind == "display_data":
            opening = kernel.client.session.msg(
                "comm_open", {"comm_id": "probe", "target_name": "probe", "data": {}}
            )
            kernel.client.shell_channel.send(opening)

    cell = kernel.run(f"%%cloudops\ncat {fifo}; echo answered", once_running)
    assert "answered" in cell.text


def test_it_works_under_time(kernel: Kernel) -> None:
    cell = kernel.run("%%time\n%%cloudops\necho timed")
    assert "Wall time" in cell.stream
    assert "timed" in cell.text


def test_it_works_under_capture(kernel: Kernel) -> None:
    cell = kernel.run("%%capture taken\n%%cloudops\necho captured")
    assert (cell.displays, cell.value) == ([], None)
    assert "captured" in kernel.run("taken.outputs[-1].data['text/plain']").text


def test_a_question_mark_shows_the_help_and_runs_nothing(kernel: Kernel) -> None:
    before = kernel.run("len(get_ipython().cloudops.engine.summaries())").text
    assert kernel.run("%%cloudops?").status == "ok"
    assert kernel.run("len(get_ipython().cloudops.engine.summaries())").text == before


def test_options_are_completed(kernel: Kernel) -> None:
    assert "--parallel" in kernel.complete("%%cloudops --par")


def test_aws_names_are_completed_in_a_body_and_in_python(kernel: Kernel) -> None:
    assert kernel.complete("%%cloudops\naws kms encr") == ["encrypt"]
    assert kernel.complete("AwsSdk(service='kms', operation='Encr") == ["Encrypt"]


def test_subcommands_are_completed(kernel: Kernel) -> None:
    assert "sandbox" in kernel.complete("%cloudops san")


def test_a_background_cell_returns_at_once_and_its_view_becomes_the_record(
    kernel: Kernel, fifo: Path
) -> None:
    cell = kernel.run(f"%%cloudops --bg --out job\ncat {fifo}; echo over")
    assert "running in the background" in cell.displays[0]["text/plain"]
    assert kernel.run("str(job.status)").text == "'running'"
    threading.Thread(target=fifo.write_text, args=("",)).start()
    assert kernel.run("job.result().stdout").text == "'over\\n'"


def test_run_all_stops_at_a_cancelled_cell(kernel: Kernel, fifo: Path) -> None:
    kernel.run(
        "import threading\n"
        f"threading.Thread(target=lambda: (open({str(fifo)!r}).read(), "
        "[get_ipython().cloudops.engine.request_cancel(s.id) for s in "
        "get_ipython().cloudops.engine.summaries() if not s.status.is_final])).start()"
    )
    cell = kernel.run(f"%%cloudops\necho up > {fifo}; sleep 60")
    assert cell.error == "ExecutionCancelled"


def test_parallel_runs_a_command_a_line(kernel: Kernel) -> None:
    kernel.run("%%cloudops --parallel 2 --out lines\necho one\n# a comment\n\necho two")
    assert kernel.run("[r.stdout for r in lines.results]").text == "['one\\n', 'two\\n']"


def test_each_runs_the_body_once_per_value(kernel: Kernel) -> None:
    kernel.run(
        "%%cloudops --each region=us-east-1,eu-west-1 --out each\necho $AWS_REGION {{ region }}"
    )
    assert kernel.run("[r.stdout for r in each.results]").text == (
        "['us-east-1 us-east-1\\n', 'eu-west-1 eu-west-1\\n']"
    )


def test_a_plan_with_a_cycle_is_refused_by_name(kernel: Kernel) -> None:
    cell = kernel.run(
        "%%cloudops --plan\n"
        "- {name: a, shell: echo, needs: [b]}\n"
        "- {name: b, shell: echo, needs: [a]}"
    )
    assert cell.error == "InvalidPlan"
    assert "a → b → a" in cell.traceback[0]


def test_ps_lists_what_ran(kernel: Kernel) -> None:
    kernel.run("%%cloudops --title findme\ntrue")
    assert "findme" in kernel.run("%cloudops ps").text


def test_logs_and_show_take_the_start_of_an_id(kernel: Kernel) -> None:
    kernel.run("%%cloudops --out logged\necho logged line")
    kernel.run("start = str(logged.id)[:13]")
    assert kernel.run("get_ipython().run_line_magic('cloudops', 'logs ' + start)").stream == (
        "logged line\n"
    )
    assert (
        "logged line"
        in kernel.run("get_ipython().run_line_magic('cloudops', 'show ' + start)").text
    )


def test_cancel_all_waits_until_everything_is_gone(kernel: Kernel, fifo: Path) -> None:
    kernel.run(f"%%cloudops --bg --quiet --out job\necho $$ > {fifo}; sleep 60")
    pid = int(fifo.read_text())
    assert "cancelled" in kernel.run("%cloudops cancel all").stream
    assert gone(pid)


def test_config_refuses_an_unknown_setting_by_name(kernel: Kernel) -> None:
    cell = kernel.run("%cloudops config max_timeout=5")
    assert cell.status == "error"
    assert "max_timeout_ms" in cell.stream


def test_config_changes_a_setting(kernel: Kernel) -> None:
    kernel.run("%cloudops config max_output_size_bytes=4096")
    assert "4096" in kernel.run("%cloudops config max_output_size_bytes").stream
    kernel.run("%cloudops config max_output_size_bytes=10485760")


def test_doctor_reports_what_it_looked_at(kernel: Kernel) -> None:
    cell = kernel.run("%cloudops doctor")
    assert "ipykernel" in cell.text
    assert "log_retention_days" in cell.text
    assert cell.value is not None
    assert "cloudops-record" in cell.value["text/html"]


def test_a_subcommand_that_is_not_built_yet_is_refused(kernel: Kernel) -> None:
    cell = kernel.run("%cloudops scan")
    assert (cell.status, "not available yet" in cell.stream) == ("error", True)


def test_the_line_magic_alone_prints_help(kernel: Kernel) -> None:
    assert "--parallel" in kernel.run("%cloudops").stream


def test_run_runs_one_line(kernel: Kernel) -> None:
    assert "one line" in kernel.run("%cloudops run echo one line").text


def test_a_secret_never_reaches_the_page(kernel: Kernel) -> None:
    seen: list[str] = []
    kernel.run("%env DEPLOY_TOKEN=hunter2-correct-horse")
    kernel.run(
        "%%cloudops --env DEPLOY_TOKEN --no-raise\n"
        "echo $DEPLOY_TOKEN; echo $DEPLOY_TOKEN >&2; exit 1",
        lambda kind, content: seen.append(str(content)) if kind != "execute_input" else None,
    )
    assert "REDACTED_DEPLOY_TOKEN" in "".join(seen)
    assert "hunter2" not in "".join(seen)


def test_a_secret_in_the_command_itself_never_reaches_the_page(kernel: Kernel) -> None:
    seen: list[str] = []
    kernel.run("%env DEPLOY_TOKEN=hunter2-correct-horse")
    kernel.run("import os\ntoken = os.environ['DEPLOY_TOKEN']")
    for options in ("", "--parallel", "--each token={{ token }}"):
        kernel.run(
            f"%%cloudops {options}\necho {{{{ token }}}}",
            lambda kind, content: seen.append(str(content)) if kind != "execute_input" else None,
        )
    assert "REDACTED_DEPLOY_TOKEN" in "".join(seen)
    assert "hunter2" not in "".join(seen)


def test_unload_takes_the_magic_away_and_load_brings_it_back(kernel: Kernel) -> None:
    kernel.run("%unload_ext cloudops_nb")
    gone_now = kernel.run("%%cloudops\necho never")
    assert "encrypt" not in kernel.complete("%%cloudops\naws kms encr")
    assert kernel.run("%load_ext cloudops_nb").status == "ok"
    assert gone_now.status == "error"
    assert "back" in kernel.run("%%cloudops\necho back").text


def test_resume_runs_again_what_did_not_complete_of_the_last_plan(
    kernel: Kernel, tmp_path: Path
) -> None:
    kernel.run(f"%%cloudops --serial --no-raise --out first\necho once\n[ -e {tmp_path}/mended ]")
    (tmp_path / "mended").touch()
    kernel.run("%cloudops run true")
    cell = kernel.run("%cloudops resume")
    assert cell.status == "ok"
    assert "2 of 2" in cell.text or "2 commands" in cell.text
    assert "in an earlier run" in cell.text
    ident = kernel.run("str(first.id)").text.strip("'")
    assert kernel.run(f"%cloudops resume {ident}").status == "ok"
    assert "takes one id" in kernel.run("%cloudops resume a b").stream
    assert "takes a digest" in kernel.run("%cloudops resume --approve").stream


def test_a_cell_that_resumes_keeps_its_record_alone(kernel: Kernel) -> None:
    kernel.run("%%cloudops --serial --no-raise\ntrue\nfalse")
    cell = kernel.run("%cloudops resume")
    assert cell.error == "CommandFailed"
    assert "clear_output" in cell.messages  # of the live view
    assert "run the rest" in cell.displays[-1]["text/plain"]


def test_what_another_kernel_ran_yesterday_is_shown_by_the_start_of_its_id(kernel: Kernel) -> None:
    yesterday = kernel.run(
        "import cloudops_nb\n"
        "with_same_logs = cloudops_nb.ExecutionEngine()\n"
        "past = with_same_logs.submit('echo from yesterday').result()\n"
        "with_same_logs.close()\n"
        "print(str(past.id)[:13])"
    )
    assert yesterday.status == "ok", yesterday.traceback
    start = yesterday.stream.strip()
    assert "from yesterday" in kernel.run(f"%cloudops show {start}").text
    assert kernel.run(f"%cloudops logs {start}").stream == "from yesterday\n"


def test_where_no_plan_is_left_to_resume_that_is_said(tmp_path: Path) -> None:
    with running_kernel(tmp_path) as kernel:  # of its own: others leave failed plans
        kernel.run("%load_ext cloudops_nb")
        refused = kernel.run("%cloudops resume")
    assert refused.status == "error"
    assert "no plan of this kernel is left" in refused.stream
