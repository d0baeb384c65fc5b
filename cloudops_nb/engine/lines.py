"""Cuts a stream of bytes into lines of text."""

from __future__ import annotations

MAX_LINE_BYTES = 64 * 1024
"""A longer line reaches a handler in pieces of this size, or a little less: no character is cut."""


class LineSplitter:
    r"""Cuts a stream into lines at ``\n``, ``\r\n`` and ``\r``."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that ended, without their ends, and what is too long to wait for its end."""
        data = self._held + data
        # A \r at the very end may be half of \r\n: it waits for the next byte.
        in_doubt = b"\r" if data.endswith(b"\r") else b""
        body = data[: len(data) - len(in_doubt)]
        *lines, rest = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        *pieces, rest = _pieces(rest)
        self._held = rest + in_doubt
        ended = [piece for line in lines for piece in _pieces(line)]
        return [piece.decode("utf-8", "replace") for piece in (*ended, *pieces)]

    def flush(self) -> list[str]:
        """The last line, if it had no end."""
        rest, self._held = self._held, b""
        return [rest.removesuffix(b"\r").decode("utf-8", "replace")] if rest else []


def _pieces(line: bytes) -> list[bytes]:
    pieces = []
    while len(line) > MAX_LINE_BYTES:
        cut = MAX_LINE_BYTES
        while cut > MAX_LINE_BYTES - 3 and line[cut] & 0xC0 == 0x80:  # inside a UTF-8 character
            cut -= 1
        pieces.append(line[:cut])
        line = line[cut:]
    return [*pieces, line]
