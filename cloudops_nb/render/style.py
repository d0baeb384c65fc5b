"""The look of HTML records: one style sheet, and the colours of terminal text.

Neutral colours are JupyterLab's variables, so records follow any theme; states and the terminal's
palette have a light and a dark set of our own, since JupyterLab's are too pale to read as text.
Where a viewer drops the style sheet (untrusted notebooks, GitHub), each coloured piece carries a
plain colour that is readable on white and on black.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

from cloudops_nb.models.results import ExecutionStatus
from cloudops_nb.render.sgr import Color, Style

# Contrast of at least 4.5 (WCAG 2 AA) on what lies behind output: light #f3f3f3, dark #242424.
_LIGHT = (
    *("#24292f", "#b42318", "#116329", "#7d5600", "#0550ae", "#8031c5", "#0b6e79", "#57606a"),
    *("#656d76", "#cf222e", "#1a7f37", "#8a6100", "#0969da", "#9341d1", "#137a83", "#24292f"),
)
_DARK = (
    *("#8b949e", "#ff7b72", "#4bc25e", "#d9a32b", "#6cb0ff", "#c497ff", "#39c5cf", "#b1bac4"),
    *("#a0a8b1", "#ffa198", "#6fdd82", "#ecc259", "#8ecbff", "#dab6ff", "#62dbe4", "#ffffff"),
)
# Those of xterm, for text on a background: there the program chose the contrast.
_XTERM = (
    *("#000000", "#cd0000", "#00cd00", "#cdcd00", "#0000ee", "#cd00cd", "#00cdcd", "#e5e5e5"),
    *("#7f7f7f", "#ff0000", "#00ff00", "#ffff00", "#5c5cff", "#ff00ff", "#00ffff", "#ffffff"),
)
_DARKEST, _BRIGHTEST = 0.14, 0.26  # relative luminance of what is read on white and on black
_INVERSE = "#57606a"  # the background of inverse text that has no colour of its own

_STATES = {
    ExecutionStatus.PENDING: 8,
    ExecutionStatus.RUNNING: 4,
    ExecutionStatus.COMPLETED: 2,
    ExecutionStatus.FAILED: 1,
    ExecutionStatus.CANCELLED: 5,
    ExecutionStatus.TIMEOUT: 3,
    ExecutionStatus.SKIPPED: 8,
    ExecutionStatus.INTERRUPTED: 3,
}


def state_css(status: ExecutionStatus) -> str:
    """The colour of a state's text."""
    return _palette_css("color", _STATES[status])


def share_css(status: ExecutionStatus, number: int) -> str:
    """A state's part of a plan's bar."""
    return f"flex:{number};{_palette_css('background', _STATES[status])}"


@lru_cache(maxsize=1024)
def text_css(style: Style) -> str:
    """Declarations for a piece of terminal text; empty for plain text."""
    parts = (
        [_colors(style)] if style.fg is not None or style.bg is not None or style.inverse else []
    )
    parts += ["font-weight:bold"] * style.bold
    parts += ["font-style:italic"] * style.italic
    parts += ["opacity:.7"] * style.dim
    lines = ["underline"] * style.underline + ["line-through"] * style.strike
    parts += [f"text-decoration:{' '.join(lines)}"] * bool(lines)
    return ";".join(parts)


def _colors(style: Style) -> str:
    fg, bg = style.fg, style.bg
    if style.inverse:
        fg, bg = bg, _INVERSE if fg is None else fg
    if bg is None:
        if isinstance(fg, int):
            return _palette_css("color", fg)
        return f"color:{_readable(fg)}" if fg else ""
    back = _rgb(bg)
    fore = _rgb(fg) if fg is not None else back
    if _contrast(fore, back) < 1.5:  # no colour, or text hidden in its background
        fore = max("#000000", "#ffffff", key=lambda ink: _contrast(ink, back))
    return f"color:{fore};background:{back}"


def _palette_css(name: str, index: int) -> str:
    # A sanitizer that knows no var() keeps the first; a browser takes the second.
    return f"{name}:{_readable(_LIGHT[index])};{name}:var(--co-{index})"


def _rgb(color: Color) -> str:
    return _XTERM[color] if isinstance(color, int) else color


def _readable(color: str) -> str:
    """``color``, darkened or lightened to a contrast of 3.4 or more on white and on #111111."""
    luminance = _luminance(color)
    inks = _linear(color)
    if luminance > _BRIGHTEST:
        inks = [ink * _BRIGHTEST / luminance for ink in inks]
    elif luminance < _DARKEST:
        share = (_DARKEST - luminance) / (1 - luminance)
        inks = [ink + share * (1 - ink) for ink in inks]
    encoded = (
        12.92 * ink if ink <= 0.0031308 else 1.055 * ink ** (1 / 2.4) - 0.055 for ink in inks
    )
    return "#" + "".join(f"{round(255 * value):02x}" for value in encoded)


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    red, green, blue = _linear(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(color: str) -> list[float]:
    values = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]


def _variables(palette: tuple[str, ...]) -> str:
    return "".join(f"--co-{index}:{color};" for index, color in enumerate(palette))


# JupyterLab, Notebook and nbconvert; VS Code; Colab.
_DARK_PAGES = (
    '[data-jp-theme-light="false"] .cloudops-record,.vscode-dark .cloudops-record,'
    ".vscode-high-contrast .cloudops-record,html[theme=dark] .cloudops-record"
)


@lru_cache(maxsize=1)
def style_sheet() -> str:
    """The style sheet of a record, each rule under ``.cloudops-record``."""
    palettes = f".cloudops-record{{{_variables(_LIGHT)}}}{_DARK_PAGES}{{{_variables(_DARK)}}}"
    return palettes + _packed("record.css")


@lru_cache(maxsize=1)
def picture_sheet() -> str:
    """The style sheet of a picture, each rule under ``.cloudops-picture``.

    A state's name is a class that sets the colour. Outside a record, whose sheet has the palettes,
    it is one that can be seen on white and on black.
    """
    states = "".join(
        f".cloudops-picture .co-{status}{{color:{plain};color:var(--co-{index},{plain})}}"
        for status, index in _STATES.items()
        for plain in (_readable(_LIGHT[index]),)
    )
    return states + _packed("picture.css")


def _packed(name: str) -> str:
    layout = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return re.sub(r"/\*.*?\*/|\n *", "", layout, flags=re.DOTALL)
