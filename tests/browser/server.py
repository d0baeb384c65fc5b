"""A JupyterLab server of the tests' own: private settings, home and token, on a free port."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from scripts.environment import isolated

START_SECONDS = 60
STOP_SECONDS = 15
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/lab")

SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"checkForUpdates": False, "fetchNews": "false"},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    # Every output is in the page, wherever it is scrolled to.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}
DISABLED = ("@jupyterlab/apputils-extension:announcements",)


class LabServer:
    """Started by the constructor, ready when that returns; `stop()` ends it and every kernel.

    `disabled` names extensions of the page; `variables` go to the server and its kernels.
    """

    def __init__(self, private: Path, *disabled: str, **variables: str) -> None:
        self.token = secrets.token_hex(16)
        self.root = private / "notebooks"
        self.home = private / "home"
        environment = isolated(private) | {"HOME": str(self.home)} | variables
        config = Path(environment["JUPYTER_CONFIG_DIR"])
        labconfig = config / "labconfig"
        for directory in (self.root, self.home, labconfig):
            directory.mkdir(parents=True)
        page = {"disabledExtensions": dict.fromkeys((*DISABLED, *disabled), True)}
        # Not as a variable, which the kernels would inherit, and every record would tell of.
        token = {"IdentityProvider": {"token": self.token}}
        (config / "jupyter_server_config.json").write_text(json.dumps(token))
        (labconfig / "default_setting_overrides.json").write_text(json.dumps(SETTINGS))
        (labconfig / "page_config.json").write_text(json.dumps(page))
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                *("--expose-app-in-browser", "--LabApp.extension_manager=readonly"),
                "--JupyterNotebookApp.expose_app_in_browser=True",
                *("--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"),
                *("--ServerApp.terminals_enabled=False", f"--ServerApp.root_dir={self.root}"),
            ],
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._output = self._process.stdout
        self.url = ""
        self.log: list[str] = []
        self._addressed = threading.Event()
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        try:
            self._wait_until_it_answers()
        except BaseException:
            self._end()
            raise

    def _read_log(self) -> None:
        for line in self._output:
            self.log.append(line)
            if not self.url and (found := _ADDRESS.search(line)):
                self.url = f"http://127.0.0.1:{found[1]}"
                self._addressed.set()
        self._addressed.set()  # it ended, perhaps without an address

    def _wait_until_it_answers(self) -> None:
        self._addressed.wait(START_SECONDS)
        deadline = time.monotonic() + START_SECONDS
        while self.url and self._process.poll() is None and time.monotonic() < deadline:
            try:
                self.api("GET", "/api/status")
            except urllib.error.URLError:
                time.sleep(0.05)  # the address is logged a moment before it listens there
            else:
                return
        raise RuntimeError("JupyterLab did not start:\n" + "".join(self.log))

    def api(self, method: str, path: str, body: object = None) -> Any:
        """One request to the REST API; the answer's JSON, or None where there is none."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}"},
        )
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(request, timeout=30) as response:
            content = response.read()
        return json.loads(content) if content else None

    def set_theme(self, name: str) -> None:
        """For pages that are yet to be loaded."""
        settings = {"raw": json.dumps({"theme": name})}
        self.api("PUT", "/lab/api/settings/@jupyterlab/apputils-extension:themes", settings)

    def shut_kernels_down(self, directory: Path) -> None:
        """Those of the notebooks in there."""
        for session in self.api("GET", "/api/sessions"):
            if directory in (self.root / session["path"]).parents:
                self.api("DELETE", f"/api/sessions/{session['id']}")

    def stop(self) -> None:
        self.shut_kernels_down(self.root)
        self._end()

    def _end(self) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join()
        self._output.close()
