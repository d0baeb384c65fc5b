"""How events reach handlers: each in order, none waited for, all survived."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest

from cloudops_nb.engine import subscription as subscription_module
from cloudops_nb.engine.events import EventHub
from cloudops_nb.engine.subscription import Subscription
from cloudops_nb.models import (
    Cancelled,
    ExecutionEvent,
    OutputBatch,
    OutputDropped,
    PlanCompleted,
    PlanExecutionResult,
    PlanStarted,
    Progress,
    Started,
    Stderr,
    Stdout,
)
from cloudops_nb.models.base import now
from cloudops_nb.models.results import Stream
from tests.support import PATIENCE, Recorder

ID, PLAN = uuid4(), uuid4()


@pytest.fixture
def hub() -> Iterator[EventHub]:
    hub = EventHub()
    yield hub
    for subscription in hub.close():
        assert subscription.join(PATIENCE)


def start(execution_id: UUID = ID) -> Started:
    return Started(execution_id=execution_id, command="ls")


def end(execution_id: UUID = ID, plan_id: UUID | None = None) -> Cancelled:
    return Cancelled(execution_id=execution_id, plan_id=plan_id)


def plan_end() -> PlanCompleted:
    document = {"plan_id": PLAN, "status": "completed", "results": [], "stats": {}}
    duration = {"secs": 0, "nanos": 0}
    result = PlanExecutionResult.model_validate({**document, "total_duration": duration})
    return PlanCompleted(plan_id=PLAN, result=result)


def output(hub: EventHub, data: bytes, stream: Stream = "stdout", execution_id: UUID = ID) -> None:
    hub.publish_output(execution_id, None, stream, data, now())


def lines(recorder: Recorder) -> list[str]:
    return [event.line for event in recorder.events if isinstance(event, Stdout | Stderr)]


class Stalled(Recorder):
    """A handler that does nothing until it is let go."""

    def __init__(self, form: str = "lines") -> None:
        super().__init__(form)
        self.called = threading.Event()
        self.go = threading.Event()

    def on_event(self, event: ExecutionEvent) -> None:
        self.called.set()
        assert self.go.wait(PATIENCE)
        super().on_event(event)


@pytest.fixture
def stalled() -> Iterator[Callable[..., Stalled]]:
    made: list[Stalled] = []

    def make(form: str = "lines") -> Stalled:
        made.append(Stalled(form))
        return made[-1]

    yield make
    for each in made:
        each.go.set()


def busy(hub: EventHub, handler: Stalled) -> Stalled:
    """Subscribes a handler and keeps it at its first event."""
    hub.subscribe(handler)
    hub.publish(start())
    assert handler.called.wait(PATIENCE)
    return handler


def let_go_at_the_end(hub: EventHub, handler: Stalled) -> None:
    """Publishes the last event, and waits until the handler was told all of them."""
    hub.publish(end())
    handler.go.set()
    handler.wait_for_type("cancelled")


def test_events_arrive_in_order_and_are_numbered_without_a_gap(hub: EventHub) -> None:
    recorder = Recorder()
    hub.subscribe(recorder)
    hub.publish(start())
    output(hub, b"one\ntwo\n")
    output(hub, b"three\n", "stderr")
    hub.publish(end())
    recorder.wait_for_type("cancelled")
    assert recorder.types == ["started", "stdout", "stdout", "stderr", "cancelled"]
    assert [event.sequence for event in recorder.events] == [0, 1, 2, 3, 4]


def test_each_execution_and_plan_is_numbered_on_its_own(hub: EventHub) -> None:
    recorder = Recorder()
    hub.subscribe(recorder)
    other = uuid4()
    hub.publish(PlanStarted(plan_id=PLAN, description="", total=2))
    for execution_id in (ID, other):
        hub.publish(Started(execution_id=execution_id, plan_id=PLAN, command="ls"))
    for execution_id in (other, ID):
        hub.publish(end(execution_id, PLAN))
    hub.publish(Progress(plan_id=PLAN, completed=2, total=2))
    recorder.wait_for_type("progress")
    assert [event.sequence for event in recorder.events] == [0, 0, 0, 1, 1, 1]


def test_every_handler_is_told_the_same(hub: EventHub) -> None:
    recorders = [Recorder() for _ in range(3)]
    for recorder in recorders:
        hub.subscribe(recorder)
    hub.publish(start())
    output(hub, b"one\ntwo")
    hub.publish(end())
    for recorder in recorders:
        recorder.wait_for_type("cancelled")
    assert recorders[0].events == recorders[1].events == recorders[2].events


def test_a_handler_may_be_a_coroutine_and_keeps_its_order(hub: EventHub) -> None:
    recorder = Recorder()

    class Handler:
        async def on_event(self, event: ExecutionEvent) -> None:
            await asyncio.sleep(0)  # gives another event the chance to overtake
            recorder.on_event(event)

    hub.subscribe(Handler())
    hub.publish(start())
    output(hub, b"".join(b"%d\n" % n for n in range(100)))
    hub.publish(end())
    recorder.wait_for_type("cancelled")
    assert lines(recorder) == [str(n) for n in range(100)]


def test_all_coroutines_of_a_handler_share_one_loop(hub: EventHub) -> None:
    loops = []
    told = Recorder()

    class Handler:
        async def on_event(self, event: ExecutionEvent) -> None:
            loops.append(asyncio.get_running_loop())
            told.on_event(event)

    hub.subscribe(Handler())
    hub.publish(start())
    hub.publish(end())
    told.wait_for_type("cancelled")
    assert loops[0] is loops[1]


# Forms of output


def test_a_handler_is_given_lines_unless_it_asks_otherwise(hub: EventHub) -> None:
    class Plain:
        def __init__(self) -> None:
            self.recorder = Recorder()

        def on_event(self, event: ExecutionEvent) -> None:
            self.recorder.on_event(event)

    plain = Plain()
    hub.subscribe(plain)
    output(hub, b"a line\n")
    assert isinstance(plain.recorder.wait_for_line("a line"), Stdout)


def test_a_handler_can_ask_for_batches(hub: EventHub) -> None:
    recorder = Recorder("batches")
    hub.subscribe(recorder)
    output(hub, b"one\ntw")
    output(hub, b"o", "stderr")
    hub.publish(end())
    recorder.wait_for_type("cancelled")
    batches = [event for event in recorder.events if isinstance(event, OutputBatch)]
    assert [(each.stream, each.text) for each in batches] == [
        ("stdout", "one\ntw"),
        ("stderr", "o"),
    ]


def test_a_handler_can_ask_for_no_output(hub: EventHub) -> None:
    recorder = Recorder("none")
    hub.subscribe(recorder)
    hub.publish(start())
    output(hub, b"one\n")
    hub.publish(end())
    recorder.wait_for_type("cancelled")
    assert recorder.types == ["started", "cancelled"]


@pytest.mark.parametrize("form", ["lines", "batches"])
def test_a_character_cut_in_two_is_whole(hub: EventHub, form: str) -> None:
    recorder = Recorder(form)
    hub.subscribe(recorder)
    for byte in "ü€\n".encode():
        output(hub, bytes([byte]))
    hub.publish(end())
    recorder.wait_for_type("cancelled")
    text = "".join(getattr(e, "text", getattr(e, "line", "")) for e in recorder.events)
    assert text.rstrip("\n") == "ü€"


def test_half_a_character_at_the_end_is_shown_as_such(hub: EventHub) -> None:
    recorder = Recorder("batches")
    hub.subscribe(recorder)
    output(hub, b"a\xc3")
    hub.publish(end())
    recorder.wait_for_type("cancelled")
    assert [e.text for e in recorder.events if isinstance(e, OutputBatch)] == ["a", "\ufffd"]


def test_a_last_line_without_its_end_comes_before_the_end(hub: EventHub) -> None:
    recorder = Recorder()
    hub.subscribe(recorder)
    output(hub, b"a\nb")
    output(hub, b"e", "stderr")
    hub.publish(end())
    recorder.wait_for_type("cancelled")
    assert recorder.types == ["stdout", "stdout", "stderr", "cancelled"]
    assert lines(recorder) == ["a", "b", "e"]


def test_lines_of_executions_that_run_at_once_are_not_mixed(hub: EventHub) -> None:
    recorder, other = Recorder(), uuid4()
    hub.subscribe(recorder)
    output(hub, b"one ")
    output(hub, b"two ", execution_id=other)
    output(hub, b"one\n")
    output(hub, b"two\n", execution_id=other)
    recorder.wait_for_line("two two")
    assert lines(recorder) == ["one one", "two two"]


# One execution alone


def test_a_handler_of_one_execution_is_told_of_no_other(hub: EventHub) -> None:
    recorder, everything = Recorder(), Recorder()
    hub.subscribe(recorder, ID)
    hub.subscribe(everything)
    other = uuid4()
    hub.publish(start(other))
    output(hub, b"other\n", execution_id=other)
    hub.publish(start())
    hub.publish(end(other))
    hub.publish(end())
    everything.wait_for_type("cancelled", 2)
    recorder.wait_for_type("cancelled")
    assert {event.execution_id for event in recorder.events} == {ID}


def test_a_handler_of_one_execution_is_let_go_at_its_end(hub: EventHub) -> None:
    recorder = Recorder()
    subscription = hub.subscribe(recorder, ID)
    hub.publish(start())
    hub.publish(end())
    assert subscription.join(PATIENCE)
    assert subscription.closed
    hub.publish(start())
    assert recorder.types == ["started", "cancelled"]


def test_a_handler_of_a_plan_is_told_of_its_commands_until_the_plan_ends(hub: EventHub) -> None:
    recorder = Recorder()
    subscription = hub.subscribe(recorder, PLAN)
    hub.publish(PlanStarted(plan_id=PLAN, description="", total=1))
    hub.publish(Started(execution_id=ID, plan_id=PLAN, command="ls"))
    hub.publish_output(ID, PLAN, "stdout", b"line\n", now())
    hub.publish(end(ID, PLAN))
    hub.publish(plan_end())
    assert subscription.join(PATIENCE)
    assert recorder.types == ["plan_started", "started", "stdout", "cancelled", "plan_completed"]


def test_a_subscription_that_is_closed_is_given_what_was_queued_and_no_more(
    hub: EventHub, stalled: Callable[..., Stalled]
) -> None:
    handler = stalled()
    subscription = hub.subscribe(handler)
    hub.publish(start())
    output(hub, b"queued\n")
    subscription.close()
    output(hub, b"too late\n")
    handler.go.set()
    assert subscription.join(PATIENCE)
    assert lines(handler) == ["queued"]


# Handlers that break


class Broken:
    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.calls = 0

    def on_event(self, event: ExecutionEvent) -> None:
        self.calls += 1
        raise self.error


@pytest.mark.parametrize(
    "error", [RuntimeError("broken"), SystemExit(1), asyncio.CancelledError()], ids=repr
)
def test_a_handler_that_raises_is_dropped_and_logged(
    hub: EventHub, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    broken, recorder = Broken(error), Recorder()
    subscription = hub.subscribe(broken)
    hub.subscribe(recorder)
    hub.publish(start())
    assert subscription.join(PATIENCE)
    hub.publish(end())
    recorder.wait_for_type("cancelled")
    assert broken.calls == 1
    assert "was dropped" in caplog.text
    assert caplog.records[0].levelno == logging.ERROR


def test_a_coroutine_that_raises_is_dropped_as_well(
    hub: EventHub, caplog: pytest.LogCaptureFixture
) -> None:
    class Handler:
        async def on_event(self, event: ExecutionEvent) -> None:
            raise ValueError("broken")

    subscription = hub.subscribe(Handler())
    hub.publish(start())
    assert subscription.join(PATIENCE)
    assert "ValueError: broken" in caplog.text


def test_a_dropped_handler_is_not_held(hub: EventHub) -> None:
    subscription = hub.subscribe(Broken(RuntimeError("broken")))
    hub.publish(start())
    assert subscription.join(PATIENCE)
    hub.publish(end())
    assert subscription not in hub._subscriptions


def test_a_stalled_handler_keeps_nobody_waiting(
    hub: EventHub, stalled: Callable[..., Stalled]
) -> None:
    handler, recorder = stalled(), Recorder()
    hub.subscribe(handler)
    hub.subscribe(recorder)
    hub.publish(start())
    assert handler.called.wait(PATIENCE)
    output(hub, b"line\n")
    hub.publish(end())
    recorder.wait_for_type("cancelled")
    assert handler.events == []


def test_a_handler_that_no_thread_can_be_had_for_is_dropped(
    hub: EventHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    subscription = hub.subscribe(Recorder())

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    hub.publish(start())
    hub.publish(end())
    assert subscription.closed
    assert "no thread for it" in caplog.text


# Handlers that fall behind


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> int:
    """Room for two small pieces of output."""
    room = 2 * (subscription_module._CHUNK_OVERHEAD + 10)
    monkeypatch.setattr(subscription_module, "MAX_PENDING_BYTES", room)
    return room


@pytest.mark.usefixtures("little_room")
def test_output_that_a_handler_is_too_slow_for_is_dropped_and_counted(
    hub: EventHub, stalled: Callable[..., Stalled]
) -> None:
    handler = busy(hub, stalled("batches"))
    for n in range(6):
        output(hub, b"%9d\n" % n)
    let_go_at_the_end(hub, handler)
    assert handler.types == ["started", "output", "output", "output_dropped", "cancelled"]
    dropped = handler.events[3]
    assert isinstance(dropped, OutputDropped)
    assert dropped.dropped_bytes == 40


@pytest.mark.usefixtures("little_room")
def test_a_gap_in_the_numbers_stands_behind_what_was_dropped(
    hub: EventHub, stalled: Callable[..., Stalled]
) -> None:
    handler = busy(hub, stalled("batches"))
    for _ in range(3):
        output(hub, b"123456789\n")
    let_go_at_the_end(hub, handler)
    assert [event.sequence for event in handler.events] == [0, 1, 2, 3, 5]


@pytest.mark.usefixtures("little_room")
def test_losses_of_different_executions_are_counted_apart(
    hub: EventHub, stalled: Callable[..., Stalled]
) -> None:
    handler = busy(hub, stalled("batches"))
    for execution_id in (ID, ID, ID, uuid4(), ID):
        output(hub, b"123456789\n", execution_id=execution_id)
    let_go_at_the_end(hub, handler)
    dropped = [event for event in handler.events if isinstance(event, OutputDropped)]
    assert [(each.execution_id == ID, each.dropped_bytes) for each in dropped] == [
        (True, 10),
        (False, 10),
        (True, 10),
    ]


@pytest.mark.usefixtures("little_room")
def test_a_handler_that_caught_up_is_given_output_again(
    hub: EventHub, stalled: Callable[..., Stalled]
) -> None:
    handler = busy(hub, stalled("batches"))
    for _ in range(3):
        output(hub, b"123456789\n")
    handler.go.set()
    handler.wait_for_type("output_dropped")
    output(hub, b"again\n")
    handler.wait_for(lambda event: getattr(event, "text", "") == "again\n")


def test_the_memory_of_many_small_pieces_is_counted_too(
    hub: EventHub, stalled: Callable[..., Stalled], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription_module, "MAX_PENDING_BYTES", 100_000)
    handler = stalled("batches")
    subscription = hub.subscribe(handler)
    hub.publish(start())
    assert handler.called.wait(PATIENCE)
    for _ in range(10_000):
        output(hub, b"x")
    assert len(subscription._queue) < 1000


# Threads


def test_no_subscription_is_lost_while_others_are_cleared_away(hub: EventHub) -> None:
    """Subscribing and publishing change the same list, on different threads."""
    made: list[Subscription] = []
    thread = threading.Thread(target=lambda: made.append(hub.subscribe(Recorder())))

    class Closing(Subscription):
        looks = 0

        @property
        def closed(self) -> bool:
            self.looks += 1
            if self.looks == 2:  # found closed a look ago, and now being cleared away
                thread.start()
                thread.join(0.2)  # has to wait until that is done
            return True

        @closed.setter
        def closed(self, value: bool) -> None: ...

    hub._subscriptions = (Closing(Recorder(), None),)
    hub.publish(start())
    thread.join(PATIENCE)
    assert hub._subscriptions == tuple(made)


def test_a_handler_that_was_told_of_nothing_has_no_thread(hub: EventHub) -> None:
    threads = threading.active_count()
    hub.subscribe(Recorder(), ID)
    assert threading.active_count() == threads


# Handlers that look now and then


def texts(recorder: Recorder) -> list[tuple[str, str]]:
    return [(e.stream, e.text) for e in recorder.events if isinstance(e, OutputBatch)]


def test_a_handler_that_takes_the_tail_is_given_at_once_what_was_printed_meanwhile(
    hub: EventHub, stalled: Callable[..., Stalled]
) -> None:
    handler = busy(hub, stalled("tail"))
    for n in range(100):
        output(hub, b"%d\n" % n)
    let_go_at_the_end(hub, handler)
    assert texts(handler) == [("stdout", "".join(f"{n}\n" for n in range(100)))]


def test_a_tail_keeps_the_order_of_both_streams(
    hub: EventHub, stalled: Callable[..., Stalled]
) -> None:
    handler = busy(hub, stalled("tail"))
    for stream in ("stdout", "stdout", "stderr", "stdout"):
        output(hub, b"x\n", stream)
    let_go_at_the_end(hub, handler)
    assert texts(handler) == [("stdout", "x\nx\n"), ("stderr", "x\n"), ("stdout", "x\n")]


def test_the_tail_of_one_attempt_is_not_mixed_with_that_of_the_next(
    hub: EventHub, stalled: Callable[..., Stalled]
) -> None:
    handler = busy(hub, stalled("tail"))
    output(hub, b"first\n")
    hub.publish(start())
    output(hub, b"second\n")
    let_go_at_the_end(hub, handler)
    assert handler.types == ["started", "output", "started", "output", "cancelled"]
    assert texts(handler) == [("stdout", "first\n"), ("stdout", "second\n")]


def test_a_tail_of_a_flood_is_bounded_and_loses_no_count(
    hub: EventHub, stalled: Callable[..., Stalled]
) -> None:
    handler = busy(hub, stalled("tail"))
    for _ in range(500):
        output(hub, b"0123456\n" * 8192)
    let_go_at_the_end(hub, handler)
    (batch,) = [event for event in handler.events if isinstance(event, OutputBatch)]
    assert len(batch.text) <= 64 * 1024
    assert batch.omitted_bytes + len(batch.text) == 500 * 65536
    assert batch.omitted_lines + batch.text.count("\n") == 500 * 8192
    assert [event.sequence for event in handler.events] == [0, 1, 2]


def test_what_ends_a_command_does_not_wait_for_the_next_look(hub: EventHub) -> None:
    recorder = Recorder("tail")
    subscription = hub.subscribe(recorder)
    output(hub, b"first\n")
    recorder.wait_for_type("output")
    subscription._next_look = float("inf")  # the next look is never due
    output(hub, b"last\n")
    hub.publish(end())
    recorder.wait_for_type("cancelled")
    assert texts(recorder) == [("stdout", "first\n"), ("stdout", "last\n")]
