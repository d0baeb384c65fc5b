"""The profiles of the AWS files."""

from __future__ import annotations

import os
from collections.abc import Mapping

from cloudops_nb.errors import InvalidCommand

_CHOSEN = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")


def profiles(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Their names, sorted; none if the files cannot be read."""
    # Not at the top: botocore is loaded only where profiles are asked for.
    from cloudops_nb.aws.sessions import new_session

    try:
        # Without the chosen one, which need not be there.
        session = new_session({key: environ[key] for key in environ if key not in _CHOSEN})
    except InvalidCommand:
        return ()
    return tuple(sorted(session.available_profiles))
