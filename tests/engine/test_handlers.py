"""The handlers that are shipped: a terminal, a text file, a file of JSON lines."""

import io
import json
import re
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import TypeAdapter
from rich.console import Console

from cloudops_nb.engine import (
    ConsoleEventHandler,
    EventHandler,
    ExecutionEngine,
    FileLoggerEventHandler,
    JsonlEventHandler,
)
from cloudops_nb.errors import LogUnavailable
from cloudops_nb.models import (
    CommandProgress,
    ExecutionEvent,
    FixedBackoff,
    Resumed,
    RetryConfig,
    Serial,
    Waiting,
)
from tests.conftest import MakeEngine
from tests.support import plan, request, run, run_plan

FILE_HANDLERS = [FileLoggerEventHandler, JsonlEventHandler]


def console_text(make_engine: MakeEngine, *works: Any, **options: Any) -> str:
    """What a console shows of some work; the engine is closed, so that it is all."""
    file = io.StringIO()
    console = Console(file=file, width=200, **options)
    engine = make_engine(handlers=[ConsoleEventHandler(console)])
    for work in works:
        engine.submit(work).result(30)
    engine.close()
    return file.getvalue()


def test_all_are_event_handlers(tmp_path: Path) -> None:
    assert isinstance(ConsoleEventHandler(), EventHandler)
    for handler in FILE_HANDLERS:
        made = handler(tmp_path / handler.__name__)
        assert isinstance(made, EventHandler)
        made.close()


def test_a_console_shows_start_output_and_end(make_engine: MakeEngine) -> None:
    work = request("echo out; echo err >&2; exit 3", name="a name")
    text = console_text(make_engine, work)
    label = str(work.id)[:8]
    assert sorted(text.splitlines()) == sorted(
        [f"{label}  ▶ a name", f"{label}  out", f"{label}! err", f"{label}  ✘ exit code 3"]
    )


def test_a_console_shows_how_far_a_call_is_and_what_it_waits_for() -> None:
    file = io.StringIO()
    handler = ConsoleEventHandler(Console(file=file, width=200))
    about = uuid4()
    handler.on_event(CommandProgress(execution_id=about, pages=1, records=7, note="throttled"))
    handler.on_event(Waiting(execution_id=about, reason="waits for new credentials"))
    handler.on_event(Resumed(execution_id=about))
    assert [line.split("… ")[1] for line in file.getvalue().splitlines()] == [
        "1 page, 7 records; throttled",
        "waits for new credentials",
        "goes on",
    ]


def test_a_console_shows_a_plan_and_what_was_not_run(make_engine: MakeEngine) -> None:
    work = plan(Serial(), request("true", name="one"), "false", "true")
    text = console_text(make_engine, work)
    label = str(work.id)[:8]
    shown = [line for line in text.splitlines() if line.startswith(label)]
    assert shown[0] == f"{label}  ▶ a plan (3)"
    assert f"{label}  0 of 3 ended" in shown
    assert shown[-1] == f"{label}  plan failed"
    assert re.search(r"✔ completed in \d+\.\d\d s", text)
    assert "↷ not run: command 1 (false) failed" in text


def test_a_console_shows_that_a_command_is_tried_again(make_engine: MakeEngine) -> None:
    at_once = FixedBackoff(delay=timedelta(0))
    retry = RetryConfig(max_attempts=2, backoff=at_once, idempotent=True)
    text = console_text(make_engine, request("exit 75", retry=retry))
    assert text.count("▶ exit 75") == 2
    assert "↻ attempt 1 of 2: exit code 75; again in 0 s" in text


def test_a_console_takes_text_as_text(make_engine: MakeEngine) -> None:
    text = console_text(make_engine, "echo '[bold]x[/bold] :smile: [link=http://x]y[/link]'")
    assert "  [bold]x[/bold] :smile: [link=http://x]y[/link]\n" in text


def test_a_console_keeps_colours_and_drops_other_sequences(make_engine: MakeEngine) -> None:
    work = r"printf '\033[31mred\033[0m\033[2J\033[10Aup\007\n'"
    text = console_text(make_engine, work, force_terminal=True, color_system="standard")
    assert "\x1b[31mred\x1b[0m" in text
    for sequence in ("\x1b[2J", "\x1b[10A", "\x07"):
        assert sequence not in text


def test_a_file_logger_appends_what_was_printed(make_engine: MakeEngine, tmp_path: Path) -> None:
    path = tmp_path / "all.log"
    path.write_text("before\n")
    handler = FileLoggerEventHandler(path)
    engine = make_engine(handlers=[handler])
    work = request("echo out; echo err >&2")
    run(engine, work)
    engine.close()
    handler.close()
    stamp = r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00\]"
    first, *lines = path.read_text().splitlines()
    assert first == "before"
    assert len(lines) == 2
    for pattern in (rf"{stamp} \[{work.id}\] out", rf"{stamp} \[{work.id}\] ERROR: err"):
        assert any(re.fullmatch(pattern, line) for line in lines)


def test_a_jsonl_file_holds_every_event_and_can_be_read_back(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    handler = JsonlEventHandler(path)
    engine = make_engine(handlers=[handler])
    run_plan(engine, plan(Serial(), "echo out; echo 'ü\u2028'", "false", "true"))
    engine.close()
    handler.close()
    lines = path.read_text().split("\n")
    assert lines.pop() == ""
    events = [TypeAdapter(ExecutionEvent).validate_json(line) for line in lines]
    assert [event.event_type for event in events] == [
        "plan_started", "progress",
        "started", "stdout", "stdout", "completed", "progress",
        "started", "failed", "skipped", "progress",
        "plan_completed",
    ]  # fmt: skip
    assert [json.loads(line) for line in lines] == [
        json.loads(event.model_dump_json()) for event in events
    ]


@pytest.mark.parametrize("handler", FILE_HANDLERS)
def test_a_file_is_its_owners_alone(handler: Callable[..., Any], tmp_path: Path) -> None:
    handler(tmp_path / "x").close()
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o600


@pytest.mark.parametrize("handler", FILE_HANDLERS)
def test_a_file_that_cannot_be_opened_is_refused_at_once(
    handler: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for path in (tmp_path, tmp_path / "link", tmp_path / "no" / "such"):
        with pytest.raises(LogUnavailable):
            handler(path)


def test_a_file_may_be_named_from_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    JsonlEventHandler("~/x.jsonl").close()
    assert (tmp_path / "x.jsonl").exists()


def test_handlers_are_added_when_an_engine_is_made_or_later(engine: ExecutionEngine) -> None:
    file = io.StringIO()
    same = engine.with_event_handler(ConsoleEventHandler(Console(file=file)))
    assert same is engine
    run(engine, "echo out")
    engine.close()
    assert "  out\n" in file.getvalue()
