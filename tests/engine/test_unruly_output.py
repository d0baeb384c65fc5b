"""Output of the kind no program should print: endless lines, halves of characters, none at all."""

from pathlib import Path

import pytest

from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.models import Stdout
from tests.support import Gate, Recorder, python, result_of, run, times

MEGABYTE = 1_000_000
GROWTH = 32 * MEGABYTE


def lines(recorder: Recorder) -> list[str]:
    recorder.wait_for(lambda event: event.event_type in ("completed", "failed"))
    return [event.line for event in recorder.events if isinstance(event, Stdout)]


def test_a_progress_bar_is_a_line_at_each_return(
    engine: ExecutionEngine, recorder: Recorder
) -> None:
    result = run(engine, r"printf '1%%\r2%%\r'; printf '3%%\r\ndone'")
    assert lines(recorder) == ["1%", "2%", "3%", "done"]
    assert result.log_path.read_bytes() == b"1%\r2%\r3%\r\ndone"


@pytest.mark.parametrize("character", ["ü", "€", "😀"])
def test_a_character_that_is_printed_in_two_halves_is_whole(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate, character: str
) -> None:
    *first, last = (f"\\{byte:03o}" for byte in character.encode())
    batches = Recorder("batches")
    engine.subscribe(batches)
    execution = engine.submit(f"echo up; printf '{''.join(first)}'; {gate}; printf '{last}\\n'")
    recorder.wait_for_line("up")
    gate.open()
    assert result_of(execution).stdout == f"up\n{character}\n"
    assert lines(recorder) == ["up", character]
    batches.wait_for_type("completed")
    assert "".join(getattr(each, "text", "") for each in batches.events) == f"up\n{character}\n"


def test_bytes_that_are_no_text_reach_handlers_as_replacements(
    engine: ExecutionEngine, recorder: Recorder
) -> None:
    run(engine, r"printf 'a\000b\n\377\376\n\303'")
    assert lines(recorder) == ["a\0b", "\ufffd\ufffd", "\ufffd"]


def test_a_command_that_closes_its_output_is_waited_for(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate
) -> None:
    execution = engine.submit(f"echo up; exec >&- 2>&-; {gate}; exit 4")
    recorder.wait_for_line("up")
    gate.open()
    result = result_of(execution)
    assert (result.status, result.exit_code, result.stdout) == ("failed", 4, "up\n")


# Memory is measured in a process of its own.

MEASURED = """
import sys, threading
import psutil
from cloudops_nb import ExecutionConfig, ExecutionEngine, ExecutionRequest, Shell

class Handler:
    output = sys.argv[4]
    characters = 0
    dropped = 0
    ended = threading.Semaphore(0)
    def on_event(self, event):
        self.characters += len(getattr(event, "line", "")) + len(getattr(event, "text", ""))
        self.dropped += getattr(event, "dropped_bytes", 0)
        if event.event_type in ("completed", "failed"):
            self.ended.release()

def measured(command, timeout_ms):
    request = ExecutionRequest(command=Shell(command=command), timeout_ms=timeout_ms)
    execution = engine.submit(request)
    highest = 0
    while not execution.done():
        highest = max(highest, psutil.Process().memory_info().rss)
        threading.Event().wait(0.01)
    handler.ended.acquire()
    return execution.result(), highest

handler = Handler()
engine = ExecutionEngine(ExecutionConfig(log_dir=sys.argv[1]), handlers=[handler])
_, before = measured("head -c 1000000 /dev/zero; seq 100000", 60_000)
handler.characters = handler.dropped = 0
result, highest = measured(sys.argv[2], int(sys.argv[3]))
print(result.status, result.omitted_bytes, handler.characters + handler.dropped, highest - before)
engine.close()
"""


def measured(place: Path, command: str, timeout_ms: int, output: str) -> tuple[str, int, int, int]:
    """Status, bytes the log left out, bytes the handler was told of, growth of memory."""
    done = python(MEASURED, str(place), command, str(timeout_ms), output)
    assert done.stderr == ""
    status, *numbers = done.stdout.split()
    omitted, told, growth = map(int, numbers)
    return status, omitted, told, growth


@pytest.mark.parametrize("output", ["lines", "batches"])
def test_a_line_larger_than_what_may_be_kept_passes_through(tmp_path: Path, output: str) -> None:
    size = times(200, 1000) * MEGABYTE
    status, omitted, told, growth = measured(tmp_path, f"head -c {size} /dev/zero", 80_000, output)
    assert (status, told) == ("completed", size)
    assert omitted == size - 10 * 1024 * 1024
    assert growth < GROWTH


def test_a_flood_takes_no_more_memory_the_longer_it_lasts(tmp_path: Path) -> None:
    status, omitted, _, growth = measured(tmp_path, "yes", times(3, 30) * 1000, "batches")
    assert status == "timeout"
    assert omitted > 100 * MEGABYTE
    assert growth < GROWTH
