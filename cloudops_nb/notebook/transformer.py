"""Lets a ``%%cloudops`` cell await, so that clicks and ■ are handled while it runs.

IPython calls a cell magic as a plain function; while that blocks, the kernel reads no message.
The transformer rewrites the cell into an ``await`` instead. It touches only a cell that is run as
such: inside another magic (``%%time``, ``%%capture``) there is no loop to await on, and the
ordinary magic serves.
"""

from __future__ import annotations

from IPython.core.interactiveshell import InteractiveShell

MAGIC = "%%cloudops"


class CellTransformer:
    """Rewrites ``%%cloudops ARGS`` + body into ``await <call>(ARGS, body)``.

    Args:
        call: Python text of the coroutine function to call.
    """

    def __init__(self, call: str) -> None:
        self._call = call
        self._inside_cell = False

    def __call__(self, lines: list[str]) -> list[str]:
        """See ``InputTransformerManager.cleanup_transforms``."""
        if self._inside_cell or not lines:
            return lines
        name, _, arguments = lines[0].partition(" ")
        if name.rstrip("\n") != MAGIC or arguments.strip() in ("?", "??"):
            return lines
        body = "".join(lines[1:])
        return [f"await {self._call}({arguments.strip()!r}, {body!r})\n"]

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
