"""A handler that comes late is told the story first, and then all that follows, once."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from cloudops_nb.engine import Execution, ExecutionEngine
from cloudops_nb.errors import ExecutionNotFound
from cloudops_nb.models import (
    ExecutionEvent,
    FixedBackoff,
    OutputDropped,
    Parallel,
    RetryConfig,
    Serial,
)
from tests.conftest import MakeEngine
from tests.support import Gate, Recorder, plan, plan_result_of, request, result_of


def attached(engine: ExecutionEngine, execution: Execution, output: str = "lines") -> Recorder:
    """A recorder that was attached now."""
    recorder = Recorder(output)
    engine.attach(execution.id, recorder)
    return recorder


def told(recorder: Recorder) -> list[str]:
    """What it was told, in short: lines as they were printed, else the type of the event."""
    return [getattr(event, "line", event.event_type) for event in recorder.events]


def ends(execution: Execution, recorder: Recorder) -> Recorder:
    """The recorder, once it was told the end."""

    def is_end(event: ExecutionEvent) -> bool:
        of_plan = event.event_type == "plan_completed"
        about = event.plan_id if of_plan else getattr(event, "execution_id", None)
        return about == execution.id and hasattr(event, "result")

    recorder.wait_for(is_end)
    return recorder


def test_what_was_printed_so_far_comes_first_and_then_the_rest(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate
) -> None:
    execution = engine.submit(f"echo before; {gate}; echo after")
    recorder.wait_for_line("before")
    late = attached(engine, execution)
    late.wait_for_line("before")
    gate.open()
    assert told(ends(execution, late)) == ["started", "before", "after", "completed"]


def test_a_line_that_had_not_ended_goes_on(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate
) -> None:
    execution = engine.submit(f"printf 'half '; echo up >&2; {gate}; echo whole")
    recorder.wait_for_line("up")
    late = attached(engine, execution)
    gate.open()
    assert "half whole" in told(ends(execution, late))


def test_half_a_character_is_made_whole(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate
) -> None:
    execution = engine.submit(rf"printf 'x\xc3'; echo up >&2; {gate}; printf '\xa9\n'")
    recorder.wait_for_line("up")
    late = attached(engine, execution)
    gate.open()
    assert "xé" in told(ends(execution, late))


def test_the_streams_are_told_apart(
    engine: ExecutionEngine, recorder: Recorder, tmp_path: Path
) -> None:
    first, second, third = (Gate(tmp_path / name) for name in ("first", "second", "third"))
    execution = engine.submit(f"echo out; {first}; echo err >&2; {second}; echo last; {third}")
    recorder.wait_for_line("out")
    first.open()
    recorder.wait_for_line("err")
    second.open()
    recorder.wait_for_line("last")
    late = attached(engine, execution)
    late.wait_for_line("last")
    third.open()
    types = [event.event_type for event in ends(execution, late).events]
    assert types == ["started", "stdout", "stderr", "stdout", "completed"]


def test_nothing_is_missing_or_doubled_wherever_a_flood_is_joined(
    engine: ExecutionEngine, recorder: Recorder
) -> None:
    execution = engine.submit("for i in {1..300}; do seq $i 1 $((i + 300)); done")
    recorder.wait_for_type("stdout")
    late = []
    while not execution.done():
        late.append(attached(engine, execution, "batches"))
        late[-1].wait_for(lambda event: event.event_type in ("output", "completed"))
    whole = result_of(execution).stdout
    for each in late:
        events = ends(execution, each).events
        text = "".join(getattr(event, "text", "") for event in events)
        before = sum(getattr(event, "dropped_bytes", 0) for event in events)
        assert text == whole[before:]


def test_of_a_long_output_the_end_is_told_from_the_start_of_a_line(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate
) -> None:
    execution = engine.submit(f"seq 1 50000; {gate}")
    recorder.wait_for_line("50000")
    late = attached(engine, execution)
    late.wait_for_line("50000")
    gate.open()
    events = ends(execution, late).events
    assert isinstance(events[1], OutputDropped)
    lines = told(late)[2:-1]
    assert len(lines) > 5000
    assert lines == [str(number) for number in range(int(lines[0]), 50001)]


def test_of_an_output_above_its_size_the_end_is_the_part_that_is_kept_in_memory(
    make_engine: MakeEngine, gate: Gate
) -> None:
    recorder = Recorder()
    engine = make_engine(max_output_size_bytes=4096, handlers=[recorder])
    execution = engine.submit(f"seq 1 5000; {gate}; echo last")
    recorder.wait_for_line("5000")
    late = attached(engine, execution)
    gate.open()
    lines = told(ends(execution, late))[2:-1]
    assert lines == [*(str(number) for number in range(int(lines[0]), 5001)), "last"]


def test_a_wait_between_attempts_is_told_and_the_next_attempt(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate, tmp_path: Path
) -> None:
    retry = RetryConfig(
        max_attempts=2, backoff=FixedBackoff(delay=timedelta(seconds=0.3)), idempotent=True
    )
    script = (
        f"echo try; test -e {tmp_path}/again && {gate} && exit; touch {tmp_path}/again; exit 75"
    )
    execution = engine.submit(request(script, retry=retry))
    recorder.wait_for_type("retrying")
    late = attached(engine, execution)
    gate.open()
    expected = ["started", "try", "retrying", "started", "try", "completed"]
    assert told(ends(execution, late)) == expected


def test_a_plan_is_told_with_all_its_commands(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate
) -> None:
    execution = engine.submit(plan(Serial(), "echo one", f"echo two; {gate}", "echo three"))
    recorder.wait_for_line("two")
    late = attached(engine, execution)
    late.wait_for_line("two")
    gate.open()
    steps = [each for each in told(ends(execution, late)) if each != "progress"]
    assert steps == [
        "plan_started",
        *("started", "one", "completed"),
        *("started", "two", "completed"),
        *("started", "three", "completed"),
        "plan_completed",
    ]


def test_one_command_of_a_plan_can_be_joined_alone(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate
) -> None:
    execution = engine.submit(plan(Parallel(), "echo other", f"echo mine; {gate}"))
    recorder.wait_for_line("mine")
    mine = engine.get(execution.work.commands[1].id)  # type: ignore[union-attr]
    late = attached(engine, mine)
    gate.open()
    assert told(ends(mine, late)) == ["started", "mine", "completed"]


def test_what_has_ended_is_told_to_its_end(engine: ExecutionEngine) -> None:
    execution = engine.submit(plan(Serial(), "echo one", "echo two >&2; exit 3", "echo never"))
    plan_result_of(execution)
    assert told(ends(execution, attached(engine, execution))) == [
        "plan_started",
        *("started", "one", "completed"),
        *("started", "two", "failed"),
        "skipped",
        "plan_completed",
    ]


def test_what_another_engine_ran_is_told_to_its_end(make_engine: MakeEngine) -> None:
    first, second = make_engine(), make_engine()
    past = result_of(first.submit("echo long ago"))
    first.close()
    execution = second.get(past.id)
    assert told(ends(execution, attached(second, execution))) == [
        "started",
        "long ago",
        "completed",
    ]


def test_what_has_not_begun_is_told_as_it_begins(make_engine: MakeEngine, gate: Gate) -> None:
    engine = make_engine(max_concurrent_executions=1)
    first = engine.submit(f"{gate}")
    queued = engine.submit("echo at last")
    late = attached(engine, queued)
    gate.open()
    assert told(ends(queued, late)) == ["started", "at last", "completed"]
    assert result_of(first).success


def test_what_is_waited_for_is_told(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate
) -> None:
    engine.submit(request(f"echo first; {gate}", lock="attach"))
    recorder.wait_for_line("first")
    second = engine.submit(request("echo second", lock="attach"))
    recorder.wait_for_type("waiting")
    late = attached(engine, second)
    late.wait_for_type("waiting")
    gate.open()
    assert told(ends(second, late)) == ["waiting", "started", "second", "completed"]


def test_a_handler_that_wants_no_output_is_told_none(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate
) -> None:
    execution = engine.submit(f"echo unheard; {gate}")
    recorder.wait_for_line("unheard")
    late = attached(engine, execution, "none")
    gate.open()
    assert told(ends(execution, late)) == ["started", "completed"]


def test_a_log_that_is_gone_does_not_keep_the_rest_back(
    engine: ExecutionEngine, recorder: Recorder, gate: Gate
) -> None:
    execution = engine.submit(f"echo lost; {gate}; echo found")
    recorder.wait_for_line("lost")
    engine.get_log_path(execution.id).unlink()
    late = attached(engine, execution)
    gate.open()
    assert told(ends(execution, late)) == ["started", "found", "completed"]


def test_numbers_rise_without_a_gap(engine: ExecutionEngine) -> None:
    execution = engine.submit("echo one; echo two")
    result_of(execution)
    late = ends(execution, attached(engine, execution))
    assert [event.sequence for event in late.events] == [0, 1, 2, 3]


def test_an_unknown_id_is_refused(engine: ExecutionEngine) -> None:
    with pytest.raises(ExecutionNotFound):
        engine.attach(uuid4(), Recorder())
