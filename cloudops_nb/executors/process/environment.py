"""What a child process inherits."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from cloudops_nb.executors.process.survivors import TAG_VARIABLE
from cloudops_nb.redaction import is_secret_name

# A child has no terminal and its standard input is /dev/null: what would page or prompt hangs or
# fails in the dark. Python buffers its output when it is not a terminal, which is not live.
_UNATTENDED = {
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "MANPAGER": "cat",
    "SYSTEMD_PAGER": "cat",
    "AWS_PAGER": "",
    "AWS_CLI_AUTO_PROMPT": "off",
    "GIT_TERMINAL_PROMPT": "0",
    "DEBIAN_FRONTEND": "noninteractive",
    "PYTHONUNBUFFERED": "1",
}


def child_environment(
    inherited: Mapping[str, str],
    *,
    own: Mapping[str, str],
    pass_env: frozenset[str],
    keeps_aws: bool,
    execution_id: UUID,
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The environment of a child, and the names of what was withheld from it.

    Variables that look like secrets are withheld, but for those named in ``pass_env`` and, for a
    command that calls AWS, those of AWS. ``own`` is what the request sets; it is always passed.
    """
    withheld = {
        name
        for name in inherited
        if is_secret_name(name)
        and name not in own
        and name not in pass_env
        and not (keeps_aws and name.startswith("AWS_"))
    }
    if "AWS_SECRET_ACCESS_KEY" in withheld:
        # Half a key pair is worse than none: boto3 stops at it instead of looking further.
        withheld |= {"AWS_ACCESS_KEY_ID"} & inherited.keys() - own.keys()
    environment = {name: value for name, value in inherited.items() if name not in withheld}
    environment.update(_UNATTENDED)
    environment.update(own)
    environment[TAG_VARIABLE] = f"{inherited.get(TAG_VARIABLE, '')} {execution_id}".strip()
    return environment, tuple(sorted(withheld))
