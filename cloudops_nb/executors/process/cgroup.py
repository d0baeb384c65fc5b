"""Control groups, where this process may make them: limits for all of a command's processes.

Both versions of the interface are read (cgroups(7)): version 2 has one hierarchy, version 1 one
for each controller, under other file names.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import uuid4

Controller = Literal["memory", "pids"]

_PREFIX = "cloudops-"
_PAUSES = (0.0, 0.001, 0.01, 0.05)  # seconds: a killed process leaves its group a moment later


@dataclass(frozen=True, slots=True)
class Parent:
    """A directory in which groups with this controller can be made."""

    controller: Controller
    directory: Path
    version: Literal[1, 2]


@dataclass(frozen=True, slots=True)
class _Files:
    """``events`` is a file of counts and the one that matters; ``swap`` counts memory, or not."""

    limit: str
    events: tuple[str, str]
    swap: tuple[str, bool] | None = None


_FILES = {
    ("pids", 1): _Files("pids.max", ("pids.events", "max")),
    ("pids", 2): _Files("pids.max", ("pids.events", "max")),
    ("memory", 1): _Files(
        "memory.limit_in_bytes",
        ("memory.oom_control", "oom_kill"),
        ("memory.memsw.limit_in_bytes", True),
    ),
    ("memory", 2): _Files("memory.max", ("memory.events", "oom_kill"), ("memory.swap.max", False)),
}


class Group:
    """A control group of its own for one run, in one hierarchy.

    Raises:
        OSError: it cannot be made, or the limit is not taken.
    """

    def __init__(self, parent: Parent, limit: int) -> None:
        _sweep(parent.directory)
        self._parent = parent
        self.directory = parent.directory / f"{_PREFIX}{os.getpid()}-{uuid4().hex}"
        self.directory.mkdir()
        try:
            self._set(parent, limit)
        except OSError:
            self.directory.rmdir()
            raise

    def _set(self, parent: Parent, limit: int) -> None:
        files = _FILES[parent.controller, parent.version]
        (self.directory / files.limit).write_text(str(limit))
        # What is swapped out is used as well; the file is there where swap is accounted.
        if files.swap is not None and (self.directory / files.swap[0]).exists():
            name, with_memory = files.swap
            (self.directory / name).write_text(str(limit if with_memory else 0))

    @property
    def members_file(self) -> Path:
        """A process that writes 0 into this file joins the group."""
        return self.directory / "cgroup.procs"

    def was_hit(self) -> bool:
        """Whether the limit cost something: a process killed for memory, a fork refused."""
        name, key = _FILES[self._parent.controller, self._parent.version].events
        try:
            counts = dict(map(str.split, (self.directory / name).read_text().splitlines()))
        except OSError:
            return False  # an old kernel does not count
        return counts.get(key, "0") != "0"

    async def remove(self) -> None:
        """Removes the group; one with processes that the command left running stays with them."""
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            if _is_removed(self.directory):
                return


def find_parent(controller: Controller) -> Parent | None:
    """Where groups with this controller can be made; None where we may make none."""
    try:
        memberships = Path("/proc/self/cgroup").read_text().splitlines()
        mounts = list(_mounts(Path("/proc/self/mountinfo").read_text()))
    except OSError:
        return None  # no Linux, or nothing to be seen of it
    for line in memberships:
        _, controllers, path = line.split(":", 2)
        version: Literal[1, 2] = 1 if controllers else 2
        if version == 1 and controller not in controllers.split(","):
            continue
        for mount in mounts:
            if mount.serves(controller, version):
                for directory in mount.directories(path):
                    if _is_ours(directory, controller, version):
                        return Parent(controller, directory, version)
    return None


@dataclass(frozen=True, slots=True)
class _Mount:
    root: str
    place: Path
    kind: str
    controllers: frozenset[str]

    def serves(self, controller: str, version: int) -> bool:
        if version == 2:
            return self.kind == "cgroup2"
        return self.kind == "cgroup" and controller in self.controllers

    def directories(self, path: str) -> Iterator[Path]:
        """The directory of a group, then those above it, up to the mount."""
        inside = os.path.relpath(path, self.root)
        directory = self.place if inside.startswith("..") else self.place / inside
        while directory.is_relative_to(self.place):
            yield directory
            directory = directory.parent


def _mounts(mountinfo: str) -> Iterator[_Mount]:
    for line in mountinfo.splitlines():  # proc_pid_mountinfo(5)
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            root, place = fields.split()[3:5]
            yield _Mount(root, Path(place), kind, frozenset(options.split(",")))


def _is_ours(directory: Path, controller: str, version: int) -> bool:
    # In version 2 a group with processes has no say over controllers of groups below it: the one
    # to use is further up, where a session manager or a container runtime left it to us.
    if version == 2:
        try:
            enabled = (directory / "cgroup.subtree_control").read_text().split()
        except OSError:
            return False
        if controller not in enabled:
            return False
    return all(os.access(each, os.W_OK) for each in (directory, directory / "cgroup.procs"))


def _sweep(directory: Path) -> None:
    """Removes the empty groups that dead kernels, and commands that left something, left."""
    for path in directory.glob(f"{_PREFIX}*-*"):
        pid = path.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            _is_removed(path)


def _is_removed(directory: Path) -> bool:
    with contextlib.suppress(OSError):  # it is not empty
        directory.rmdir()
    return not directory.exists()
