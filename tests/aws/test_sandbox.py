"""Facts about the sandbox's life: how it starts, what it promises, how it ends."""

from __future__ import annotations

import os
import select
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # no stubs among the dev tools
import pytest

from cloudops_nb.aws.sandbox import Sandbox, process, wrapper
from cloudops_nb.errors import SandboxUnavailable

OWNER = """
import sys, pathlib
from cloudops_nb.aws.sandbox import Sandbox
sandbox = Sandbox.start(directory=pathlib.Path(sys.argv[1]))
print(sandbox._server.pid, flush=True)
sys.stdin.read()
"""


def gone(pid: int, seconds: float = 10.0) -> bool:
    """Wait for a process that is not ours to wait for; False when it outlives ``seconds``."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watch], [], [], seconds)[0])
    finally:
        os.close(watch)


@pytest.fixture
def owner(tmp_path: Path) -> subprocess.Popen[bytes]:
    """A process that owns a sandbox in ``tmp_path`` and ends when its stdin does."""
    return subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


@dataclass
class Life:
    """What was seen of a sandbox that was started by a thread that ended, used, and stopped."""

    sandbox: Sandbox
    directory: Path
    home_mode: int
    pid: int
    progress: list[str]
    account: str


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Life:
    directory = tmp_path_factory.mktemp("stopped")
    progress: list[str] = []
    with ThreadPoolExecutor(1) as thread:
        start = partial(Sandbox.start, directory=directory, progress=progress.append)
        started = thread.submit(start).result()
    with started as sandbox:
        (home,) = directory.iterdir()
        mode = stat.S_IMODE(home.stat().st_mode)
        account = sandbox.session().client("sts").get_caller_identity()["Account"]
        return Life(sandbox, directory, mode, sandbox._server.pid, progress, account)


def test_its_directory_is_private(stopped: Life) -> None:
    assert stopped.home_mode == 0o700


def test_it_outlives_the_thread_that_started_it(stopped: Life) -> None:
    assert stopped.account == "111111111111"


def test_it_tells_how_far_the_start_has_come(stopped: Life) -> None:
    assert "seeding cloudops-sandbox-prod" in stopped.progress


def test_it_leaves_no_process_and_no_file(stopped: Life) -> None:
    assert not psutil.pid_exists(stopped.pid)
    assert not list(stopped.directory.iterdir())


def test_stopping_again_does_nothing(stopped: Life) -> None:
    stopped.sandbox.stop()
    assert not stopped.sandbox.running


def test_once_stopped_it_gives_no_environment_and_no_session(stopped: Life) -> None:
    with pytest.raises(SandboxUnavailable, match="not running"):
        stopped.sandbox.environment({})
    with pytest.raises(SandboxUnavailable, match="not running"):
        stopped.sandbox.session()


def test_a_server_that_died_is_not_running(tmp_path: Path) -> None:
    with Sandbox.start(directory=tmp_path) as sandbox:
        os.kill(sandbox._server.pid, signal.SIGKILL)
        assert gone(sandbox._server.pid)
        assert not sandbox.running


def test_the_server_dies_with_a_killed_owner(
    owner: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    with owner:
        assert owner.stdout is not None
        server = int(owner.stdout.readline())
        owner.kill()
        assert gone(server)
    assert not list(tmp_path.iterdir())


def test_an_owner_that_forgets_to_stop_it_leaves_nothing(
    owner: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    with owner:
        assert owner.stdout is not None
        server = int(owner.stdout.readline())
        owner.communicate()  # ends its stdin: it runs off the end of its program
        assert gone(server)
    assert owner.returncode == 0
    assert not list(tmp_path.iterdir())


def test_a_process_forked_from_the_owner_does_not_stop_it(sandbox: Sandbox) -> None:
    child = os.fork()
    if child == 0:
        sandbox._server.stop()
        os._exit(0)
    os.waitpid(child, 0)
    assert sandbox.running
    assert Path(sandbox.environment({})["AWS_CONFIG_FILE"]).exists()


def test_the_server_listens_on_loopback_only(sandbox: Sandbox) -> None:
    open_sockets = psutil.Process(sandbox._server.pid).net_connections("inet")
    listening = [entry.laddr for entry in open_sockets if entry.status == psutil.CONN_LISTEN]
    assert [f"http://{address.ip}:{address.port}" for address in listening] == [
        sandbox.endpoint_url
    ]
    assert sandbox.endpoint_url.startswith("http://127.0.0.1:")


def test_an_interrupt_of_the_owners_group_does_not_reach_the_server(sandbox: Sandbox) -> None:
    assert os.getsid(sandbox._server.pid) == sandbox._server.pid


def test_the_server_reads_no_input(sandbox: Sandbox) -> None:
    assert Path(f"/proc/{sandbox._server.pid}/fd/0").readlink() == Path(os.devnull)


def test_the_banner_says_in_one_line_that_nothing_is_real(sandbox: Sandbox) -> None:
    assert sandbox.banner.startswith("SANDBOX")
    assert "no real account" in sandbox.banner
    assert sandbox.endpoint_url in sandbox.banner
    assert "\n" not in sandbox.banner


def test_without_moto_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(process, "find_spec", lambda _name: None)
    with pytest.raises(SandboxUnavailable, match=r"pip install 'cloudops_nb\[sandbox\]'"):
        Sandbox.start(directory=tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_the_aws_cli_it_says_what_to_install_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(wrapper, "find_real_aws", lambda *_args: None)
    with pytest.raises(SandboxUnavailable, match=r"AWS CLI: pip install 'cloudops_nb\[sandbox\]'"):
        Sandbox.start(directory=tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_aws_cli_that_does_not_answer_in_time_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable, match="longer timeout"):
        Sandbox.start(directory=tmp_path, timeout=0.01)
    assert not list(tmp_path.iterdir())


def test_a_server_that_does_not_come_up_in_time_is_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(wrapper, "find_real_aws", lambda *_args: Path("/bin/true"))
    with pytest.raises(SandboxUnavailable, match="server was not ready in time"):
        Sandbox.start(directory=tmp_path, timeout=0.01)
    assert not list(tmp_path.iterdir())


def test_a_process_that_cannot_be_started_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(SandboxUnavailable, match="cannot be started"):
        Sandbox.start(directory=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_server_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    (broken / "moto").mkdir(parents=True)
    (broken / "moto" / "__init__.py").write_text("raise ImportError('half of moto is missing')")
    monkeypatch.setenv("PYTHONPATH", str(broken))
    home = tmp_path / "home"
    with pytest.raises(SandboxUnavailable, match="half of moto is missing"):
        Sandbox.start(directory=home)
    assert not list(home.iterdir())


def test_a_listener_to_progress_that_raises_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(_line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Sandbox.start(directory=tmp_path, progress=interrupt)
    assert not list(tmp_path.iterdir())
