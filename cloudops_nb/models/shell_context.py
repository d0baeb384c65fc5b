"""Where in a shell text a word may be put so that the shell takes it as data.

The answer is for a quoted word in the place of a bare one. It is a list of places known to be
safe; whatever is not in it is refused. What it rests on: quotes inside quotes end them, in a
here-document quotes are text, and what bash evaluates (arithmetic, names of variables) may hold
``a[$(command)]``, which runs. All this was tried on bash 5.2 and dash, with random scripts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from cloudops_nb.models.interpreters import (
    DECISIVE,
    IS_PROGRAM,
    decides,
    input_refusal,
    refusal,
)
from cloudops_nb.models.shell_syntax import QUOTES, Word, literal, text_of, walk, words_of

if TYPE_CHECKING:
    from tree_sitter import Node


class Place(Enum):
    """What may be put at a place."""

    WORDS = "words"
    """An argument of a command: one word or several."""
    LIST = "list"
    """An element of an array or of a ``for`` list: any number of words, none too."""
    WORD = "word"
    """Exactly one word."""
    PROGRAM = "program"
    """The name of a program: exactly one word, always quoted."""
    COMMENT = "comment"
    """Nothing: a comment stays as it is."""


@dataclass(frozen=True, slots=True)
class Context:
    """A place.

    ``whole``: the word is nothing else. ``plain``: safe characters need no quotes. ``before``: the
    words of the command that the word is one of, its name included; None: it is in none.
    ``start``: what of the word comes before.
    """

    place: Place
    whole: bool
    plain: bool
    before: Sequence[Word] | None = None
    start: str = ""


class Refused(Exception):
    """No value may be put here; the text goes on from "{{ name }} …". Never seen by callers."""


EVALUATING = frozenset(
    "alias bind compgen complete compopt declare enable eval export getopts let local mapfile read "
    "readarray readonly test trap typeset unset wait".split()
)
"""Builtins that read words as code, variables' names or arithmetic (all builtins were tried)."""
PREFIXES = frozenset(["builtin", "command", "coproc", "exec", "time"])
"""Words that run the words after them as a command."""

_EVALUATED_VARIABLES = frozenset(
    ["BASH_ENV", "ENV", "HISTCMD", "OPTIND", "PS4", "RANDOM", "SRANDOM"]
)
_PASSABLE = frozenset(
    "program list pipeline command redirected_statement if_statement elif_clause else_clause "
    "while_statement for_statement do_group case_statement case_item function_definition "
    "compound_statement subshell negated_command command_name concatenation string array "
    "variable_assignment variable_assignments declaration_command file_redirect "
    "herestring_redirect process_substitution command_substitution test_command "
    "binary_expression unary_expression parenthesized_expression".split()
)
_ARITHMETIC = ("arithmetic_expansion", "c_style_for_statement", "((")
_TESTS = frozenset(["=", "==", "!=", "<", ">", "-ef", "-nt", "-ot", "&&", "||", "!"])
_NUMBER_TESTS = frozenset(["-eq", "-ne", "-lt", "-le", "-gt", "-ge"])
_UNARY_TEST = re.compile(r"!|-[bcdefghknprsuwxzGLNOS]")
_BARE = re.compile(r"(?:\\.|[^\s'\"`$()<>|&;\\{}])*", re.DOTALL)
_PLAIN = re.compile(r"[\w@%+=:,./-]*", re.ASCII)
_ELSEWHERE = "stands where the shell reads more than a plain word"


def context_at(text: bytes, root: Node, start: int, end: int, *, output: bool = False) -> Context:
    """What may be put in the place of the bareword at the byte offsets ``start`` to ``end``.

    ``root`` is the tree of ``text``, and ``shell_doubts.doubts`` has none about it. ``output`` is
    whether a step gave the value, so that it may not decide what runs.

    Raises:
        Refused: nothing may; says why.
    """
    leaf = root.descendant_for_byte_range(start, end)
    if leaf is None:
        raise Refused(_ELSEWHERE)
    if leaf.type == "comment":
        return Context(Place.COMMENT, whole=False, plain=False)
    _check_surroundings(leaf, start, output=output)
    if output:
        _check_variables(leaf)
    if leaf.type not in ("word", "extglob_pattern") or not _BARE.fullmatch(text_of(leaf)):
        raise Refused(_ELSEWHERE)
    word = leaf
    if leaf.parent is not None and leaf.parent.type == "concatenation":
        word = leaf.parent
        if any(set("{}") & set(text_of(piece)) for piece in word.children if piece.type == "word"):
            raise Refused("is inside {…}, which the shell expands; write the words out")
    place = _place(word)
    plain = (
        place in (Place.WORDS, Place.LIST)
        and _PLAIN.fullmatch(text_of(word)) is not None
        and text[word.end_byte : word.end_byte + 1] not in (b"<", b">")  # `2>f` is not `2 >f`
    )
    whole = (word.start_byte, word.end_byte) == (start, end)
    return Context(place, whole, plain, _command_before(word), _certain(word, start))


def _place(word: Node) -> Place:
    parent = word.parent
    kind = parent.type if parent is not None else ""
    if parent is not None and kind == "command":
        return Place.WORDS if _before(parent, word) else Place.PROGRAM
    places = {
        "command_name": Place.PROGRAM,
        "array": Place.LIST,
        "for_statement": Place.LIST,
        "variable_assignment": Place.WORD,
        "file_redirect": Place.WORD,
        "herestring_redirect": Place.WORD,
        "case_statement": Place.WORD,
        "case_item": Place.WORD,
        "binary_expression": Place.WORD,
        "unary_expression": Place.WORD,
    }
    if kind not in places:
        raise Refused(_ELSEWHERE)
    return places[kind]


def _command_before(word: Node) -> list[Word] | None:
    parent = word.parent
    if parent is not None and parent.type == "command":
        return _all_before(parent, word)
    return [] if parent is not None and parent.type == "command_name" else None


def _certain(word: Node, start: int) -> str:
    """What of a word comes before the byte offset ``start``, without its quotes."""
    before = (word.text or b"")[: start - word.start_byte].decode()
    return re.sub(r"[\"'\\]", "", before)


def _check_variables(leaf: Node) -> None:
    """Makes sure that no variable that decides what runs is assigned what the place is in."""
    child, node = leaf, leaf.parent
    while node is not None:
        if node.type in ("variable_assignment", "for_statement") and child.type != "do_group":
            for each in node.children:
                if each.type == "variable_name" and DECISIVE.fullmatch(text_of(each)):
                    raise Refused(f"is assigned: {decides(text_of(each))}")
        child, node = node, node.parent


def _check_surroundings(leaf: Node, start: int, *, output: bool) -> None:
    """Looks at everything the place is inside of, from the inside out."""
    checks: dict[str, Callable[[Node, Node], None]] = {
        "command": partial(_check_argument, start=start, output=output),
        "array": _check_array,
        "declaration_command": _check_declaration,
        "variable_assignment": _check_assignment,
        "for_statement": _check_assignment,
        "binary_expression": _check_test,
        "unary_expression": _check_test,
        "file_redirect": _check_redirect,
        "herestring_redirect": _check_input,
    }
    fresh = False  # whether a `$(…)` lies in between: quotes begin anew in it
    child, node = leaf, leaf.parent
    _check_quotes(leaf, fresh)
    while node is not None:
        _check_quotes(node, fresh)
        if node.type not in _PASSABLE:
            raise Refused(_ELSEWHERE)
        if node.type in checks:
            checks[node.type](node, child)
        fresh = fresh or node.type in ("command_substitution", "process_substitution")
        child, node = node, node.parent


def _check_quotes(node: Node, fresh: bool) -> None:
    opening = node.children[0].type if node.children else ""
    if node.type in QUOTES and not fresh:
        raise Refused(
            "is inside quotes; remove the quotes around it: its value is quoted for the shell "
            "already, and quotes within quotes end them (to keep the text as it is: --raw)"
        )
    if node.type.startswith("heredoc"):
        raise Refused(
            "is in a here-document, where nothing can be quoted safely; pass its value with --env "
            "NAME={{ … }} and write $NAME there (to keep the text as it is: --raw)"
        )
    if node.type in _ARITHMETIC or opening in _ARITHMETIC:
        raise Refused("is inside arithmetic, which the shell evaluates; compute it in Python")
    if opening == "`":
        raise Refused("is inside backquotes; write $(…) instead")
    if node.type == "expansion":
        raise Refused("is inside ${…}; assign it to a variable first: name={{ … }}")


def _check_argument(command: Node, child: Node, *, start: int, output: bool) -> None:
    if child.type == "command_name" and output:
        raise Refused(IS_PROGRAM)
    if child.type in ("command_name", "variable_assignment") or child.type.endswith("_redirect"):
        return
    words = _before(command, child, vanishing=True)
    if not words:
        return
    name = words[0]
    if name in EVALUATING:
        raise Refused(f"is an argument of `{name}`, which reads it as code or as a name")
    before = [node for node in command.children if node.end_byte <= child.start_byte]
    if name == "printf" and not any("%" in text_of(node) for node in before):
        raise Refused("is the format of `printf`; write the format out: printf '%s\\n' {{ … }}")
    reason = refusal(_all_before(command, child), _certain(child, start), ("",), output=output)
    if reason:
        raise Refused(reason)


def _before(command: Node, child: Node, *, vanishing: bool = False) -> list[Word]:
    """The words before a child of a command, less what only runs the rest (``time -p``) and, if
    asked, less what may expand to nothing.
    """
    words = _all_before(command, child)
    for index, text in enumerate(words):
        skipped = vanishing if text is None else text in PREFIXES or text.startswith("-")
        if not skipped:
            return words[index:]
    return []


def _all_before(command: Node, child: Node | None) -> list[Word]:
    return [
        literal(node)
        for node in command.children
        if (child is None or node.end_byte <= child.start_byte)
        and not node.type.endswith("_redirect")
        and node.type != "variable_assignment"
    ]


def _check_declaration(command: Node, child: Node) -> None:
    name = text_of(command.children[0])
    if child.type != "variable_assignment":
        raise Refused(f"names a variable of `{name}`; write the name out")
    # Given `a='($(command))'`, bash takes it for an array's elements if a is an array.
    if name in ("declare", "typeset") or (name != "export" and _declares(command, "aA")):
        raise Refused(
            f"is assigned by `{name}`, which may evaluate it; assign in a line of its own"
        )


def _check_assignment(holder: Node, child: Node) -> None:
    if child.type == "do_group":
        return
    names = {text_of(node) for node in holder.children if node.type == "variable_name"}
    if names & _EVALUATED_VARIABLES:
        raise Refused(f"is assigned to {', '.join(names)}, which the shell evaluates")
    line = _declares(holder, "in")
    if line:
        raise Refused(f"is assigned, and the declaration in line {line} may have it evaluated")


def _check_array(_array: Node, child: Node) -> None:
    if text_of(child).startswith("["):
        raise Refused("is in an array's index, which the shell evaluates")


def _declares(node: Node, options: str) -> int:
    """The line of a declaration with one of these options anywhere in the script; 0 if none."""
    while node.parent is not None:
        node = node.parent
    for declaration in walk(node):
        if declaration.type == "declaration_command":
            for text in words_of(declaration)[1:]:
                if text is None or re.match(rf"[-+]\w*[{options}]", text):
                    return declaration.start_point.row + 1
    return 0


def _check_redirect(redirect: Node, child: Node) -> None:
    if any(text_of(node).strip("-") in (">&", "<&") for node in redirect.children):
        # bash 5.2 expands the word after `>&` twice, whatever its quotes.
        raise Refused("follows `>&`; write > FILE 2>&1, or the number out")
    before = child.prev_named_sibling
    if before is not None and before.type != "file_descriptor":
        raise Refused("follows a redirection; write redirections last")


def _check_input(redirect: Node, _child: Node) -> None:
    command = redirect.parent
    if command is not None and command.type == "command":
        reason = input_refusal(_all_before(command, None))
        if reason:
            raise Refused(reason)


def _check_test(expression: Node, _child: Node) -> None:
    test: Node | None = expression
    while test is not None and test.type != "test_command":
        test = test.parent
    if test is None:  # arithmetic, which is refused further out
        return
    numbers_are_safe = text_of(test.children[0]) == "["
    for node in expression.children:
        if node.is_named and node.type != "test_operator":
            continue
        operator = text_of(node)
        if expression.type == "unary_expression" and _UNARY_TEST.fullmatch(operator):
            continue
        if operator in _TESTS or (numbers_are_safe and operator in _NUMBER_TESTS):
            continue
        hint = "; use [ … ], which does not" if operator in _NUMBER_TESTS else ""
        raise Refused(f"is an operand of `{operator}`, which the shell may evaluate{hint}")
