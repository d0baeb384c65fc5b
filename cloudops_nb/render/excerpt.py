"""The part of a long output that a record shows: its head and its tail, within a budget."""

from __future__ import annotations

from cloudops_nb.models.results import Stream
from cloudops_nb.render.ansi import MAX_LINE, Line, parse
from cloudops_nb.render.record import Excerpt
from cloudops_nb.render.weigh import line_weight

WHOLE_LINES = 40
WHOLE_CHARACTERS = 8_000
HEAD_LINES = 10
TAIL_LINES = 20

# Tried in turn until the excerpt is light enough: characters of a line, styles kept, and the part
# of the lines. The last fits any text: of 32 characters none takes more than 6 bytes, "&quot;".
_STEPS = (
    (MAX_LINE, True, 1),
    (500, True, 1),
    (500, False, 1),
    (160, False, 1),
    (32, False, 4),
)


def excerpt(
    text: str, stream: Stream, budget: int, *, head: int = HEAD_LINES, tail: int = TAIL_LINES
) -> Excerpt:
    """``text`` whole where it is short, else its first ``head`` and last ``tail`` lines.

    ``budget`` is in bytes of both forms; where it is tight, lines are cut, then styles left out.
    """
    text = text.strip("\n")  # the AWS CLI's errors begin with an empty line
    total = text.count("\n") + 1
    if total <= head + tail or (head and total <= WHOLE_LINES and len(text) <= WHOLE_CHARACTERS):
        lines = parse(text)
        first, last = lines[:head], lines[head:]
    else:
        # Never split as a whole: the text may have millions of lines.
        first = parse("\n".join(text.split("\n", head)[:head])) if head else []
        last = parse("\n".join(text.rsplit("\n", tail)[-tail:]))
    for width, styled, share in _STEPS:
        top = [_fitted(line, width, styled) for line in first[: _part(first, share)]]
        end = [_fitted(line, width, styled) for line in last[len(last) - _part(last, share) :]]
        omitted = total - len(top) - len(end)
        if sum(map(line_weight, top + end)) <= budget:
            break
    return Excerpt(stream, tuple(top), omitted, tuple(end))


def _part(lines: list[Line], share: int) -> int:
    return -(-len(lines) // share)  # rounded up: of one line, one


def _fitted(line: Line, width: int, styled: bool) -> Line:
    short = line.shortened(width)
    return short if styled else short.unstyled()
