"""What the redactor masks, and what it leaves alone."""

import base64
import json
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.redaction import Redactor
from cloudops_nb.redaction import redactor as redactor_module
from tests.support import cut

SECRET = 'hunter2-&-s3cr"et/ü'
MASK = "REDACTED_DB_PASSWORD"


@pytest.fixture
def redactor() -> Redactor:
    return Redactor({"DB_PASSWORD": SECRET})


def in_pieces(redactor: Redactor, data: bytes, cuts: list[int]) -> bytes:
    stream = redactor.stream()
    return b"".join(map(stream.feed, cut(data, cuts))) + stream.flush()


def test_a_secret_is_replaced_by_its_name(redactor: Redactor) -> None:
    assert redactor.text(f"login {SECRET}!") == f"login {MASK}!"


def test_every_occurrence_is_masked(redactor: Redactor) -> None:
    assert redactor.text(f"{SECRET} {SECRET}") == f"{MASK} {MASK}"


def test_text_without_secrets_stays_as_it_is(redactor: Redactor) -> None:
    assert redactor.text("hunter2 is only the start of it") == "hunter2 is only the start of it"


@pytest.mark.parametrize(
    "written",
    [
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        quote(SECRET, safe=""),
        *(base64.b64encode(b"x" * n + SECRET.encode()).decode().rstrip("=") for n in range(3)),
    ],
    ids=["json-ascii", "json", "url", "base64-0", "base64-1", "base64-2"],
)
def test_a_secret_is_found_however_it_is_written(redactor: Redactor, written: str) -> None:
    masked = redactor.text(f"<{written}>")
    assert MASK in masked
    # base64 characters that also depend on the neighbours are left: two before, three after.
    assert len(masked) <= len(f"<{MASK}>") + 5


def test_masked_json_is_still_json() -> None:
    redactor = Redactor({"naïve name {x}": "s3cret-value"})
    document = json.dumps({"a": "s3cret-value", "b": ["-s3cret-value-"]})
    mask = json.loads(redactor.text(document))["a"]
    assert re.fullmatch(r"[A-Za-z0-9_-]+", mask)


def test_an_empty_secret_masks_nothing() -> None:
    assert Redactor({"A": "", "B": "  \n"}).text("some text") == "some text"


def test_white_space_around_a_secret_is_not_part_of_it() -> None:
    assert Redactor({"T": "  s3cret-value\n"}).text("(s3cret-value)") == "(REDACTED_T)"


def test_a_name_that_is_not_unicode_is_no_obstacle() -> None:
    assert "s3cret" not in Redactor({"T\udcff": "s3cret-value"}).text("s3cret-value")


def test_bytes_that_are_not_utf8_survive_around_a_mask(redactor: Redactor) -> None:
    data = b"\xff\x00" + SECRET.encode() + b"\xfe"
    assert redactor.mask(data) == b"\xff\x00" + MASK.encode() + b"\xfe"


def test_a_secret_inside_a_longer_one_gives_one_mask() -> None:
    redactor = Redactor({"SHORT": "abcdef", "LONG": "abcdefghij"})
    assert redactor.text("abcdefghij abcdef") == "REDACTED_LONG REDACTED_SHORT"


def test_secrets_that_overlap_leave_nothing_of_either() -> None:
    redactor = Redactor({"A": "abcdefgh", "B": "efghijkl"})
    assert redactor.text("<abcdefghijkl>") == "<REDACTED_A>"


def test_including_nothing_is_the_same_redactor(redactor: Redactor) -> None:
    assert redactor.including({}) is redactor


def test_including_adds_and_leaves_the_original_alone(redactor: Redactor) -> None:
    more = redactor.including({"OTHER": "other-value"})
    assert more.text(f"{SECRET} other-value") == f"{MASK} REDACTED_OTHER"
    assert redactor.text("other-value") == "other-value"


def test_a_stream_holds_back_only_what_could_become_a_secret() -> None:
    stream = Redactor({"T": "s3cret-value"}).stream()
    assert stream.feed(b"prompt> ") == b"prompt> "
    assert stream.feed(b"a s3cr") == b"a "
    assert stream.feed(b"ed text") == b"s3cred text"


def test_a_short_secret_does_not_uncover_the_rest_of_a_long_one_cut_behind_it() -> None:
    redactor = Redactor({"SHORT": "abcdef", "LONG": "abcdefghij"})
    assert in_pieces(redactor, b"x abcdefghij y", [8]) == b"x REDACTED_LONG y"


def test_what_is_held_is_bounded_by_the_longest_secret() -> None:
    stream = Redactor({"T": "aaaaaaaa"}).stream()
    passed = sum(len(stream.feed(b"a" * 1000)) for _ in range(50))
    assert len(stream.flush()) < 20
    assert passed > 0


# A small alphabet makes secrets overlap, repeat and nest all the time.
_letters = st.text("ab", min_size=2, max_size=5)


@given(
    secrets=st.lists(_letters, min_size=1, max_size=4),
    text=st.text("abc", max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=20),
)
def test_where_a_stream_is_cut_makes_no_difference(
    secrets: list[str], text: str, cuts: list[int]
) -> None:
    redactor = Redactor({f"N{i}": secret for i, secret in enumerate(secrets)})
    data = text.encode()
    assert in_pieces(redactor, data, cuts) == redactor.mask(data)


@given(secrets=st.lists(_letters, min_size=1, max_size=4), text=st.text("abc", max_size=60))
def test_in_much_text_the_same_is_found_as_in_little(secrets: list[str], text: str) -> None:
    little = Redactor({f"N{i}": secret for i, secret in enumerate(secrets)}).text(text)
    original, redactor_module._LARGE = redactor_module._LARGE, 0
    try:
        assert Redactor({f"N{i}": secret for i, secret in enumerate(secrets)}).text(text) == little
    finally:
        redactor_module._LARGE = original


@given(
    secret=st.text(st.characters(codec="utf-8", exclude_characters="REDACTED_N"), min_size=6)
    .map(str.strip)
    .filter(lambda s: len(s) >= 6),
    before=st.binary(max_size=40),
    after=st.binary(max_size=40),
    cuts=st.lists(st.integers(0, 200), max_size=8),
)
def test_no_secret_leaks_wherever_it_is_cut(
    secret: str, before: bytes, after: bytes, cuts: list[int]
) -> None:
    redactor = Redactor({"N": secret})
    data = before + secret.encode() + after
    assert secret.encode() not in in_pieces(redactor, data, cuts)


@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=20))
def test_harmless_bytes_are_never_changed(data: bytes, cuts: list[int]) -> None:
    redactor = Redactor({"TOKEN": "a-secret-that-no-sample-holds", "OTHER": "\x00\x00\x00-another"})
    assert in_pieces(redactor, data, cuts) == data
