"""Threads for calls that block."""

import threading
from concurrent.futures import Future, wait

import pytest

from cloudops_nb.aws import threads as threads_module
from cloudops_nb.aws.threads import CallThreads
from tests.support import PATIENCE, wait_until


def count(name: str) -> int:
    return sum(thread.name == name for thread in threading.enumerate())


def test_what_a_function_returns_or_raises_is_in_its_future() -> None:
    threads = CallThreads(2, "test-answers")
    assert threads.submit(lambda: 7).result(PATIENCE) == 7
    with pytest.raises(ZeroDivisionError):
        threads.submit(lambda: 1 / 0).result(PATIENCE)


def test_as_many_run_at_once_as_the_limit_says_and_the_rest_after_them() -> None:
    threads = CallThreads(3, "test-limit")
    full, go = threading.Barrier(4), threading.Event()

    def work() -> None:
        full.wait(PATIENCE)
        go.wait(PATIENCE)

    running = [threads.submit(work) for _ in range(3)]
    full.wait(PATIENCE)
    waiting = threads.submit(lambda: "after")
    assert count("test-limit") == 3
    assert not waiting.done()
    go.set()
    assert waiting.result(PATIENCE) == "after"
    wait(running, PATIENCE)


def test_a_free_thread_is_used_again() -> None:
    threads = CallThreads(3, "test-again")
    for _ in range(5):
        threads.submit(lambda: None).result(PATIENCE)
        wait_until(lambda: threads._idle == 1)
    assert count("test-again") == 1


def test_a_thread_without_work_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads_module, "IDLE_SECONDS", 0.01)
    threads = CallThreads(3, "test-idle")
    threads.submit(lambda: None).result(PATIENCE)
    wait_until(lambda: count("test-idle") == 0)
    assert threads.submit(lambda: 1).result(PATIENCE) == 1


def test_what_is_cancelled_before_its_turn_is_not_run() -> None:
    threads = CallThreads(1, "test-cancel")
    go = threading.Event()
    first = threads.submit(lambda: go.wait(PATIENCE))
    ran: list[int] = []
    second: Future[None] = threads.submit(lambda: ran.append(1))
    assert second.cancel()
    go.set()
    first.result(PATIENCE)
    threads.submit(lambda: None).result(PATIENCE)
    assert ran == []
