"""``%cloudops doctor``: what this installation can do, and how to mend what it cannot."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from cloudops_nb.config import home_relative
from cloudops_nb.engine.logfile import make_private_directory
from cloudops_nb.errors import LogUnavailable

if TYPE_CHECKING:
    from cloudops_nb.notebook.session import NotebookSession

_PACKAGES = ("cloudops_nb", "ipykernel", "ipywidgets", "anywidget", "IPython", "boto3", "pandas")
_AWS_TIMEOUT = 20.0  # seconds; a cold start of the AWS CLI takes about one


@dataclass(frozen=True)
class Finding:
    """One thing looked at. ``remedy`` says what to do where ``ok`` is False."""

    subject: str
    found: str
    ok: bool = True
    remedy: str = ""


class Diagnosis(tuple[Finding, ...]):
    """All findings; shows itself as a list, as text and as HTML."""

    __slots__ = ()

    def __repr__(self) -> str:
        width = max((len(finding.subject) for finding in self), default=0)
        return "\n".join(
            f"{'✔' if each.ok else '✘'} {each.subject:{width}}  {each.found}"
            + (f" → {each.remedy}" if each.remedy else "")
            for each in self
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{'✔' if each.ok else '✘'}</td>"
            f'<td style="text-align:left"><b>{escape(each.subject)}</b></td>'
            f'<td style="text-align:left">{escape(each.found)}</td>'
            f'<td style="text-align:left">{escape(each.remedy)}</td></tr>'
            for each in self
        )
        return f"<table><tbody>{rows}</tbody></table>"


def examine(session: NotebookSession) -> Diagnosis:
    """Looks at everything; runs nothing but ``aws --version``."""
    return Diagnosis(
        [
            Finding("Python", f"{platform.python_version()} on {platform.system()}"),
            *_packages(),
            _waiting(session),
            _pidfd(),
            _aws(session),
            _logs(session),
            _sandbox(session),
        ]
    )


def _packages() -> Iterator[Finding]:
    for name in _PACKAGES:
        try:
            yield Finding(name, version(name))
        except PackageNotFoundError:
            yield Finding(name, "not installed", False, f"pip install {name}")


def _waiting(session: NotebookSession) -> Finding:
    if session.presenter is None:
        return Finding("page", "a terminal: no live view; Ctrl-C cancels")
    return Finding("page", "a notebook kernel: Cancel and ■ work while a cell waits")


def _pidfd() -> Finding:
    if hasattr(os, "pidfd_open"):
        return Finding("processes", "watched by pidfd; whole trees are found by their tag in /proc")
    return Finding(
        "processes",
        "no pidfd here: a thread for each command, and only process groups are killed",
        False,
        "use Linux 5.3 or later with Python 3.9 or later for full strength",
    )


def _aws(session: NotebookSession) -> Finding:
    environment = dict(os.environ)
    if session.sandbox is not None:
        environment = session.sandbox.environment(environment)
    program = shutil.which("aws", path=environment.get("PATH"))
    if program is None:
        return Finding("aws", "not on PATH", False, "pip install awscli, or add it to PATH")
    try:
        answer = subprocess.run(
            [program, "--version"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_AWS_TIMEOUT,
            check=True,
            text=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("aws", f"{home_relative(program)}: {error}", False, "reinstall it")
    return Finding("aws", f"{answer.stdout.strip()} at {home_relative(program)}")


def _logs(session: NotebookSession) -> Finding:
    directory = session.engine.config.log_directory
    shown = home_relative(directory)
    try:
        make_private_directory(directory)
    except LogUnavailable as error:
        return Finding("logs", shown, False, str(error))
    if not os.access(directory, os.W_OK):
        return Finding("logs", shown, False, "not writable: set CLOUDOPS_LOG_DIR")
    free = shutil.disk_usage(directory).free
    return Finding("logs", f"{shown}, {free / 1e9:.1f} GB free")


def _sandbox(session: NotebookSession) -> Finding:
    if session.sandbox is not None and session.sandbox.running:
        return Finding("sandbox", session.sandbox.banner)
    return Finding("sandbox", "off: commands reach what your own environment points at")
