"""What a command costs through the engine, one at a time and a thousand at once."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import subprocess
import threading
from pathlib import Path

from benchmarks.engines import View, engine
from benchmarks.measure import Goal, Row, alternate, beside, milliseconds, times
from cloudops_nb import Exec, ExecutionEngine, ExecutionPlan, ExecutionRequest, Parallel, Shell

MANY = 1000
BASH = shutil.which("bash") or "bash"


def spawn() -> list[Row]:
    """``/bin/true`` beside the bare system calls."""
    commands = 50

    async def many(used: ExecutionEngine) -> None:
        for _ in range(commands):
            request = ExecutionRequest(command=Exec(program="/bin/true"))
            await used.wait_for_completion(await used.execute(request))

    def peer() -> None:
        for _ in range(commands):
            os.waitpid(os.posix_spawn("/bin/true", ["true"], os.environ), 0)

    with engine(View(), max_in_memory_executions=100) as used:
        asyncio.run(many(used))  # the watchdog and all imports are there
        both = alternate(times(21, 3), lambda: asyncio.run(many(used)), peer)
    ours, theirs = (each / commands for each in both)
    return [
        beside(
            "`/bin/true` by `engine.execute` and awaited, log and events on, "
            "vs `os.posix_spawn` + `waitpid`",
            milliseconds(ours),
            milliseconds(theirs),
            ours / theirs,
            Goal(1.4),
        )
    ]


def bash() -> list[Row]:
    """A script beside IPython's ``%%bash``."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    script = "for i in 1 2 3; do echo $i; done"

    def theirs() -> None:
        shell.run_cell_magic("bash", "--out _ignored", script)

    nowhere = os.open(os.devnull, os.O_WRONLY)

    def bare() -> None:
        to = [(os.POSIX_SPAWN_DUP2, nowhere, 1)]
        os.waitpid(os.posix_spawn(BASH, ["bash", "-c", script], os.environ, file_actions=to), 0)

    with engine(View()) as used:
        used.submit(script).result()
        mine, peer, floor = alternate(
            times(41, 5), lambda: used.submit(script).result(), theirs, bare
        )
    os.close(nowhere)
    return [
        beside(
            "a bash script of 3 `echo` through the engine vs IPython `%%bash`",
            f"{milliseconds(mine)}; {milliseconds(floor)} are bash's own",
            milliseconds(peer),
            mine / peer,
            Goal(0.5),
        )
    ]


def concurrent() -> list[Row]:
    """A thousand processes at once beside asyncio's own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hasattr(asyncio, "PidfdChildWatcher"):  # the default from Python 3.12 on
        asyncio.get_event_loop_policy().set_child_watcher(asyncio.PidfdChildWatcher())

    async def one() -> None:
        process = await asyncio.create_subprocess_exec(
            "/bin/sleep", "1", stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        await process.communicate()

    async def peer() -> None:
        await asyncio.gather(*(one() for _ in range(MANY)))

    work = _plan(Parallel(), Exec(program="/bin/sleep", args=("1",)))
    peak = 0

    with engine(View(), max_concurrent_executions=MANY, max_in_memory_executions=MANY) as used:
        used.submit("true").result()

        def ours() -> None:
            nonlocal peak
            execution = used.submit(work)
            while not execution.done():
                peak = max(peak, threading.active_count())
                threading.Event().wait(0.1)
            result = execution.result()
            assert result.success, result.stats

        files, threads = _open_files(), threading.active_count()
        mine, theirs = alternate(times(3, 1), ours, lambda: asyncio.run(peer()))
        files, threads = _open_files() - files, peak - threads
    return [
        beside(
            f"{MANY:,} `sleep 1` at once, as one plan, "
            "vs `asyncio.create_subprocess_exec` with pidfd",
            f"{mine:.2f} s; {threads} more threads, {files} files left open",
            f"{theirs:.2f} s",
            mine / theirs,
            Goal(1.05),
            broken=["threads"] * (threads > 0) + ["files left open"] * (files > 0),
        )
    ]


def many() -> list[Row]:
    """A thousand short commands, eight at a time, beside ``xargs``."""
    work = _plan(Parallel(max_concurrency=8), Exec(program="/bin/true"))
    arguments = b"x\n" * MANY

    def peer() -> None:
        subprocess.run(["xargs", "-P", "8", "-n", "1", "/bin/true"], input=arguments, check=True)

    def bare() -> None:
        running = 0
        for _ in range(MANY):
            if running == 8:
                os.wait()
                running -= 1
            os.posix_spawn("/bin/true", ["true"], os.environ)
            running += 1
        for _ in range(running):
            os.wait()

    with engine(View(), max_concurrent_executions=8, max_in_memory_executions=MANY) as used:
        used.submit("true").result()
        mine, theirs = alternate(times(7, 1), lambda: used.submit(work).result(), peer)
    (floor,) = alternate(times(7, 1), bare)  # without the engine: wait() takes any child's end
    return [
        beside(
            f"{MANY:,} × `/bin/true` as one plan, 8 at a time, vs `xargs -P 8 -n 1`",
            f"{MANY / mine:.0f}/s; {MANY / floor:.0f}/s by bare `posix_spawn` and `wait`",
            f"{MANY / theirs:.0f}/s",
            theirs / mine,
            Goal(1.3, at_least=True),
        )
    ]


def _plan(strategy: Parallel, command: Exec | Shell) -> ExecutionPlan:
    commands = tuple(ExecutionRequest(command=command) for _ in range(MANY))
    return ExecutionPlan(description="benchmark", strategy=strategy, commands=commands)


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
