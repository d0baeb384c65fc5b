"""The log of one execution: what both streams printed, in the order it was read.

``<id>.log`` holds the bytes as they came, so that ``tail -f`` and ``grep`` work on it. Where there
was standard error, ``<id>.log.streams`` tells the streams apart: runs of nine bytes each, the
stream (0 stdout, 1 stderr) and the run's length as an unsigned 64-bit little-endian number. Runs
of the two alternate; what the file does not cover, all of the log if it is not there, is one more.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.errors import LogUnavailable
from cloudops_nb.models.results import STREAMS, Stream

_RUN = struct.Struct("<BQ")
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TAIL_SHARE = 4  # a quarter of an oversized output is kept from its end


class LogWriter:
    """Writes one log, bounded by the configuration's size and strategy.

    Raises:
        LogUnavailable: the file exists already or cannot be made.
    """

    def __init__(self, path: Path, config: ExecutionConfig) -> None:
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
        self._fd = _create(path)
        # A log of that name was removed, and this was left behind. It would be taken for ours.
        with contextlib.suppress(FileNotFoundError):
            streams_path(path).unlink()

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
        pieces, offset = [], 0
        for run_stream, length in _read_runs(self._path, len(data)):
            if run_stream == stream:
                pieces.append(data[offset : offset + length])
            offset += length
        return b"".join(pieces).decode("utf-8", "replace")


def read_log(path: Path) -> bytes:
    """The whole log.

    Raises:
        LogUnavailable: it is gone or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise LogUnavailable(f"log {path}: {error.strerror}") from error


def streams_path(log_path: Path) -> Path:
    """The file beside a log that tells its streams apart."""
    return log_path.with_name(log_path.name + ".streams")


def _read_runs(path: Path, size: int) -> Iterator[tuple[Stream, int]]:
    try:
        data = streams_path(path).read_bytes()
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


def _create(path: Path) -> int:
    try:
        return os.open(path, _CREATE, 0o600)
    except OSError as error:
        raise LogUnavailable(f"log {path} cannot be created: {error.strerror}") from error


def make_private_directory(path: Path) -> None:
    """Makes ``path`` for its owner alone, and parents that it needs; what exists is left as it is.

    Raises:
        LogUnavailable: it cannot be made, or is not a directory.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LogUnavailable(
            f"log directory {path}: {error.strerror}; set log_dir or CLOUDOPS_LOG_DIR"
        ) from error
