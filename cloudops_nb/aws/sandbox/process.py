"""Starting the server process, following it until it is ready, and ending it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

from cloudops_nb.errors import SandboxUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_INSTALL = "pip install 'cloudops_nb[sandbox]'"
_MOTO_SETTINGS = {
    "MOTO_DISABLE_GLOBAL_CORS": "true",  # no web page has business here
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",  # 1,300 foreign images in each region
    "PYTHONHASHSEED": "0",  # so that no walk over a set differs from start to start
}


def listen() -> socket.socket:
    """A socket bound to a free port of the loopback interface; the server inherits it."""
    return socket.create_server(("127.0.0.1", 0), backlog=128)


def require_moto() -> None:
    """Raise ``SandboxUnavailable`` where moto or what its server needs is not installed."""
    missing = [name for name in ("moto", "flask", "flask_cors") if find_spec(name) is None]
    if missing:
        message = f"the sandbox needs {', '.join(missing)}: {_INSTALL}"
        raise SandboxUnavailable(message)


class Server:
    """The server process. It dies with its owner: closing ``link`` is all it takes."""

    def __init__(
        self, listener: socket.socket, directory: Path, environment: Mapping[str, str]
    ) -> None:
        self._owner = os.getpid()
        self._directory = directory
        self._log = directory / "server.log"
        self._link, theirs = socket.socketpair()
        command = [
            # -P: a moto.py beside the notebook is not to be taken for moto.
            # -W: moto's deprecations are not this user's, whatever PYTHONWARNINGS says.
            *(sys.executable, "-P", "-W", "ignore", "-m", f"{__package__}.server"),
            *("--listener", str(listener.fileno()), "--owner", str(theirs.fileno())),
            *("--owner-pid", str(self._owner), "--directory", str(directory)),
        ]
        kept = {name: text for name, text in environment.items() if not name.startswith("MOTO_")}
        try:
            with theirs, self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    command,
                    env=kept | _MOTO_SETTINGS,
                    cwd=directory,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # a notebook's interrupt is not for the server
                    pass_fds=(listener.fileno(), theirs.fileno()),
                )
        except OSError as error:
            self._link.close()
            shutil.rmtree(directory, ignore_errors=True)
            message = f"the sandbox's server cannot be started: {error}"
            raise SandboxUnavailable(message) from error

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait_until_ready(self, deadline: float, progress: Callable[[str], None]) -> None:
        """Pass on the server's progress until it is ready; ``deadline`` is of ``time.monotonic``.

        Raises ``SandboxUnavailable`` when it fails, dies, or is not ready in time.
        """
        pending = b""
        while True:
            self._link.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                received = self._link.recv(4096)
            except TimeoutError:
                message = "the sandbox's server was not ready in time: give it a longer timeout"
                raise SandboxUnavailable(message) from None
            if not received:
                message = f"the sandbox's server ended while starting\n{self._last_words()}"
                raise SandboxUnavailable(message)
            *lines, pending = (pending + received).split(b"\n")
            for message in map(json.loads, lines):
                if "failed" in message:
                    text = f"the sandbox's server failed: {message['failed']}; try {_INSTALL}"
                    raise SandboxUnavailable(f"{text} --upgrade\n{self._last_words()}")
                if "ready" in message:
                    return
                progress(message["progress"])

    def stop(self, grace: float = 2.0) -> None:
        """End the process and remove its directory. ``grace``, in seconds, before each next step.

        Does nothing in a process forked from the owner: the server is not its to end.
        """
        if os.getpid() != self._owner:
            return
        self._link.close()
        for insist in (self._process.terminate, self._process.kill):
            try:
                self._process.wait(grace)
                break
            except subprocess.TimeoutExpired:
                insist()
        self._process.wait()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _last_words(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-5:])
