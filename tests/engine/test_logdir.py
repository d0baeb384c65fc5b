"""The log directory: whose it must be, and how a wrong one is mended."""

import os
import re
import stat
from pathlib import Path

import pytest

from cloudops_nb.engine.logdir import check_directory, make_directory, open_directory
from cloudops_nb.errors import LogUnavailable
from cloudops_nb.models import ExecutionStatus
from tests.conftest import MakeEngine
from tests.support import request, run

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can give a directory to another user"
)


def test_the_log_directory_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    check_directory(path)
    check_directory(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_log_directory_that_cannot_be_made_says_how_to_choose_another(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(LogUnavailable, match="CLOUDOPS_LOG_DIR"):
            check_directory(path)
        with pytest.raises(LogUnavailable, match="CLOUDOPS_LOG_DIR"):
            make_directory(path)


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o1777])
def test_a_directory_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "logs"
    path.mkdir()
    path.chmod(mode)
    with pytest.raises(LogUnavailable, match=re.escape(f"chmod 700 {path}")):
        check_directory(path)


def test_a_directory_that_others_may_only_read_will_do(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)  # the files in it are the owner's alone
    check_directory(tmp_path)


@needs_root
def test_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, -1)
    with pytest.raises(LogUnavailable, match="belongs to another user"):
        check_directory(tmp_path)


def test_a_link_is_refused_and_the_directory_behind_it_named(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "logs").symlink_to("real")
    with pytest.raises(LogUnavailable, match=f"symbolic link; .*: {tmp_path / 'real'}"):
        check_directory(tmp_path / "logs")


def test_parents_may_be_links(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "home").symlink_to("real")
    check_directory(tmp_path / "home" / "logs")
    assert (tmp_path / "real" / "logs").is_dir()


def test_a_directory_that_is_not_there_is_no_fault_of_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), open_directory(tmp_path / "logs"):
        pass


def test_nothing_runs_where_its_log_would_not_be_private(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs").chmod(0o777)
    result = run(make_engine(), f"touch {tmp_path}/ran")
    assert result.status is ExecutionStatus.FAILED
    assert result.error is not None
    assert "not started: log directory" in result.error
    assert "chmod 700" in result.error
    assert not (tmp_path / "ran").exists()
    (tmp_path / "logs").chmod(0o700)


def test_a_log_that_a_request_places_itself_may_be_anywhere(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o1777)
    path = tmp_path / "open" / "mine.log"
    assert run(make_engine(), request("echo out", output_log_path=path)).stdout == "out\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
