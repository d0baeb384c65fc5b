"""Errors of botocore's, as a line that says what to do, and an exit code."""

from typing import Any

import pytest
from botocore import exceptions as errors
from botocore.parsers import ResponseParserError

from cloudops_nb.aws.failures import EXPIRED_CLI, failure
from cloudops_nb.aws.operations import find_operation
from cloudops_nb.aws.transport import TruncatedResponse

OPERATION = find_operation("ec2", "DescribeInstances")


def refused(code: str, status: int = 400, request_id: str = "r-1") -> errors.ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": "no\n  good"},
        "ResponseMetadata": {"RequestId": request_id, "HTTPStatusCode": status},
    }
    return errors.ClientError(answer, "DescribeInstances")


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (refused("UnauthorizedOperation"), "do not allow ec2:DescribeInstances"),
        (refused("AuthFailure"), "not known in ap-east-1"),
        (refused("RequestExpired"), "have expired"),
        (refused("RequestLimitExceeded"), "AWS asks for fewer requests"),
        (refused("Whatever", 429), "AWS asks for fewer requests"),
        (refused("OptInRequired"), "the region ap-east-1"),
    ],
    ids=str,
)
def test_what_aws_refused_ends_with_254_and_says_what_to_do(
    error: errors.ClientError, hint: str
) -> None:
    told = failure(error, OPERATION, "ap-east-1")
    assert told is not None
    assert told.code == 254
    assert told.line.startswith("An error occurred (")
    assert "no good (request r-1); " in told.line
    assert hint in told.line


def test_an_error_that_nothing_is_known_of_is_told_as_it_is() -> None:
    told = failure(refused("Odd", request_id=""), OPERATION, None)
    assert told is not None
    assert told.line == (
        "An error occurred (Odd) when calling the DescribeInstances operation: no good"
    )


@pytest.mark.parametrize(
    ("error", "code", "hint"),
    [
        (errors.NoCredentialsError(), 253, "choose a profile"),
        (errors.UnauthorizedSSOTokenError(), 253, "aws sso login"),
        (errors.NoRegionError(), 253, "give region="),
        (errors.ParamValidationError(report="x"), 252, ""),
        (errors.EndpointConnectionError(endpoint_url="u"), 255, "is the network up"),
        (errors.SSLError(endpoint_url="u", error="e"), 255, "AWS_CA_BUNDLE"),
        (errors.ProxyConnectionError(proxy_url="u"), 255, "HTTPS_PROXY"),
        (errors.ConnectionClosedError(endpoint_url="u"), 255, ""),
        (TruncatedResponse(got="1 of 2 bytes", endpoint_url="u"), 255, "1 of 2 bytes from u"),
        (ResponseParserError("x"), 255, "is not AWS, or was cut short"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_kind_of_error_has_an_exit_code_of_the_aws_cli(
    error: Exception, code: int, hint: str
) -> None:
    told = failure(error, OPERATION, None)
    assert told is not None
    assert told.code == code
    assert hint in told.line
    assert "\n" not in told.line


def test_a_fault_of_ours_is_none_of_botocores() -> None:
    assert failure(ZeroDivisionError(), OPERATION, None) is None


@pytest.mark.parametrize(
    "error",
    [
        refused("ExpiredToken"),
        refused("ExpiredTokenException"),
        refused("RequestExpired"),
        errors.UnauthorizedSSOTokenError(),
        errors.SSOTokenLoadError(error_msg="Token for portal does not exist"),
        errors.TokenRetrievalError(
            provider="sso", error_msg="Token has expired and refresh failed"
        ),
        errors.RefreshWithMFAUnsupportedError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_the_cli_prints_of_expired_credentials_is_known(error: Exception) -> None:
    assert EXPIRED_CLI.search(f"\n{error}\n")


@pytest.mark.parametrize("error", [refused("AccessDenied"), errors.NoCredentialsError()], ids=str)
def test_what_the_cli_prints_of_other_errors_does_not_ask_for_new_credentials(
    error: Exception,
) -> None:
    assert not EXPIRED_CLI.search(f"\n{error}\n")
