"""``%%cloudops`` in an IPython without a kernel: on a real terminal, and in a pipe."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.support import Gate, is_alive, wait_until

SECONDS = 30


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "CLOUDOPS_LOG_DIR": str(tmp_path / "logs"),
        "TERM": "xterm-256color",
    }


class Terminal:
    """IPython on a pseudo-terminal of 120 columns."""

    def __init__(self, environment: dict[str, str]) -> None:
        arguments = ["-m", "IPython", "--no-banner", "--simple-prompt", "--no-confirm-exit"]
        self.child = pexpect.spawn(
            sys.executable,
            arguments,
            env=environment,
            encoding="utf-8",
            dimensions=(30, 120),
            timeout=SECONDS,
        )
        self.expect("In [1]: ")
        self.run("%load_ext cloudops_nb")

    def expect(self, text: str) -> str:
        """Reads on until there is this text; what stood before it."""
        self.child.expect_exact(text)
        return str(self.child.before)

    def start(self, line: str) -> None:
        """Enters a line."""
        self.child.sendline(line)
        self.child.readline()  # its echo

    def run(self, line: str) -> str:
        """Enters a line; all that it shows."""
        self.start(line)
        return self.rest()

    def rest(self) -> str:
        """What is shown until the next prompt."""
        self.child.expect(r"In \[\d+\]: ")
        return str(self.child.before)


@pytest.fixture
def terminal(environment: dict[str, str]) -> Iterator[Terminal]:
    terminal = Terminal(environment)
    yield terminal
    terminal.child.sendeof()
    terminal.child.expect(pexpect.EOF)
    terminal.child.close()


def test_lines_appear_above_the_state_while_the_command_runs(
    terminal: Terminal, gate: Gate
) -> None:
    terminal.start(f"%cloudops run echo first; echo second >&2; {gate}; echo last")
    terminal.expect("first\r\n")
    terminal.expect("! ")
    terminal.expect("second\r\n")
    terminal.expect("running echo first")
    terminal.expect("0:00:0")
    gate.open()
    shown = terminal.rest()
    assert "✓ completed · exit 0" in shown
    assert "| last" in shown


def test_the_terminal_is_as_it_was_when_the_run_has_ended(terminal: Terminal) -> None:
    shown = terminal.run("%cloudops run true")
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert "'still here'" in terminal.run("'still ' + 'here'")


def test_output_moves_no_cursor_and_keeps_its_colours(terminal: Terminal, gate: Gate) -> None:
    terminal.start(
        r"%cloudops run printf '\033[31mred\033[0m\033[2J\033]0;title\007\033[5A.\n'; "
        f"{gate}"
    )
    shown = terminal.expect("running printf")
    gate.open()
    shown += terminal.rest()
    assert "\x1b[31mred" in shown
    for evil in ("\x1b[2J", "\x1b]0;title", "\x1b[5A"):
        assert evil not in shown


def test_ctrl_c_cancels_and_says_so(terminal: Terminal, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    terminal.start(f"%cloudops run echo $$ > {pid}; echo up; sleep 60")
    terminal.expect("up\r\n")
    terminal.child.sendintr()
    terminal.expect("cancelling; waiting until its processes are gone")
    shown = terminal.rest()
    assert "⊘ cancelled" in shown
    assert "ExecutionCancelled" in shown
    assert not is_alive(int(pid.read_text()))


def test_a_plan_shows_how_far_it_is_and_each_end(terminal: Terminal, gate: Gate) -> None:
    terminal.run(
        "from cloudops_nb import *; plan = ExecutionPlan(description='nightly',"
        " strategy=Parallel(), commands=[ExecutionRequest(command=Shell(command=line)) for line in"
        f" ['echo one', 'exit 3', 'echo [bold]; {gate}']])"
    )
    terminal.start("result = ExecutionEngine.get_global().run(plan)")
    terminal.expect("2 of 3 · 1 running · 1 failed")
    gate.open()
    shown = terminal.rest()
    assert "✓ completed · echo [bold]" in shown


def test_a_background_run_leaves_the_prompt_alone_and_can_be_attached_to(
    terminal: Terminal, gate: Gate
) -> None:
    terminal.run(
        f"get_ipython().run_cell_magic('cloudops', '--bg --out job', 'echo up; {gate}; echo on')"
    )
    terminal.run("while 'up' not in job.logs(): pass")
    terminal.start("%cloudops attach")
    terminal.expect("up\r\n")
    gate.open()
    assert "✓ completed" in terminal.rest()


def test_ctrl_c_while_attached_ends_the_view_and_not_the_run(
    terminal: Terminal, gate: Gate
) -> None:
    terminal.run(
        f"get_ipython().run_cell_magic('cloudops', '--bg --out job', 'echo up; {gate}; echo on')"
    )
    terminal.start("%cloudops attach")
    terminal.expect("up\r\n")
    terminal.child.sendintr()
    assert "no longer attached; it goes on" in terminal.rest()
    gate.open()
    assert "'up\\non\\n'" in terminal.run("job.result().stdout")


def in_a_pipe(environment: dict[str, str], tmp_path: Path, script: str) -> str:
    """What IPython prints when nobody sits before it."""
    path = tmp_path / "script.ipy"
    path.write_text(f"%load_ext cloudops_nb\n{script}")
    ipython = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", str(path)],
        env={**environment, "FORCE_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ipython.stderr == ""
    return ipython.stdout


def test_in_a_pipe_there_are_plain_lines_and_the_record(
    environment: dict[str, str], tmp_path: Path
) -> None:
    command = r"printf '\033[31mred\033[0m\n'; echo err >&2"
    shown = in_a_pipe(
        environment, tmp_path, f"print(get_ipython().cloudops.run_cell('', {command!r}))"
    )
    lines = shown.splitlines()
    assert lines[0] == f"▸ running · {command}"
    assert sorted(lines[1:3]) == ["  ! err", "  | red"]
    assert "\x1b" not in shown


def test_in_a_pipe_no_line_is_left_out(environment: dict[str, str], tmp_path: Path) -> None:
    shown = in_a_pipe(environment, tmp_path, "%cloudops run seq 1 20000")
    lines = re.findall(r"^  \| (\d+)$", shown.partition("✓")[0], re.MULTILINE)
    assert lines == [str(number) for number in range(1, 20001)]


def test_a_second_ctrl_c_is_not_needed_where_a_command_ignores_the_first(
    terminal: Terminal, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    terminal.start(
        f"%cloudops run trap '' INT TERM; echo $$ > {pid}; echo up; sleep 60 & wait; wait"
    )
    terminal.expect("up\r\n")
    terminal.child.sendintr()
    assert "⊘ cancelled" in terminal.rest()
    wait_until(lambda: not is_alive(int(pid.read_text())))
