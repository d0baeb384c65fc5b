"""What may be done about an attempt that failed, row by row."""

import errno
import signal

import pytest
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker
from hypothesis import given
from hypothesis import strategies as st

from cloudops_nb.engine.verdicts import TEMPORARY, THROTTLING, Ending, judge
from cloudops_nb.models import ErrorCategory, ExecutionStatus

AGAIN, NEVER, UNDO = ErrorCategory


def ending(exit_code: int | None = 1, stderr: str = "", **fields: object) -> Ending:
    fields = {"status": ExecutionStatus.FAILED, **fields}
    return Ending(exit_code=exit_code, stderr=stderr, **fields)  # type: ignore[arg-type]


def aws_says(code: str, exit_code: int = 254) -> Ending:
    stderr = f"\naws: [ERROR]: An error occurred ({code}) when calling the X operation: because\n"
    return ending(exit_code, stderr, is_aws=True)


TIMEOUT = ending(-15, status=ExecutionStatus.TIMEOUT)
CASES = [
    (ending(1), AGAIN, "exit code 1"),
    (ending(75), AGAIN, "exit code 75"),
    (TIMEOUT, AGAIN, "timed out"),
    (ending(-9), AGAIN, "killed by SIGKILL"),
    (ending(137), AGAIN, "killed by SIGKILL"),
    (ending(255, is_aws=True), AGAIN, "exit code 255"),
    (ending(1, is_aws=True), AGAIN, "exit code 1"),
    (aws_says("ThrottlingException"), AGAIN, "ThrottlingException"),
    (aws_says("RequestLimitExceeded", 255), AGAIN, "RequestLimitExceeded"),
    (aws_says("ServiceUnavailable"), AGAIN, "ServiceUnavailable"),
    (aws_says("503"), AGAIN, "503"),
    (ending(255, 'Could not connect to the endpoint URL: "x"'), AGAIN, "Could not connect"),
    (ending(7, "curl: (7) Failed: Connection refused"), AGAIN, "Connection refused"),
    (ending(22, "curl: (22) The requested URL returned error: 503"), AGAIN, "error: 503"),
    (ending(1, "Error from server (ServerTimeout): x"), AGAIN, "ServerTimeout"),
    (ending(None, spawn_errno=errno.EAGAIN), AGAIN, "not started: EAGAIN"),
    (ending(None, spawn_errno=errno.ENOENT), NEVER, "could not be started"),
    (ending(None), NEVER, "could not be started"),
    (ending(1, status=ExecutionStatus.CANCELLED), NEVER, "cancelled"),
    (ending(-15, status=ExecutionStatus.TIMEOUT, left_behind=True), NEVER, "still runs"),
    (aws_says("AccessDenied"), NEVER, "AccessDenied"),
    (aws_says("InvalidInstanceID.NotFound", 255), NEVER, "InvalidInstanceID.NotFound"),
    (ending(252, is_aws=True), NEVER, "cannot read the command"),
    (ending(253, is_aws=True), NEVER, "not configured"),
    (ending(255, "Unable to locate credentials. You can"), NEVER, "Unable to locate credentials"),
    (ending(255, "Unknown options: --bogus", is_aws=True), NEVER, "Unknown options"),
    (ending(1, "cat: x: Permission denied"), NEVER, "Permission denied"),
    (ending(1, "Error from server (NotFound): pods"), NEVER, "NotFound"),
    (ending(22, "curl: (22) The requested URL returned error: 404"), NEVER, "error: 404"),
    (ending(126), NEVER, "not executable"),
    (ending(127), NEVER, "command not found"),
    (ending(78), NEVER, "configuration"),
    (ending(130), NEVER, "killed by SIGINT"),
    (ending(-signal.SIGSEGV), NEVER, "killed by SIGSEGV"),
    (ending(255, "Waiter failed: UPDATE_ROLLBACK_FAILED"), UNDO, "UPDATE_ROLLBACK_FAILED"),
    (ending(255, "stack is in ROLLBACK_COMPLETE"), UNDO, "ROLLBACK_COMPLETE"),
    (ending(-9, repeatable=False), UNDO, "killed by SIGKILL"),
    (ending(-15, status=ExecutionStatus.TIMEOUT, repeatable=False), UNDO, "timed out"),
    (ending(1, repeatable=False), AGAIN, "exit code 1"),
]


@pytest.mark.parametrize(("ended", "category", "reason"), CASES)
def test_every_ending_has_its_category_and_reason(
    ended: Ending, category: ErrorCategory, reason: str
) -> None:
    verdict = judge(ended)
    assert (verdict.category, reason in verdict.reason) == (category, True), verdict


def test_what_botocore_tries_again_is_tried_again_here() -> None:
    assert set(ThrottledRetryableChecker._THROTTLED_ERROR_CODES) <= THROTTLING
    transient = {
        *TransientRetryableChecker._TRANSIENT_ERROR_CODES,
        *map(str, TransientRetryableChecker._TRANSIENT_STATUS_CODES),
    }
    assert transient <= TEMPORARY | THROTTLING


def test_the_last_error_of_a_script_decides() -> None:
    throttled, denied = aws_says("Throttling").stderr, aws_says("AccessDenied").stderr
    assert judge(ending(1, throttled + denied)).category is NEVER
    assert judge(ending(1, denied + throttled)).category is AGAIN


def test_the_codes_of_the_aws_cli_mean_nothing_of_other_programs() -> None:
    assert judge(ending(2)).category is AGAIN
    assert judge(ending(2, is_aws=True)).category is NEVER


@pytest.mark.parametrize(
    ("wanted", "ended", "category"),
    [
        (("exit:1",), ending(1), AGAIN),
        (("exit:75",), ending(1), NEVER),
        (("MyOwnFault",), ending(1, "sorry: MyOwnFault!"), AGAIN),
        (("MyOwnFault",), ending(1, "sorry: MyOwnFaultier"), NEVER),
        (("AccessDenied",), aws_says("AccessDenied"), AGAIN),
        (("exit:127",), ending(127), AGAIN),
        (("ThrottlingException",), aws_says("ServiceUnavailable"), NEVER),
        (("throttling",), aws_says("SlowDown"), AGAIN),
        (("throttling", "network"), TIMEOUT, NEVER),
        (("timeout",), TIMEOUT, AGAIN),
        (("exit",), ending(3), AGAIN),
        (("exit",), ending(127), NEVER),
        (("timeout",), ending(1, status=ExecutionStatus.CANCELLED), NEVER),
        (("ROLLBACK_COMPLETE",), ending(1, "ROLLBACK_COMPLETE"), UNDO),
        (("timeout",), ending(-9, status=ExecutionStatus.TIMEOUT, repeatable=False), UNDO),
    ],
)
def test_a_list_of_errors_says_alone_what_is_tried_again(
    wanted: tuple[str, ...], ended: Ending, category: ErrorCategory
) -> None:
    assert judge(ended, wanted).category is category


def test_an_error_left_out_of_the_list_is_told_as_such() -> None:
    assert judge(ending(1), ("exit:75",)).reason == "exit code 1 (not among retryable_errors)"


@given(
    st.builds(
        Ending,
        status=st.sampled_from(["failed", "timeout", "cancelled"]).map(ExecutionStatus),
        exit_code=st.none() | st.integers(-70, 255),
        stderr=st.text(),
        is_aws=st.booleans(),
        repeatable=st.booleans(),
    ),
    st.lists(st.text(min_size=1)).map(tuple),
)
def test_every_ending_has_a_verdict_with_a_reason(ended: Ending, wanted: tuple[str, ...]) -> None:
    verdict = judge(ended, wanted)
    assert verdict.reason
    assert ended.status is not ExecutionStatus.CANCELLED or verdict.category is NEVER
