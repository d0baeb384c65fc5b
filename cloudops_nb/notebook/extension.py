"""What ``%load_ext cloudops_nb`` sets up, and ``%unload_ext`` takes away."""

from __future__ import annotations

from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import no_var_expand

from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.executors.process.orphans import cleanup_orphans
from cloudops_nb.notebook.commands import COMMANDS, run_command
from cloudops_nb.notebook.matcher import aws_matcher
from cloudops_nb.notebook.options import complete, help_text
from cloudops_nb.notebook.session import NotebookSession, one_line_errors
from cloudops_nb.notebook.transformer import CellTransformer
from cloudops_nb.render.formatters import register

SESSION = "cloudops"
"""The shell's attribute that holds the session; a transformed cell finds it there."""


def load(shell: InteractiveShell) -> None:
    """Registers the magics, the cell transformer, completion and the results' representations."""
    if hasattr(shell, SESSION):
        return
    session = NotebookSession(shell, ExecutionEngine.get_global())
    setattr(shell, SESSION, session)

    def cloudops(line: str, cell: str | None = None) -> Any:
        with one_line_errors():
            if cell is None:
                return run_command(session, line)
            return session.run_cell(line, cell)

    cloudops.__doc__ = help_text()
    # $x and {x} belong to the body's own language; only {{ name }} is ours.
    magic: Any = no_var_expand(cloudops)
    shell.register_magic_function(magic, "line_cell", "cloudops")
    if hasattr(shell, "kernel"):  # only a kernel has a loop that a cell can await on
        session.transformer = CellTransformer(f"get_ipython().{SESSION}")
        session.transformer.install(shell)
    if shell.display_formatter is not None:
        register(shell.display_formatter.formatters)
    shell.set_hook("complete_command", _complete, re_key=r"^%%?cloudops\b")
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(aws_matcher)
    if ended := cleanup_orphans():
        print(f"ended what a dead kernel had left running: process {', '.join(map(str, ended))}")


def unload(shell: InteractiveShell) -> None:
    """Removes the magics; what runs goes on, and results keep their looks."""
    session: NotebookSession | None = getattr(shell, SESSION, None)
    if session is None:
        return
    delattr(shell, SESSION)
    if session.transformer is not None:
        session.transformer.remove(shell)
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("cloudops", None)
    if shell.Completer is not None:
        shell.Completer.custom_matchers.remove(aws_matcher)
    session.close()


def _complete(_shell: object, event: Any) -> list[str]:
    """Completion for the magic's line; IPython's hook for commands."""
    line = event.line
    if line.startswith("%%"):
        return complete(line.removeprefix("%%cloudops"))
    words = line.removeprefix("%cloudops").split()
    if len(words) > 1 or (words and line.endswith(" ")):
        return []
    return [name for name in COMMANDS if name.startswith(words[0] if words else "")]
