"""Terminal colours that can be read on white and on black."""

import re

import pytest

from cloudops_nb.render import style as look
from cloudops_nb.render.sgr import PLAIN, Style
from cloudops_nb.render.style import style_sheet, text_css

WHITE, BLACK = "#ffffff", "#111111"
BEHIND_OUTPUT = {"light": "#f3f3f3", "dark": "#242424"}


def contrast(one: str, other: str) -> float:
    return look._contrast(one, other)


def test_plain_text_has_no_style() -> None:
    assert text_css(PLAIN) == ""


def test_black_on_white_has_the_contrast_that_wcag_gives_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", BEHIND_OUTPUT)
def test_every_colour_of_the_palette_can_be_read_in_both_themes(theme: str) -> None:
    light, dark = style_sheet().split("{")[1:3]
    colours = re.findall(r"--co-\d+:(#\w{6})", light if theme == "light" else dark)

    assert len(colours) == 16
    assert min(contrast(colour, BEHIND_OUTPUT[theme]) for colour in colours) >= 4.5


@pytest.mark.parametrize("colour", ["#ffff00", "#000000", "#ffffff", "#0000ff", "#123456"])
def test_true_colours_without_a_background_are_moved_to_where_both_themes_show_them(
    colour: str,
) -> None:
    shown = text_css(Style(fg=colour)).removeprefix("color:")

    assert contrast(shown, WHITE) >= 3.3
    assert contrast(shown, BLACK) >= 3.3


def test_text_on_a_background_keeps_the_colours_its_program_chose() -> None:
    assert text_css(Style(fg="#111111", bg="#ffcc00")) == "color:#111111;background:#ffcc00"


@pytest.mark.parametrize("style", [Style(fg=0, bg=0), Style(bg=0), Style(fg=1, inverse=True)])
def test_text_is_never_hidden_in_its_background(style: Style) -> None:
    fore, back = re.findall(r"#\w{6}", text_css(style))

    assert contrast(fore, back) >= 4.5


def test_inverse_text_in_no_colour_has_a_background() -> None:
    assert text_css(Style(inverse=True)) == "color:#ffffff;background:#57606a"


def test_styles_add_up() -> None:
    style = Style(bold=True, italic=True, dim=True, underline=True, strike=True)

    assert text_css(style) == (
        "font-weight:bold;font-style:italic;opacity:.7;text-decoration:underline line-through"
    )
