"""The fault server itself, asked with botocore alone."""

from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from tests.aws.faults import FaultServer, error, expired, page, reset


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def client(server: FaultServer, service: str) -> Any:
    session = botocore.session.Session()
    session.set_credentials("AKID", "secret")
    config = Config(retries={"total_max_attempts": 1}, proxies={})
    return session.create_client(service, "eu-west-1", endpoint_url=server.url, config=config)


CALLS = [
    ("dynamodb", "list_tables", {}),
    ("lambda", "list_functions", {}),
    ("iam", "list_users", {}),
    ("ec2", "describe_vpcs", {}),
    ("s3", "list_buckets", {}),
    ("eventbridgev2", "list_event_buses", {}),
]


@pytest.mark.parametrize(("service", "operation", "params"), CALLS)
def test_an_error_is_understood_in_each_protocol(
    server: FaultServer, service: str, operation: str, params: Any
) -> None:
    server.play(error("Oops", "too bad"))
    asked = client(server, service)
    with pytest.raises(ClientError) as caught:
        getattr(asked, operation)(**params)
    told = caught.value.response["Error"]
    assert (told["Code"], told["Message"]) == ("Oops", "too bad")
    [request] = server.requests
    assert (request.access_key, request.region) == ("AKID", "eu-west-1")


def test_all_protocols_are_met() -> None:
    with FaultServer() as server:
        server.play(expired())
        for service, operation, params in CALLS:
            with pytest.raises(ClientError):
                getattr(client(server, service), operation)(**params)
        met = {request.protocol for request in server.requests}
    assert met == {"json", "rest-json", "query", "ec2", "rest-xml", "cbor"}


def test_answers_come_in_order_and_the_last_stays(server: FaultServer) -> None:
    server.play(page({"TableNames": ["a"]}), page({"TableNames": ["b"]}))
    asked = client(server, "dynamodb")
    names = [asked.list_tables()["TableNames"] for _ in range(3)]
    assert names == [["a"], ["b"], ["b"]]
    assert [request.operation for request in server.requests] == ["ListTables"] * 3


def test_a_connection_can_be_reset(server: FaultServer) -> None:
    server.play(reset())
    with pytest.raises(ConnectionClosedError):
        client(server, "dynamodb").list_tables()
