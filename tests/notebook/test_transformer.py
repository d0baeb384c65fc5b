"""Which cells are rewritten to await."""

import pytest

from cloudops_nb.notebook.transformer import CellTransformer

transform = CellTransformer("session")


@pytest.mark.parametrize("line", ["%%cloudops", "%%cloudops --bg", "%%cloudops --title why?"])
def test_a_cloudops_cell_awaits(line: str) -> None:
    arguments = line.removeprefix("%%cloudops").strip()
    awaited = f"await session.run_cell_async({arguments!r}, 'echo\\n')\n"
    assert transform([f"{line}\n", "echo\n"]) == [awaited]


@pytest.mark.parametrize("rest", ["", " 3f2a", " --approve 77 3f2a"])
def test_a_cell_that_only_resumes_awaits(rest: str) -> None:
    awaited = f"await session.resume_async({rest.strip()!r})\n"
    assert transform([f"%cloudops resume{rest}\n", "\n"]) == [awaited]


@pytest.mark.parametrize(
    "cell",
    [
        ["%cloudops resume\n", "1 + 1\n"],
        ["%cloudops resume?\n"],
        ["%cloudops resumed\n"],
        ["again = %cloudops resume\n"],
        ["%cloudops ps\n"],
    ],
)
def test_other_lines_are_left_to_ipython(cell: list[str]) -> None:
    assert transform(cell) == cell


@pytest.mark.parametrize("line", ["%%cloudops?", "%%cloudops??", "%%cloudops ?", "%%cloudopsy"])
def test_a_question_and_other_magics_are_left_to_ipython(line: str) -> None:
    assert transform([line]) == [line]
