"""Masks known secrets, also where a secret is split between two reads."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from urllib.parse import quote

from ahocorasick_rs import BytesAhoCorasick

_LARGE = 16 * 1024
"""From this size on one look for all secrets at once pays for the automaton it needs (1 ms)."""
MASK = "REDACTED_"
"""How a mask begins; the name of what is masked follows."""


class Redactor:
    """Masks the values it is told, in text and in streams of bytes.

    A mask is made of ``[A-Za-z0-9_-]`` alone, so that masked JSON is still JSON. Each value is also
    found as JSON, URL-encoded and base64 text would write it.

    Args:
        secrets: name to value; the name shows in the mask.
    """

    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        self._secrets = dict(secrets or {})
        self._masks: dict[bytes, bytes] = {}
        for name, value in self._secrets.items():
            mask = MASK.encode() + re.sub(rb"[^A-Za-z0-9_-]", b"_", name.encode("utf-8", "replace"))
            for form in _written_forms(value.strip()):
                self._masks.setdefault(form, mask)

    def including(self, secrets: Mapping[str, str]) -> Redactor:
        """A redactor that masks these values, too."""
        return Redactor({**self._secrets, **secrets}) if secrets else self

    def text(self, text: str) -> str:
        """``text`` with every secret masked."""
        if not self._masks:
            return text
        return self.mask(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def mask(self, data: bytes) -> bytes:
        """``data`` with every secret masked that stands whole in it."""
        return self.stream().feed(data, last=True)

    def stream(self) -> StreamRedactor:
        """A redactor for one stream that arrives in pieces."""
        return StreamRedactor(self)

    def found(self, data: bytes) -> list[tuple[int, int, bytes]]:
        """Where secrets stand in ``data``, in order: start, end, mask. They may overlap."""
        spans: list[tuple[int, int, bytes]] = []
        if not self._masks:
            return spans
        if len(data) >= _LARGE and not self._finder.find_matches_as_indexes(data):
            return spans
        for secret, mask in self._masks.items():  # a search each: far faster than one pattern
            at = data.find(secret)
            while at != -1:
                spans.append((at, at + len(secret), mask))
                at = data.find(secret, at + 1)
        # Of those that begin together the longest comes first: its mask is the one to show.
        return sorted(spans, key=lambda span: (span[0], -span[1]))

    @cached_property
    def _finder(self) -> BytesAhoCorasick:
        return BytesAhoCorasick(list(self._masks))

    def held_length(self, data: bytes) -> int:
        """How many bytes at the end of ``data`` could be the start of a secret."""
        held = 0
        for secret in self._masks:
            start = max(len(data) - len(secret) + 1, 0)
            while (at := data.find(secret[:1], start)) != -1:
                if secret.startswith(data[at:]):
                    held = max(held, len(data) - at)
                    break
                start = at + 1
        return held


class StreamRedactor:
    """Masks one stream; holds back only what could be the start of a secret.

    Wherever the stream is cut, what comes out is what ``Redactor.mask`` makes of the whole.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = b""
        self._covered = 0  # bytes at the start of what is held that a mask already stands for

    def learn(self, redactor: Redactor) -> None:
        """From here on masks what ``redactor`` does, which knows all that the one before knew."""
        self._redactor = redactor

    def feed(self, data: bytes, *, last: bool = False) -> bytes:
        """Takes the next piece; returns what can be passed on: all, if it is the ``last``."""
        data = self._held + data if self._held else data
        keep = len(data) if last else len(data) - self._redactor.held_length(data)
        passed: list[bytes] = []
        done = self._covered
        for start, end, mask in self._redactor.found(data):
            if start >= keep:
                break
            if start >= done:  # else it overlaps the one before, and one mask stands for both
                passed += (data[done:start], mask)
            done = max(done, end)
        if done < keep:
            passed.append(data[done:keep])
        self._held, self._covered = data[keep:], max(done - keep, 0)
        return b"".join(passed)

    def flush(self) -> bytes:
        """The rest, at the end of the stream."""
        return self.feed(b"", last=True)


def _written_forms(value: str) -> Iterator[bytes]:
    raw = value.encode("utf-8", "surrogateescape")
    if not raw:
        return
    yield raw
    for ascii_only in (True, False):  # writers of JSON differ in this
        text = json.dumps(value, ensure_ascii=ascii_only)
        yield text[1:-1].encode("utf-8", "surrogateescape")
    yield quote(raw, safe="").encode()
    # Inside longer base64 text a value starts at one of three offsets; only the characters that
    # depend on the value alone are looked for.
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        start = (offset * 8 + 5) // 6
        end = (offset + len(raw)) * 8 // 6
        if end - start >= 8:
            yield encoded[start:end]
