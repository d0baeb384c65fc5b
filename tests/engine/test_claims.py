"""Ids that nothing else has."""

import threading
from uuid import UUID

from cloudops_nb.engine.claims import Claims
from cloudops_nb.models import ExecutionPlan, Serial
from tests.support import PATIENCE, plan, request

WORK = request("true")


def free(_: UUID) -> bool:
    return False


def test_a_free_id_is_kept() -> None:
    with Claims(free).under_free_ids(WORK) as work:
        assert work == WORK


def test_a_used_id_gives_way_and_all_else_stays() -> None:
    with Claims(lambda wanted: wanted == WORK.id).under_free_ids(WORK) as work:
        assert work.id != WORK.id
        assert work.model_copy(update={"id": WORK.id}) == WORK


def test_an_id_is_nobody_elses_while_it_is_claimed() -> None:
    claims = Claims(free)
    with claims.under_free_ids(WORK), claims.under_free_ids(WORK) as work:
        assert work.id != WORK.id
    with claims.under_free_ids(WORK) as work:
        assert work.id == WORK.id


def test_an_id_is_given_back_when_the_block_fails() -> None:
    claims = Claims(free)
    try:
        with claims.under_free_ids(WORK):
            raise RuntimeError
    except RuntimeError:
        pass
    assert claims._claimed == set()


def test_only_the_ids_of_a_plan_that_are_used_give_way() -> None:
    series = plan(Serial(), "a", "b")
    used = series.commands[1].id
    with Claims(lambda wanted: wanted == used).under_free_ids(series) as work:
        assert isinstance(work, ExecutionPlan)
        assert (work.id, work.commands[0]) == (series.id, series.commands[0])
        assert work.commands[1].id != used
        assert work.commands[1].command == series.commands[1].command


def test_an_id_that_is_there_twice_still_is_so_that_it_can_be_refused() -> None:
    series = plan(Serial(), WORK, WORK)
    with Claims(lambda _: True).under_free_ids(series) as work:
        assert isinstance(work, ExecutionPlan)
        assert work.commands[0].id == work.commands[1].id != WORK.id


def test_of_many_threads_one_is_given_the_id() -> None:
    claims, together, given = Claims(free), threading.Barrier(8), []

    def claim() -> None:
        together.wait(PATIENCE)
        with claims.under_free_ids(WORK) as work:
            given.append(work.id)
            together.wait(PATIENCE)

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(set(given)) == 8
    assert given.count(WORK.id) == 1
