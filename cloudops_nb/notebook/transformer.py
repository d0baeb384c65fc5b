"""Lets a cell that waits await, so that clicks and ■ are handled while it runs.

IPython calls a magic as a plain function; while that blocks, the kernel reads no message. The
transformer rewrites ``%%cloudops``, and a cell that is a lone ``%cloudops resume``, into an
``await`` instead. It touches only a cell that is run as such: inside another magic (``%%time``,
``%%capture``) there is no loop to await on, and the ordinary magic serves.
"""

from __future__ import annotations

import re

from IPython.core.interactiveshell import InteractiveShell

CELL = "%%cloudops"
_RESUME = re.compile(r"%cloudops +resume(?: +(?P<rest>[^\n]*[^\n?\s]))?\s*")  # "?" asks for help


class CellTransformer:
    """Rewrites a cell into an ``await`` of the session's coroutine for it.

    Args:
        session: Python text for the session.
    """

    def __init__(self, session: str) -> None:
        self._session = session
        self._inside_cell = False

    def __call__(self, lines: list[str]) -> list[str]:
        """See ``InputTransformerManager.cleanup_transforms``."""
        if self._inside_cell or not lines:
            return lines
        name, _, arguments = lines[0].partition(" ")
        if name.rstrip("\n") == CELL and arguments.strip() not in ("?", "??"):
            body = "".join(lines[1:])
            return [f"await {self._session}.run_cell_async({arguments.strip()!r}, {body!r})\n"]
        if resume := _RESUME.fullmatch("".join(lines)):
            return [f"await {self._session}.resume_async({(resume['rest'] or '')!r})\n"]
        return lines

    def install(self, shell: InteractiveShell) -> None:
        """Takes its place: after prompts are stripped, before IPython's own cell magics."""
        shell.input_transformer_manager.cleanup_transforms.append(self)
        shell.events.register("pre_run_cell", self._enter)
        shell.events.register("post_run_cell", self._leave)

    def remove(self, shell: InteractiveShell) -> None:
        """Undoes ``install``."""
        shell.input_transformer_manager.cleanup_transforms.remove(self)
        shell.events.unregister("pre_run_cell", self._enter)
        shell.events.unregister("post_run_cell", self._leave)

    def _enter(self, _info: object) -> None:
        self._inside_cell = True

    def _leave(self, _result: object) -> None:
        self._inside_cell = False
