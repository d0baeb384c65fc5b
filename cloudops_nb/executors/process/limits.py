"""How the limits of a command are put on its processes.

A wrapper does it in the child, after the fork and before the program: a small shell that joins the
control groups, then prlimit(1), then the program. Python code between fork and exec
(``preexec_fn``) would cost every spawn its vfork.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cloudops_nb.errors import InvalidCommand, SpawnFailed
from cloudops_nb.executors.base import Exit
from cloudops_nb.executors.process.cgroup import Controller, Group, find_parent
from cloudops_nb.executors.process.survivors import processes
from cloudops_nb.models import PreparedCommand, ResourceLimits

_JOIN = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 125; shift; done; shift; exec "$@"'


@dataclass(frozen=True, slots=True)
class Means:
    """What limits are enforced with here. ``prlimit`` is the program, None where it is missing."""

    prlimit: Path | None
    memory_group: bool
    pids_group: bool
    root: bool

    def check(self, limits: ResourceLimits) -> None:
        """Makes sure that these limits can be enforced.

        Raises:
            InvalidCommand: one cannot; says why and what to do.
        """
        if limits.processes is not None and self.root and not self.pids_group:
            raise InvalidCommand(
                "limits.processes cannot be enforced here: rlimits do not bind root, and no "
                "control group can be made; run the kernel as another user, or leave the limit out"
            )
        if self.prlimit is None and _needs_prlimit(limits, self):
            raise InvalidCommand(
                "limits need the program prlimit, which is not on PATH; install util-linux"
            )


def _needs_prlimit(limits: ResourceLimits, means: Means) -> bool:
    return (
        limits.cpu_seconds is not None
        or (limits.memory_bytes is not None and not means.memory_group)
        or (limits.processes is not None and not means.pids_group)
    )


class Limiter:
    """Puts a command's limits on it, for one run, and says whether it died of them."""

    def __init__(self, limits: ResourceLimits) -> None:
        self._limits = limits
        self._groups: dict[Controller, Group] = {}

    def limited(self, prepared: PreparedCommand) -> PreparedCommand:
        """The command inside a wrapper that limits it; until ``close`` it has control groups.

        Raises:
            SpawnFailed: a control group cannot be made, or does not take the limit.
        """
        wanted: dict[Controller, int | None] = {
            "memory": self._limits.memory_bytes,
            "pids": self._limits.processes,
        }
        try:
            for controller, limit in wanted.items():
                parent = find_parent(controller) if limit is not None else None
                if parent is not None and limit is not None:
                    self._groups[controller] = Group(parent, limit)
        except OSError as error:
            raise SpawnFailed(f"limits cannot be put on it: {error}") from error
        wrapper = (*self._joining(), *self._prlimit(prepared.environment))
        return replace(prepared, argv=(*wrapper, *prepared.argv))

    def _joining(self) -> tuple[str, ...]:
        if not self._groups:
            return ()
        files = (str(group.members_file) for group in self._groups.values())
        return ("/bin/sh", "-c", _JOIN, "sh", *files, "--")

    def _prlimit(self, environment: Mapping[str, str]) -> tuple[str, ...]:
        limits, options = self._limits, []
        if limits.cpu_seconds is not None:
            # SIGXCPU first, which tells what it was; a second later SIGKILL for who ignores it.
            options.append(f"--cpu={limits.cpu_seconds}:{limits.cpu_seconds + 1}")
        if limits.memory_bytes is not None and "memory" not in self._groups:
            options.append(f"--as={limits.memory_bytes}")
        if limits.processes is not None and "pids" not in self._groups:
            # It counts all that the user runs, and not only this command.
            options.append(f"--nproc={limits.processes + _threads_of_user()}")
        program = find_prlimit(environment)
        if not options:
            return ()
        if program is None:
            raise SpawnFailed("prlimit is not on PATH any more; install util-linux")
        return (str(program), *options, "--")

    def explain(self, exit_: Exit) -> Exit:
        """How the run ended, with the limit it ran into where that can be told."""
        if exit_.code == 0 or exit_.error is not None:
            return exit_
        limits = self._limits
        # A shell that waited for the process that was killed adds 128 to the signal.
        if limits.cpu_seconds and exit_.code in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
            error = (
                f"killed: above its CPU limit of {limits.cpu_seconds} s; raise it with limits.cpu"
            )
        elif self._was_hit("memory"):
            error = (
                f"killed: above its memory limit of {_size(limits.memory_bytes)}; "
                "raise it with limits.memory"
            )
        elif self._was_hit("pids"):
            error = (
                f"it could not start a process above its limit of {limits.processes}; "
                "raise it with limits.processes"
            )
        else:
            return exit_
        return replace(exit_, error=error)

    def _was_hit(self, controller: Controller) -> bool:
        group = self._groups.get(controller)
        return group is not None and group.was_hit()

    async def close(self) -> None:
        """Removes the control groups."""
        for group in self._groups.values():
            await group.remove()


def means(environment: Mapping[str, str]) -> Means:
    """What there is to enforce limits with, for a command with this environment."""
    return Means(
        prlimit=find_prlimit(environment),
        memory_group=find_parent("memory") is not None,
        pids_group=find_parent("pids") is not None,
        root=os.geteuid() == 0,
    )


def find_prlimit(environment: Mapping[str, str]) -> Path | None:
    """Where prlimit(1) is, on the child's own PATH."""
    found = shutil.which("prlimit", path=environment.get("PATH", os.defpath))
    return Path(found).absolute() if found is not None else None


def _threads_of_user() -> int:
    count = 0
    for pid in processes():
        try:
            if Path("/proc", str(pid)).stat().st_uid == os.getuid():
                count += len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208 - as in processes()
        except FileNotFoundError:
            continue  # it ended meanwhile
    return count


def _size(count: int | None) -> str:
    size = count or 0
    for unit in ("bytes", "K", "M"):
        if size % 1024 or size < 1024:
            return f"{size} {unit}"
        size //= 1024
    return f"{size} G"
