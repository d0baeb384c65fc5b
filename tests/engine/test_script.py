"""The engine in a plain Python script: silent unless asked, gone when the script ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.support import PATIENCE, is_alive, python

RUN = """\
import sys
from cloudops_nb import ExecutionEngine, ExecutionConfig
engine = ExecutionEngine(ExecutionConfig(log_dir=sys.argv[1]))
result = engine.run("echo hello; echo err >&2")
assert result.stdout == "hello\\n", result
assert "ipywidgets" not in sys.modules and "IPython" not in sys.modules
"""


def test_nothing_is_printed_without_a_handler_or_presenter(tmp_path: Path) -> None:
    script = python(RUN, str(tmp_path / "logs"))
    assert (script.returncode, script.stdout, script.stderr) == (0, "", "")


def test_a_script_that_ends_while_a_command_runs_does_not_hang(tmp_path: Path) -> None:
    script = python(f"{RUN}\nengine.submit('sleep 600')", str(tmp_path / "logs"))
    assert (script.returncode, script.stdout, script.stderr) == (0, "", "")


def test_a_presenter_has_shown_all_of_it_when_run_returns(tmp_path: Path) -> None:
    present = """
class Shows:
    output = "lines"
    def present(self, execution):
        return self
    def on_event(self, event):
        import time; time.sleep(0.01)
        print(getattr(event, "line", event.event_type))
engine.presenter = Shows()
engine.run("seq 1 20")
print("returned")
"""
    script = python(RUN + present, str(tmp_path / "logs"))
    numbers = [str(number) for number in range(1, 21)]
    assert script.stdout.split() == ["started", *numbers, "completed", "returned"]
    assert script.stderr == ""


def test_a_handler_can_be_given_to_print(tmp_path: Path) -> None:
    script = python(
        RUN
        + "from cloudops_nb import ConsoleEventHandler\n"
        + "engine.with_event_handler(ConsoleEventHandler())\n"
        + "engine.run('echo seen')\nengine.close()",
        str(tmp_path / "logs"),
    )
    assert "seen" in script.stdout
    assert (script.returncode, script.stderr) == (0, "")


def test_ctrl_c_ends_the_script_and_what_it_runs(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    program = f"{RUN}\nengine.run('echo $$ > {fifo}; sleep 600')"
    script = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
    )
    pid = int(fifo.read_text())
    script.send_signal(signal.SIGINT)
    _, error = script.communicate(timeout=PATIENCE)
    assert error.endswith("KeyboardInterrupt\n")
    assert not is_alive(pid)


def test_an_interrupt_that_another_thread_takes_is_heard_while_the_script_waits(
    tmp_path: Path,
) -> None:
    """It sets Python's flag, but wakes no lock of the main thread; nor does one that comes just
    before the main thread begins to wait."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    program = f"""{RUN}
import signal, threading
def take():
    open({str(fifo)!r}).read()
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
threading.Thread(target=take).start()
engine.run('echo up > {fifo}; sleep 600')
"""
    script = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stderr=subprocess.PIPE, text=True
    )
    try:
        _, error = script.communicate(timeout=PATIENCE)
    finally:
        script.kill()
    assert error.endswith("KeyboardInterrupt\n")
