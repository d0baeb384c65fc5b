"""How many failures a plan takes before it starts nothing more.

The meaning is that of AWS Systems Manager's ``MaxErrors`` and Ansible's ``max_fail_percentage``:
the number, or the share of all commands, that *may* fail; the plan stops when it is exceeded. So
``0`` stops at the first failure, and ``10%`` of 50 commands at the sixth.
"""

from __future__ import annotations

import re

from cloudops_nb.errors import InvalidPlan

Threshold = int | str
"""A number of commands, or ``"25%"`` of them."""

_WRITTEN = re.compile(r"([0-9]{1,9})(%?)")


def parse_threshold(value: object) -> Threshold:
    """Reads ``3``, ``"3"`` or ``"25%"``.

    Raises:
        InvalidPlan: it is none of them, or above 100 %.
    """
    found = _WRITTEN.fullmatch(value if isinstance(value, str) else repr(value))
    if found is None or (found[2] and int(found[1]) > 100):
        raise InvalidPlan(
            f"takes how many commands may fail, such as 3, or their share, such as 25%; "
            f"not {value!r}"
        )
    return f"{int(found[1])}%" if found[2] else int(found[1])


def allowed(threshold: Threshold, commands: int) -> int:
    """How many of so many commands may fail."""
    if isinstance(threshold, int):
        return threshold
    return int(threshold.rstrip("%")) * commands // 100
