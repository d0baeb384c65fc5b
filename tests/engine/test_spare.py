"""Files made before they are needed."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudops_nb.engine import spare as spare_module
from cloudops_nb.engine.spare import SpareFile
from tests.support import open_files


@pytest.fixture
def spare() -> Iterator[SpareFile]:
    made = SpareFile()
    yield made
    made.close()


def test_a_spare_file_has_no_name_until_it_is_taken(spare: SpareFile, tmp_path: Path) -> None:
    spare.prepare(tmp_path)
    assert not any(tmp_path.iterdir())
    fd = spare.take(tmp_path / "x.log")
    assert fd is not None
    os.write(fd, b"text")
    os.close(fd)
    assert (tmp_path / "x.log").read_bytes() == b"text"


def test_a_taken_file_is_its_owners_alone(spare: SpareFile, tmp_path: Path) -> None:
    spare.prepare(tmp_path)
    fd = spare.take(tmp_path / "x.log")
    assert fd is not None
    os.close(fd)
    assert stat.S_IMODE((tmp_path / "x.log").stat().st_mode) == 0o600


def test_there_is_one_at_a_time(spare: SpareFile, tmp_path: Path) -> None:
    before = open_files()
    spare.prepare(tmp_path)
    spare.prepare(tmp_path)
    assert open_files() == before + 1
    fd = spare.take(tmp_path / "x.log")
    assert fd is not None
    os.close(fd)
    assert spare.take(tmp_path / "y.log") is None


def test_a_name_that_is_taken_is_left_as_it_is(spare: SpareFile, tmp_path: Path) -> None:
    (tmp_path / "x.log").write_text("mine")
    spare.prepare(tmp_path)
    with pytest.raises(FileExistsError):
        spare.take(tmp_path / "x.log")
    assert (tmp_path / "x.log").read_text() == "mine"


def test_a_link_of_that_name_is_not_followed(spare: SpareFile, tmp_path: Path) -> None:
    (tmp_path / "x.log").symlink_to(tmp_path / "elsewhere")
    spare.prepare(tmp_path)
    with pytest.raises(FileExistsError):
        spare.take(tmp_path / "x.log")
    assert not (tmp_path / "elsewhere").exists()


def test_one_of_another_file_system_is_of_no_use(spare: SpareFile, tmp_path: Path) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is only one file system")
    spare.prepare(elsewhere)
    before = open_files()
    assert spare.take(tmp_path / "x.log") is None
    assert open_files() == before - 1


@pytest.mark.parametrize("directory", ["gone", "file"])
def test_where_none_can_be_had_there_is_none(
    spare: SpareFile, tmp_path: Path, directory: str
) -> None:
    (tmp_path / "file").touch()
    spare.prepare(tmp_path / directory)
    assert spare.take(tmp_path / "x.log") is None


def test_a_system_without_nameless_files_has_none(
    spare: SpareFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spare_module, "_NAMELESS", 0)
    spare.prepare(tmp_path)
    assert spare.take(tmp_path / "x.log") is None
