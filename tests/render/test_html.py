"""What the HTML of a record is made of."""

import re

import pytest
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output

from cloudops_nb.models.results import ExecutionResult, PlanExecutionResult
from cloudops_nb.records import Records
from cloudops_nb.render.describe import describe
from cloudops_nb.render.describe_list import ExecutionTable
from cloudops_nb.render.html import record_html, result_html
from cloudops_nb.render.text import record_text, result_text
from tests.render.samples import (
    Elements,
    a_plan,
    a_result,
    a_result_without_log,
    a_skipped_result,
    a_summary,
)

SCRIPT = "for b in 1 2 3; do\n  echo $b\n  sleep 1\ndone\necho end"
RESULTS = [
    a_result(stdout="\x1b[31mred\x1b[0m\n\n  two\n", stderr="careful", name="greet"),
    a_result(stdout='[{"a": 1}]', tags={"env": "prod"}, region="eu-west-1", profile="audit"),
    a_result(stdout="x\n" * 1000, stderr="y" * 5000, omitted_bytes=12),
    a_result("failed", -9, command=SCRIPT, withheld_env=("TOKEN",), error="two\nlines"),
    a_result("timeout", -15, error="timed out after 2 s", attempts=2),
    a_result("failed", 1, command="\n".join(f"step {n}" for n in range(50))),
    a_result_without_log(),
    a_skipped_result("deploy failed", name="verify"),
    a_plan(a_result(number=1), a_result("failed", 2, number=2, name="build", stderr="no\nrule")),
    a_plan(*(a_result("failed", 1, number=n, error=f"reason {n}") for n in range(60))),
    a_plan(*(a_result(number=n) for n in range(30)), status="completed"),
]


def words(text: str) -> list[str]:
    """The words of a record, without the marks that only plain text needs."""
    return [word for word in text.split() if word not in ("|", "!", "·")]


@pytest.mark.parametrize("result", RESULTS)
def test_text_and_html_say_the_same_in_the_same_order(
    result: ExecutionResult | PlanExecutionResult,
) -> None:
    assert words(Elements(result_html(result)).text) == words(result_text(result))


def test_lists_say_the_same_too() -> None:
    table = ExecutionTable([a_summary(), a_summary(status="running", duration=None, commands=3)])
    summaries = describe(table)
    records = describe(Records([{"a": 1, "b": "x" * 300}] * 30))

    assert words(Elements(record_html(summaries)).text) == words(record_text(summaries))
    assert words(Elements(record_html(records)).text) == words(record_text(records))


@pytest.mark.parametrize("result", RESULTS)
def test_two_renderings_are_equal(result: ExecutionResult | PlanExecutionResult) -> None:
    assert result_html(result) == result_html(result)


def test_output_keeps_its_lines_and_spaces() -> None:
    html = result_html(a_result(stdout="a\n\n  b\tc"))

    assert "<pre>\na\n\n  b\tc</pre>" in html


def test_an_indented_first_line_survives() -> None:
    assert "<pre>\n   NAME  READY</pre>" in result_html(a_result(stdout="   NAME  READY"))


def test_colours_are_inline_and_theme_aware() -> None:
    html = result_html(a_result(stdout="\x1b[1;31mred\x1b[0m"))

    assert re.search(r'<span style="color:#\w{6};color:var\(--co-1\);font-weight:bold">red<', html)


def test_both_streams_are_labelled() -> None:
    html = result_html(a_result(stdout="out", stderr="err"))

    assert re.findall(r"<small[^>]*>(\w+)</small>", html) == ["stdout", "stderr"]


def test_a_long_command_and_a_long_table_are_folded() -> None:
    folded = "<details><summary>"

    assert folded not in result_html(a_result(command="a\nb\nc\nd"))
    assert folded in result_html(a_result(command="a\nb\nc\nd\ne"))
    assert folded not in result_html(a_plan(*(a_result(number=n) for n in range(20))))
    assert folded in result_html(a_plan(*(a_result(number=n) for n in range(21))))


def test_dollar_signs_are_no_formula() -> None:
    html = result_html(a_result(name="$HOME and $PATH"))

    assert html.startswith('<div class="cloudops-record tex2jax_ignore mathjax_ignore">')


def test_the_style_sheet_touches_records_only_and_fetches_nothing() -> None:
    [sheet] = re.findall(r"<style>(.*?)</style>", result_html(a_result()), re.DOTALL)
    selectors = [
        selector for rule in sheet.split("}")[:-1] for selector in rule.split("{")[0].split(",")
    ]

    assert all(".cloudops-record" in selector for selector in selectors)
    assert "url(" not in sheet
    assert "@import" not in sheet
    assert "/*" not in sheet


def test_bars_show_how_many_commands_ended_how() -> None:
    html = result_html(a_plan(a_result(), a_result("failed", 1, number=1)))

    assert re.findall(r"flex:(\d+)", html) == ["1", "1"]


@pytest.mark.parametrize("result", RESULTS)
def test_a_page_of_nbconvert_says_all_of_a_record_without_a_script(
    result: ExecutionResult | PlanExecutionResult,
) -> None:
    html = result_html(result)
    shown = {"text/html": html, "text/plain": result_text(result)}
    output = new_output("execute_result", shown, execution_count=1)
    page, _ = HTMLExporter().from_notebook_node(
        new_notebook(cells=[new_code_cell("%%cloudops", outputs=[output])])
    )

    [kept] = BeautifulSoup(page, "html.parser").select("div.cloudops-record")
    assert Elements(str(kept)).text == Elements(html).text
    assert "script" not in Elements(html).tags
