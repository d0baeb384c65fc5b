"""Terminal output becomes lines of styled text, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.render.ansi import MAX_LINE, Segment, parse, plain
from cloudops_nb.render.sgr import PLAIN, Style


def styled(text: str) -> list[tuple[str, Style]]:
    [line] = parse(text)
    return [tuple(segment) for segment in line.segments]


def style_after(sgr: str) -> Style:
    [(_, style)] = styled(f"\x1b[{sgr}mx")
    return style


def test_text_without_sequences_is_one_plain_segment() -> None:
    assert parse("one\ntwo")[1].segments == (Segment("two", PLAIN),)


@pytest.mark.parametrize(
    ("sgr", "style"),
    [
        ("31", Style(fg=1)),
        ("97", Style(fg=15)),
        ("44", Style(bg=4)),
        ("103", Style(bg=11)),
        ("1;3;4", Style(bold=True, italic=True, underline=True)),
        ("2;7;9", Style(dim=True, inverse=True, strike=True)),
        ("38;5;9", Style(fg=9)),
        ("38;5;16", Style(fg="#000000")),
        ("38;5;231", Style(fg="#ffffff")),
        ("38;5;208", Style(fg="#ff8700")),
        ("48;5;244", Style(bg="#808080")),
        ("38;2;1;2;255", Style(fg="#0102ff")),
        ("38:2::1:2:255", Style(fg="#0102ff")),
        ("38;2;1;2;999", Style(fg="#0102ff")),
        ("38;5;9;1", Style(fg=9, bold=True)),
        ("31;0", PLAIN),
        ("31;", PLAIN),
        ("1;2;22", PLAIN),
        ("31;41;39;49", PLAIN),
        ("4:3", Style(underline=True)),
        ("4;4:0", PLAIN),
        ("8", PLAIN),
    ],
)
def test_sgr_gives_a_style(sgr: str, style: Style) -> None:
    assert style_after(sgr) == style


@pytest.mark.parametrize("sgr", ["38", "38;5", "38;2;1", "38;9", "?1", ">4;2", "12345678901", ":"])
def test_sgr_that_is_malformed_or_private_changes_nothing(sgr: str) -> None:
    assert style_after(sgr) == PLAIN


def test_a_style_lasts_until_it_is_reset_also_across_lines() -> None:
    first, second = parse("\x1b[31mred\nstill\x1b[0m not")

    assert first.segments == (Segment("red", Style(fg=1)),)
    assert second.segments == (Segment("still", Style(fg=1)), Segment(" not", PLAIN))


@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b[2J",  # clear the screen
        "\x1b[1;1H",  # go to its corner
        "\x1b[?1049h",  # the other screen
        "\x1b[6n",  # ask the terminal to type
        "\x1bc",  # reset it
        "\x1b(0",  # another character set
        "\x1b]0;title\x07",
        "\x1b]8;;http://evil.example/\x1b\\",  # hyperlink
        "\x1b]52;c;cm0gLXJm\x07",  # clipboard
        "\x1bPq#0\x1b\\",  # picture
        "\x1b_payload\x1b\\",
    ],
)
def test_other_sequences_are_dropped(sequence: str) -> None:
    assert plain(f"a{sequence}b") == "ab"


def test_text_after_a_string_that_never_ends_is_not_swallowed() -> None:
    assert plain("\x1b]0;rm -rf /") == "0;rm -rf /"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (" 10%\r 50%\r100%", "100%"),
        ("downloading\rdone", "doneloading"),
        ("downloading\r\x1b[Kdone", "done"),
        ("old\x1b[2Knew", "new"),
        ("a\b\b\bb", "b"),
        ("dos\r\nend", "dos\nend"),
        ("100%\r", "100%"),
    ],
)
def test_a_line_is_overwritten_as_a_terminal_would(raw: str, shown: str) -> None:
    assert plain(raw) == shown


def test_the_end_of_a_long_progress_display_is_what_shows() -> None:
    assert plain("".join(f"\r{n:07}" for n in range(100_000))) == "0099999"


@pytest.mark.parametrize(
    ("char", "spelled"),
    [
        ("\0", "␀"),
        ("\a", "␇"),
        ("\x1b", "␛"),
        ("\x7f", "␡"),
        ("\x9b", "⟨U+009B⟩"),
        ("\u202e", "⟨U+202E⟩"),
        ("\u2066", "⟨U+2066⟩"),
        ("\u200b", "⟨U+200B⟩"),
        ("\u2028", "⟨U+2028⟩"),
        ("\ufeff", "⟨U+FEFF⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
    ],
)
def test_what_cannot_be_seen_is_spelled(char: str, spelled: str) -> None:
    assert plain(f"{char}") == spelled


@pytest.mark.parametrize("text", ["naïve", "שלום", "نمی‌خواهم", "👩‍👩‍👧‍👦", "a\tb", "e\u0301\u0323"])
def test_human_writing_is_left_alone(text: str) -> None:
    assert plain(text) == text


def test_a_tower_of_combining_marks_is_cut() -> None:
    assert plain("e" + "\u0301" * 1000 + "f") == "e" + "\u0301" * 4 + "⟨marks⟩f"


def test_a_tower_of_marks_in_many_styles_is_cut_too() -> None:
    tower = "".join(f"\x1b[{30 + n % 8}m\u0301" for n in range(100))

    assert plain("e" + tower).count("\u0301") == 4


def test_a_long_line_is_cut_and_says_how_long_it_is() -> None:
    [line] = parse("x" * (MAX_LINE + 1))

    assert (len(line.text), line.cut) == (MAX_LINE, MAX_LINE + 1)


def test_shortening_a_line_keeps_the_styles_of_what_is_left() -> None:
    [line] = parse("\x1b[31mred\x1b[0m plain")

    assert line.shortened(5).segments == (Segment("red", Style(fg=1)), Segment(" p", PLAIN))


@given(
    st.text(st.characters(codec=None, exclude_categories=()) | st.sampled_from("\x1b[]mK\r\b;9"))
)
def test_whatever_comes_in_nothing_that_acts_comes_out(text: str) -> None:
    shown = plain(text)

    shown.encode()  # no lone surrogate
    assert all(
        char.isprintable() or char in "\n\t\u200c\u200d\u00a0" or char > "~" for char in shown
    )
    assert not set(shown) & {"\x1b", "\r", "\b", "\0", "\u202e", "\u2066", "\x9b"}
