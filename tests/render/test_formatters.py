"""How IPython shows what this package gives back."""

import pytest
from IPython.core.formatters import DisplayFormatter

from cloudops_nb.records import Records
from cloudops_nb.render.describe import Recordable, describe
from cloudops_nb.render.describe_list import ExecutionTable
from cloudops_nb.render.formatters import register
from cloudops_nb.render.html import record_html
from cloudops_nb.render.text import record_text
from tests.render.samples import a_plan, a_result, a_result_without_log, a_summary


@pytest.fixture
def formatter() -> DisplayFormatter:
    display_formatter = DisplayFormatter()
    display_formatter.active_types = ["text/plain", "text/html"]
    register(display_formatter.formatters)
    return display_formatter


@pytest.mark.parametrize(
    "value",
    [
        a_result(stdout="a\nb"),
        a_plan(a_result()),
        ExecutionTable([a_summary()]),
        Records([{"a": 1}]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_shown_as_its_record(formatter: DisplayFormatter, value: Recordable) -> None:
    data, _ = formatter.format(value)
    record = describe(value)

    assert data == {"text/plain": record_text(record), "text/html": record_html(record)}


def test_among_others_a_result_is_one_line(formatter: DisplayFormatter) -> None:
    data, _ = formatter.format({"r": a_result(name="greet", stdout="a\nb")})

    assert data["text/plain"] == "{'r': <ExecutionResult: ✓ completed · exit 0 · greet · 0.31 s>}"


def test_a_result_without_its_log_is_shown(formatter: DisplayFormatter) -> None:
    data, _ = formatter.format(a_result_without_log())

    assert "the log is gone" in data["text/html"]
