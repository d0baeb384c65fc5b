"""Completion of AWS names where IPython has none: a cell's body, and ``AwsSdk`` in Python."""

from __future__ import annotations

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from cloudops_nb.notebook.aws_completion import complete_call, complete_line

_MAGIC = "%%cloudops"


@context_matcher()  # type: ignore[untyped-decorator] # IPython's are only partly annotated
def aws_matcher(context: CompletionContext) -> SimpleMatcherResult:
    """Offers services, operations, parameters and values; IPython's Matcher API, version 2."""
    lines = context.full_text.split("\n")
    above, line = lines[: context.cursor_line], context.text_until_cursor
    if not context.full_text.startswith(_MAGIC):
        offer = complete_call("\n".join((*above, line)))
    elif above:
        offer = complete_line(_joined(above[1:], line))
    else:  # the magic's own options
        offer = None
    if offer is None:
        return SimpleMatcherResult(completions=[])
    return SimpleMatcherResult(
        completions=[SimpleCompletion(word, type="aws") for word in offer.words],
        matched_fragment=offer.fragment,
        suppress=True,  # no file names and no variables among them
    )


def _joined(above: list[str], line: str) -> str:
    """The line with those above it that go on with a backslash."""
    for before in reversed(above):
        if not before.endswith("\\"):
            break
        line = f"{before[:-1]} {line.lstrip()}"
    return line
