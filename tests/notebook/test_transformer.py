"""Which cells are rewritten to await."""

import pytest

from cloudops_nb.notebook.transformer import CellTransformer

transform = CellTransformer("call")


@pytest.mark.parametrize("line", ["%%cloudops", "%%cloudops --bg", "%%cloudops --title why?"])
def test_a_cloudops_cell_awaits(line: str) -> None:
    arguments = line.removeprefix("%%cloudops").strip()
    assert transform([f"{line}\n", "echo\n"]) == [f"await call({arguments!r}, 'echo\\n')\n"]


@pytest.mark.parametrize("line", ["%%cloudops?", "%%cloudops??", "%%cloudops ?", "%%cloudopsy"])
def test_a_question_and_other_magics_are_left_to_ipython(line: str) -> None:
    assert transform([line]) == [line]
