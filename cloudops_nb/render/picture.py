"""Pictures of plans: what is handed to the notebook, and what all of them are drawn with.

An inline ``svg`` in HTML, not an image: JupyterLab shows images apart from the page, where its
theme does not reach. It has no script, no id and no address, so any number share a page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from cloudops_nb.models.results import ExecutionStatus
from cloudops_nb.render.html import record_html
from cloudops_nb.render.record import Drawing, Headline, Record, one_line, weight
from cloudops_nb.render.style import picture_sheet
from cloudops_nb.render.tallies import Piece
from cloudops_nb.render.text import headline_text, record_text, width

CHARACTER = 7.3
"""Width in pixels of a character of a picture's text."""

BAR = 12
"""Height in pixels of a bar; the style sheet says it, too, for striped ones."""

_SHRUNK = 0.8
_MAX = 56_000  # bytes of both forms; with the style sheet of a record it stays below MAX_BYTES
_NOT_XML = re.compile("[\ufffe\uffff]")  # all else that XML forbids is written out by `one_line`


@dataclass(frozen=True, slots=True, repr=False)
class Picture:
    """A picture that a notebook shows; ``str()`` is its text form.

    ``svg`` may be written to a file as it is; there, without a theme, its ink is black.
    """

    headline: Headline
    svg: str
    text: str

    def _repr_html_(self) -> str:
        return record_html(self._record())

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:  # noqa: ARG002 - IPython's form
        printer.text(repr(self) if len(printer.stack) > 1 else str(self))

    def __str__(self) -> str:
        return record_text(self._record())

    def __repr__(self) -> str:
        return f"<Picture: {headline_text(self.headline)}>"

    def _record(self) -> Record:
        return Record(self.headline, (Drawing(self.svg, self.text),))


def fitting(headline: Headline, drawings: Iterable[Callable[[], tuple[Element, str]]]) -> Picture:
    """The first of the drawings that is light enough, as svg and as text; the last fits always."""
    for draw in drawings:
        root, text = draw()
        svg = tostring(root, encoding="unicode")
        if len(svg.encode()) + weight(text) <= _MAX:
            break
    return Picture(headline, svg, text)


def canvas(size: tuple[float, float], title: str, description: str) -> Element:
    """The root of a picture, ``size`` pixels wide and high, described for who cannot see it."""
    across, down = (str(round(length)) for length in size)
    root = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "class": "cloudops-picture",
            "role": "img",
            "width": across,
            "height": down,
            "viewBox": f"0 0 {across} {down}",
            # A narrow page shrinks it a little, then scrolls: text stays readable.
            "style": f"min-width:{round(size[0] * _SHRUNK)}px",
        },
    )
    add(root, "title", title)
    add(root, "desc", description)
    add(root, "style", picture_sheet())
    return root


def add(parent: Element, tag: str, text: str = "", /, **attributes: str | float) -> Element:
    """A new element in ``parent``; ``look`` is its class, numbers are rounded to a tenth."""
    attributes = {"class" if name == "look" else name: v for name, v in attributes.items()}
    made = SubElement(parent, tag, {name: _attribute(v) for name, v in attributes.items()})
    made.text = _NOT_XML.sub("\ufffd", text) or None
    return made


def _attribute(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")


def label(text: str, columns: int) -> str:
    """``text`` on one line, cut to the columns it takes in a terminal."""
    shown = one_line(text, 6 * columns)
    if width(shown) <= columns:
        return shown
    while width(shown) >= columns:
        shown = shown[:-1]
    return f"{shown}…"


def add_bars(
    parent: Element, status: ExecutionStatus, bars: Iterable[tuple[float, float]], middle: float
) -> None:
    """Bars from x to x: solid for what completed, else striped, to be told apart without colour."""
    if status is ExecutionStatus.COMPLETED:
        top, bottom = f"{middle - BAR / 2:.1f}", f"{middle + BAR / 2:.1f}"
        path = "".join(f"M{x:.1f} {top}H{to:.1f}V{bottom}H{x:.1f}z" for x, to in bars)
        add(parent, "path", look=f"co-{status} co-fill", d=path)
    else:
        path = "".join(f"M{x:.1f} {middle:.1f}H{to:.1f}" for x, to in bars)
        add(parent, "path", look=f"co-{status} co-striped", d=path)


def add_pieces(
    parent: Element, pieces: Sequence[Piece], columns: Sequence[int], x: float, y: float
) -> None:
    """Writes the pieces from ``x``, each in its column."""
    for (status, text), room in zip(pieces, columns, strict=True):
        if text:
            add(parent, "text", text, look=f"co-{status}", x=x, y=y)
        x += room * CHARACTER
