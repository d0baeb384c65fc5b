"""Logs: what is written, what is left out, and how it is read back."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine.logfile import (
    LogEnd,
    LogOutput,
    LogWriter,
    attempt_path,
    read_end,
    read_log,
    set_aside,
    stderr_tail,
    streams_path,
)
from cloudops_nb.errors import LogUnavailable
from cloudops_nb.models.results import Stream
from tests.support import open_files

Pieces = list[tuple[Stream, bytes]]
pieces = st.lists(
    st.tuples(st.sampled_from(["stdout", "stderr"]), st.binary(min_size=1, max_size=12)),
    max_size=20,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.log"


@pytest.fixture
def full_disk() -> Iterator[int]:
    fd = os.open("/dev/full", os.O_WRONLY)
    yield fd
    os.close(fd)


def config(limit: int = 10_000, strategy: str = "truncate_with_warning") -> ExecutionConfig:
    return ExecutionConfig(max_output_size_bytes=limit, oversized_output_strategy=strategy)


def write(path: Path, written: Pieces, settings: ExecutionConfig | None = None) -> LogWriter:
    log = LogWriter(path, settings or config())
    for stream, data in written:
        log.write(stream, data)
    log.close()
    return log


def text(path: Path) -> tuple[str, str]:
    output = LogOutput(path)
    return output.text("stdout"), output.text("stderr")


def of(written: Pieces, stream: Stream) -> bytes:
    return b"".join(data for each, data in written if each == stream)


def test_both_streams_stand_in_the_log_in_their_order(path: Path) -> None:
    write(path, [("stdout", b"a"), ("stderr", b"b"), ("stderr", b"c"), ("stdout", b"d")])
    assert read_log(path) == b"abcd"
    assert text(path) == ("ad", "bc")


def test_standard_output_alone_needs_no_second_file(path: Path) -> None:
    write(path, [("stdout", b"a"), ("stdout", b"b")])
    assert text(path) == ("ab", "")
    assert not streams_path(path).exists()


def test_standard_error_alone_is_standard_error(path: Path) -> None:
    write(path, [("stderr", b"a")])
    assert text(path) == ("", "a")


def test_an_empty_log_is_there(path: Path) -> None:
    write(path, [])
    assert read_log(path) == b""
    assert text(path) == ("", "")


def test_bytes_that_are_not_utf8_are_kept_and_shown_as_replacements(path: Path) -> None:
    write(path, [("stdout", b"a\xff\x00b")])
    assert read_log(path) == b"a\xff\x00b"
    assert text(path)[0] == "a\ufffd\x00b"


def test_a_character_split_between_writes_and_streams_is_whole_again(path: Path) -> None:
    first, rest = "ü".encode()[:1], "ü".encode()[1:]
    write(path, [("stdout", first), ("stderr", b"!"), ("stdout", rest)])
    assert text(path) == ("ü", "!")


def test_only_the_owner_can_read_a_log(path: Path) -> None:
    write(path, [("stdout", b"a"), ("stderr", b"b")])
    for file in (path, streams_path(path)):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_is_there_is_not_touched(path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(LogUnavailable, match="File exists"):
        LogWriter(path, config())
    assert path.read_text() == "mine"


def test_no_link_is_followed(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "target")
    with pytest.raises(LogUnavailable):
        LogWriter(path, config())
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("with_stderr", [False, True])
def test_what_an_earlier_log_left_behind_is_not_taken_for_this_ones(
    path: Path, with_stderr: bool
) -> None:
    write(path, [("stderr", b"earlier")])
    path.unlink()
    write(path, [("stdout", b"later"), *([("stderr", b"!")] if with_stderr else [])])
    assert text(path) == ("later", "!" if with_stderr else "")


def test_a_log_that_is_gone_is_an_error_when_it_is_asked_for(path: Path) -> None:
    write(path, [("stdout", b"a")])
    path.unlink()
    with pytest.raises(LogUnavailable, match="No such file"):
        LogOutput(path).text("stdout")


@given(written=pieces)
def test_whatever_is_written_is_read_back(written: Pieces) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "x.log"
        assert write(path, written).omitted_bytes == 0
        assert read_log(path) == b"".join(data for _, data in written)
        expected = tuple(of(written, s).decode("utf-8", "replace") for s in ("stdout", "stderr"))
        assert text(path) == expected


# Too much output


@given(written=pieces, limit=st.integers(1, 60))
def test_a_truncated_log_keeps_head_and_tail_and_counts_the_rest(
    written: Pieces, limit: int
) -> None:
    whole = b"".join(data for _, data in written)
    with TemporaryDirectory() as directory:
        path = Path(directory) / "x.log"
        omitted = write(path, written, config(limit)).omitted_bytes
        kept = read_log(path)
        assert sum(len(each.encode("utf-8", "replace")) > 0 for each in text(path)) <= 2
    assert omitted == max(len(whole) - limit, 0)
    if not omitted:
        assert kept == whole
        return
    head, tail = limit - limit // 4, limit // 4
    marker = f"\n[cloudops: {omitted} bytes left out here]\n".encode()
    assert kept == whole[:head] + marker + (whole[-tail:] if tail else b"")


@given(written=pieces, limit=st.integers(1, 60))
def test_head_and_tail_of_a_truncated_log_keep_their_streams(written: Pieces, limit: int) -> None:
    # Streams are told apart by their letters.
    letters: Pieces = [(s, b"o" * len(d) if s == "stdout" else b"e" * len(d)) for s, d in written]
    with TemporaryDirectory() as directory:
        path = Path(directory) / "x.log"
        write(path, letters, config(limit))
        out, err = text(path)
    marked = [each for each in (out, err) if "[cloudops:" in each]
    assert len(marked) == (sum(len(d) for _, d in letters) > limit)
    for each, other in ((out, "e"), (err, "o")):
        assert other not in each.partition("\n[")[0] + each.rpartition("]\n")[2]


def test_the_tail_of_many_small_pieces_costs_little(path: Path) -> None:
    log = LogWriter(path, config(4_000_000))
    log.write("stdout", b"x" * 3_500_000)
    begin = perf_counter()
    for _ in range(200_000):
        log.write("stdout", b"yy")
    seconds = perf_counter() - begin
    log.close()
    assert read_log(path).endswith(b"xyy" + b"yy" * 199_999)
    assert seconds < 5  # 0.2 s here; cutting a large piece each time takes a minute


def test_output_that_is_too_large_can_be_a_failure(path: Path) -> None:
    log = LogWriter(path, config(10, "fail_execution"))
    log.write("stdout", b"x" * 10)
    with pytest.raises(LogUnavailable, match="max_output_size_bytes"):
        log.write("stdout", b"y")
    log.close()
    assert read_log(path) == b"x" * 10


def test_output_that_is_too_large_can_be_kept_whole(path: Path) -> None:
    log = write(path, [("stdout", b"x" * 100)] * 3, config(10, "stream_to_file"))
    assert read_log(path) == b"x" * 300
    assert log.omitted_bytes == 0


# A full disk


def test_a_full_disk_is_an_error_of_the_log(path: Path, full_disk: int) -> None:
    log = LogWriter(path, config())
    os.dup2(full_disk, log._fd)
    with pytest.raises(LogUnavailable, match="No space left on device"):
        log.write("stdout", b"x")
    log.close()


def test_a_disk_that_is_full_for_the_tail_is_an_error_of_the_log(
    path: Path, full_disk: int
) -> None:
    log = LogWriter(path, config(4))
    log.write("stdout", b"x" * 10)
    os.dup2(full_disk, log._fd)
    files = open_files()
    with pytest.raises(LogUnavailable, match="No space left on device"):
        log.close()
    assert open_files() == files - 1


def test_a_disk_that_is_full_for_the_streams_loses_no_output(path: Path, full_disk: int) -> None:
    log = LogWriter(path, config())
    for stream in ("stdout", "stderr", "stdout"):
        log.write(stream, stream.encode())
    assert log._streams_fd is not None
    os.dup2(full_disk, log._streams_fd)
    with pytest.raises(LogUnavailable, match="No space left on device"):
        log.close()
    assert text(path) == ("stdoutstdout", "stderr")


@pytest.mark.parametrize("size", range(28))
def test_a_list_of_streams_cut_anywhere_loses_no_output(path: Path, size: int) -> None:
    write(path, [("stdout", b"a"), ("stderr", b"b"), ("stdout", b"c")])
    assert streams_path(path).stat().st_size == 27
    os.truncate(streams_path(path), size)
    assert sorted("".join(text(path))) == ["a", "b", "c"]


@given(pieces)
def test_the_end_of_standard_error_is_read_alone(written: Pieces) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "x.log"
        write(path, written)
        assert stderr_tail(path) == text(path)[1]


def test_no_more_than_the_end_of_standard_error_is_read(path: Path) -> None:
    write(
        path,
        [("stderr", b"a" * 6000), ("stdout", b"-" * 50), ("stderr", b"b" * 4000)],
        config(20_000),
    )
    assert stderr_tail(path) == "a" * 4192 + "b" * 4000


def test_a_log_without_standard_error_has_an_empty_end_of_it(path: Path) -> None:
    write(path, [("stdout", b"out")])
    assert stderr_tail(path) == ""


def test_of_many_tiny_pieces_the_last_are_read(path: Path) -> None:
    tiny: Pieces = [("stderr", b"%d," % n) if n % 2 else ("stdout", b"-") for n in range(20_000)]
    write(path, tiny, config(1_000_000))
    end = stderr_tail(path)
    assert text(path)[1].endswith(end)
    assert len(end) > 4096


def test_the_end_of_standard_error_of_a_log_that_is_gone_is_unavailable(path: Path) -> None:
    with pytest.raises(LogUnavailable):
        stderr_tail(path)


@given(written=pieces, limit=st.integers(1, 100))
def test_the_end_of_a_log_is_the_same_while_it_is_written_and_later(
    written: Pieces, limit: int
) -> None:
    with TemporaryDirectory() as directory:
        log = LogWriter(Path(directory, "x.log"), config())
        for stream, data in written:
            log.write(stream, data)
        end = log.end(limit)
        log.close()
        assert read_end(Path(directory, "x.log"), limit) == end
    check_end(end, written, limit)


@given(written=pieces, size=st.integers(4, 60), limit=st.integers(1, 100))
def test_the_end_of_an_oversized_log_is_what_was_printed_last(
    written: Pieces, size: int, limit: int
) -> None:
    with TemporaryDirectory() as directory:
        log = LogWriter(Path(directory, "x.log"), config(size))
        for stream, data in written:
            log.write(stream, data)
        end = log.end(limit)
        log.close()
    check_end(end, written, limit)


def of_all(written: Pieces) -> bytes:
    return b"".join(data for _, data in written)


def check_end(end: LogEnd, written: Pieces, limit: int) -> None:
    whole, shown = of_all(written), of_all(end.pieces)
    assert whole[end.before :] == shown
    assert len(shown) <= limit
    if end.pieces and whole[end.before - 1 : end.before] != b"\n":
        assert not end.before or b"\n" not in end.pieces[0][1]
    streams = [stream for stream, data in written for _ in data]
    assert [stream for stream, data in end.pieces for _ in data] == streams[end.before :]


def test_a_log_set_aside_is_read_as_before(path: Path) -> None:
    write(path, [("stdout", b"out"), ("stderr", b"err")])
    set_aside(path, 1)
    assert attempt_path(path, 1) == path.with_name("x.attempt-1.log")
    assert text(attempt_path(path, 1)) == ("out", "err")
    assert not path.exists()
    assert not streams_path(path).exists()


def test_no_link_is_followed_to_a_log(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret")
    (tmp_path / "x.log").symlink_to(tmp_path / "secret")
    with pytest.raises(LogUnavailable):
        read_log(tmp_path / "x.log")
    with pytest.raises(LogUnavailable):
        LogWriter(tmp_path / "x.log", config())
