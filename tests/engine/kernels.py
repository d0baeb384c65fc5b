"""Processes with an engine that are to die, and commands that are hard to end."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.support import PATIENCE, carrying, is_alive, wait_until, watchdogs

TREES = {  # each says "up" when it is where it wants to be
    "children": "sleep 61 & (sleep 61 & sleep 61 & echo up; wait) & wait",
    "ignoring TERM": "trap '' TERM; sleep 62 & echo up; wait; sleep 62",
    "double fork": "( setsid bash -c 'trap \"\" TERM; sleep 63 & echo up; wait' & ); sleep 63",
    "stopped": "sleep 64 & kill -STOP $!; echo up; wait",
    "fork loop": "f() { [ $1 = 0 ] || { sleep 0.01; f $(($1-1)) & }; }; f 5000 & echo up; sleep 65",
    "fork loop in sessions": (
        "g='[ $0 = 0 ] || { sleep 0.01; setsid bash -c \"$g\" $(($0-1)) & }'; export g; "
        'setsid bash -c "$g" 5000 & echo up; sleep 66'
    ),
}
UNTAGGED = {  # found by their group
    "child": "env -i bash -c 'echo up; sleep 67; : {mark}' & wait",
    "elsewhere": "setsid bash -c \"env -i bash -c 'echo up; sleep 67; : {mark}' & wait\" & wait",
    "leader": "exec env -i bash -c 'echo up; sleep 67; : {mark}'",
}

KERNEL = """
import os, signal, sys, threading
from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.executors.process.register import Register

class Say:
    output = "lines"
    def on_event(self, event):
        said = getattr(event, "line", None)
        # In one piece: another thread may be speaking, too.
        os.write(1, f"{event.event_type if said is None else said}\\n".encode())

engine = ExecutionEngine(ExecutionConfig(max_concurrent_executions=100), handlers=[Say()])
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
exec(sys.argv[1])
for command in sys.argv[2:]:
    engine.submit(command)
threading.Event().wait()
"""


class Kernel:
    """A process with an engine; all that it starts has ``place`` in its environment."""

    def __init__(self, place: Path, *commands: str, first: str = "") -> None:
        environment = {
            **os.environ, "XDG_RUNTIME_DIR": str(place), "CLOUDOPS_LOG_DIR": f"{place}/logs"
        }  # fmt: skip
        self.place = place
        self.process = subprocess.Popen(
            [sys.executable, "-c", KERNEL, first, *commands],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        self._said = b""

    def wait_for(self, line: str, count: int = 1) -> list[str]:
        """Waits until the kernel has said this so many times; all it has said by then."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + PATIENCE
        while (lines := self._said.decode().splitlines()).count(line) < count:
            ready, _, _ = select.select([self.process.stdout], [], [], deadline - time.monotonic())
            data = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert data, f"never said {line!r} {count} times: {lines}"
            self._said += data
        return lines

    def watchdog(self, other_than: int = 0) -> int:
        """The process that watches over this kernel."""
        wait_until(lambda: bool(set(watchdogs(self.process.pid)) - {other_than}))
        return watchdogs(self.process.pid)[0]

    def kill(self) -> None:
        """kill -9, and nothing else."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def left(self) -> list[int]:
        """What is there of it, its watchdog included."""
        return carrying(str(self.place).encode())

    def close(self) -> None:
        for pid in {self.process.pid, *self.left()}:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()


StartKernel = Callable[..., Kernel]


def kill_with_watchdog(dying: Kernel) -> None:
    """kill -9 of both, before either can do anything about it."""

    def is_stopped() -> bool:
        threads = Path(f"/proc/{dying.process.pid}/task").iterdir()
        return all(psutil.Process(int(each.name)).status() == "stopped" for each in threads)

    watchdog = dying.watchdog()
    os.kill(dying.process.pid, signal.SIGSTOP)  # or it would replace the watchdog
    wait_until(is_stopped)
    os.kill(watchdog, signal.SIGKILL)
    wait_until(lambda: not is_alive(watchdog))
    dying.kill()
