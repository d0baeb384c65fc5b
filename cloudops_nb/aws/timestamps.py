"""Times in AWS's answers, read in a fraction of the time that botocore takes for them."""

from __future__ import annotations

from datetime import UTC, datetime

from botocore.utils import parse_timestamp


def read_timestamp(value: str | float) -> datetime:
    """A time as services write it: ISO 8601, seconds since 1970, or the format of mail (RFC 5322).

    Seconds become UTC at once, where botocore goes by this machine's zone, whose rules it looks up
    for each: two thirds of reading a page of ``ListSecrets``. The less usual is left to botocore.

    Raises:
        ValueError: it is none of these.
        RuntimeError: no calendar has it, as botocore says.
    """
    if isinstance(value, int | float):
        try:
            return datetime.fromtimestamp(value, UTC)
        except (ValueError, OverflowError, OSError):  # beyond what the C library knows
            return parse_timestamp(str(value))
    if value[4:5] == "-" and value[10:11] == "T":
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return parse_timestamp(value)
        if moment.tzinfo is not None:
            return moment
    return parse_timestamp(value)
