"""``aws`` processes whose key a region does not know, against an endpoint that says so."""

from collections.abc import Iterator

import pytest

from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.models import AwsCli, AwsSdk, ExecutionRequest, ExecutionResult
from tests.aws.faults import Answer, FaultServer, Request, error, page, wrong_region
from tests.support import run

IDENTITY = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult><UserId>U</UserId>"
    "<Account>111122223333</Account><Arn>arn:{}:iam::111122223333:user/u</Arn>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)
REGIONS = (
    "<DescribeRegionsResponse><regionInfo><item><regionName>ap-east-1</regionName>"
    "<optInStatus>not-opted-in</optInStatus></item></regionInfo></DescribeRegionsResponse>"
)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def vpcs(engine: ExecutionEngine, server: FaultServer, region: str, via: str) -> ExecutionResult:
    engine.sandbox = server
    command = AwsCli(service="ec2", operation="describe-vpcs", region=region)
    return run(engine, ExecutionRequest(command=command, via=via))


@pytest.mark.parametrize("via", ["cli", "sdk"])
def test_a_region_that_is_not_enabled_is_named_as_that(
    engine: ExecutionEngine, server: FaultServer, via: str
) -> None:
    server.play(wrong_region(), page(IDENTITY.format("aws")), page(REGIONS))
    result = vpcs(engine, server, "ap-east-1", via)
    assert "AuthFailure" in result.stderr
    assert "region ap-east-1 is not enabled for account 111122223333" in str(result.error)


def test_credentials_of_another_partition_are_named_as_that(
    engine: ExecutionEngine, server: FaultServer
) -> None:
    server.play(wrong_region(), page(IDENTITY.format("aws-cn")))
    assert "the credentials are of aws-cn" in str(vpcs(engine, server, "eu-west-1", "cli").error)


def test_what_an_account_has_enabled_is_asked_once_for_the_cli_and_the_sdk(
    engine: ExecutionEngine, server: FaultServer
) -> None:
    def answer(request: Request) -> Answer:
        said = {"GetCallerIdentity": IDENTITY.format("aws"), "DescribeRegions": REGIONS}
        found = said.get(request.operation)
        play = wrong_region() if found is None else page(found)
        return play(request)

    server.play(answer)
    by_cli = vpcs(engine, server, "ap-east-1", "cli")
    command = AwsSdk(service="ec2", operation="DescribeVpcs", region="ap-east-1")
    by_sdk = run(engine, ExecutionRequest(command=command))
    for result in (by_cli, by_sdk):
        assert "region ap-east-1 is not enabled for account" in str(result.error)
    assert [each.operation for each in server.requests].count("DescribeRegions") == 1


def test_other_errors_are_left_as_they_are(engine: ExecutionEngine, server: FaultServer) -> None:
    server.play(error("UnauthorizedOperation", "no", 403))
    result = vpcs(engine, server, "eu-west-1", "cli")
    assert result.error == f"exit code {result.exit_code}"
    assert len(server.requests) == 1
