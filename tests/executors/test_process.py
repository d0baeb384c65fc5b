"""Processes as they are run: output, exit codes, pipes that stay open."""

import asyncio
import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cloudops_nb.errors import SpawnFailed
from cloudops_nb.executors.process import ProcessExecutor
from cloudops_nb.executors.process import pipes as pipes_module
from cloudops_nb.models import Exec, Shell
from tests.executors.helpers import Sink, prepare, run, run_and_cancel
from tests.support import Gate, carrying, is_alive, open_files, wait_until, wait_until_gone


def shell(text: str) -> tuple[object, Sink]:
    return run(prepare(Shell(command=text)))


def test_streams_come_apart() -> None:
    exit_, sink = shell("echo out; echo err >&2")
    assert (exit_.code, sink.text("stdout"), sink.text("stderr")) == (0, b"out\n", b"err\n")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("exit 3", 3),
        ("kill -TERM $$", -signal.SIGTERM),
        ("kill -KILL $$", -signal.SIGKILL),
        ("no-such-command 2>/dev/null", 127),
    ],
)
def test_the_exit_code_is_the_process_own(text: str, code: int) -> None:
    assert shell(text)[0].code == code


def test_standard_input_is_at_its_end() -> None:
    exit_, sink = shell("cat; readlink /proc/self/fd/0")
    assert (exit_.code, sink.text("stdout")) == (0, b"/dev/null\n")


def test_a_child_has_a_session_of_its_own() -> None:
    _, sink = shell("ps -o sid= -p $$; echo $$")
    sid, pid = sink.text("stdout").split()
    assert sid == pid
    assert int(sid) != os.getsid(0)


def test_a_child_is_given_no_file_of_ours() -> None:
    with Path("/dev/null").open():
        _, sink = shell("ls /proc/self/fd")
    assert sink.text("stdout").split() == [b"0", b"1", b"2", b"3"]  # 3: the directory it reads


def test_it_runs_in_its_directory_with_its_environment(tmp_path: Path) -> None:
    prepared = prepare(Shell(command="pwd; echo $A"), working_dir=tmp_path, env={"A": "ü b"})
    assert run(prepared)[1].text("stdout") == f"{tmp_path}\nü b\n".encode()


def test_arguments_arrive_as_they_are() -> None:
    args = ("", "a b", "*", "$HOME", "'", '"', "ü", "-n", "\n")
    program = "import sys; print(sys.argv[1:])"
    _, sink = run(prepare(Exec(program=sys.executable, args=("-c", program, *args))))
    assert sink.text("stdout").decode().strip() == repr(list(args))


def test_every_byte_arrives() -> None:
    program = "import sys; sys.stdout.buffer.write(bytes(range(256)) * 4096)"
    _, sink = run(prepare(Exec(program=sys.executable, args=("-c", program))))
    assert sink.text("stdout") == bytes(range(256)) * 4096


def test_a_line_of_ten_megabytes_arrives() -> None:
    _, sink = shell("head -c 10000000 /dev/zero | tr '\\0' x")
    assert sink.text("stdout") == b"x" * 10_000_000


def test_output_in_order_is_read_in_order() -> None:
    _, sink = shell("seq 1 50000")
    assert sink.text("stdout").split() == [str(n).encode() for n in range(1, 50_001)]


def test_a_process_that_closes_its_output_is_waited_for() -> None:
    exit_, sink = shell("exec >&- 2>&-; sleep 0.05; exit 4")
    assert (exit_.code, sink.pieces) == (4, [])


def test_what_a_pipe_holds_at_the_end_is_read() -> None:
    # The buffer of the pipe is full when the process has gone.
    _, sink = shell("head -c 65536 /dev/zero")
    assert len(sink.text("stdout")) == 65536


def test_output_of_a_child_that_outlives_its_parent_is_read_for_a_moment() -> None:
    exit_, sink = shell("( while kill -0 $$ 2>&-; do :; done; echo late ) & echo early")
    assert (exit_.code, sink.text("stdout")) == (0, b"early\nlate\n")


def test_a_pipe_that_is_held_open_is_closed_in_the_end(tmp_path: Path) -> None:
    gate = Gate(tmp_path / "gate")
    files = open_files()
    exit_, sink = shell(f"( {gate} ) & echo $!")
    left, files_left = int(sink.text("stdout")), open_files()
    was_alive = is_alive(left)
    gate.open()  # before anything can fail: it waits for ever
    wait_until_gone(left)
    assert (exit_.code, files_left, was_alive) == (0, files, True)


def test_a_directory_that_vanished_is_a_spawn_that_failed(tmp_path: Path) -> None:
    prepared = prepare(Shell(command="true"), working_dir=tmp_path / "gone")
    with pytest.raises(SpawnFailed, match=r"gone: No such file or directory"):
        run(prepared)


def test_a_program_that_vanished_is_a_spawn_that_failed() -> None:
    prepared = replace(prepare(Shell(command="true")), argv=("/no/such/program",))
    with pytest.raises(SpawnFailed, match=r"/no/such/program: No such file or directory"):
        run(prepared)


def test_a_file_that_is_no_program_is_a_spawn_that_failed(tmp_path: Path) -> None:
    path = tmp_path / "program"
    path.write_bytes(b"\x7fELF rubbish")
    path.chmod(0o755)
    with pytest.raises(SpawnFailed, match="Exec format error"):
        run(prepare(Exec(program=str(path))))


def test_an_environment_that_no_program_can_be_given_is_a_spawn_that_failed() -> None:
    with pytest.raises(SpawnFailed):
        run(prepare(Shell(command="true"), env={"A": "\ud800"}))


def test_more_arguments_than_the_system_takes_are_a_spawn_that_failed() -> None:
    with pytest.raises(SpawnFailed, match="Argument list too long"):
        run(prepare(Exec(program="true", args=("x" * 131_000,) * 100)))


def test_a_spawn_that_failed_leaves_no_file_open(tmp_path: Path) -> None:
    prepared = prepare(Shell(command="true"), working_dir=tmp_path / "gone")
    before = open_files()
    for _ in range(3):
        with pytest.raises(SpawnFailed):
            run(prepared)
    assert open_files() == before


def test_a_system_without_pidfd_waits_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    threads = threading.active_count()
    exit_, sink = shell("echo out; exit 5")
    assert (exit_.code, sink.text("stdout")) == (5, b"out\n")
    assert threading.active_count() <= threads + 1


def test_without_pidfd_a_cancel_works_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    exit_, _ = run_and_cancel(prepare(Shell(command="echo up; exec sleep 60")))
    assert exit_.code == -signal.SIGTERM


def test_pipes_of_a_flooding_child_are_enlarged(monkeypatch: pytest.MonkeyPatch) -> None:
    original = pipes_module.OutputPipes._read

    def read_when_full(self: pipes_module.OutputPipes, fd: int) -> None:
        wait_until(lambda: is_full(fd) or is_closed(fd))
        original(self, fd)

    monkeypatch.setattr(pipes_module.OutputPipes, "_read", read_when_full)
    _, sink = shell("head -c 3000000 /dev/zero")
    assert len(sink.text("stdout")) == 3_000_000
    assert max(len(data) for _, data in sink.pieces) == pipes_module.READ_SIZE


def is_closed(pipe: int) -> bool:
    """Whether nobody can write to it any more."""
    poll = select.poll()
    poll.register(pipe, 0)
    return bool(poll.poll(0))  # POLLHUP is told unasked


def is_full(pipe: int) -> bool:
    unread = fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4)
    return int.from_bytes(unread, sys.byteorder) == fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)


# Cancelling


def test_a_cancelled_run_returns_how_the_process_died() -> None:
    exit_, _ = run_and_cancel(prepare(Shell(command="echo up; exec sleep 60")))
    assert (exit_.code, exit_.error) == (-signal.SIGTERM, None)


def test_a_process_may_clean_up_when_cancelled() -> None:
    text = "trap 'echo cleaned; exit 7' TERM; echo up; while :; do sleep 0.01; done"
    exit_, sink = run_and_cancel(prepare(Shell(command=text)))
    assert (exit_.code, sink.text("stdout")) == (7, b"up\ncleaned\n")


def test_a_process_is_told_to_end_only_once() -> None:
    # What it does on TERM takes longer than several looks of the ladder.
    text = (
        "n=0; trap 'n=$((n+1)); echo term' TERM; echo up; "
        "while [ $n = 0 ]; do sleep 0.01; done; for i in 1 2 3 4 5 6 7 8 9; do sleep 0.02; done"
    )
    _, sink = run_and_cancel(prepare(Shell(command=text)), grace=10)
    assert sink.text("stdout") == b"up\nterm\n"


def test_what_ignores_term_is_killed_when_the_grace_is_over() -> None:
    text = "trap '' TERM; echo up; while :; do sleep 0.01; done"
    exit_, _ = run_and_cancel(prepare(Shell(command=text)), grace=0.1)
    assert exit_.code == -signal.SIGKILL


ESCAPES = {  # each says "up" when it is where it wants to be
    "children": "sleep 60 & (sleep 60 & sleep 60 & echo up; wait) &",
    "a session of its own": "setsid bash -c 'echo up; sleep 60' & disown",
    "a double fork": "( setsid bash -c 'sleep 60 & disown; echo up' & )",
    "ignoring TERM": "( trap '' TERM; echo up; sleep 60; sleep 60 ) &",
    "ignoring TERM elsewhere": "setsid bash -c 'trap \"\" TERM; echo up; sleep 60; sleep 60' &",
    "a stopped process": "sleep 60 & kill -STOP $!; echo up",
}


@pytest.mark.parametrize("kind", ESCAPES)
def test_nothing_survives_a_cancel(kind: str) -> None:
    prepared = prepare(Shell(command=f"{ESCAPES[kind]}\nwait; sleep 60"))
    run_and_cancel(prepared, grace=0.2)
    assert carrying(str(prepared.id).encode()) == []


def test_what_dropped_its_environment_but_not_its_group_does_not_survive(tmp_path: Path) -> None:
    mark = f"{tmp_path}/mark"
    text = f"env -i bash -c 'trap \"\" TERM; echo up; sleep 60; : {mark}' &\nexec sleep 60"
    run_and_cancel(prepare(Shell(command=text)), grace=0.2)
    assert carrying(mark.encode()) == []


def test_what_keeps_forking_does_not_survive() -> None:
    text = "f() { sleep 0.01; f & }; f & f & echo up; wait; sleep 60"
    prepared = prepare(Shell(command=text))
    run_and_cancel(prepared, grace=0.1)
    assert carrying(str(prepared.id).encode()) == []


def test_a_cancel_reaches_what_the_ended_process_left_behind(tmp_path: Path) -> None:
    # The shell is gone and only the drain is left when the cancel comes.
    async def main() -> None:
        sink = Sink()
        task = asyncio.create_task(ProcessExecutor(0.2).run(prepared, sink))
        pid = int(await asyncio.wait_for(asyncio.shield(sink.first), 30))
        await asyncio.to_thread(wait_until_gone, pid)
        task.cancel()
        assert (await asyncio.wait_for(task, 30)).code == 0

    prepared = prepare(Shell(command="sleep 60 & echo $$"))
    asyncio.run(main())
    assert carrying(str(prepared.id).encode()) == []


def test_a_second_cancel_does_not_cut_the_ladder_short() -> None:
    async def main() -> int | None:
        sink = Sink()
        task = asyncio.create_task(ProcessExecutor(0.2).run(prepared, sink))
        await asyncio.wait_for(asyncio.shield(sink.first), 30)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        return (await asyncio.wait_for(task, 30)).code

    prepared = prepare(Shell(command="trap '' TERM; echo up; while :; do sleep 0.01; done"))
    assert asyncio.run(main()) == -signal.SIGKILL


@pytest.fixture
def sudo() -> Iterator[str]:
    """A command that runs another as root whoever starts it, as ``sudo`` does."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        pytest.skip("only root can make a program that runs as root; it is made of setpriv")
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        path = Path(directory) / "sudo"
        shutil.copy(setpriv, path)
        path.chmod(0o4755)
        yield f"{path} --reuid=0 --clear-groups"


def test_a_cancel_does_not_wait_for_a_process_of_another_user(sudo: str) -> None:
    """As with ``sudo``: what runs belongs to root, and we do not."""
    program = f"""
import asyncio, os
from cloudops_nb.models import Shell
from tests.executors.helpers import prepare, run_and_cancel
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
is_root = "grep -q '^Uid:.0' /proc/$!/status"
command = Shell(command=f"{sudo} sleep 60 & until {{is_root}}; do :; done; echo $!; wait")
exit_, sink = run_and_cancel(prepare(command, cwd="/"), grace=0.1)
print(exit_.code, sink.text("stdout").decode().strip(), exit_.error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, timeout=60, check=True
    )
    code, pid, error = done.stdout.strip().split(" ", 2)
    os.kill(int(pid), signal.SIGKILL)
    assert error == f"not ours to stop and still running: process {pid}"
    assert int(code) == -signal.SIGTERM
