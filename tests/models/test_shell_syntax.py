"""Reading shell text."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.models.shell_syntax import (
    commands_in,
    from_bytes,
    in_bytes,
    incomplete,
    simple_command,
)

TEXT = st.text(st.characters(exclude_characters="\0"))


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("aws s3 ls", [("aws", "s3", "ls")]),
        ("a | b && c || d; e & f", [("a",), ("b",), ("c",), ("d",), ("e",), ("f",)]),
        ("x=$(aws s3 ls)", [("aws", "s3", "ls")]),
        ('echo "$(inner `innermost`)"', [("echo", None), ("inner", None), ("innermost",)]),
        ("for i in a b; do rm $i; done", [("rm", None)]),
        ("if a; then b; elif c; then d; else e; fi", [("a",), ("b",), ("c",), ("d",), ("e",)]),
        ("f() { rm -rf /; }", [("rm", "-rf", "/")]),
        ("(cd x && make)", [("cd", "x"), ("make",)]),
        ("diff <(a) >(b)", [("diff", None, None), ("a",), ("b",)]),
        ("cat <<EOF\n$(inner)\nEOF", [("cat",), ("inner",)]),
        ("case $x in a) b;; esac", [("b",)]),
        ("[ -n $(id) ] && [[ $(id) == x ]]", [("id",), ("id",)]),
        ("${x:-$(deep)}", [(None,), ("deep",)]),
        ("export A=$(b) C", [("export", "C"), ("b",)]),
    ],
)
def test_every_simple_command_is_found_wherever_it_stands(
    text: str, commands: list[tuple[str | None, ...]]
) -> None:
    assert list(commands_in(text)) == commands


def test_assignments_before_a_command_and_redirections_are_left_out() -> None:
    assert commands_in("A=1 B=2 make all > log 2>&1 < in") == (("make", "all"),)


def test_an_argument_after_a_redirection_belongs_to_the_command() -> None:
    assert commands_in("aws ec2 > log terminate-instances") == (
        ("aws", "ec2", "terminate-instances"),
    )


@pytest.mark.parametrize("word", ["$x", '"$x"', "*.txt", "a?", "[ab]", "~", "{a,b}", "{1..3}"])
def test_a_word_that_only_the_running_shell_knows_is_none(word: str) -> None:
    assert commands_in(f"rm {word}") == (("rm", None),)


@pytest.mark.parametrize("word", ["$'a'", '$"a"', "`a`", "$((1))", "<(a)", "a$x", "'a'\"$x\""])
def test_a_word_with_anything_that_is_not_plain_text_is_none(word: str) -> None:
    assert commands_in(f"rm {word}")[0] == ("rm", None)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a'b c'd", "ab cd"),
        ('"a\\"b\\$c\\n"', 'a"b$c\\n'),
        ("a\\ b", "a b"),
        ("''", ""),
        ('"*"', "*"),
        ("\\*", "*"),
        ("{}", "{}"),
        ("a\\\nb", "ab"),
        ("\\a\\w\\s", "aws"),
    ],
)
def test_quotes_are_resolved_as_the_shell_would(text: str, word: str) -> None:
    assert commands_in(f"x {text}") == (("x", word),)


@given(st.lists(TEXT, min_size=1))
def test_quoted_words_come_back(words: list[str]) -> None:
    # Not every value: a character the parser takes for the end of its text ends the reading, so
    # the answer may be "not simple", but never other words.
    assert simple_command(shlex.join(["x", *words])) in (("x", *words), None)


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C"])), min_size=1))
def test_printable_quoted_words_are_a_simple_command(words: list[str]) -> None:
    assert simple_command(shlex.join(["x", *words])) == ("x", *words)


@given(TEXT)
def test_no_text_makes_it_raise(text: str) -> None:
    commands_in(text)
    simple_command(text)
    incomplete(text)


@pytest.mark.parametrize(
    "text", ["aws s3 ls", "aws s3 ls # why", "# why\naws s3 ls\n", "aws \\\n  s3 \\\n  ls"]
)
def test_comments_and_continued_lines_leave_a_command_simple(text: str) -> None:
    assert simple_command(text) == ("aws", "s3", "ls")


@pytest.mark.parametrize(
    "text",
    [
        *"a;|a &|a > f|A=1 a|A=1|a $x|a *|! a|(a)|{ a; }|a <<< b|time a|fi|a 'b|export A=1".split(
            "|"
        ),
        *["", "# why", "a; b", "a | b", "a\nb", "cat <<E\nE"],
    ],
)
def test_anything_more_is_not_a_simple_command(text: str) -> None:
    assert simple_command(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("echo 'a", "an unclosed single quote"),
        ('echo "a', "an unclosed double quote"),
        ("echo `a", "an unclosed backquote"),
        ("if a; then", "`if` without `fi`"),
        ("for i in a b", "`for` without `done`"),
        ("while true", "`while` without `done`"),
        ("case x in", "`case` without `esac`"),
        ("f() {", "`{` without `}`"),
        ("echo $(a", "`$(` without `)`"),
        ("(a", "`(` without `)`"),
        ("[[ a", "`[[` without `]]`"),
        ("cat <<EOF", "a here-document without its end"),
        ("a |", "something missing at its end"),
        ("a &&", "something missing at its end"),
        ("a \\", "a `\\` at its end with nothing to join"),
        ("fi", "`fi` without `if`"),
        ("done", "`done` without `do`"),
        ("}", "`}` without `{`"),
        ("a)", "no shell syntax near ')'"),
    ],
)
def test_incomplete_text_is_told_why(text: str, reason: str) -> None:
    assert incomplete(text) == reason


@pytest.mark.parametrize(
    "text", ["", "a", "a;", "a &", "echo fi done }", "if a; then b; fi", "a \\\\", "cat <<E\nE\n"]
)
def test_complete_text_has_no_reason(text: str) -> None:
    assert incomplete(text) is None


@given(st.text(st.characters(min_codepoint=0x10000), min_size=1))
def test_the_parser_is_given_no_character_that_can_end_the_process(text: str) -> None:
    """Whether one does depends on what lies behind the table in memory."""
    assert max(map(ord, in_bytes(text).decode())) <= 0xFFFF


@given(st.text(st.characters(codec="utf-8")))
def test_what_the_parser_reads_is_the_text(text: str) -> None:
    assert from_bytes(in_bytes(text)) == text


@pytest.mark.parametrize("character", ["\U0001f600", "\U000c2d0c", "\ue038", "\uefff"])
def test_a_word_keeps_its_characters(character: str) -> None:
    words = ("echo", f"{character}a", f"{{{character}}}{character}")
    assert simple_command(" ".join(words)) == words
