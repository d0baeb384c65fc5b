"""JupyterLab on the notebooks, in the AWS sandbox, the extension loaded; Ctrl-C ends both."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from cloudops_nb.aws.sandbox import Sandbox

ROOT = Path(__file__).resolve().parent.parent
IPYTHON = ROOT / "build" / "lab" / "ipython"
STOP_SECONDS = 15  # JupyterLab gives each kernel five

KERNEL_CONFIG = """\
c.InteractiveShellApp.extensions = ["cloudops_nb"]
"""


def kernels_load_the_extension() -> dict[str, str]:
    """An IPython directory of the lab's own: nobody's profile is touched."""
    profile = IPYTHON / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text(KERNEL_CONFIG, encoding="utf-8")
    return {"IPYTHONDIR": str(IPYTHON)}


def main() -> int:
    command = [sys.executable, "-m", "jupyterlab", "--notebook-dir", str(ROOT / "notebooks")]
    if os.geteuid() == 0:
        command.append("--allow-root")  # containers; it listens on loopback, behind a token
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` ends it as Ctrl-C does
    with Sandbox.start() as sandbox:
        print(sandbox.banner, flush=True)
        environment = sandbox.environment(os.environ) | kernels_load_the_extension()
        # In a session of its own: Ctrl-C reaches us alone, and JupyterLab does not ask "y/n".
        with subprocess.Popen(
            [*command, *sys.argv[1:]],
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        ) as lab:
            try:
                return lab.wait()
            except KeyboardInterrupt:
                lab.terminate()
                lab.wait(STOP_SECONDS)
                return 0


if __name__ == "__main__":
    sys.exit(main())
