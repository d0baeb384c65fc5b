"""The subcommands of ``%cloudops``."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import pydantic
from IPython.core.error import UsageError
from IPython.display import clear_output, display

from cloudops_nb.aws.sandbox import Sandbox
from cloudops_nb.config import ExecutionConfig
from cloudops_nb.errors import ExecutionNotRunning
from cloudops_nb.models.base import first_problem
from cloudops_nb.notebook.doctor import Diagnosis, examine
from cloudops_nb.notebook.options import help_text
from cloudops_nb.notebook.session import NotebookSession
from cloudops_nb.notebook.which import named
from cloudops_nb.render.ansi import coloured
from cloudops_nb.render.describe_list import ExecutionTable

NOT_YET = ("history", "scan", "schedule")
"""Subcommands that are promised and not built; they are refused, never ignored."""


def run_command(session: NotebookSession, line: str) -> Any:
    """Carries out ``%cloudops LINE``; what it returns is the cell's value.

    Raises:
        UsageError: there is no such subcommand, or its arguments are wrong.
    """
    name, _, rest = line.strip().partition(" ")
    if not name:
        print(help_text())
        return None
    if name in NOT_YET:
        raise UsageError(f"%cloudops {name} is not available yet")
    if name not in COMMANDS:
        close = get_close_matches(name, COMMANDS, n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(COMMANDS)}"
        raise UsageError(f"%cloudops has no subcommand {name!r}{hint}")
    return COMMANDS[name](session, rest.strip())


def _run(session: NotebookSession, rest: str) -> Any:
    """run LINE: runs one line of shell, as a cell would."""
    if not rest:
        raise UsageError("%cloudops run: give a command line, such as %cloudops run uptime")
    return session.run_cell("", rest)


def _ps(session: NotebookSession, rest: str) -> ExecutionTable:
    """ps: the executions of this kernel, newest first."""
    _no_arguments("ps", rest)
    top = [summary for summary in session.engine.summaries() if summary.plan_id is None]
    return ExecutionTable(reversed(top))


def _logs(session: NotebookSession, rest: str) -> None:
    """logs ID: what an execution printed so far."""
    print(coloured(named(session.engine, "logs", rest).logs()), end="")


def _show(session: NotebookSession, rest: str) -> Any:
    """show ID: the result of an execution that ended, or how far it is."""
    execution = named(session.engine, "show", rest)
    return execution.result() if execution.done() else execution


def _attach(session: NotebookSession, rest: str) -> Any:
    """attach [ID]: a live view of a run; of a plan that has ended, beside its result.

    Without an id: of the newest that runs, else of the newest.
    """
    if rest:
        return session.attach(named(session.engine, "attach", rest))
    top = [summary for summary in session.engine.summaries() if summary.plan_id is None]
    if not top:
        raise UsageError("%cloudops attach: nothing was run in this kernel yet; give an id")
    # Not by when it started: what waits in the queue was submitted, too.
    newest = next((each for each in reversed(top) if not each.status.is_final), top[-1])
    return session.attach(session.engine.get(newest.id))


def _cancel(session: NotebookSession, rest: str) -> None:
    """cancel ID | all: stops an execution, or all that run; returns when they are gone."""
    if rest == "all":
        running = [
            session.engine.get(summary.id)
            for summary in session.engine.summaries()
            if not summary.status.is_final and summary.plan_id is None
        ]
    else:
        execution = named(session.engine, "cancel", rest)
        if execution.done():
            raise ExecutionNotRunning(execution.id, execution.status)
        running = [execution]
    for execution in running:
        execution.cancel()
    for execution in running:
        print(f"{execution.id} {execution.result().status}")
    if not running:
        print("nothing is running")


def _resume(session: NotebookSession, rest: str) -> Any:
    """resume [ID] [--approve DIGEST]: runs again what did not complete of a plan.

    By default of the last one that was not resumed yet.
    """
    return session.resume(rest)


def _config(session: NotebookSession, rest: str) -> None:
    """config [NAME=VALUE …]: shows the settings, or changes them for what is started next.

    ``NAME=`` is the default again, as an empty ``CLOUDOPS_NAME`` is.
    """
    fields = ExecutionConfig.model_fields
    changes: dict[str, object] = {}
    for word in shlex.split(rest):
        name, equals, value = word.partition("=")
        if name not in fields:
            close = get_close_matches(name, fields, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise UsageError(f"%cloudops config: no setting {name!r}{hint}")
        if equals:
            changes[name] = value or fields[name].default
    if changes:
        try:
            session.engine.reconfigure(**changes)
        except pydantic.ValidationError as error:
            raise UsageError(f"%cloudops config: {first_problem(error)}") from None
    asked = {word.partition("=")[0] for word in shlex.split(rest)} or set(fields)
    for name in fields:
        if name in asked:
            value = getattr(session.engine.config, name)
            print(f"{name} = {value}  # {fields[name].description}")


def _doctor(session: NotebookSession, rest: str) -> Diagnosis:
    """doctor: what this installation can do, and how to mend what it cannot."""
    _no_arguments("doctor", rest)
    if not hasattr(session.shell, "kernel"):  # a terminal keeps all that was ever shown
        return examine(session, lambda _: None)
    progress = display({"text/plain": "looking at this installation"}, raw=True, display_id=True)
    found = examine(session, lambda doing: progress.update({"text/plain": doing}, raw=True))
    clear_output(wait=True)  # the cell's value takes its place
    return found


def _sandbox(session: NotebookSession, rest: str) -> None:
    """sandbox start | stop: points this notebook's commands at a pretended AWS."""
    match rest:
        case "start":
            if session.sandbox is None or not session.sandbox.running:
                session.sandbox = Sandbox.start(progress=print)
            session.engine.sandbox = session.sandbox
            print(session.sandbox.banner)
            for account in session.sandbox.accounts:
                print(f"  {account.id}  {account.alias}  --profile {account.profile}")
        case "stop":
            if session.sandbox is None:
                print("no sandbox is running")
                return
            session.engine.sandbox = None
            session.sandbox.stop()
            session.sandbox = None
            print("sandbox stopped; commands now reach whatever your own environment points at")
        case "":
            print(session.sandbox.banner if session.sandbox else "no sandbox is running")
        case _:
            raise UsageError(f"%cloudops sandbox: start or stop, not {rest!r}")


COMMANDS: dict[str, Callable[[NotebookSession, str], Any]] = {
    "run": _run,
    "ps": _ps,
    "logs": _logs,
    "show": _show,
    "attach": _attach,
    "cancel": _cancel,
    "resume": _resume,
    "config": _config,
    "doctor": _doctor,
    "sandbox": _sandbox,
}


def _no_arguments(command: str, rest: str) -> None:
    if rest:
        raise UsageError(f"%cloudops {command} takes no arguments, but was given {rest!r}")
