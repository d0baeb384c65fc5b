"""``%cloudops doctor``: what this installation can do, and how to mend what it cannot."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from cloudops_nb.notebook.doctor.aws_program import aws_program
from cloudops_nb.notebook.doctor.aws_settings import PART, aws_settings
from cloudops_nb.notebook.doctor.directories import directories
from cloudops_nb.notebook.doctor.findings import Diagnosis, Finding
from cloudops_nb.notebook.doctor.machine import machine

if TYPE_CHECKING:
    from cloudops_nb.notebook.session import NotebookSession

__all__ = ["Diagnosis", "Finding", "examine"]


def examine(session: NotebookSession, tell: Callable[[str], None]) -> Diagnosis:
    """Looks at everything; takes some seconds, and ``tell`` is given how far it is.

    Runs ``aws --version``, and asks AWS whose the credentials are: a profile's credentials may come
    from a program, which is run as for any command. No secret is shown.
    """
    # Here, since it stands on botocore.
    from cloudops_nb.notebook.doctor.profiles import profiles

    environment = dict(os.environ)
    if session.sandbox is not None:
        environment = session.sandbox.environment(environment)
        settings = [Finding(PART, "sandbox", "its own: calls stay on this machine")]
    else:
        settings = list(aws_settings(environment))
    return Diagnosis(
        (
            *machine(session),
            *aws_program(environment),
            *settings,
            *profiles(environment, tell),
            *directories(session),
        )
    )
