"""Pictures of plans in a real JupyterLab: in its colours, or as text where it drops them."""

from pathlib import Path
from typing import Literal

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from playwright.sync_api import expect

from cloudops_nb.render.graph import graph
from tests.browser.lab import KERNELSPEC, LabPage
from tests.render.test_graph import diamond

PLAN = """
from cloudops_nb import ExecutionEngine, graph, parse_plan, timeline
steps = "[{name: build, shell: 'true'}, {name: ship, shell: 'false', needs: build}]"
plan = parse_plan(f"steps: {steps}")
result = ExecutionEngine.get_global().submit(plan).result()
"""
INKS = "labels => labels.map(label => getComputedStyle(label).fill)"


@pytest.mark.parametrize(("theme", "dark_ink"), [("light", True), ("dark", False)])
def test_a_picture_is_in_the_ink_of_the_theme(
    lab: LabPage, theme: Literal["light", "dark"], dark_ink: bool
) -> None:
    lab.set_theme(theme)
    lab.new_cells(PLAN, "graph(plan, result)", "timeline(result)")
    lab.run_all()

    for cell in (1, 2):
        expect(lab.output(cell).get_by_text("build", exact=True)).to_be_visible()
        ink = lab.output(cell).locator("svg text:text-is('build')").evaluate_all(INKS)
        assert ink[0].startswith("rgba(0, 0, 0" if dark_ink else "rgb(255, 255, 255")


def test_an_untrusted_notebook_shows_the_text_form_alone(
    fresh_lab: LabPage, tmp_path: Path
) -> None:
    data = {"text/html": graph(diamond())._repr_html_()}
    shown = new_output("execute_result", data=data, execution_count=1)
    cell = new_code_cell("graph(plan)", execution_count=1, outputs=[shown])
    path = tmp_path / "from-elsewhere.ipynb"
    nbformat.write(new_notebook(cells=[cell], metadata={"kernelspec": KERNELSPEC}), path)
    fresh_lab.open_notebook(path)

    expect(fresh_lab.output(0)).to_contain_text("roll-out")
    expect(fresh_lab.output(0).locator(".co-drawing")).to_be_hidden()
    fresh_lab.output(0).get_by_text("as text").click()
    expect(fresh_lab.output(0).get_by_text("#3 ship <- #0, #1, #2")).to_be_visible()
