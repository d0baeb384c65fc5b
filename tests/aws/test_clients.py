"""Clients are made once, and the garbage collector rests meanwhile, but never for long."""

import gc
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cloudops_nb.aws import clients as clients_module
from cloudops_nb.aws.clients import Clients, _Pause
from cloudops_nb.aws.sessions import Sessions
from tests.aws.faults import FaultServer


@pytest.fixture
def environ() -> Iterator[dict[str, str]]:
    with FaultServer() as server:
        yield server.environ()


def test_threads_that_ask_for_one_client_at_once_get_the_same(environ: dict[str, str]) -> None:
    session, clients = Sessions().get(environ), Clients()
    ready = threading.Barrier(8)

    def get(_: int) -> object:
        ready.wait()
        return clients.get(session, "dynamodb", "eu-west-1")

    with ThreadPoolExecutor(8) as pool:
        assert len(set(map(id, pool.map(get, range(8))))) == 1


def test_a_clients_credentials_are_its_sessions(environ: dict[str, str]) -> None:
    sessions, clients = Sessions(), Clients()
    other = environ | {"AWS_ACCESS_KEY_ID": "AKIDOTHER"}
    one, two = (clients.get(sessions.get(each), "sts", "eu-west-1") for each in (environ, other))
    assert one is not two


def test_clients_of_one_service_have_their_class_in_common(environ: dict[str, str]) -> None:
    session, clients = Sessions().get(environ), Clients()
    regions = ("eu-west-1", "us-east-1")
    one, two = (clients.get(session, "dynamodb", region) for region in regions)
    other = clients.get(session, "sts", "eu-west-1")
    assert type(one) is type(two)
    assert type(one) is not type(other)
    assert [each.meta.region_name for each in (one, two)] == [*regions]
    for each in (one, two):
        each.meta.service_model.operation_model("ListTables")
        assert each.can_paginate("list_tables")
        assert each.exceptions.ResourceNotFoundException


def test_clients_go_with_their_session(environ: dict[str, str]) -> None:
    sessions, clients = Sessions(), Clients()
    clients.get(sessions.get(environ), "sts", "eu-west-1")
    del sessions
    gc.collect()
    assert len(clients._by_session) == 0


def test_the_collector_rests_while_anyone_makes_a_client() -> None:
    pause = _Pause()
    with pause:
        with pause:
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_the_collector_does_not_rest_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 1.9, 2.1])
    monkeypatch.setattr(clients_module, "monotonic", lambda: next(moments))
    pause = _Pause()
    with pause:
        with pause:
            assert not gc.isenabled()
        with pause:
            assert gc.isenabled()


def test_a_collector_that_the_user_turned_off_stays_off() -> None:
    gc.disable()
    try:
        with _Pause():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
