"""Submit, cancel, time out, handlers that fail, shutdown: in any order, what is promised holds."""

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import tempfile
import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine import Execution, ExecutionEngine
from cloudops_nb.engine import engine as engine_module
from cloudops_nb.errors import EngineClosed, ExecutionNotRunning, ExecutionTimeout
from cloudops_nb.executors.process.survivors import processes, tags
from cloudops_nb.models import (
    DependencyGraph,
    Exec,
    ExecutionEvent,
    ExecutionPlan,
    ExecutionRequest,
    Parallel,
    Serial,
    Shell,
)
from cloudops_nb.models.events import is_last, subject
from tests.engine.promises import check
from tests.support import PATIENCE, Recorder, open_files, times, wait_until

LIMIT = 3
"""Processes at the same time: few, so that commands queue."""

# {gate} is a path; the command waits until there is something.
COMMANDS = {
    "prints": "echo out; echo err >&2; printf rest",
    "fails": "echo out; exit 3",
    "is killed": "kill -9 $$",
    "waits": "echo up; until [ -e {gate} ]; do sleep 0.01; done; echo through",
    "ignores TERM": "trap '' TERM; until [ -e {gate} ]; do sleep 0.01; done",
    "times out": "echo up; sleep 300 & wait",
    "hides": "( setsid bash -c \"trap '' TERM; sleep 300; sleep 300\" & ); sleep 300",
    "prints a lot": "seq 1 3000; exec sleep 300",
    "cannot start": "",
}
TIMEOUTS = {"times out": 20, "hides": 60, "prints a lot": 100}
"""Milliseconds: these would never end by themselves."""
kinds = st.sampled_from(sorted(COMMANDS))


@st.composite
def plans(draw: st.DrawFn) -> tuple[Any, list[str]]:
    """A strategy and the kinds of its commands."""
    chosen = draw(st.lists(kinds, min_size=1, max_size=5))
    needs = {
        index: tuple(draw(st.sets(st.integers(0, index - 1), max_size=2)))
        for index in range(1, len(chosen))
    }
    strategy = draw(
        st.builds(Serial, stop_on_error=st.booleans())
        | st.builds(Parallel, max_concurrency=st.none() | st.integers(1, 2))
        | st.just(DependencyGraph(dependencies=needs))
    )
    return strategy, chosen


class Raises:
    """A handler that raises at its n-th event; it must not be told of another."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.told = 0

    def on_event(self, event: ExecutionEvent) -> None:
        self.told += 1
        if self.told == self.at:
            raise RuntimeError("a broken handler")


class Blocks:
    """A handler that does not come back until it is let go."""

    def __init__(self, go: threading.Event) -> None:
        self._go = go

    def on_event(self, event: ExecutionEvent) -> None:
        self._go.wait()


class Cancels:
    """A handler that cancels whatever it is told of."""

    def __init__(self, engine: ExecutionEngine) -> None:
        self._engine = engine

    def on_event(self, event: ExecutionEvent) -> None:
        with contextlib.suppress(ExecutionNotRunning):
            self._engine.request_cancel(subject(event))


class EngineMachine(RuleBasedStateMachine):
    """The real engine, real processes; what it promises is checked at the end of each run."""

    submitted = Bundle("submitted")

    @initialize()
    def start(self) -> None:
        self.place = Path(tempfile.mkdtemp())
        self.files, self.threads = open_files(), threading.active_count()
        self.recorder = Recorder()
        self.all: list[Execution] = []
        self.raising: list[Raises] = []
        self.go = threading.Event()
        self.closed = False
        self.gates: list[Path] = []
        self.broken = self.place / "program"
        self.broken.write_bytes(b"\x7fELF rubbish")
        self.broken.chmod(0o755)
        self.engine = ExecutionEngine(
            ExecutionConfig(
                log_dir=self.place / "logs",
                cancel_grace_ms=50,
                max_concurrent_executions=LIMIT,
            ),
            handlers=[self.recorder],
        )

    # What may happen

    @precondition(lambda self: not self.closed)
    @rule(target=submitted, kind=kinds)
    def submit(self, kind: str) -> Execution:
        return self._keep(self.engine.submit(self._request(kind)))

    @precondition(lambda self: not self.closed)
    @rule(target=submitted, kind=kinds)
    def execute(self, kind: str) -> Execution:
        execution_id = asyncio.run(self.engine.execute(self._request(kind)))
        return self._keep(self.engine.get(execution_id))

    @precondition(lambda self: not self.closed)
    @rule(target=submitted, work=plans())
    def submit_plan(self, work: tuple[Any, list[str]]) -> Execution:
        strategy, chosen = work
        requests = tuple(self._request(kind) for kind in chosen)
        plan = ExecutionPlan(description="a plan", strategy=strategy, commands=requests)
        return self._keep(self.engine.submit(plan))

    @rule()
    def open_gates(self) -> None:
        for gate in self.gates:
            gate.touch()

    @rule(one=submitted, seconds=st.sampled_from([0.001, 0.01, 0.1, 0.3]))
    def wait_for_a_while(self, one: Execution, seconds: float) -> None:
        with contextlib.suppress(ExecutionTimeout):
            assert one.result(seconds).status.is_final

    @rule(one=submitted, waits=st.booleans())
    def cancel(self, one: Execution, waits: bool) -> None:
        one.cancel()
        if waits:
            assert one.result(PATIENCE).status.is_final

    @rule(one=submitted, which=st.integers(0, 4))
    def cancel_one_command(self, one: Execution, which: int) -> None:
        ids = commands_of(one)
        with contextlib.suppress(ExecutionNotRunning):
            self.engine.request_cancel(ids[which % len(ids)])

    @precondition(lambda self: not self.closed)
    @rule(at=st.integers(1, 4))
    def subscribe_what_raises(self, at: int) -> None:
        self.raising.append(Raises(at))
        self.engine.subscribe(self.raising[-1])

    @precondition(lambda self: not self.closed)
    @rule()
    def subscribe_what_blocks(self) -> None:
        self.engine.subscribe(Blocks(self.go))

    @rule(one=submitted)
    def subscribe_what_cancels(self, one: Execution) -> None:
        self.engine.subscribe(Cancels(self.engine), one.id)

    @precondition(lambda self: len(self.all) > 4)  # or few runs would get far
    @rule()
    def shut_down(self) -> None:
        self.engine.close()
        self.closed = True
        with pytest.raises(EngineClosed):
            self.engine.submit("true")

    # What is promised while it runs, and at the end

    @invariant()
    def no_more_runs_than_may(self) -> None:
        assert asyncio.run(self.engine.running_count()) <= LIMIT

    def teardown(self) -> None:
        if not hasattr(self, "engine"):
            return  # it was not even started
        try:
            self.engine.close()
            assert self._left() == []
            self.go.set()
            for one in self.all:
                self.recorder.wait_for(lambda event, one=one: is_last(event, one.id))
                check(one.result(0), self.recorder.events)
            for handler in self.raising:
                assert handler.told <= handler.at
            wait_until(lambda: threading.active_count() <= self.threads)
            assert open_files() <= self.files
        finally:
            self.go.set()
            for pid in self._left():  # of a run that failed
                os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.place)

    # How it is done

    def _request(self, kind: str) -> ExecutionRequest:
        if kind == "cannot start":
            return ExecutionRequest(command=Exec(program=str(self.broken)))
        self.gates.append(self.place / f"gate-{len(self.gates)}")
        line = COMMANDS[kind].format(gate=self.gates[-1])
        return ExecutionRequest(command=Shell(command=line), timeout_ms=TIMEOUTS.get(kind, 60_000))

    def _keep(self, execution: Execution) -> Execution:
        self.all.append(execution)
        return execution

    def _left(self) -> list[int]:
        ids = {str(each).encode() for one in self.all for each in commands_of(one)}
        return [pid for pid in processes() if ids.intersection(tags(pid))]


def commands_of(execution: Execution) -> list[UUID]:
    work = execution.work
    return [each.id for each in work.commands] if isinstance(work, ExecutionPlan) else [work.id]


@pytest.mark.timeout(times(120, 1800))
def test_in_any_order_each_run_ends_once_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "cloudops_nb")  # handlers that raise fill it
    # A handler that blocks is waited for by close(): two seconds a run would be most of the test.
    monkeypatch.setattr(engine_module, "HANDLER_SECONDS", 0.05)
    run_state_machine_as_test(
        EngineMachine,
        settings=settings(max_examples=times(150, 1000), stateful_step_count=25),
    )
