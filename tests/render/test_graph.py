"""The picture of what waits for what."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudops_nb.errors import InvalidPlan
from cloudops_nb.models.commands import Shell
from cloudops_nb.models.plans import (
    DependencyGraph,
    ExecutionPlan,
    ExecutionStrategy,
    Parallel,
    Serial,
)
from cloudops_nb.models.requests import ExecutionRequest
from cloudops_nb.models.results import ExecutionStatus, PlanExecutionResult
from cloudops_nb.models.shortform import parse_plan
from cloudops_nb.render.graph import graph
from tests.render.pictures import Drawn
from tests.render.samples import a_plan, a_result
from tests.render.test_bounds import ANY_TEXT, HEAVY
from tests.render.test_hostile_text import PAYLOADS
from tests.render.test_layers import acyclic


def planned(*names: str, strategy: ExecutionStrategy, title: str = "roll-out") -> ExecutionPlan:
    requests = tuple(ExecutionRequest(command=Shell(command="true"), name=name) for name in names)
    return ExecutionPlan(description=title, strategy=strategy, commands=requests)


def diamond() -> ExecutionPlan:
    needs = {1: (0,), 2: (0,), 3: (1, 2, 0)}
    return planned("build", "lint", "test", "ship", strategy=DependencyGraph(dependencies=needs))


def ended(plan: ExecutionPlan, *statuses: str) -> PlanExecutionResult:
    names = [request.name for request in plan.commands]
    results = [
        a_result(status, number=n, name=name, exit_code=None)
        for n, (status, name) in enumerate(zip(statuses, names, strict=True))
    ]
    return a_plan(*results, description=plan.description)


def test_a_plan_is_its_commands_and_what_each_needs() -> None:
    assert str(graph(diamond())).split("\n") == [
        "4 commands · roll-out",
        "  level 0",
        "    #0 build",
        "  level 1",
        "    #1 lint <- #0",
        "    #2 test <- #0",
        "  level 2",
        "    #3 ship <- #0, #1, #2",
    ]


def test_each_command_is_a_box_with_its_name() -> None:
    drawn = Drawn(graph(diamond()))

    assert sorted(drawn.texts()) == ["build", "lint", "ship", "test"]
    assert len(drawn.shapes("co-box")) == 4


def test_a_result_gives_the_boxes_their_states() -> None:
    plan = diamond()
    drawn = Drawn(graph(plan, ended(plan, "completed", "failed", "completed", "skipped")))

    assert drawn.texts("co-mid").count("✓ 0.31 s") == 2
    assert len(drawn.below("co-failed", "rect")) == 1
    assert "○ skipped" in drawn.texts()


def test_lines_from_what_did_not_complete_are_broken() -> None:
    plan = diamond()
    drawn = Drawn(graph(plan, ended(plan, "completed", "failed", "completed", "skipped")))

    assert len(drawn.shapes("co-broken")) == 1
    assert drawn.shapes("co-broken")[0].get("d", "").count("M") == 1


def test_what_a_command_refers_to_is_what_it_waits_for() -> None:
    plan = parse_plan(
        """
        strategy: parallel
        steps:
        - {name: build, shell: "true"}
        - {name: ship, shell: "true"}
        - {name: undo, shell: "true", when: "steps.ship.status == 'failed'"}
        - {name: tell, shell: "echo {{ steps.build.stdout }}"}
        """,
        lookup={},
    )

    assert "#2 undo <- #1\n" in str(graph(plan))
    assert str(graph(plan)).endswith("#3 tell <- #0")


def test_a_serial_plan_is_a_chain() -> None:
    text = str(graph(planned("a", "b", "c", strategy=Serial())))

    assert re.findall(r"#\d.*", text) == ["#0 a", "#1 b <- #0", "#2 c <- #1"]


def test_a_parallel_plan_is_a_row_without_lines() -> None:
    drawn = Drawn(graph(planned("a", "b", "c", strategy=Parallel())))

    assert not drawn.shapes("co-edge")
    assert len({box.get("y") for box in drawn.shapes("co-box")}) == 1


def test_a_long_chain_runs_downwards_instead_of_off_the_page() -> None:
    drawn = Drawn(graph(planned(*map(str, range(40)), strategy=Serial())))

    assert float(drawn.root.get("width", "0")) < 1_100


def test_a_plan_of_more_than_sixty_commands_is_drawn_by_level() -> None:
    needs = {index: (index - 50,) for index in range(50, 120)}
    names = [f"host-{index}" for index in range(120)]
    plan = planned(*names, strategy=DependencyGraph(dependencies=needs))
    statuses = ["failed", *["completed"] * 49, "skipped", *["completed"] * 69]
    drawn = Drawn(graph(plan, ended(plan, *statuses)))

    assert [text for text in drawn.texts() if text.startswith("level")] == [
        "level 0 · 50",
        "level 1 · 50",
        "level 2 · 20",
    ]
    assert drawn.texts("co-completed") == ["✓ 49", "✓ 49", "✓ 20"]
    assert "#0 host-0" in drawn.texts("co-note")


def test_more_lines_than_can_be_told_apart_are_drawn_by_level() -> None:
    needs = {index: tuple(range(25)) for index in range(25, 50)}
    plan = planned(*map(str, range(50)), strategy=DependencyGraph(dependencies=needs))

    assert Drawn(graph(plan)).texts() == ["level 0 · 25", "level 1 · 25"]


def test_a_plan_that_was_run_again_under_another_id_takes_its_result() -> None:
    plan = diamond()
    result = ended(plan, *["completed"] * 4)

    assert result.plan_id != plan.id
    assert "✓" in str(graph(plan, result))


def test_the_result_of_a_plan_of_another_length_is_refused() -> None:
    result = ended(planned("a", strategy=Serial()), "completed")

    with pytest.raises(InvalidPlan, match="has 1 command and the plan 4"):
        graph(diamond(), result)


def test_the_result_of_a_plan_with_other_names_is_refused() -> None:
    result = ended(planned("a", "b", strategy=Serial()), "completed", "failed")

    with pytest.raises(
        InvalidPlan, match="command 1 is named 'c' in the plan and 'b' in the result"
    ):
        graph(planned("a", "c", strategy=Serial()), result)


@pytest.mark.parametrize("needs", [{0: (1,), 1: (0,)}, {0: (7,)}, {0: (0,)}])
def test_a_graph_that_cannot_run_is_refused(needs: dict[int, tuple[int, ...]]) -> None:
    with pytest.raises(InvalidPlan):
        graph(planned("a", "b", strategy=DependencyGraph(dependencies=needs)))


def test_secrets_of_the_environment_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "hunter2-hunter2")
    secret = Shell(command="login --password hunter2-hunter2 --token s3cr3t-t0ken")
    request = ExecutionRequest(command=secret, env={"API_TOKEN": "s3cr3t-t0ken"})
    plan = ExecutionPlan(description="of hunter2-hunter2", strategy=Serial(), commands=(request,))
    picture = graph(plan)

    for shown in (picture.svg, str(picture), picture._repr_html_()):
        assert "hunter2" not in shown
        assert "s3cr3t" not in shown
    assert "REDACTED_API_TOKEN" in picture.svg


def test_long_command_lines_do_not_turn_boxes_into_bars() -> None:
    requests = [ExecutionRequest(command=Shell(command=f"echo {n} {'x' * 400}")) for n in range(60)]
    plan = ExecutionPlan(description="long", strategy=Serial(), commands=tuple(requests))

    assert len(Drawn(graph(plan)).shapes("co-box")) == 60


def test_a_plan_without_commands_is_drawn() -> None:
    Drawn(graph(planned(strategy=Parallel())))


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_hostile_names_stay_text(payload: str) -> None:
    text = payload.encode(errors="replace").decode()
    for many in (3, 80):
        plan = planned(*[text] * many, strategy=Serial(), title=text)
        Drawn(graph(plan))
        Drawn(graph(plan, ended(plan, *["failed"] * many)))


@pytest.mark.parametrize("char", HEAVY, ids=range(len(HEAVY)))
def test_the_heaviest_names_stay_within_bounds(char: str) -> None:
    for many in (60, 1_000):
        plan = planned(*[char * 10_000] * many, strategy=Serial(), title=char * 10_000)
        Drawn(graph(plan, ended(plan, *["failed"] * many)))


def test_five_thousand_commands_are_drawn_in_seconds_at_most() -> None:
    needs = {index: (index // 2, index - 1) for index in range(1, 5_000)}
    names = map(str, range(5_000))
    plan = planned(*names, strategy=DependencyGraph(dependencies=needs))
    began = time.process_time()
    picture = graph(plan)._repr_html_()

    assert time.process_time() - began < 5  # what goes through all pairs takes far longer
    assert len(picture) < 40_000


@settings(max_examples=60, deadline=None)
@given(acyclic(70), ANY_TEXT, st.data())
def test_any_plan_is_well_formed_and_every_command_is_there_or_counted(
    drawn: tuple[int, dict[int, tuple[int, ...]]], name: str, data: st.DataObject
) -> None:
    count, needs = drawn
    plan = planned(*[name] * count, strategy=DependencyGraph(dependencies=needs))
    states = st.sampled_from([status.value for status in ExecutionStatus])
    statuses = data.draw(st.lists(states, min_size=count, max_size=count))

    for picture in (Drawn(graph(plan)), Drawn(graph(plan, ended(plan, *statuses)))):
        boxes = picture.titles()[1:]
        levels = [text for text in picture.texts() if re.match("levels? .* · ", text)]
        counted = sum(int(text.rpartition(" · ")[2].replace(",", "")) for text in levels)
        assert (counted or len(boxes)) == count
