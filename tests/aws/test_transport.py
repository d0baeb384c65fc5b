"""The way of requests: proxies, certificates, connections."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ProxyConnectionError

from cloudops_nb.aws.calls import Call, CallStopped
from cloudops_nb.aws.clients import Clients
from cloudops_nb.aws.sessions import Sessions
from tests.aws.faults import FaultServer, page


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


def tables(server: FaultServer, **environ: str) -> Any:
    """Asks for the tables, in the server's environment and more."""
    variables = {"AWS_MAX_ATTEMPTS": "1", **environ}
    session = Sessions().get(server.environ(**variables))
    client = Clients().get(session, "dynamodb", "eu-west-1")
    return client.list_tables()["TableNames"]


DEAD = "http://127.0.0.1:1"


def test_a_proxy_is_taken_from_the_given_environment(server: FaultServer) -> None:
    server.play(page({"TableNames": ["x"]}))
    elsewhere = "http://nowhere.invalid"
    assert tables(server, AWS_ENDPOINT_URL=elsewhere, http_proxy=server.url) == ["x"]
    assert server.requests[0].path == f"{elsewhere}/"
    with pytest.raises(ProxyConnectionError):
        tables(server, HTTP_PROXY=DEAD)


def test_a_proxy_is_passed_by_for_the_hosts_that_are_named(server: FaultServer) -> None:
    server.play(page({"TableNames": ["x"]}))
    assert tables(server, http_proxy=DEAD, no_proxy="127.0.0.1,localhost") == ["x"]


def test_a_proxy_of_this_process_is_not_taken(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", DEAD)
    server.play(page({"TableNames": ["x"]}))
    assert tables(server) == ["x"]


def test_a_stopped_call_sends_nothing_more(server: FaultServer) -> None:
    server.play(page({"TableNames": ["x"]}))
    call = Call(lambda _: None)
    call.stop()
    with pytest.raises(CallStopped):
        call.run(lambda: tables(server))
    assert server.requests == []


def test_a_call_that_is_stopped_while_it_is_prepared_sends_nothing(server: FaultServer) -> None:
    server.play(page({"TableNames": ["x"]}))
    call = Call(lambda _: None)
    began, stopped = threading.Event(), threading.Event()

    def work() -> Any:
        began.set()
        stopped.wait(30)
        return tables(server)

    with ThreadPoolExecutor(1) as thread:
        future = thread.submit(call.run, work)
        began.wait(30)
        call.stop()
        stopped.set()
        with pytest.raises(CallStopped):
            future.result(30)
    assert (server.requests, call.requested_at) == ([], None)
