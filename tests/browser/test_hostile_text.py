"""Whatever commands print and people call things, a live view shows it as text."""

import itertools

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.lab import LabPage
from tests.browser.views import open_lab
from tests.render.test_hostile_text import PAYLOADS

HANDLERS = "onload onerror onfocus onmouseover onanimationstart ontoggle onbegin onpointerenter"
TAGS = "img svg video audio details body input iframe marquee select"
MORE = [
    *(
        f"<{tag} src=x autofocus {handler}=alert(1)>"
        for tag, handler in itertools.islice(
            itertools.product(TAGS.split(), HANDLERS.split()), 0, 80, 2
        )
    ),
    *(
        f"safe {chr(code)}elif.exe"
        for code in [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C]
    ),
    "\x1bc\x1b[2J\x1b[3J\x1b[H gone?",
    "\x1b]8;id=1;http://evil.example/\x07link\x1b]8;;\x07",
    "\x1b]1337;File=inline=1:aGk=\x07picture",
    "\x1bPq#0;2;0;0;0#0~~@@vv\x1b\\sixel",
    "\x1b[38;2;1;2;3;url(http://evil.example/x)mink",
    "a" + "\u0489\u0300\u0336" * 300,
    "\u200b\u2060\ufeff\u00adnothing here",
    "\U000e0041\U000e0042 tags",
]
ALL = [
    payload[:2000].encode(errors="replace").decode().replace("\0", "") for payload in PAYLOADS
] + MORE

CELL = """\
from cloudops_nb.models.requests import ExecutionMetadata
def request(text):
    return ExecutionRequest(command=Exec(program=text, args=(text,)), name=text,
                            metadata=ExecutionMetadata(tags={{text: text}}))
def drive(*requests):
    for each in requests:
        start(each); out(each, each.name + "\\n"); out(each, each.name + "\\n", "stderr")
        end(each, "failed", each.name)
texts = {texts!r}
"""
AS_PLAN = """\
plan = ExecutionPlan(description=texts[0], strategy=Parallel(), commands=(*map(request, texts),))
live(plan); show(); drive(*plan.commands); view.notice(texts[1])"""
AS_TITLES = """\
for text in texts:
    one = request(text)
    live(one); show(); drive(one); view.notice(text)"""

# Everything but what may stand in a live view: ours, and what ipywidgets makes of its parts.
STRANGE = """(outputs) => outputs.flatMap((output) => [...output.querySelectorAll("*")])
    .filter((node) => !["DIV", "SPAN", "BUTTON", "INPUT", "LABEL"].includes(node.tagName)
        || [...node.attributes].some(({ name }) => name.startsWith("on"))
        || node.style.backgroundImage.includes("url"))
    .map((node) => node.outerHTML.slice(0, 200))"""
LEFT = """(outputs) => outputs.flatMap((output) => {
    const found = output.innerText.match(
        /[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200b\\u200e\\u200f\\u202a-\\u202e\\u2060-\\u2069]/g);
    return found ?? [];
})"""
ALL_ROWS = (
    "(table) => { table.style.maxHeight = 'none'; table.dispatchEvent(new Event('scroll')); }"
)


def assert_text_alone(lab: LabPage, views: Locator) -> None:
    """Dialogs, requests to elsewhere and script errors fail the test by themselves, see `lab`."""
    assert views.evaluate_all(STRANGE) == []
    assert views.evaluate_all(LEFT) == []


def test_there_are_more_than_a_hundred_of_them() -> None:
    assert len(set(ALL)) > 100


def test_as_names_arguments_tags_output_and_errors_of_a_plan_they_stay_text(lab: LabPage) -> None:
    output = open_lab(lab, CELL.format(texts=[text or "x" for text in ALL]) + AS_PLAN)
    output.get_by_role("table", name="Commands").evaluate(ALL_ROWS)
    expect(output.locator(".cloudops-row")).to_have_count(len(ALL))
    expect(output.locator(".cloudops-line").last).to_be_attached()

    assert_text_alone(lab, output.locator(".cloudops-live"))
    output.locator(".cloudops-row").first.click()
    expect(output.locator(".cloudops-picked-title")).to_contain_text("alert(1)")
    assert_text_alone(lab, output.locator(".cloudops-live"))


@pytest.mark.parametrize("part", range(5))
def test_as_titles_notices_output_and_errors_of_a_run_they_stay_text(
    lab: LabPage, part: int
) -> None:
    texts = ALL[part::5]
    output = open_lab(lab, CELL.format(texts=texts) + AS_TITLES)
    expect(output.locator(".cloudops-live")).to_have_count(len(texts))
    expect(output.locator(".cloudops-line").last).to_be_attached()

    assert_text_alone(lab, output.locator(".cloudops-live"))


def test_text_that_would_turn_around_what_follows_is_written_out(lab: LabPage) -> None:
    cell = CELL.format(texts=["safe \u202egnp.exe"]) + AS_TITLES
    output = open_lab(lab, cell)

    expect(output.locator(".cloudops-line").first).to_have_text("safe ⟨U+202E⟩gnp.exe")
    expect(output.locator(".cloudops-title")).to_have_text("safe ⟨U+202E⟩gnp.exe")
