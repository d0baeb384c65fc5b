"""Why a call failed: botocore's errors as one line that says what to do, and an exit code.

The exit codes are the AWS CLI's: https://docs.aws.amazon.com/cli/latest/topic/return-codes.html.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from botocore import exceptions as errors
from botocore.parsers import ResponseParserError

from cloudops_nb.aws.chain import MfaRequired
from cloudops_nb.aws.operations import Operation

REFUSED, UNCONFIGURED, MISREAD, OTHER = 254, 253, 252, 255

EXPIRED = frozenset(
    "ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired".split()
)
"""What services say of credentials that hold no longer."""

EXPIRED_CLI = re.compile(
    rf"\((?:{'|'.join(sorted(EXPIRED))})\) when calling the "
    r"|Token has expired and refresh failed"
    r"|The SSO session associated with this profile has expired"
    r"|Error loading SSO Token"
    r"|Token for \S+ does not exist"
    r"|Cannot refresh credentials: MFA token required"
)
"""What the AWS CLI, v1 or v2, says of them on its stderr."""

_RENEW = "the credentials have expired: renew them (aws sso login, or a new session) and try again"
_HINTS: Mapping[str, str] = {
    **dict.fromkeys(EXPIRED, _RENEW),
    **dict.fromkeys(
        "AccessDenied AccessDeniedException UnauthorizedOperation AuthorizationError "
        "UnauthorizedException".split(),
        "the credentials are good, but do not allow {action}: ask for that permission",
    ),
    **dict.fromkeys(
        "AuthFailure InvalidClientTokenId UnrecognizedClientException InvalidAccessKeyId "
        "InvalidSecurity".split(),
        "the credentials are not known in {region}: either they are wrong, or the account has not "
        "enabled this region, or it belongs to another partition",
    ),
    "OptInRequired": "the account has not enabled this service, or the region {region}",
    "SignatureDoesNotMatch": "the secret key does not belong to the access key, or it is misspelt",
    "RequestTimeTooSkewed": "set this machine's clock",
}
_THROTTLED = "AWS asks for fewer requests: run fewer at a time, or retry later"

_LOG_IN = "log in again: aws sso login"

_RENEWABLE = (
    MfaRequired,
    errors.RefreshWithMFAUnsupportedError,
    errors.SSOTokenLoadError,
    errors.UnauthorizedSSOTokenError,
    errors.TokenRetrievalError,
    errors.LoginRefreshRequired,
    errors.LoginTokenLoadError,
)


@dataclass(frozen=True)
class Failure:
    """What to say of an error. ``code`` is the exit code."""

    code: int
    line: str


# The first row that fits; subclasses stand before their bases.
_TABLE: tuple[tuple[type[Exception] | tuple[type[Exception], ...], int, str], ...] = (
    (errors.NoCredentialsError, UNCONFIGURED, "choose a profile, or set AWS_PROFILE"),
    (errors.PartialCredentialsError, UNCONFIGURED, "give both halves of the key"),
    (
        (
            errors.UnauthorizedSSOTokenError,
            errors.SSOTokenLoadError,
            errors.TokenRetrievalError,
            errors.NoAuthTokenError,
        ),
        UNCONFIGURED,
        _LOG_IN,
    ),
    (errors.CredentialRetrievalError, UNCONFIGURED, "see the profile's way to its credentials"),
    # Where a code can be asked for is said by the question that was asked and not answered.
    ((MfaRequired, errors.RefreshWithMFAUnsupportedError), UNCONFIGURED, ""),
    (errors.InvalidConfigError, UNCONFIGURED, "mend the profile in the AWS files"),
    (errors.NoRegionError, UNCONFIGURED, "give region=, or set AWS_REGION"),
    (errors.ParamValidationError, MISREAD, ""),
    (
        errors.EndpointConnectionError,
        OTHER,
        "is the network up, the region's name right, and the service there?",
    ),
    (errors.SSLError, OTHER, "behind a proxy of your own, set AWS_CA_BUNDLE to its certificates"),
    (errors.ProxyConnectionError, OTHER, "see HTTPS_PROXY"),
    (ResponseParserError, OTHER, "what answered is not AWS, or was cut short"),
    (errors.BotoCoreError, OTHER, ""),
)


def failure(
    error: BaseException | None, operation: Operation, region: str | None, why: str | None = None
) -> Failure | None:
    """What to say of an error of botocore's; None for another, which is a fault of ours.

    ``why`` is a reason that was found out, better than what can be said of such errors in general.
    """
    if isinstance(error, errors.ClientError):
        return _refusal(error, operation, region, why)
    for kind, code, hint in _TABLE:
        if isinstance(error, kind):
            return Failure(code, _line(str(error), "", hint))
    return None


def wants_renewal(error: Exception) -> bool:
    """Whether new credentials, which only a person may be able to give, would mend it."""
    if isinstance(error, RuntimeError):  # botocore's, of a refresh that gave out expired ones
        return "refreshed credentials are still expired" in str(error)
    return error_code(error) in EXPIRED or isinstance(error, _RENEWABLE)


def error_code(error: Exception) -> str | None:
    """The code of an error that the service answered with."""
    if not isinstance(error, errors.ClientError):
        return None
    code: str | None = error.response.get("Error", {}).get("Code")
    return code


def _refusal(
    error: errors.ClientError, operation: Operation, region: str | None, why: str | None
) -> Failure:
    code = error_code(error) or ""
    hint = why or _HINTS.get(code, _THROTTLED if _is_throttling(error) else "").format(
        action=f"{operation.model.service_model.signing_name}:{operation.name}",
        region=region or "this region",
    )
    request_id = error.response.get("ResponseMetadata", {}).get("RequestId", "")
    return Failure(REFUSED, _line(str(error), request_id, hint))


def _is_throttling(error: errors.ClientError) -> bool:
    code = error_code(error) or ""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status == 429 or "Throttl" in code or code in ("SlowDown", "RequestLimitExceeded")


def _line(message: str, request_id: str, hint: str) -> str:
    text = " ".join(message.split())
    request = f" (request {request_id})" if request_id else ""
    return f"{text}{request}" + (f"; {hint}" if hint else "")
