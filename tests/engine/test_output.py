"""The way of output: redacted before it is logged, logged before it is published."""

from pathlib import Path
from unittest.mock import patch

import pytest

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine.logfile import LogOutput, LogWriter, read_log
from cloudops_nb.engine.output import OutputCollector
from cloudops_nb.errors import LogUnavailable
from cloudops_nb.redaction import Redactor


class Way:
    """A collector, and where its output comes out."""

    def __init__(self, path: Path, **settings: object) -> None:
        self.path = path
        self.published: list[tuple[str, bytes]] = []
        self.faults: list[LogUnavailable] = []
        self.collector = OutputCollector(
            Redactor({"T": "s3cret-value"}),
            LogWriter(path, ExecutionConfig.model_validate(settings)),
            publish=self.publish,
            on_fault=self.faults.append,
        )

    def publish(self, stream: str, data: bytes) -> None:
        assert read_log(self.path).endswith(data), "published before it was logged"
        self.published.append((stream, data))


@pytest.fixture
def way(tmp_path: Path) -> Way:
    return Way(tmp_path / "x.log")


def test_output_is_redacted_in_the_log_and_in_what_is_published(way: Way) -> None:
    way.collector.write("stdout", b"a s3cret-value\n")
    way.collector.close()
    assert read_log(way.path) == b"a REDACTED_T\n"
    assert way.published == [("stdout", b"a REDACTED_T\n")]


def test_a_secret_cut_in_two_is_redacted_as_well(way: Way) -> None:
    way.collector.write("stdout", b"a s3cret-")
    way.collector.write("stdout", b"value\n")
    way.collector.close()
    assert read_log(way.path) == b"a REDACTED_T\n"


def test_each_stream_is_held_back_on_its_own(way: Way) -> None:
    way.collector.write("stdout", b"s3cret-")
    way.collector.write("stderr", b"value\n")
    way.collector.close()
    output = LogOutput(way.path)
    assert (output.text("stdout"), output.text("stderr")) == ("s3cret-", "value\n")


def test_what_was_held_back_comes_at_the_end(way: Way) -> None:
    way.collector.write("stdout", b"prompt s3")
    assert way.published == [("stdout", b"prompt ")]
    way.collector.close()
    assert way.published == [("stdout", b"prompt "), ("stdout", b"s3")]


def test_a_log_that_fails_is_reported_once_and_ends_the_output(tmp_path: Path) -> None:
    way = Way(
        tmp_path / "x.log", max_output_size_bytes=4, oversized_output_strategy="fail_execution"
    )
    for _ in range(3):
        way.collector.write("stdout", b"...")
    assert way.collector.close() == 0
    assert len(way.faults) == 1
    assert way.published == [("stdout", b"...")]


def test_closing_tells_how_much_was_left_out(tmp_path: Path) -> None:
    way = Way(tmp_path / "x.log", max_output_size_bytes=4)
    with patch.object(way.collector, "_publish"):  # what is published last is not in the log yet
        way.collector.write("stdout", b"." * 10)
        assert way.collector.close() == 6
