"""The log of one execution: what both streams printed, in the order it was read.

``<id>.log`` holds the bytes as they came, so that ``tail -f`` and ``grep`` work on it. Where there
was standard error, ``<id>.log.streams`` tells the streams apart: runs of nine bytes each, the
stream (0 stdout, 1 stderr) and the run's length as an unsigned 64-bit little-endian number. Runs
of the two alternate; what the file does not cover, all of the log if it is not there, is one more.

Where a command was tried several times, ``<id>.log`` is the last attempt's; those of earlier ones
are ``<id>.attempt-1.log`` and so on.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine.spare import SpareFile
from cloudops_nb.errors import LogUnavailable
from cloudops_nb.executors.process.descriptors import descriptors
from cloudops_nb.models.results import STREAMS, Stream

_RUN = struct.Struct("<BQ")
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_STDERR_TAIL = 8 * 1024
_TAIL_RUNS = 4 * 1024
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_TAIL_SHARE = 4  # a quarter of an oversized output is kept from its end


class LogWriter:
    """Writes one log, bounded by the configuration's size and strategy.

    Args:
        spare: a file to use, if it has one.

    Raises:
        LogUnavailable: the file exists already or cannot be made.
    """

    def __init__(self, path: Path, config: ExecutionConfig, spare: SpareFile | None = None) -> None:
        self._path = path
        self._strategy = config.oversized_output_strategy
        self._limit = config.max_output_size_bytes
        self._tail_limit = (
            self._limit // _TAIL_SHARE if self._strategy == "truncate_with_warning" else 0
        )
        self._size = 0
        self._tail: deque[tuple[Stream, bytearray]] = deque()
        self._tail_size = 0
        self.omitted_bytes = 0
        self._run: tuple[Stream, int] = ("stdout", 0)
        self._streams_fd: int | None = None
        self._fd = _create(path, spare)
        # A log of that name was removed, and this was left behind. It would be taken for ours.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{path}.streams")  # noqa: PTH108 - for each command; Path takes longer

    def write(self, stream: Stream, data: bytes) -> None:
        """Appends a piece of output.

        Raises:
            LogUnavailable: the disk is full or gone, or the output is above its size and the
                strategy is ``fail_execution``.
        """
        if self._strategy == "stream_to_file":
            self._append(stream, data)
            return
        room = max(self._limit - self._tail_limit - self._size, 0)
        if room and not self._tail:
            self._append(stream, data[:room])
            data = data[room:]
        if data:
            self._overflow(stream, data)

    def _overflow(self, stream: Stream, data: bytes) -> None:
        if self._strategy == "fail_execution":
            raise LogUnavailable(
                f"the output is above max_output_size_bytes ({self._limit} bytes); raise that, or "
                "set oversized_output_strategy to stream_to_file or truncate_with_warning"
            )
        # Pieces are joined, or the bookkeeping of many small ones would outweigh them by far.
        if not self._tail or self._tail[-1][0] != stream:
            self._tail.append((stream, bytearray()))
        self._tail[-1][1].extend(data)
        self._tail_size += len(data)
        while self._tail_size > self._tail_limit:
            first = self._tail[0][1]
            cut = min(self._tail_size - self._tail_limit, len(first))
            del first[:cut]  # moves no bytes: a bytearray only steps over them
            self._tail_size -= cut
            self.omitted_bytes += cut
            if not first:
                self._tail.popleft()

    def _append(self, stream: Stream, data: bytes | bytearray) -> None:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._fd, view) :]
            self._note_run(stream, len(data))
        except OSError as error:
            raise LogUnavailable(f"log {self._path}: {error.strerror}") from error
        self._size += len(data)

    def _note_run(self, stream: Stream, length: int) -> None:
        current, so_far = self._run
        if stream == current:
            self._run = (current, so_far + length)
            return
        self._end_run()
        self._run = (stream, length)

    def _end_run(self) -> None:
        stream, length = self._run
        if self._streams_fd is None:
            self._streams_fd = _create(streams_path(self._path))
        os.write(self._streams_fd, _RUN.pack(STREAMS.index(stream), length))

    def end(self, limit: int) -> LogEnd:
        """The last of what was written so far, up to ``limit`` bytes.

        Raises:
            LogUnavailable: the log cannot be read.
        """
        if self._tail:
            kept = [(stream, bytes(data)) for stream, data in self._tail]
            return _last_lines(kept, self._size + self.omitted_bytes, limit)
        return read_end(self._path, limit, self._run)

    def close(self) -> None:
        """Writes what was kept of an oversized output's end, and closes the file.

        Raises:
            LogUnavailable: the disk is full or gone; the files are closed all the same.
        """
        try:
            if self.omitted_bytes:
                marker = f"\n[cloudops: {self.omitted_bytes} bytes left out here]\n"
                self._append(self._run[0], marker.encode())
            for stream, data in self._tail:
                self._append(stream, data)
            if self._streams_fd is not None:
                self._end_run()
        except OSError as error:
            raise LogUnavailable(f"log {self._path}: {error.strerror}") from error
        finally:
            self._tail.clear()
            os.close(self._fd)
            if self._streams_fd is not None:
                os.close(self._streams_fd)


class LogOutput:
    """A finished execution's output, read from its log each time it is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def text(self, stream: Stream) -> str:
        """What was printed to ``stream``; bytes that are not UTF-8 become U+FFFD.

        Raises:
            LogUnavailable: the log is gone or cannot be read.
        """
        data = read_log(self._path)
        runs = list(_read_runs(self._path, len(data)))
        if any(run_stream != stream for run_stream, _ in runs):
            whole, pieces, offset = memoryview(data), [], 0
            for run_stream, length in runs:
                if run_stream == stream:
                    pieces.append(whole[offset : offset + length])
                offset += length
            data = b"".join(pieces)
        return data.decode("utf-8", "replace")


def read_log(path: Path) -> bytes:
    """The whole log.

    Raises:
        LogUnavailable: it is gone or cannot be read.
    """
    try:
        return _read(path)
    except OSError as error:
        raise LogUnavailable(f"log {path}: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class LogEnd:
    """The end of a log, from the start of a line where it has one."""

    pieces: list[tuple[Stream, bytes]]
    before: int
    """How many bytes were printed before."""


def read_end(path: Path, limit: int, unended: tuple[Stream, int] | None = None) -> LogEnd:
    """The last ``limit`` bytes of a log; fewer, where the streams alternate all the time.

    Args:
        unended: the run that the file beside the log does not have yet, if it is still written.

    Raises:
        LogUnavailable: the log is gone or cannot be read.
    """
    pieces: list[tuple[Stream, bytes]] = []
    try:
        with os.fdopen(os.open(path, _OPEN), "rb") as log:
            end = os.fstat(log.fileno()).st_size
            begin = max(end - limit, 0)
            log.seek(begin)
            data = log.read(end - begin)
        runs = _last_runs(path, end, unended)
    except OSError as error:
        raise LogUnavailable(f"log {path}: {error.strerror}") from error
    for stream, length in runs:
        if not data:
            break
        piece = data[-length:] if length else b""
        data = data[: len(data) - len(piece)]
        end -= len(piece)
        pieces.append((stream, piece))
    return _last_lines(pieces[::-1], end, limit)


def _last_runs(
    path: Path, size: int, unended: tuple[Stream, int] | None
) -> list[tuple[Stream, int]]:
    """The last runs, latest first."""
    latest = [unended] if unended is not None else []
    try:
        with os.fdopen(os.open(streams_path(path), _OPEN), "rb") as streams:
            begin = max(os.fstat(streams.fileno()).st_size // _RUN.size - _TAIL_RUNS, 0)
            streams.seek(begin * _RUN.size)
            data = streams.read(_TAIL_RUNS * _RUN.size)
    except FileNotFoundError:
        return latest or [("stdout", size)]  # there was no standard error
    runs = _RUN.iter_unpack(data[: len(data) // _RUN.size * _RUN.size])
    return [*latest, *((STREAMS[stream], length) for stream, length in reversed([*runs]))]


def _last_lines(pieces: list[tuple[Stream, bytes]], before: int, limit: int) -> LogEnd:
    """``pieces`` from the first line that begins within their last ``limit`` bytes."""
    too_much = max(sum(len(data) for _, data in pieces) - limit, 0)
    kept: list[tuple[Stream, bytes]] = []
    for stream, piece in pieces:
        data = piece[too_much:]
        before += len(piece) - len(data)
        too_much = max(too_much - len(piece), 0)
        if data:
            kept.append((stream, data))
    if before and kept:
        stream, data = kept[0]
        start = data.find(b"\n") + 1
        kept[0] = (stream, data[start:])
        before += start
    return LogEnd([piece for piece in kept if piece[1]], before)


def streams_path(log_path: Path) -> Path:
    """The file beside a log that tells its streams apart."""
    return log_path.with_name(log_path.name + ".streams")


def attempt_path(log_path: Path, attempt: int) -> Path:
    """Where the log of an attempt is once another has begun."""
    return log_path.with_name(f"{log_path.stem}.attempt-{attempt}{log_path.suffix}")


def set_aside(log_path: Path, attempt: int) -> None:
    """Makes room for the log of the next attempt.

    Raises:
        LogUnavailable: it cannot be moved, or would take the place of another file.
    """
    aside = attempt_path(log_path, attempt)
    try:
        if aside.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        log_path.rename(aside)
        with contextlib.suppress(FileNotFoundError):  # there was no standard error
            streams_path(log_path).rename(streams_path(aside))
    except OSError as error:
        raise LogUnavailable(f"log {aside}: {error.strerror}") from error


def stderr_tail(path: Path) -> str:
    """The end of what was printed to standard error, up to 8 KiB.

    Raises:
        LogUnavailable: the log is gone or cannot be read.
    """
    pieces: list[bytes] = []
    room = _STDERR_TAIL
    try:
        with streams_path(path).open("rb") as streams, path.open("rb") as log:
            end = os.fstat(log.fileno()).st_size
            # The last runs are enough: a log of many tiny ones is not to hold up who asks.
            begin = max(os.fstat(streams.fileno()).st_size // _RUN.size - _TAIL_RUNS, 0)
            streams.seek(begin * _RUN.size)
            data = streams.read(_TAIL_RUNS * _RUN.size)
            runs = [*_RUN.iter_unpack(data[: len(data) // _RUN.size * _RUN.size])]
            for stream, length in reversed(runs):
                end -= length
                if STREAMS[stream] == "stderr" and room:
                    taken = min(length, room)
                    log.seek(max(end + length - taken, 0))
                    pieces.append(log.read(taken))
                    room -= taken
    except FileNotFoundError:
        if path.exists():
            return ""  # there was no standard error
        raise LogUnavailable(f"log {path}: {os.strerror(errno.ENOENT)}") from None
    except OSError as error:
        raise LogUnavailable(f"log {path}: {error.strerror}") from error
    return b"".join(reversed(pieces)).decode("utf-8", "replace")


def _read_runs(path: Path, size: int) -> Iterator[tuple[Stream, int]]:
    try:
        data = _read(streams_path(path))
    except FileNotFoundError:
        data = b""
    except OSError as error:
        raise LogUnavailable(f"log {path}: {error.strerror}") from error
    count = 0
    # A full disk may have cut the file anywhere, in the middle of a run, too.
    for stream, length in _RUN.iter_unpack(data[: len(data) // _RUN.size * _RUN.size]):
        yield STREAMS[stream], length
        size -= length
        count += 1
    if size > 0:
        yield STREAMS[count % 2], size


def _read(path: Path) -> bytes:
    with os.fdopen(os.open(path, _OPEN), "rb") as file:
        return file.read()


def _create(path: Path, spare: SpareFile | None = None) -> int:
    try:
        fd = spare.take(path) if spare is not None else None
        return descriptors.moved_up(os.open(path, _CREATE, 0o600) if fd is None else fd)
    except OSError as error:
        raise LogUnavailable(f"log {path} cannot be created: {error.strerror}") from error
