"""What one kernel's magics work with: the shell, the engine, the sandbox."""

from __future__ import annotations

import os
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from cloudops_nb.aws.sandbox import Sandbox
from cloudops_nb.engine import Execution, ExecutionEngine
from cloudops_nb.engine.handle import Result
from cloudops_nb.errors import CommandFailed, ExecutionCancelled, ExecutionError
from cloudops_nb.models import ExecutionResult, ExecutionStatus
from cloudops_nb.notebook.cell import build
from cloudops_nb.notebook.credential_form import NotebookPrompt
from cloudops_nb.notebook.live import WidgetPresenter
from cloudops_nb.notebook.options import CellOptions, parse_options
from cloudops_nb.notebook.places import Place, Shown
from cloudops_nb.notebook.terminal import TerminalPresenter
from cloudops_nb.notebook.transformer import CellTransformer
from cloudops_nb.notebook.waiting import Interrupted, wait, wait_blocking
from cloudops_nb.notebook.which import to_resume


class NotebookSession:
    """Runs cells: options and body in, a displayed and returned result out.

    Failures are raised as errors that IPython shows as one line, without a traceback of ours.
    """

    def __init__(self, shell: InteractiveShell, engine: ExecutionEngine) -> None:
        self.shell = shell
        self.engine = engine
        self.sandbox: Sandbox | None = None
        # A terminal has no page to put widgets on.
        self.presenter: WidgetPresenter | TerminalPresenter
        self._prompt_before = engine.credential_prompt
        if hasattr(shell, "kernel"):
            self.presenter = WidgetPresenter(engine, self._banner)
            engine.credential_prompt = NotebookPrompt(self.presenter)
        else:
            self.presenter = TerminalPresenter(engine, self._banner)
        self.transformer: CellTransformer | None = None
        engine.presenter = self.presenter

    def _banner(self) -> str | None:
        if self.sandbox is None:
            return None
        # One line of a view; the accounts were named when the sandbox was started.
        return f"SANDBOX at {self.sandbox.endpoint_url}: no real account is reached"

    def close(self) -> None:
        """Stops the sandbox and takes the views away from the engine, which goes on."""
        self.engine.presenter = None
        self.engine.credential_prompt = self._prompt_before
        if self.sandbox is not None:
            self.engine.sandbox = None
            self.sandbox.stop()
            self.sandbox = None

    async def run_cell_async(self, line: str, body: str) -> Result | None:
        """Runs a ``%%cloudops`` cell that is the whole cell, awaiting its end."""
        options, execution, shown = self._submit(line, body, Place.WHOLE_CELL)
        if options.bg:
            self._leave_running(options, execution, shown)
            return None
        return await self._await(options, execution, shown)

    def run_cell(self, line: str, body: str) -> Result | None:
        """Runs a ``%%cloudops`` cell from inside another magic or a script, blocking."""
        options, execution, shown = self._submit(line, body, Place.AMONG_OTHERS)
        if options.bg:
            self._leave_running(options, execution, shown)
            return None
        return self._wait(options, execution, shown)

    async def resume_async(self, rest: str) -> Result | None:
        """Runs a ``%cloudops resume REST`` that is the whole cell, awaiting its end."""
        with one_line_errors():
            execution, shown = self._resume(rest, Place.WHOLE_CELL)
        return await self._await(CellOptions(), execution, shown)

    def resume(self, rest: str) -> Result | None:
        """Runs a ``%cloudops resume REST`` among other lines, blocking."""
        execution, shown = self._resume(rest, Place.AMONG_OTHERS)
        return self._wait(CellOptions(), execution, shown)

    def _resume(self, rest: str, place: Place) -> tuple[Execution, Shown | None]:
        plan_id, approve = to_resume(self.engine, rest)
        shown: list[Shown] = []
        presenter = self.presenter.placed(place, shown.append)
        execution = self.engine.resume(plan_id, approve=approve, presenter=presenter)
        return execution, shown[0] if shown else None

    async def _await(
        self, options: CellOptions, execution: Execution, shown: Shown | None
    ) -> Result | None:
        try:
            result = await wait(execution, shown.cancelling if shown else None)
        except Interrupted as interrupt:
            result = interrupt.result
        return self._finish(options, result, shown)

    def _wait(
        self, options: CellOptions, execution: Execution, shown: Shown | None
    ) -> Result | None:
        try:
            result = wait_blocking(execution, shown.cancelling if shown else None)
        except Interrupted as interrupt:
            result = interrupt.result
        return self._finish(options, result, shown)

    def attach(self, execution: Execution) -> Result | None:
        """Shows a run, whoever started it, and returns its result, if it has ended."""
        return self.presenter.attach(execution)

    def _submit(
        self, line: str, body: str, place: Place
    ) -> tuple[CellOptions, Execution, Shown | None]:
        options = parse_options(line)
        if options.bg:
            place = Place.BACKGROUND
        shown: list[Shown] = []
        presenter = None
        if not options.quiet:
            presenter = self.presenter.placed(place, shown.append)
        execution: Execution | None = None
        try:
            with one_line_errors():
                work = build(options, body, namespace=self.shell.user_ns, environ=os.environ)
                execution = self.engine.submit(work, approve=options.approve, presenter=presenter)
        except KeyboardInterrupt:
            if execution is not None:  # the cell ends here, and its run must not go on unseen
                execution.cancel()
            raise
        return options, execution, shown[0] if shown else None

    def _leave_running(
        self, options: CellOptions, execution: Execution, shown: Shown | None
    ) -> None:
        self._bind(options, execution)
        if shown is not None:
            shown.replace_when_done(execution)

    def _finish(self, options: CellOptions, result: Result, shown: Shown | None) -> Result | None:
        if shown is not None:
            shown.end()
        self._bind(options, result)
        if result.success and options.quiet:
            return None
        if result.success or options.no_raise:
            return result
        display(result)
        with one_line_errors():
            raise failure(result)

    def _bind(self, options: CellOptions, value: Any) -> None:
        if options.out is not None:
            self.shell.push({options.out: value})


class one_line_errors:  # noqa: N801 - a context manager, which reads as a function
    """Errors of ours leave as one line of text: the operator's mistake is not in our code."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, ExecutionError):
            # IPython asks an exception for this before it formats a traceback.
            line = f"{type(error).__name__}: {error}"
            error._render_traceback_ = line.splitlines  # type: ignore[attr-defined]


def failure(result: Result) -> ExecutionError:
    """The error a cell raises for a result that is not a success."""
    if result.status is ExecutionStatus.CANCELLED:
        return ExecutionCancelled(f"{_first_line(result.title)}: cancelled; its processes are gone")
    if isinstance(result, ExecutionResult):
        return CommandFailed(f"{_first_line(result.title)}: {result.error}", result.exit_code)
    failed = [each for each in result.results if each.status is not ExecutionStatus.COMPLETED]
    # Of a graph, what was skipped may stand before the failure it was skipped for.
    first = next((each for each in failed if each.status is not ExecutionStatus.SKIPPED), failed[0])
    return CommandFailed(
        f"{len(failed)} of {result.stats.total} commands did not complete; "
        f"the first: {_first_line(first.title)}: {first.error}",
        first.exit_code,
    )


def _first_line(text: str) -> str:
    line = text.strip().split("\n", 1)[0]
    return line if len(line) <= 80 else line[:79] + "…"
