"""What is installed, and what the kernel, the page and the system can do."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from cloudops_nb.executors.process.limits import means
from cloudops_nb.notebook.doctor.findings import Finding
from cloudops_nb.notebook.live import WidgetPresenter

if TYPE_CHECKING:
    from cloudops_nb.notebook.session import NotebookSession

INSTALLED = "Installed"
HERE = "Here"
_PACKAGES = (
    *("ipykernel", "ipywidgets", "anywidget", "ipython", "jupyterlab", "notebook"),
    *("boto3", "botocore", "pandas"),
)
_OPTIONAL = ("jupyterlab", "notebook")  # they may run in an environment of their own


def machine(session: NotebookSession) -> Iterator[Finding]:
    """Versions, the page, processes, limits and the sandbox."""
    yield Finding(INSTALLED, "cloudops_nb", version("cloudops_nb"))
    yield Finding(INSTALLED, "Python", f"{platform.python_version()} on {platform.system()}")
    found, missing = _versions()
    yield Finding(INSTALLED, "packages", " · ".join(found))
    for name in missing:
        yield Finding(INSTALLED, name, "not installed", "bad", f"pip install {name}")
    yield _page(session)
    yield _processes()
    yield _limits()
    yield _sandbox(session)


def _versions() -> tuple[list[str], list[str]]:
    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing += [name] * (name not in _OPTIONAL)
    return found, missing


def _page(session: NotebookSession) -> Finding:
    if not isinstance(session.presenter, WidgetPresenter):
        return Finding(HERE, "page", "a terminal: progress line by line; Ctrl-C cancels")
    return Finding(HERE, "page", "a notebook kernel: Cancel and ■ work while a cell waits")


def _processes() -> Finding:
    if hasattr(os, "pidfd_open"):
        what = "watched by pidfd; whole trees are found by their tag in /proc"
        return Finding(HERE, "processes", what)
    return Finding(
        HERE,
        "processes",
        "no pidfd here: a thread for each command, and only process groups are killed",
        "bad",
        "use Linux 5.3 or later with Python 3.9 or later for full strength",
    )


def _limits() -> Finding:
    found = means(os.environ)
    if found.prlimit is None:
        return Finding(HERE, "limits", "prlimit is not on PATH", "bad", "install util-linux")
    by_group = {"memory": found.memory_group, "processes": found.pids_group}
    grouped = [name for name, writable in by_group.items() if writable]
    single = [name for name, writable in by_group.items() if not writable]
    told = ["CPU time by prlimit"]
    told += [f"{' and '.join(grouped)} by control group"] if grouped else []
    told += [f"{' and '.join(single)} by prlimit"] if single else []
    if found.root and not found.pids_group:
        return Finding(
            HERE,
            "limits",
            "; ".join(told),
            "note",
            "limits.processes is refused: rlimits do not bind root, and no control group can be "
            "made; run the kernel as another user",
        )
    return Finding(HERE, "limits", "; ".join(told))


def _sandbox(session: NotebookSession) -> Finding:
    if session.sandbox is not None and session.sandbox.running:
        return Finding(HERE, "sandbox", session.sandbox.banner)
    return Finding(HERE, "sandbox", "off: commands reach what your own environment points at")
