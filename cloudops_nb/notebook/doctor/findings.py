"""What the doctor found, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Literal

from cloudops_nb.models.results import ExecutionStatus
from cloudops_nb.render.html import framed
from cloudops_nb.render.style import state_css

Level = Literal["good", "note", "bad"]

_MARKS: dict[Level, str] = {"good": "✔", "note": "▲", "bad": "✘"}
_WORDS: dict[Level, str] = {"good": "good", "note": "to know", "bad": "to mend"}
_COLORS: dict[Level, ExecutionStatus] = {
    "good": ExecutionStatus.COMPLETED,
    "note": ExecutionStatus.TIMEOUT,
    "bad": ExecutionStatus.FAILED,
}


@dataclass(frozen=True)
class Finding:
    """One thing looked at; ``remedy`` says what to do about it, where there is something.

    ``note`` is what works and may surprise, ``bad`` what does not.
    """

    part: str
    subject: str
    found: str
    level: Level = "good"
    remedy: str = ""


class Diagnosis(tuple[Finding, ...]):
    """All findings, part by part; shows itself as text and as HTML."""

    __slots__ = ()

    @property
    def summary(self) -> str:
        """How many things want mending, in a line."""
        bad = sum(finding.level == "bad" for finding in self)
        notes = sum(finding.level == "note" for finding in self)
        mend = f"{bad} to mend" if bad else "nothing to mend"
        return f"{mend}, {notes} to know" if notes else mend

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield self.summary
        width = max((len(finding.subject) for finding in self), default=0)
        for part, findings in groupby(self, key=lambda finding: finding.part):
            yield f"\n{part}"
            for each in findings:
                yield f"  {_MARKS[each.level]} {each.subject:{width}}  {each.found}"
                if each.remedy:
                    yield f"    {'':{width}}  → {each.remedy}"

    def _repr_html_(self) -> str:
        parts = groupby(self, key=lambda finding: finding.part)
        bodies = "".join(_part(part, list(findings)) for part, findings in parts)
        return framed(f"<div><b>{escape(self.summary)}</b></div>\n<table>{bodies}</table>")


def _part(part: str, findings: list[Finding]) -> str:
    head = f'<th colspan="3" scope="rowgroup" style="padding-top:10px">{escape(part)}</th>'
    return f"<tbody><tr>{head}</tr>\n{chr(10).join(map(_row, findings))}</tbody>"


def _row(finding: Finding) -> str:
    # The mark has a word for who cannot see it; colour alone says nothing.
    mark = (
        f'<td style="{state_css(_COLORS[finding.level])}" title="{_WORDS[finding.level]}" '
        f'aria-label="{_WORDS[finding.level]}">{_MARKS[finding.level]}</td>'
    )
    remedy = f"<div>→ {escape(finding.remedy)}</div>" if finding.remedy else ""
    found = f'<td class="co-long">{escape(finding.found)}{remedy}</td>'
    return f"<tr>{mark}<td><b>{escape(finding.subject)}</b></td>{found}</tr>"
