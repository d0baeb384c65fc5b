"""What may be done about an attempt that failed: one table of how they end. Pure."""

from __future__ import annotations

import errno
import re
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cloudops_nb.models import ErrorCategory, ExecutionStatus
from cloudops_nb.models.results import signal_name

_AGAIN, _NEVER, _UNDO = ErrorCategory


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an attempt ended. ``stderr`` is the end of what it printed there."""

    status: ExecutionStatus
    exit_code: int | None = None
    stderr: str = ""
    spawn_errno: int | None = None
    """Why the system did not start the process, if it did not."""
    left_behind: bool = False
    """Whether something of it still runs, which another attempt would run beside."""
    is_aws: bool = False
    """Whether it is the AWS CLI or a call that ends as it does: its exit codes have a meaning."""
    repeatable: bool = True

    @property
    def signal(self) -> int | None:
        """What killed it: the process itself, or by a shell's exit code (XCU 2.8.2) its child."""
        code = self.exit_code or 0
        if code < 0:
            return -code
        return code - 128 if 128 < code <= 128 + signal.SIGRTMAX else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be done about an attempt that failed, and why. ``kind`` is the row that said so."""

    category: ErrorCategory
    kind: str
    reason: str


def judge(ending: Ending, wanted: tuple[str, ...] = ()) -> Verdict:
    """The first row of the table that fits. ``wanted`` (``RetryConfig.retryable_errors``), if it
    names any errors, decides instead which of those that may be retried are.
    """
    verdict = next(
        Verdict(category, kind, reason)
        for kind, category, fits in _TABLE
        if (reason := fits(ending)) is not None
    )
    if not wanted or verdict.kind in _FINAL:
        return verdict
    named = next((name for name in wanted if _is_named(name, ending, verdict)), None)
    if named is not None:
        reason = verdict.reason if named == verdict.kind else named
        return Verdict(_AGAIN, verdict.kind, reason)
    if verdict.category is _AGAIN:
        return Verdict(_NEVER, verdict.kind, f"{verdict.reason} (not among retryable_errors)")
    return verdict


def _is_named(name: str, ending: Ending, verdict: Verdict) -> bool:
    if name == verdict.kind and verdict.category is _AGAIN:
        return True
    if name.startswith("exit:"):
        return name == f"exit:{ending.exit_code}"
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", ending.stderr) is not None


# The rows of the table. Each gives its reason, or None where it does not fit.

_Fits = Callable[[Ending], str | None]


def _printed(*patterns: str) -> _Fits:
    compiled = re.compile("|".join(patterns))

    def fits(ending: Ending) -> str | None:
        found = compiled.search(ending.stderr)
        return found[0].strip(" :'") if found else None

    return fits


_AWS_ERROR = re.compile(r"An error occurred \(([\w.:-]{1,100})\)")


def _aws_error(ending: Ending) -> str | None:
    # The AWS CLI and whatever prints a boto3 error name it like this; the last is why it ended.
    codes = _AWS_ERROR.findall(ending.stderr)
    return codes[-1] if codes else None


def _aws_error_in(codes: frozenset[str]) -> _Fits:
    return lambda ending: code if (code := _aws_error(ending)) in codes else None


def _coded(meanings: Mapping[int, str], *, aws: bool = False) -> _Fits:
    def fits(ending: Ending) -> str | None:
        meaning = meanings.get(ending.exit_code or 0)
        applies = meaning is not None and (ending.is_aws or not aws)
        return f"exit code {ending.exit_code} ({meaning})" if applies else None

    return fits


def _killed_by(*signals: int) -> _Fits:
    return lambda ending: _killed(ending) if ending.signal in signals else None


def _killed(ending: Ending) -> str | None:
    return f"killed by {signal_name(-ending.signal)}" if ending.signal else None


def _timed_out(ending: Ending) -> str | None:
    return "timed out" if ending.status is ExecutionStatus.TIMEOUT else None


def _in_the_middle(ending: Ending) -> str | None:
    if ending.repeatable:
        return None
    return _timed_out(ending) or _killed(ending)


def _not_spawned(ending: Ending) -> str | None:
    if ending.exit_code is not None or ending.spawn_errno not in _SCARCE:
        return None
    return f"not started: {errno.errorcode[ending.spawn_errno]}"


def _never_ran(ending: Ending) -> str | None:
    ran = ending.exit_code is not None or ending.status is ExecutionStatus.TIMEOUT
    return None if ran else "it could not be started"


def _still_runs(ending: Ending) -> str | None:
    return "something of it still runs" if ending.left_behind else None


def _cancelled(ending: Ending) -> str | None:
    return "cancelled" if ending.status is ExecutionStatus.CANCELLED else None


_SCARCE = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)

# botocore 1.44.5, retries/standard.py: ThrottledRetryableChecker, TransientRetryableChecker.
THROTTLING = frozenset(
    "Throttling ThrottlingException ThrottledException RequestThrottledException "
    "TooManyRequestsException ProvisionedThroughputExceededException "
    "TransactionInProgressException RequestLimitExceeded BandwidthLimitExceeded "
    "LimitExceededException RequestThrottled SlowDown PriorRequestNotComplete "
    "EC2ThrottledException 429".split()
)
# There, too, and the names that services give to the status codes 500 and 502 to 504 listed there
# ("Common Errors" in AWS's API references; "Unavailable" is EC2's, "InternalError" S3's and EC2's).
TEMPORARY = frozenset(
    "RequestTimeout RequestTimeoutException InternalError InternalFailure InternalServerError "
    "InternalServerErrorException InternalServerException ServiceUnavailable "
    "ServiceUnavailableException Unavailable 500 502 503 504".split()
)

_NETWORK = (
    # botocore/exceptions.py: HTTPClientError and ConnectionError.
    "Could not connect to the endpoint URL",
    "(?:Connect|Read) timeout on endpoint URL",
    "Connection was closed before we received a valid response",
    "The answer was cut short",  # aws/transport.py
    "Failed to connect to proxy URL",
    # What strerror and gai_strerror say.
    "Connection (?:refused|reset by peer|timed out)",
    "Network is unreachable",
    "No route to host",
    "Temporary failure in name resolution",
    # Go's net and net/http say it so: kubectl, terraform, docker.
    "connection refused",
    "i/o timeout",
    "TLS handshake timeout",
)
_SERVICE = (
    "429 Too Many Requests",
    "50[0234] (?:Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time-?out)",
    "returned error: (?:429|50[0234])",  # curl --fail
    r"Error from server \((?:InternalError|ServiceUnavailable|TooManyRequests)\)",  # kubectl
    r"Error from server \((?:Server)?Timeout\)",
)
_REFUSED = (
    "Permission denied",
    "Operation not permitted",
    # botocore/exceptions.py: settings and credentials that are not there.
    "Unable to locate credentials",
    r"The config profile \([^)\n]{1,100}\) could not be found",
    "You must specify a region",
    # The AWS CLI on its arguments: version 1 ends with 255 for these, too.
    "Unknown options: ",
    "Error parsing parameter '",
    "Parameter validation failed:",
    "the following arguments are required: ",
    r"Error from server \(\w+\)",  # kubectl's other reasons
    r"returned error: 4\d\d",
)
# CloudFormation's states of a stack that stopped half way; see "Stack status codes".
_HALF_WAY = (
    r"\b[A-Z_]*(?:CREATE|UPDATE|DELETE|ROLLBACK|IMPORT)_FAILED\b|\b(?:UPDATE_)?ROLLBACK_COMPLETE\b"
)

# https://docs.aws.amazon.com/cli/latest/topic/return-codes.html; 255 says nothing in particular.
_AWS_CODES = {
    2: "the AWS CLI cannot read the command",
    252: "the AWS CLI cannot read the command",
    253: "the AWS CLI is not configured for it",
    254: "the service refused it",
}
# POSIX XCU 2.8.2 and <sysexits.h>.
_CODES = {
    64: "wrong usage",
    65: "wrong data",
    66: "no such input",
    67: "no such user",
    77: "no permission",
    78: "wrong configuration",
    126: "found but not executable",
    127: "command not found",
}
_INTERRUPTS = (signal.SIGINT, signal.SIGQUIT)
_CRASHES = (
    signal.SIGILL,
    signal.SIGABRT,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGSEGV,
    signal.SIGSYS,
    signal.SIGXCPU,
    signal.SIGXFSZ,
)

_FINAL = frozenset(("cancelled", "left behind", "not started", "partial"))
"""Rows that no list of errors overrules."""

_TABLE: tuple[tuple[str, ErrorCategory, _Fits], ...] = (
    ("cancelled", _NEVER, _cancelled),
    ("spawn", _AGAIN, _not_spawned),
    ("not started", _NEVER, _never_ran),
    ("left behind", _NEVER, _still_runs),
    ("partial", _UNDO, _in_the_middle),
    ("partial", _UNDO, _printed(_HALF_WAY)),
    ("timeout", _AGAIN, _timed_out),
    ("throttling", _AGAIN, _aws_error_in(THROTTLING)),
    ("service", _AGAIN, _aws_error_in(TEMPORARY)),
    ("aws", _NEVER, _aws_error),
    ("network", _AGAIN, _printed(*_NETWORK)),
    ("service", _AGAIN, _printed(*_SERVICE)),
    ("refused", _NEVER, _printed(*_REFUSED)),
    ("refused", _NEVER, _coded(_AWS_CODES, aws=True)),
    ("refused", _NEVER, _coded(_CODES)),
    ("interrupted", _NEVER, _killed_by(*_INTERRUPTS)),
    ("crash", _NEVER, _killed_by(*_CRASHES)),
    ("signal", _AGAIN, _killed),
    # Nothing says that it would fail again, and who asked for retries has asked for this one.
    ("exit", _AGAIN, lambda ending: f"exit code {ending.exit_code}"),
)
