"""Masks known secrets, also where a secret is split between two reads."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote


class Redactor:
    """Masks the values it is told, in text and in streams of bytes.

    A mask is made of ``[A-Za-z0-9_-]`` alone, so that masked JSON is still JSON. Each value is also
    found as JSON, URL-encoded and base64 text would write it.

    Args:
        secrets: name to value; the name shows in the mask.
    """

    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        self._secrets = dict(secrets or {})
        masks: dict[bytes, bytes] = {}
        for name, value in self._secrets.items():
            mask = b"REDACTED_" + re.sub(rb"[^A-Za-z0-9_-]", b"_", name.encode())
            for form in _written_forms(value.strip()):
                masks.setdefault(form, mask)
        # Longest first: a secret that contains another is masked whole.
        self._masks = sorted(masks.items(), key=lambda item: -len(item[0]))

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
        for secret, mask in self._masks:
            if secret in data:
                data = data.replace(secret, mask)
        return data

    def stream(self) -> StreamRedactor:
        """A redactor for one stream that arrives in pieces."""
        return StreamRedactor(self)

    def held_length(self, data: bytes) -> int:
        """How many bytes at the end of ``data`` could be the start of a secret."""
        held = 0
        for secret, _ in self._masks:
            start = max(len(data) - len(secret) + 1, 0)
            while (at := data.find(secret[:1], start)) != -1:
                if secret.startswith(data[at:]):
                    held = max(held, len(data) - at)
                    break
                start = at + 1
        return held


class StreamRedactor:
    """Masks one stream; holds back only what could be the start of a secret."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Takes the next piece; returns what can be passed on."""
        data = self._redactor.mask(self._held + data if self._held else data)
        held = self._redactor.held_length(data)
        if not held:
            self._held = b""
            return data
        self._held = data[-held:]
        return data[:-held]

    def flush(self) -> bytes:
        """The rest, at the end of the stream."""
        rest, self._held = self._held, b""
        return rest


def _written_forms(value: str) -> Iterator[bytes]:
    raw = value.encode("utf-8", "surrogateescape")
    yield raw
    yield json.dumps(value)[1:-1].encode()
    yield quote(raw, safe="").encode()
    # Inside longer base64 text a value starts at one of three offsets; only the characters that
    # depend on the value alone are looked for.
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        start = (offset * 8 + 5) // 6
        end = (offset + len(raw)) * 8 // 6
        if end - start >= 8:
            yield encoded[start:end]
