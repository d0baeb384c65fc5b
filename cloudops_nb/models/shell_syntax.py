"""Reads shell text as a shell would, without running it (tree-sitter-bash).

What tree-sitter calls a word is resolved as bash resolves quotes. What only a running shell can
know (``$x``, ``$(…)``, globs, ``~``, brace expansion) is not literal: such a word is None.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language, Node

Word = str | None
"""A word of a command: its text, or None where only the running shell knows it."""

QUOTES = ("string_content", "string", "raw_string", "ansi_c_string", "translated_string")
"""Types of nodes that are quoted text, or have it inside."""

_COMMANDS = ("command", "declaration_command", "unset_command")
_NOT_WORDS = ("variable_assignment", "heredoc_redirect", "subshell")
_REDIRECTS = ("file_redirect", "herestring_redirect")
_CLOSERS = {
    "then": "if",
    "elif": "if",
    "else": "if",
    "fi": "if",
    "do": "for",
    "done": "do",
    "esac": "case",
    "}": "{",
}
_PLAIN = frozenset(
    "program list pipeline command command_name word number concatenation raw_string string "
    "string_content simple_expansion variable_name special_variable_name comment".split()
) | frozenset(("&&", "||", ";", "|", "\n", '"', "$"))
_RESERVED = frozenset([*_CLOSERS, "time", "coproc", "in", "!"])
_OPENERS = {
    "if": "fi",
    "for": "done",
    "while": "done",
    "until": "done",
    "select": "done",
    "case": "esac",
    "function": "{",
    "{": "}",
    "(": ")",
    "$(": ")",
    "<(": ")",
    ">(": ")",
    "((": "))",
    "$((": "))",
    "${": "}",
    "[": "]",
    "[[": "]]",
}
_QUOTE_NAMES = {"'": "single quote", '"': "double quote", "`": "backquote"}
# The private use area itself is told in pairs, too, so that a pair is always one character.
_FAR = re.compile("[\ue000-\uefff\U00010000-\U0010ffff]")
_PAIR = re.compile("[\ue000-\ue7ff][\ue800-\uefff]")


@cache
def _language() -> Language:
    import tree_sitter_bash
    from tree_sitter import Language

    return Language(tree_sitter_bash.language())


def parse(text: str) -> Node:
    """The root of the text's syntax tree. Offsets in it count UTF-8 bytes."""
    from tree_sitter import Parser

    # A parser keeps state while it works and is cheap to make; the language is neither.
    return Parser(_language()).parse(in_bytes(text)).root_node


def in_bytes(text: str) -> bytes:
    """The text as the parser reads it: UTF-8, half surrogates as ``?``, and what is beyond U+FFFF
    as two characters of the private use area.

    tree-sitter-bash looks the character after ``{`` up in a C table of 256, whatever it is, and
    with one so far behind the table's end the process can die (its issue 337).
    """
    if text.isascii():
        return text.encode()
    return _FAR.sub(_as_pair, text).encode(errors="replace")


def from_bytes(encoded: bytes) -> str:
    """The text that the parser read so."""
    if encoded.isascii():
        return encoded.decode()
    return _PAIR.sub(_as_one, encoded.decode())


def _as_pair(far: re.Match[str]) -> str:
    high, low = divmod(ord(far[0]), 0x400)
    return chr(0xE000 + high) + chr(0xE800 + low)


def _as_one(pair: re.Match[str]) -> str:
    high, low = map(ord, pair[0])
    return chr((high - 0xE000) * 0x400 + low - 0xE800)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it in the order of the text; deep nesting is no problem."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.children))


def text_of(node: Node) -> str:
    """The text a node stands for."""
    return from_bytes(node.text or b"")


def commands_in(text: str) -> tuple[tuple[Word, ...], ...]:
    """Every simple command in the text, in order, wherever it stands: in pipes, loops, functions,
    subshells and ``$(…)``.

    Assignments before a command and redirections are left out; the first word is the command's
    name. Of text that is not valid shell, the commands that can be recognised.
    """
    root = parse(_joined(text))
    return tuple(words_of(node) for node in walk(root) if node.type in _COMMANDS)


def inputs_in(text: str) -> Iterator[tuple[tuple[Word, ...], str]]:
    """The commands that the text feeds with text of its own, each with that text: a here-document,
    or a here-string that is literal. Of a pipeline or a group fed as one, its first command.
    """
    for node in walk(parse(_joined(text))):
        if node.type not in ("heredoc_redirect", "herestring_redirect") or node.parent is None:
            continue
        command = next((each for each in walk(node.parent) if each.type in _COMMANDS), None)
        if command is None:
            continue
        for part in node.children:
            fed = text_of(part) if part.type == "heredoc_body" else None
            if node.type == "herestring_redirect" and part.is_named:
                fed = literal(part)
            if fed is not None:
                yield words_of(command), fed


def simple_command(text: str) -> tuple[str, ...] | None:
    """The words of the text if it is one simple command of literal words, else None.

    Not simple: pipes, redirections, assignments, expansions, globs, ``&`` and ``;``. Comments and
    continued lines may be there.
    """
    joined = _joined(text)
    root = parse(joined)
    nodes = [node for node in root.children if node.type != "comment"]
    if root.has_error or len(nodes) != 1 or nodes[0].type != "command":
        return None
    if any(node.type in (*_NOT_WORDS, *_REDIRECTS) for node in nodes[0].children):
        return None
    words = [word for word in words_of(nodes[0]) if word is not None]
    if len(words) < len(words_of(nodes[0])) or words[0] in _RESERVED:
        return None
    # A second opinion: where a simpler reader sees other words, the shell itself shall decide.
    try:
        agreed = shlex.split(joined, comments=True) == words
    except ValueError:
        agreed = False
    return tuple(words) if agreed else None


def plain_commands(text: str) -> tuple[tuple[Word, ...], ...] | None:
    """The commands of a text that is simple commands one after another, or piped, and no more.

    None where there is more: assignments, redirections, loops, functions, substitutions, ``&``.
    """
    root = parse(_joined(text))
    if root.has_error or any(node.type not in _PLAIN for node in walk(root)):
        return None
    return tuple(words_of(node) for node in walk(root) if node.type == "command")


def incomplete(text: str) -> str | None:
    """Why the text is not complete shell text; None if it is.

    The reason is a phrase: "an unclosed single quote", "`if` without `fi`".
    """
    if re.search(r"(?<!\\)(\\\\)*\\\n?\Z", text):
        return "a `\\` at its end with nothing to join"
    for node in walk(parse(text)):
        if node.type == "command_name" and text_of(node) in _CLOSERS:
            return f"`{text_of(node)}` without `{_CLOSERS[text_of(node)]}`"
        if node.is_missing and node.type in _QUOTE_NAMES:
            return f"an unclosed {_QUOTE_NAMES[node.type]}"
        if node.is_missing:
            siblings = [text_of(child) for child in node.parent.children] if node.parent else []
            opener = next((word for word in siblings if _OPENERS.get(word) == node.type), None)
            return f"`{opener}` without `{node.type}`" if opener else "something missing at its end"
        if node.is_error:
            return _reason(node)
    return None


def _joined(text: str) -> str:
    """The text without ``\\`` and newline where the shell drops them (the parser ends a word)."""
    if "\\\n" not in text:
        return text
    root = parse(text)
    encoded = bytearray(in_bytes(text))
    for match in reversed(list(re.finditer(rb"(?<!\\)(?:\\\\)*\\\n", bytes(encoded)))):
        end = match.end()
        leaf = root.descendant_for_byte_range(end - 1, end)
        if leaf is None or leaf.type not in ("comment", "heredoc_body", "heredoc_content", *QUOTES):
            del encoded[end - 2 : end]
    return from_bytes(bytes(encoded))


def words_of(command: Node) -> tuple[Word, ...]:
    """The words of a command node."""
    words: list[Word] = []
    end = -1
    for node in _word_nodes(command):
        if node.start_byte == end:  # `$"…"` is two nodes and one word
            words[-1] = None
        else:
            words.append(literal(node))
        end = node.end_byte
    return tuple(words)


def _word_nodes(command: Node) -> Iterator[Node]:
    for node in command.children:
        if node.type in _NOT_WORDS:
            continue
        if node.type in _REDIRECTS:
            yield from _after_target(node)
        else:
            yield node
    parent = command.parent
    if parent is not None and parent.type == "redirected_statement":
        for node in parent.children:
            if node.type in _REDIRECTS:
                yield from _after_target(node)


def _after_target(redirect: Node) -> list[Node]:
    # `a > file b` is `a b > file`, but tree-sitter hangs `b` below the redirection.
    return redirect.children_by_field_name("destination")[1:]


def literal(node: Node) -> Word:
    """The text of a word node with its quotes resolved, or None if it is not literal."""
    pieces = [node]
    if node.type == "command_name":
        pieces = node.children
    if len(pieces) == 1 and pieces[0].type == "concatenation":
        pieces = pieces[0].children
    resolved, bare = "", ""
    end = pieces[0].start_byte
    for piece in pieces:
        value = _resolve(piece)
        if value is None or piece.start_byte != end:
            return None
        end = piece.end_byte
        resolved += value
        if piece.type == "word":
            bare += re.sub(r"\\.", "", text_of(piece), flags=re.DOTALL)
    if re.search(r"[*?[]|^~|\{.*(,|\.\.).*\}", bare, flags=re.DOTALL):
        return None
    return resolved


def _resolve(piece: Node) -> Word:
    text = text_of(piece)
    if piece.type == "raw_string":
        return text[1:-1]
    if piece.type == "string" and text.startswith('"'):
        if any(child.is_named and child.type != "string_content" for child in piece.children):
            return None
        return re.sub(r'\\([$`"\\\n])', lambda m: m[1].strip("\n"), text[1:-1])
    if piece.children:
        return None
    if piece.type == "word":
        return re.sub(r"\\(.)", lambda m: m[1].strip("\n"), text, flags=re.DOTALL)
    # Tokens that the grammar gives no name of a word's: `export`, and `==` as an argument.
    return text if piece.type in ("number", "variable_name") or not piece.is_named else None


def _reason(error: Node) -> str:
    unclosed: list[str] = []
    for node in walk(error):
        text = text_of(node)
        if node.children:
            continue
        if node.type in ("<<", "<<-"):
            return "a here-document without its end"
        if text[:1] in _QUOTE_NAMES:
            return f"an unclosed {_QUOTE_NAMES[text[:1]]}"
        if unclosed and text == _OPENERS[unclosed[-1]]:
            unclosed.pop()
        elif text in _OPENERS:
            unclosed.append(text)
    if unclosed:
        return f"`{unclosed[-1]}` without `{_OPENERS[unclosed[-1]]}`"
    return f"no shell syntax near {text_of(error).strip()[:40]!r}"
