"""An interrupt where nobody has the handle of a run yet."""

import signal
import threading
from collections.abc import Iterator

import pytest

from cloudops_nb.engine.interrupts import deferred_interrupt
from cloudops_nb.engine.memory import Memory
from tests.conftest import MakeEngine


@pytest.fixture(autouse=True)
def interrupts_are_raised() -> Iterator[None]:
    """As in a kernel; a background job, which the tests may be, ignores them."""
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, usual)


def test_an_interrupt_within_is_raised_when_the_block_ends() -> None:
    reached = []

    def interrupted() -> None:
        with deferred_interrupt():
            signal.raise_signal(signal.SIGINT)
            reached.append("the end")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert reached == ["the end"]


def test_afterwards_the_handler_is_the_one_before() -> None:
    with deferred_interrupt():
        pass
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_within_comes_before_an_interrupt() -> None:
    def interrupted() -> None:
        with deferred_interrupt():
            signal.raise_signal(signal.SIGINT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_thread_leaves_the_handler_alone() -> None:
    seen = []

    def look() -> None:
        with deferred_interrupt():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_an_interrupt_while_a_run_is_launched_cancels_it(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine()
    add = Memory.add

    def add_and_interrupt(*arguments: object) -> None:
        add(*arguments)  # type: ignore[arg-type]
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Memory, "add", add_and_interrupt)
    with pytest.raises(KeyboardInterrupt):
        engine.submit("sleep 60")
    assert [each.status for each in engine.summaries()] == ["cancelled"]
