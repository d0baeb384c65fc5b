"""The environment for a Jupyter process whose behaviour must not depend on who starts it."""

import os
import sys
from pathlib import Path

from cloudops_nb.redaction import is_secret_name

# The caller's cloud access, and settings that would change what a notebook or a test run does.
_WITHHELD = ("AWS_", "CLOUDOPS_", "IPYTHON", "JUPYTER", "PYTEST", "XDG_")


def isolated(private: Path) -> dict[str, str]:
    """The caller's environment, no AWS account in reach, Jupyter's own files under `private`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        # A record names the secrets it withheld from a command; the caller's must not be in it.
        if not name.startswith(_WITHHELD) and not is_secret_name(name)
    }
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "IPYTHONDIR": str(private / "ipython"),
        "JUPYTER_CONFIG_DIR": str(private / "jupyter-config"),
        "JUPYTER_DATA_DIR": str(private / "jupyter-data"),
        "JUPYTER_RUNTIME_DIR": str(private / "jupyter-runtime"),
        # As in an activated environment: a kernel finds the tools that are installed beside it.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
