"""The live view without a page: what it sends, what it is told, what it leaves behind."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Queue
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import ipywidgets
import pytest

from cloudops_nb.errors import LogUnavailable, NotResumable
from cloudops_nb.models import (
    Cancelled,
    CommandProgress,
    ErrorCategory,
    Exec,
    ExecutionPlan,
    ExecutionRequest,
    ExecutionResult,
    ExecutionStats,
    ExecutionStatus,
    Failed,
    OutputBatch,
    OutputDropped,
    Parallel,
    PlanCompleted,
    PlanExecutionResult,
    PlanStarted,
    Progress,
    Resumed,
    Retrying,
    Shell,
    Skipped,
    Started,
    Waiting,
)
from cloudops_nb.models.base import now
from cloudops_nb.models.events import ended
from cloudops_nb.notebook import header as header_module
from cloudops_nb.notebook import view as view_module
from cloudops_nb.notebook.board import MAX_ROWS
from cloudops_nb.notebook.console import Console
from cloudops_nb.notebook.view import LiveView, unblock_comm
from tests.support import wait_until

AT = 1_800_000_000_123  # when all output here was read, in milliseconds
SECONDS = 10  # for what comes at once unless it never does


class Page:
    """Stands for the page: gets what a console is sent, says what a page would say."""

    def __init__(self) -> None:
        self.messages = Queue[dict[str, Any]]()
        self.snapshots = Queue[dict[str, Any]]()
        self.buffers = Queue[list[bytes]]()

    def send(self, message: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        self.messages.put(message)
        if buffers is not None:
            self.buffers.put(buffers)

    def next_delta(self) -> dict[str, Any]:
        message = self.messages.get(timeout=SECONDS)
        assert message["type"] == "delta"
        return message


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    page = Page()
    monkeypatch.setattr(Console, "send", lambda _, *sent: page.send(*sent))

    def send_state(console: Console, key: object = None) -> None:
        if key == "snapshot":
            page.snapshots.put(console.get_state(key)[key])

    monkeypatch.setattr(Console, "send_state", send_state)
    return page


Show = Callable[[ExecutionRequest | ExecutionPlan], LiveView]


@pytest.fixture
def cancelled() -> Queue[UUID]:
    return Queue()


@pytest.fixture
def show(page: Page, cancelled: Queue[UUID]) -> Iterator[Show]:
    views: list[LiveView] = []

    def show(work: ExecutionRequest | ExecutionPlan) -> LiveView:
        views.append(LiveView(work, cancel=cancelled.put))
        return views[-1]

    yield show
    for view in views:
        view.close()


def request(line: str = "echo hello") -> ExecutionRequest:
    return ExecutionRequest(command=Shell(command=line))


def plan(size: int = 3) -> ExecutionPlan:
    commands = tuple(
        ExecutionRequest(command=Exec(program="step", args=(str(number),)), name=f"step {number}")
        for number in range(size)
    )
    return ExecutionPlan(description="Nightly", strategy=Parallel(), commands=commands)


def started(work: ExecutionRequest) -> Started:
    return Started(execution_id=work.id, command="")


def output(work: ExecutionRequest, text: str) -> OutputBatch:
    at = datetime.fromtimestamp(AT / 1000, UTC)
    return OutputBatch(execution_id=work.id, stream="stdout", text=text, timestamp=at)


def result(
    work: ExecutionRequest, status: str = "completed", error: str | None = None
) -> ExecutionResult:
    return ExecutionResult(
        id=work.id,
        status=ExecutionStatus(status),
        exit_code=None,
        duration=timedelta(seconds=2),
        started_at=now(),
        completed_at=now(),
        log_path=Path("x.log"),
        error=error,
    )


def plan_result(work: ExecutionPlan, status: str) -> PlanExecutionResult:
    return PlanExecutionResult(
        plan_id=work.id,
        status=ExecutionStatus(status),
        results=(),
        total_duration=timedelta(seconds=65),
        stats=ExecutionStats(),
    )


def widgets(view: LiveView, kind: type) -> list[Any]:
    def walk(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Widget]:
        yield widget
        for child in getattr(widget, "children", ()):
            yield from walk(child)

    return [widget for widget in walk(view.widget) if isinstance(widget, kind)]


def header(view: LiveView) -> str:
    return " ".join(widget.value for widget in widgets(view, ipywidgets.HTML))


def snapshot(view: LiveView) -> dict[str, Any]:
    (console,) = widgets(view, Console)
    state = console.get_state("snapshot")["snapshot"]
    assert isinstance(state, dict)
    return state


def say(view: LiveView, content: object) -> None:
    """What the comm does with a message from the page."""
    (console,) = widgets(view, Console)
    console._handle_custom_msg(content, [])


def click_cancel(view: LiveView) -> None:
    (button,) = widgets(view, ipywidgets.Button)
    button.click()


# What is sent


def test_output_is_sent_as_it_comes(show: Show, page: Page) -> None:
    work = request()
    show(work).on_event(output(work, "hello\nwor"))

    lines = page.next_delta()["lines"]
    assert [(line[0], line[3], line[4]) for line in lines] == [
        (0, "stdout", "hello"),
        (1, "stdout", "wor"),
    ]


def test_what_comes_within_one_interval_is_sent_together(
    show: Show, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view_module, "FLUSH_SECONDS", 3600)
    work = request()
    view = show(work)
    view.on_event(output(work, "first\n"))
    page.next_delta()
    for number in range(100):
        view.on_event(output(work, f"{number}\n"))
    view.close()

    assert len(page.next_delta()["lines"]) == 100
    assert page.messages.empty()


def test_deltas_are_numbered_without_a_gap(show: Show, page: Page) -> None:
    work = request()
    view = show(work)
    numbers = []
    for text in "abc":
        view.on_event(output(work, text))
        numbers.append(page.next_delta()["seq"])

    assert numbers == [1, 2, 3]


def test_a_delta_names_only_the_commands_whose_state_changed(show: Show, page: Page) -> None:
    work = plan()
    view = show(work)
    view.on_event(started(work.commands[1]))

    assert [(row["row"], row["state"]) for row in page.next_delta()["rows"]] == [(1, "running")]


def test_the_end_of_a_plan_is_told_though_nothing_else_has_changed(show: Show, page: Page) -> None:
    work = plan()
    show(work).on_event(PlanCompleted(plan_id=work.id, result=plan_result(work, "cancelled")))

    assert page.next_delta()["state"] == "cancelled"


def test_output_that_was_dropped_is_remarked_on(show: Show, page: Page) -> None:
    work = request()
    show(work).on_event(OutputDropped(execution_id=work.id, dropped_bytes=12345))

    assert page.next_delta()["lines"][0][3:5] == ("note", "12,345 bytes left out, see the log")


def retrying(work: ExecutionRequest) -> Retrying:
    return Retrying(
        execution_id=work.id,
        attempt=1,
        max_attempts=3,
        wait=timedelta(seconds=4),
        next_at=now() + timedelta(seconds=4),
        reason="ThrottlingException",
        category=ErrorCategory.RETRYABLE,
    )


def test_a_wait_between_attempts_is_shown_and_goes(show: Show, page: Page) -> None:
    work = request()
    view = show(work)
    view.on_event(started(work))
    view.on_event(retrying(work))
    told = "attempt 2 of 3 in 4 s: ThrottlingException"
    assert snapshot(view)["state"] == f"pending · {told}"
    deltas = [page.next_delta()]
    while not any(delta["lines"] for delta in deltas):
        deltas.append(page.next_delta())
    assert deltas[-1]["lines"][0][3:5] == ("note", told)
    view.on_event(started(work))
    assert snapshot(view)["state"] == "running"


def test_the_clock_counts_from_the_first_attempt(show: Show) -> None:
    work = request()
    view = show(work)
    view.on_event(started(work).model_copy(update={"timestamp": now() - timedelta(hours=1)}))
    view.on_event(retrying(work))
    view.on_event(started(work))
    assert snapshot(view)["rows"][0]["ms"] >= 3_600_000


def test_cancelling_stays_in_sight_through_a_wait(show: Show, cancelled: Queue[UUID]) -> None:
    work = request()
    view = show(work)
    view.on_event(started(work))
    click_cancel(view)
    view.on_event(retrying(work))
    assert snapshot(view)["rows"][0]["state"] == "cancelling"


def test_a_parked_command_is_pending_for_its_reason_until_it_goes_on(show: Show) -> None:
    work = request()
    view = show(work)
    view.on_event(started(work))
    view.on_event(Waiting(execution_id=work.id, reason="waits for new credentials"))
    assert snapshot(view)["state"] == "pending · waits for new credentials"
    view.on_event(Resumed(execution_id=work.id))
    assert snapshot(view)["state"] == "running"


def test_the_pages_that_a_call_has_read_are_shown(show: Show) -> None:
    work = request()
    view = show(work)
    view.on_event(started(work))
    view.on_event(CommandProgress(execution_id=work.id, pages=3, records=2400))
    assert snapshot(view)["state"] == "running · 3 pages, 2,400 records"


def test_events_of_other_runs_are_ignored(show: Show) -> None:
    view = show(request())
    other = plan()
    view.on_event(output(other.commands[0], "not ours\n"))
    view.on_event(PlanStarted(plan_id=other.id, description="", total=3))

    assert snapshot(view)["lines"] == []
    assert snapshot(view)["state"] == "pending"


# The snapshot, for pages that come late


def test_the_snapshot_holds_what_was_sent_so_far(show: Show, page: Page) -> None:
    work = plan()
    view = show(work)
    view.on_event(output(work.commands[2], "hello\n"))
    page.next_delta()
    state = snapshot(view)

    assert state["seq"] == 1
    assert state["lines"] == [(0, 0, 2, "stdout", "hello", 0, AT)]
    assert [row["name"] for row in state["rows"]] == ["step 0", "step 1", "step 2"]
    assert state["rows"][2]["last"] == "hello"


def test_a_page_that_asks_for_it_is_sent_a_snapshot(show: Show, page: Page) -> None:
    say(show(request()), {"type": "sync"})

    assert page.snapshots.get(timeout=SECONDS)["state"] == "pending"


def test_no_snapshot_is_sent_unasked(show: Show, page: Page) -> None:
    work = request()
    view = show(work)
    for number in range(5):
        view.on_event(output(work, f"{number}\n"))
        page.next_delta()
    view.close()

    assert page.snapshots.empty()


def test_a_page_that_asks_for_one_command_is_sent_its_last_lines(show: Show, page: Page) -> None:
    work = plan()
    view = show(work)
    for command in work.commands:
        view.on_event(output(command, "hello\n"))
    say(view, {"type": "tail", "row": 1})
    while (message := page.messages.get(timeout=SECONDS))["type"] != "tail":
        pass

    assert message == {"type": "tail", "row": 1, "lines": [(1, 0, 1, "stdout", "hello", 0, AT)]}


@pytest.mark.parametrize(
    "content",
    [
        None,
        "sync",
        {},
        {"type": "tail", "row": 99},
        {"type": "tail", "row": -1},
        {"type": "tail", "row": "0"},
        {"type": "cancel", "id": "nobody's"},
        {"type": "cancel", "id": ["x"]},
    ],
)
def test_a_message_that_makes_no_sense_is_ignored(
    show: Show, page: Page, cancelled: Queue[UUID], content: object
) -> None:
    view = show(plan())
    say(view, content)
    view.close()

    assert page.messages.empty()
    assert page.snapshots.empty()
    assert cancelled.empty()


# Cancel


def test_the_button_cancels_the_run(show: Show, cancelled: Queue[UUID]) -> None:
    work = plan()
    view = show(work)
    click_cancel(view)

    assert cancelled.get(timeout=SECONDS) == work.id


def test_the_button_says_that_it_was_heard(show: Show, page: Page) -> None:
    work = request()
    view = show(work)
    view.on_event(started(work))
    page.next_delta()
    click_cancel(view)
    page.next_delta()
    (button,) = widgets(view, ipywidgets.Button)

    assert (button.description, button.disabled) == ("Cancelling…", True)


def test_a_second_click_is_not_a_second_cancel(show: Show, cancelled: Queue[UUID]) -> None:
    view = show(request())
    click_cancel(view)
    click_cancel(view)
    cancelled.get(timeout=SECONDS)

    assert cancelled.empty()


def test_a_command_of_a_plan_is_cancelled_alone(
    show: Show, page: Page, cancelled: Queue[UUID]
) -> None:
    work = plan()
    view = show(work)
    view.on_event(started(work.commands[1]))
    say(view, {"type": "cancel", "id": str(work.commands[1].id)})

    assert cancelled.get(timeout=SECONDS) == work.commands[1].id
    assert snapshot(view)["rows"][1]["state"] == "cancelling"
    assert snapshot(view)["state"] == "pending"


def test_a_command_that_has_ended_is_not_cancelled(show: Show, cancelled: Queue[UUID]) -> None:
    work = plan()
    view = show(work)
    view.on_event(ended(result(work.commands[1])))
    say(view, {"type": "cancel", "id": str(work.commands[1].id)})

    assert cancelled.empty()


def test_a_run_that_has_ended_has_no_button(show: Show, page: Page) -> None:
    work = request()
    view = show(work)
    view.on_event(ended(result(work)))
    page.next_delta()
    (button,) = widgets(view, ipywidgets.Button)

    assert button.layout.display == "none"


# What is shown


def test_the_header_names_state_and_time(show: Show, page: Page) -> None:
    work = request()
    view = show(work)
    view.on_event(ended(result(work)))
    page.next_delta()

    assert ">completed<" in header(view)
    assert ">2.0 s<" in header(view)


def test_a_failure_says_why(show: Show, page: Page) -> None:
    work = request()
    view = show(work)
    view.on_event(Failed(execution_id=work.id, error="exit code 3"))
    page.next_delta()

    assert ">failed · exit code 3<" in header(view)


def test_a_timeout_is_told_from_a_failure(show: Show, page: Page) -> None:
    work = request()
    view = show(work)
    view.on_event(ended(result(work, "timeout", "after 5 s")))
    page.next_delta()

    assert ">timeout · after 5 s<" in header(view)


def test_commands_that_were_not_run_say_why(show: Show, page: Page) -> None:
    work = plan()
    view = show(work)
    view.on_event(Skipped(execution_id=work.commands[0].id, reason="needs step 1"))
    view.on_event(Cancelled(execution_id=work.commands[1].id))
    rows = snapshot(view)["rows"]

    assert [(row["state"], row["note"], row["ms"]) for row in rows[:2]] == [
        ("skipped", "needs step 1", None),
        ("cancelled", "", None),
    ]


def test_a_plan_counts_what_has_ended_and_what_has_failed(show: Show, page: Page) -> None:
    work = plan()
    view = show(work)
    view.on_event(ended(result(work.commands[0])))
    view.on_event(ended(result(work.commands[1], "failed")))
    view.close()

    assert "2 of 3" in header(view)
    assert "1 failed" in header(view)
    assert [bar.value for bar in widgets(view, ipywidgets.IntProgress)] == [2, 2, 1]


def test_a_plan_ends_as_its_result_says(show: Show, page: Page) -> None:
    work = plan()
    view = show(work)
    view.on_event(PlanStarted(plan_id=work.id, description="", total=3))
    view.on_event(PlanCompleted(plan_id=work.id, result=plan_result(work, "failed")))
    view.close()

    assert ">failed<" in header(view)
    assert ">1:05<" in header(view)


def test_a_single_command_has_no_progress_bar(show: Show) -> None:
    assert widgets(show(request()), ipywidgets.IntProgress) == []


def test_a_title_is_one_line_and_the_whole_is_its_tooltip(show: Show) -> None:
    shown = header(show(request("first\nsecond")))

    assert ">first …<" in shown
    assert 'title="first\nsecond"' in shown


def test_text_in_the_header_is_not_markup(show: Show, page: Page) -> None:
    evil = "<img src=x onerror=alert(1)>\"'&"
    work = request(evil)
    view = show(work)
    view.notice(evil)
    view.on_event(Failed(execution_id=work.id, error=evil))
    page.next_delta()

    assert "<img" not in header(view)


def test_a_notice_can_be_shown(show: Show) -> None:
    view = show(request())
    view.notice("press ■ to cancel")
    view.close()

    assert "press ■ to cancel" in header(view)


def test_a_notice_can_be_taken_away(show: Show) -> None:
    view = show(request())
    view.notice("press ■ to cancel")
    view.notice("")
    view.close()

    assert "press ■ to cancel" not in header(view)


# What it is made of


def test_the_number_of_widgets_does_not_grow_with_the_plan(show: Show) -> None:
    sizes = []
    for commands in (2, 500):
        before = len(ipywidgets.widgets.widget._instances)
        show(plan(commands))
        sizes.append(len(ipywidgets.widgets.widget._instances) - before)

    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("work", [request(), plan()])
def test_closing_leaves_no_widget_and_no_thread(
    show: Show, work: ExecutionRequest | ExecutionPlan
) -> None:
    before = (dict(ipywidgets.widgets.widget._instances), threading.active_count())
    view = show(work)
    view.close()
    view.close()

    assert (ipywidgets.widgets.widget._instances, threading.active_count()) == before


def test_progress_is_drawn_now_and_then_and_when_the_run_ends(
    show: Show, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(header_module, "PROGRESS_SECONDS", 3600)
    work = plan()
    view = show(work)
    view.on_event(PlanStarted(plan_id=work.id, description="", total=3))
    for command in work.commands:
        view.on_event(ended(result(command)))
    wait_until(lambda: ">running<" in header(view))
    assert ">0 of 3<" in header(view)
    view.on_event(PlanCompleted(plan_id=work.id, result=plan_result(work, "completed")))
    wait_until(lambda: ">3 of 3<" in header(view))


def test_closing_shows_progress_that_was_put_off(
    show: Show, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(header_module, "PROGRESS_SECONDS", 3600)
    work = plan()
    view = show(work)
    view.on_event(ended(result(work.commands[0])))
    page.next_delta()
    view.close()

    assert ">1 of 3<" in header(view)


def test_closing_shows_what_was_left_to_show(
    show: Show, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view_module, "FLUSH_SECONDS", 3600)
    work = request()
    view = show(work)
    view.on_event(started(work))
    page.next_delta()
    view.on_event(output(work, "the last words"))
    view.close()

    assert page.next_delta()["lines"][0][4] == "the last words"


def test_events_after_the_end_are_harmless(show: Show) -> None:
    work = request()
    view = show(work)
    view.close()
    view.on_event(output(work, "too late\n"))
    view.notice("too late")


def test_a_comm_with_a_route_of_its_own_loses_it() -> None:
    widget = SimpleNamespace(comm=SimpleNamespace(_reply_subshell_for=lambda *_: "main"))
    unblock_comm(widget)

    assert widget.comm._reply_subshell_for is None


def test_a_comm_without_such_a_route_is_left_alone() -> None:
    widget = SimpleNamespace(comm=SimpleNamespace())
    unblock_comm(widget)

    assert vars(widget.comm) == {}


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (40.4, "about 40 s left"),
        (11.6, "about 12 s left"),
        (170.0, "about 3 min left"),
        (7500.0, "about 2 h 5 min left"),
        (1.0, None),
        (None, None),
    ],
)
def test_a_plan_says_about_how_long_it_will_still_take(
    show: Show,
    page: Page,
    seconds: float | None,
    says: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(header_module, "PROGRESS_SECONDS", 0)
    work = plan()
    view = show(work)
    view.on_event(PlanStarted(plan_id=work.id, description="", total=3))
    view.on_event(Progress(plan_id=work.id, completed=0, total=3, eta_seconds=seconds))
    view.on_event(started(work.commands[0]))
    page.next_delta()
    wait_until(lambda: (says or ">running<") in header(view))
    assert ("left" in header(view)) is (says is not None)
    assert says is None or says in header(view)
    view.on_event(PlanCompleted(plan_id=work.id, result=plan_result(work, "completed")))
    wait_until(lambda: ">completed<" in header(view))
    assert "left" not in header(view)


def test_a_row_says_what_it_waits_for_until_it_starts(show: Show, page: Page) -> None:
    work = plan()
    view = show(work)
    first = work.commands[0]
    view.on_event(Waiting(execution_id=first.id, reason="waits for the lock 'db'", lock="db"))
    assert page.next_delta()["rows"][0]["note"] == "waits for the lock 'db'"
    view.on_event(started(first))
    assert page.next_delta()["rows"][0]["note"] == ""


# Plans of any size


def test_no_message_has_more_than_its_share_of_a_plans_rows(show: Show, page: Page) -> None:
    work = plan(1000)
    view = show(work)
    for command in work.commands:
        view.on_event(started(command))
    seen: list[int] = []
    while len(seen) < 1000:
        rows = [row["row"] for row in page.next_delta()["rows"]]
        assert len(rows) <= MAX_ROWS
        seen += rows

    assert sorted(seen) == list(range(1000))


def test_a_page_asks_for_the_rows_that_the_snapshot_had_no_room_for(show: Show, page: Page) -> None:
    view = show(plan(600))
    state = snapshot(view)
    assert (state["total"], len(state["rows"])) == (600, MAX_ROWS)
    say(view, {"type": "rows", "row": 500})
    answer = page.messages.get(timeout=SECONDS)

    assert answer["type"] == "rows"
    assert [row["name"] for row in answer["rows"]] == [f"step {n}" for n in range(500, 600)]


def test_a_message_is_small_however_long_the_commands_are(show: Show) -> None:
    commands = tuple(
        ExecutionRequest(command=Shell(command="x" * 50_000), name="y" * 50_000) for _ in range(500)
    )
    view = show(ExecutionPlan(description="z" * 50_000, strategy=Parallel(), commands=commands))

    assert len(json.dumps(snapshot(view))) < 500_000


def test_commands_are_counted_by_state(show: Show, page: Page) -> None:
    work = plan()
    view = show(work)
    view.on_event(started(work.commands[0]))

    assert page.next_delta()["counts"] == {"running": 1, "pending": 2}


def test_a_command_too_long_for_the_table_is_sent_whole_when_it_is_asked_for(
    show: Show, page: Page
) -> None:
    view = show(request("echo " + "x" * 5000))
    row = snapshot(view)["rows"][0]
    assert (len(row["line"]), row["cut"]) == (1000, 4005)
    say(view, {"type": "line", "row": 0})

    assert page.messages.get(timeout=SECONDS)["line"] == "echo " + "x" * 5000


def test_a_row_tells_its_attempts(show: Show, page: Page) -> None:
    work = plan()
    view = show(work)
    view.on_event(Started(execution_id=work.commands[0].id, command="", attempt=2))

    assert page.next_delta()["rows"][0]["attempts"] == 2


# Logs


def test_a_piece_of_a_log_is_sent_with_its_size_and_place(page: Page, tmp_path: Path) -> None:
    log = tmp_path / "one.log"
    log.write_bytes(b"x" * 600_000)
    view = LiveView(request(), cancel=lambda _: None, log=lambda _: log)
    say(view, {"type": "log", "row": 0, "from": 524_288})
    answer = page.messages.get(timeout=SECONDS)
    view.close()

    assert answer == {
        "type": "log",
        "row": 0,
        "from": 524_288,
        "size": 600_000,
        "path": str(log),
    }
    assert page.buffers.get(timeout=SECONDS) == [b"x" * 75_712]


def test_a_log_that_is_not_there_is_an_answer(page: Page) -> None:
    def missing(execution_id: UUID) -> Path:
        raise LogUnavailable(execution_id, "it was removed")

    view = LiveView(request(), cancel=lambda _: None, log=missing)
    say(view, {"type": "log", "row": 0, "from": 0})
    answer = page.messages.get(timeout=SECONDS)
    view.close()

    assert answer["error"].startswith("The log cannot be read: ")


def test_without_a_log_none_is_offered_and_a_question_for_it_is_ignored(
    show: Show, page: Page
) -> None:
    view = show(request())
    say(view, {"type": "log", "row": 0, "from": 0})
    view.close()

    assert not snapshot(view)["has_log"]
    assert page.messages.empty()


# Retry


@pytest.fixture
def resumed() -> Queue[UUID]:
    return Queue()


def ended_plan(resumed: Queue[UUID], status: str) -> tuple[ExecutionPlan, LiveView]:
    work = plan()
    view = LiveView(work, cancel=lambda _: None, resume=resumed.put)
    view.on_event(PlanCompleted(plan_id=work.id, result=plan_result(work, status)))
    wait_until(lambda: f">{status}<" in header(view))
    return work, view


def test_a_plan_that_failed_can_be_resumed_once(page: Page, resumed: Queue[UUID]) -> None:
    work, view = ended_plan(resumed, "failed")
    (button,) = widgets(view, ipywidgets.Button)
    assert (button.description, button.layout.display) == ("Retry failed", None)
    click_cancel(view)
    click_cancel(view)
    wait_until(lambda: button.disabled)

    assert button.description == "Started again"
    assert resumed.get(timeout=SECONDS) == work.id
    assert resumed.empty()
    view.close()


def test_why_a_plan_is_not_resumed_is_said_and_the_button_stays(page: Page) -> None:
    def refuse(_: UUID) -> None:
        raise NotResumable("only its <b>record</b> is left")

    work = plan()
    view = LiveView(work, cancel=lambda _: None, resume=refuse)
    view.on_event(PlanCompleted(plan_id=work.id, result=plan_result(work, "failed")))
    (button,) = widgets(view, ipywidgets.Button)
    wait_until(lambda: button.description == "Retry failed")
    click_cancel(view)
    wait_until(lambda: "not started again: only its &lt;b&gt;record" in header(view))

    assert not button.disabled
    view.close()


def test_a_plan_that_completed_has_nothing_to_resume(page: Page, resumed: Queue[UUID]) -> None:
    _, view = ended_plan(resumed, "completed")
    (button,) = widgets(view, ipywidgets.Button)

    assert button.layout.display == "none"
    view.close()


def test_no_invisible_character_hides_in_the_header(show: Show, page: Page) -> None:
    work = request("safe \u202egnp.exe")
    view = show(work)
    view.notice("\u2066notice")
    view.on_event(Failed(execution_id=work.id, error="\x1b]0;title\x07 \u200fwhy"))
    page.next_delta()
    view.close()

    assert not set(header(view)) & set("\u202e\u2066\u200f\x1b\x07")
    assert "safe ⟨U+202E⟩gnp.exe" in header(view)
