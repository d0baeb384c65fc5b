"""Whatever commands print and people call things, a record shows it as text."""

import json

import pytest

from cloudops_nb.records import Records
from cloudops_nb.render.describe import Recordable, describe
from cloudops_nb.render.describe_list import ExecutionTable
from cloudops_nb.render.html import record_html
from cloudops_nb.render.text import record_text
from tests.render.samples import Elements, a_plan, a_result, a_skipped_result, a_summary

OUR_TAGS = {
    *("div", "style", "b", "i", "bdi", "span", "small", "code", "pre", "blockquote"),
    *("details", "summary", "table", "thead", "tbody", "tr", "th", "td"),
}
OUR_ATTRIBUTES = {"class", "style"}

PAYLOADS = [
    "<script>alert(1)</script>",
    "</pre><script>alert(1)</script><pre>",
    "</code></pre></div></div><h1>done</h1>",
    "</style><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=data:text/html,<script>alert(1)</script>>",
    "<embed src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>click</a>",
    "<form action=http://evil.example><input name=q><button>go</button></form>",
    "<base href=http://evil.example/>",
    "<meta http-equiv=refresh content='0;url=http://evil.example'>",
    "<link rel=stylesheet href=http://evil.example/x.css>",
    "<style>*{display:none}</style>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<math><mtext></mtext><mglyph><style><img src=x onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml version='1.0'?><!DOCTYPE x>",
    '" onmouseover="alert(1)" x="',
    "' onfocus='alert(1)' autofocus='",
    "`onclick=alert(1)`",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "&#x3c;img src=x onerror=alert(1)&#x3e;",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "$\\href{javascript:alert(1)}{x}$ and \\(x^2\\)",
    "javascript:alert(1)//http://evil.example/",
    "[link](javascript:alert(1)) ![x](http://evil.example/x.png)",
    "<\x00script>alert(1)</script>",
    "\x1b]8;;javascript:alert(1)\x1b\\click\x1b]8;;\x1b\\",
    "\x1b]52;c;cm0gLXJmIH4=\x07",
    "\x1b]0;title\x07\x1b[2J\x1b[H\x1b[3J",
    "\x1b[31m<b onclick=alert(1)>\x1b[0m",
    '\x1b[38;2;1;2;3"onclick="alert(1)mx',
    "safe\r<script>alert(1)</script>",
    "\u202egnp.exe\u202c \u2066isolated\u2069",
    "e" + "\u0301" * 500,
    "\u2028<script>alert(1)</script>\u2029",
    "\0\x01\x02\x07\x08\x0b\x0c\x7f\x9b31m",
    "\ud83d<script>\udc00",
    "✓ completed · exit 0\nlog: ~/fake.log",
    "A" * 100_000,
    "\n" * 50_000,
]


def everywhere(payload: str) -> list[Recordable]:
    """Results, plans, tables and records with ``payload`` wherever text can be put."""
    # Strict UTF-8 is all that models take; streams and records may hold anything.
    encodable = payload.encode(errors="replace").decode()
    texts = {"name": encodable, "command": encodable, "error": encodable, "signal": encodable}
    more = {"tags": {encodable: encodable}, "region": encodable, "profile": encodable}
    where = {"log_path": f"/{encodable}/log", "withheld_env": (encodable,)}
    failed = a_result("failed", 1, stdout=payload, stderr=payload, **texts, **more, **where)
    skipped = a_skipped_result(encodable, number=1, name=encodable)
    column = payload[:50] or "column"
    return [
        failed,
        skipped,
        a_result(stdout=json.dumps([{column: payload}])),
        a_plan(failed, skipped, a_result(number=2), description=encodable, error=encodable),
        ExecutionTable([a_summary(title=encodable)]),
        Records([{column: payload, "nested": {column: [payload]}}]),
    ]


def assert_only_ours(html: str) -> None:
    elements = Elements(html)
    assert elements.tags <= OUR_TAGS
    assert {name for name, _ in elements.attributes} <= OUR_ATTRIBUTES
    assert not any("url" in value or "(alert" in value for _, value in elements.attributes)
    assert elements.others == []


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_hostile_text_makes_no_element_and_stays_text(payload: str) -> None:
    for value in everywhere(payload):
        html = record_html(describe(value))

        assert_only_ours(html)


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_hostile_text_moves_no_cursor_and_turns_no_writing_around(payload: str) -> None:
    for value in everywhere(payload):
        text = record_text(describe(value))

        assert not set(text) & set("\x1b\r\b\0\x07\x9b\u202e\u202c\u2066\u2069\u2028\u2029")


def test_markup_is_shown_as_it_was_printed() -> None:
    payload = "<script>alert('1 & 2')</script>"
    html = record_html(describe(a_result(stdout=payload)))

    assert payload in Elements(html).text
