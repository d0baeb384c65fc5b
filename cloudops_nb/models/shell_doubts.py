"""Whether the parser can be trusted to see a shell text as the shell will.

tree-sitter-bash and bash disagree on some texts, and a disagreement about where quotes end is an
injection. What is here was found by running random scripts; each finding became a refusal.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cloudops_nb.models.shell_syntax import QUOTES, in_bytes, text_of, walk

if TYPE_CHECKING:
    from tree_sitter import Node

_BASH_ONLY = ("ansi_c_string", "process_substitution", "herestring_redirect", "array", "regex")
_COMMENT = "it has a # that may or may not start a comment; put that into quotes"
_CONTINUED = "a line is continued in the middle of a word; put a space before the \\"
_ODD_CHARACTER = re.compile(r"[^\S \n\t]|[\x00-\x08\x0e-\x1f\x7f\u200b\ufeff]")
_PARAMETER_THEN_BRACKET = re.compile(r"\$\$['{(\[]|\$[?!#@*0-9-][{(\[]")  # `$${x}` is `$$`, `{x}`
_HASH_OR_JOIN = re.compile(rb"(?:\A|(?<=[\s;&|()<>]))#|(?<!\\)(?:\\\\)*\\\n")


def doubts(text: str, root: Node, *, bash: bool = True) -> str | None:
    """Why the text's tree is no ground to judge places on; None if it is.

    ``bash`` is whether that will read it, or a plain POSIX shell.
    """
    odd = _ODD_CHARACTER.search(text)
    if odd:
        return f"the character U+{ord(odd[0]):04X} is in it; remove that"
    if root.has_error:
        return "its shell syntax cannot be read"
    if _PARAMETER_THEN_BRACKET.search(text):
        return "it has a parameter such as $$ right before a bracket; write ${$} or put a space"
    encoded = in_bytes(text)
    for match in _HASH_OR_JOIN.finditer(encoded):
        doubt = _joined_or_comment(encoded, match, root)
        if doubt:
            return doubt
    for match in re.finditer(rb"<<+-?", encoded):
        if not _is_heredoc_or_number(root.descendant_for_byte_range(*match.span())):
            return "it has a << that may or may not start a here-document"
    for node in walk(root):
        if not bash and (node.type in _BASH_ONLY or _opening(node) in ("((", "[[", "$[")):
            return f"`{text_of(node)[:20]}` is bash's own syntax; use bash"
        if node.type in _CHECKS:
            doubt = _CHECKS[node.type](encoded, node)
            if doubt:
                return doubt
    return None


def _opening(node: Node) -> str:
    return node.children[0].type if node.children else ""


def _joined_or_comment(text: bytes, match: re.Match[bytes], root: Node) -> str | None:
    at = match.end() - 1
    leaf = root.descendant_for_byte_range(at, at + 1)
    kind = leaf.type if leaf is not None else ""
    quoted = kind in ("comment", "heredoc_body", "heredoc_content", *QUOTES)
    if match[0] == b"#":
        return None if quoted else _COMMENT
    if kind in ("comment", "raw_string"):
        return None
    # `$\` before a line that starts with `(` is `$(` to the shell, and two words to the parser.
    before = text[at - 2 : at - 1]
    joins = before in b"$<>&|(=`{\\" if quoted else not before.isspace()
    return _CONTINUED if joins else None


def _is_heredoc_or_number(node: Node | None) -> bool:
    """Whether a ``<<`` is where both agree: text, a redirection, or a shift in arithmetic."""
    while node is not None:
        if node.type in ("comment", "heredoc_body", "<<<", *QUOTES):
            return True
        if node.type.endswith("_redirect"):
            return node.type != "file_redirect"
        if node.type in ("arithmetic_expansion", "c_style_for_statement") or _opening(node) == "((":
            return True
        if node.type == "test_command":  # `[ a <<EOF ]`
            return False
        node = node.parent
    return False


def _comment(text: bytes, node: Node) -> str | None:
    before = text[: node.start_byte]
    start = before[-1:]
    escapes = len(before) - 1 - len(before[:-1].rstrip(b"\\"))
    starts = start == b"\n" or (start in b" \t;&|()<>`" and escapes % 2 == 0)
    return None if starts or not before else _COMMENT


def _ansi_c(_text: bytes, node: Node) -> str | None:
    strict = re.fullmatch(r"\$'([^'\\]|\\.)*'", text_of(node), re.DOTALL)
    return None if strict else "it has a $'…' that is hard to read; use another way to quote"


def _regex(_text: bytes, node: Node) -> str | None:
    if re.search(r"['\"\\`$()]", text_of(node)):
        return "it has a regular expression with quotes; put that into a variable"
    return None


def _heredoc(text: bytes, node: Node) -> str | None:
    if _ends_plainly(text, node):
        return None
    return "it has a here-document that is hard to read; use a plain delimiter such as EOF"


def _ends_plainly(text: bytes, redirect: Node) -> bool:
    """Whether the here-document's end, looked for line by line, is where the parser has it."""
    marks = {node.type: node for node in redirect.children}
    start, end = marks.get("heredoc_start"), marks.get("heredoc_end")
    if start is None or end is None:
        return False
    found = re.fullmatch(r"(['\"]?)([A-Za-z_]\w*)\1", text_of(start), re.ASCII)
    newline = text.find(b"\n", start.end_byte)
    if not found or newline < 0 or b"<<" in text[start.end_byte : newline]:
        return False
    offset = newline + 1
    for line in text[newline + 1 :].split(b"\n"):
        bare = line.lstrip(b"\t") if "<<-" in marks else line
        if bare == found[2].encode():
            return end.start_byte == offset + len(line) - len(bare)
        if not found[1] and line.endswith(b"\\"):  # the shell joins it with the next line
            return False
        offset += len(line) + 1
    return False


_CHECKS = {
    "comment": _comment,
    "ansi_c_string": _ansi_c,
    "regex": _regex,
    "heredoc_redirect": _heredoc,
}
