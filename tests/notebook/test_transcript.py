"""What a console is given to show: whole, numbered, self-contained lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.notebook.transcript import (
    MAX_LINE_CHARS,
    MAX_LINES,
    MAX_NEW_LINES,
    Line,
    Transcript,
)

RED, RESET = "\x1b[31m", "\x1b[0m"


def lines_of(*pieces: str) -> list[Line]:
    """The lines after each of these pieces has been taken on its own."""
    transcript = Transcript(1)
    for piece in pieces:
        transcript.push(0, "stdout", piece)
        transcript.take()
    return transcript.tail()


def texts_of(*pieces: str) -> list[str]:
    return [line.text for line in lines_of(*pieces)]


def numbered(first: int, last: int) -> str:
    return "".join(f"{number}\n" for number in range(first, last))


def test_text_becomes_lines_with_consecutive_numbers() -> None:
    assert [(line.number, line.text) for line in lines_of("a\n\nb\n")] == [
        (0, "a"),
        (1, ""),
        (2, "b"),
    ]


def test_a_line_without_its_end_is_there_at_once() -> None:
    transcript = Transcript(1)
    transcript.push(0, "stdout", "Password: ")

    assert [line.text for line in transcript.take()] == ["Password: "]


def test_a_line_that_grows_keeps_its_number() -> None:
    transcript = Transcript(1)
    transcript.push(0, "stdout", "first\nwai")
    transcript.take()
    transcript.push(0, "stdout", "ting")

    assert [(line.number, line.text) for line in transcript.take()] == [(1, "waiting")]


def test_a_line_that_has_not_changed_is_not_given_again() -> None:
    transcript = Transcript(1)
    transcript.push(0, "stdout", "waiting")
    transcript.take()

    assert transcript.take() == []


def test_a_carriage_return_overwrites_the_line() -> None:
    assert texts_of("10%\r", "50%\r100%\n", "done\n") == ["100%", "done"]


def test_what_is_to_be_overwritten_stays_until_it_is() -> None:
    assert texts_of("50%\r") == ["50%"]


def test_crlf_is_one_line_end_wherever_it_is_split() -> None:
    assert texts_of("a\r\nb\r", "\nc\r\n") == ["a", "b", "c"]


def test_colours_go_on_in_the_next_line() -> None:
    assert texts_of(f"{RED}one\ntwo{RESET}\nthree\n") == [f"{RED}one", f"{RED}two{RESET}", "three"]


@pytest.mark.parametrize(
    ("codes", "in_force"),
    [
        ("\x1b[01;34m", "\x1b[01;34m"),
        ("\x1b[1m\x1b[4m\x1b[22m", "\x1b[4m"),
        ("\x1b[31m\x1b[39m", ""),
        ("\x1b[31;42m\x1b[49m", "\x1b[31m"),
        ("\x1b[38;5;208m\x1b[48;2;1;2;3m", "\x1b[38;5;208;48;2;1;2;3m"),
        ("\x1b[38:2::1:2:3m", "\x1b[38:2::1:2:3m"),
        ("\x1b[91m\x1b[104m", "\x1b[91;104m"),
        ("\x1b[31m\x1b[m", ""),
        ("\x1b[38m", "\x1b[38;m"),
    ],
)
def test_the_colours_in_force_are_followed(codes: str, in_force: str) -> None:
    assert texts_of(f"{codes}\nnext")[1] == f"{in_force}next"


def test_an_overwritten_colour_is_still_in_force() -> None:
    assert texts_of(f"{RED}10%\r20%\n") == [f"{RED}20%"]


@given(st.lists(st.sampled_from(["a", "b", "\n", "\r", RED, RESET, "\x1b[1", "m"]), max_size=30))
def test_where_text_is_split_makes_no_difference(atoms: list[str]) -> None:
    text = "".join(atoms)

    assert lines_of(*text) == lines_of(text)


def test_a_long_line_is_cut_and_says_by_how_much() -> None:
    (line,) = lines_of("x" * (MAX_LINE_CHARS + 5) + "\n")

    assert (line.text, line.cut) == ("x" * MAX_LINE_CHARS, 5)


def test_colours_do_not_count_as_length() -> None:
    (line,) = lines_of(f"{RED}x{RESET}" * (MAX_LINE_CHARS // 4) + "\n")

    assert line.cut == 0


def test_a_line_that_never_ends_is_held_in_bounded_space() -> None:
    transcript = Transcript(1)
    for _ in range(100):
        transcript.push(0, "stdout", "x" * 100_000)
        (line,) = transcript.take()

    assert (len(line.text), line.cut) == (MAX_LINE_CHARS, 100 * 100_000 - MAX_LINE_CHARS)


def test_the_streams_of_a_command_have_lines_of_their_own() -> None:
    transcript = Transcript(1)
    transcript.push(0, "stdout", "out ")
    transcript.push(0, "stderr", "err\n")
    transcript.push(0, "stdout", "put\n")

    assert [(line.kind, line.text) for line in transcript.take()] == [
        ("stdout", "out put"),
        ("stderr", "err"),
    ]


def test_streams_stay_in_the_order_they_were_printed_in() -> None:
    transcript = Transcript(1)
    for number in range(10):
        transcript.push(0, "stderr" if number % 2 else "stdout", f"{number}\n")

    assert [line.text for line in transcript.take()] == [str(number) for number in range(10)]


def test_a_burst_keeps_its_last_lines_and_the_count_of_the_others() -> None:
    transcript = Transcript(1)
    transcript.push(0, "stdout", numbered(0, 100_000))
    lines = transcript.take()

    assert len(lines) == MAX_NEW_LINES
    assert [(line.number, line.text) for line in lines][-1] == (99_999, "99999")
    assert all(line.text == str(line.number) for line in lines)


def test_a_burst_in_many_pieces_is_counted_as_well() -> None:
    transcript = Transcript(1)
    text = numbered(0, 100_000)
    for start in range(0, len(text), 1000):
        transcript.push(0, "stdout", text[start : start + 1000])

    assert all(line.text == str(line.number) for line in transcript.take())


def test_a_burst_ends_the_line_that_is_already_shown() -> None:
    transcript = Transcript(1)
    transcript.push(0, "stdout", "shown ")
    transcript.take()
    transcript.push(0, "stdout", "so far\n" + numbered(1, 2000))

    assert transcript.take()[0].text == "shown so far"


def test_a_burst_does_not_crowd_out_a_quiet_command() -> None:
    transcript = Transcript(3)
    transcript.push(0, "stdout", numbered(0, 50_000))
    transcript.push(1, "stdout", "quiet\n")
    transcript.push(2, "stdout", numbered(0, 50_000))
    lines = transcript.take()

    assert [line.text for line in lines if line.row == 1] == ["quiet"]
    assert len(lines) <= MAX_NEW_LINES


def test_of_more_commands_than_there_is_room_for_the_latest_are_shown() -> None:
    transcript = Transcript(1000)
    for row in range(1000):
        transcript.push(row, "stdout", f"line of {row}\n")
    lines = transcript.take()

    assert [line.row for line in lines] == [*range(500, 1000)]


def test_a_burst_that_goes_on_gives_fewer_lines_until_it_ends() -> None:
    transcript = Transcript(1)
    taken = []
    for lines in (1000, 1000, 1000, 1, 400):
        transcript.push(0, "stdout", numbered(0, lines))
        taken.append(len(transcript.take()))

    assert taken == [500, 100, 100, 1, 400]


def test_what_is_waiting_to_be_taken_is_bounded() -> None:
    transcript = Transcript(1)
    for _ in range(1000):
        transcript.push(0, "stdout", "y\n" * 5000)

    assert sum(len(text) for _, text, _ in transcript._waiting) < 200_000


def test_the_tail_is_bounded_in_lines() -> None:
    assert len(lines_of(*(numbered(0, 400) for _ in range(10)))) == MAX_LINES


def test_the_tail_is_bounded_in_characters() -> None:
    lines = lines_of(*("x" * MAX_LINE_CHARS + "\n" for _ in range(MAX_LINES)))

    assert sum(len(line.text) for line in lines) <= 512 * 1024


def test_each_command_has_a_tail_with_numbers_of_its_own() -> None:
    transcript = Transcript(2)
    transcript.push(0, "stdout", "a\nb\n")
    transcript.push(1, "stdout", "c\n")
    transcript.take()

    assert [(line.row_number, line.text) for line in transcript.tail(1)] == [(0, "c")]


def test_a_flooding_command_leaves_the_tail_of_another() -> None:
    transcript = Transcript(2)
    transcript.push(0, "stdout", "precious\n")
    transcript.take()
    for _ in range(20):
        transcript.push(1, "stdout", numbered(0, 400))
        transcript.take()

    assert [line.text for line in transcript.tail(0)] == ["precious"]


def test_lines_that_were_never_given_to_it_are_counted() -> None:
    transcript = Transcript(1)
    transcript.push(0, "stdout", "shown\n")
    transcript.take()
    transcript.push(0, "stdout", "a line that had begun")
    transcript.take()
    transcript.skip(0, "stdout", 1000)
    transcript.push(0, "stdout", "last\n")

    assert [(line.number, line.text) for line in transcript.take()] == [
        (1, "a line that had begun"),
        (1001, "last"),
    ]
