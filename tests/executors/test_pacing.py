"""Who is held up beside whom."""

from cloudops_nb.executors.process.pacing import PAUSE_SECONDS, Pace

FULL = 256 * 1024


def test_a_flood_alone_is_never_held_up() -> None:
    pace = Pace()
    assert not any(pace.pause("flood", FULL, moment / 1000) for moment in range(1000))


def test_a_flood_in_company_pauses_after_each_read() -> None:
    pace = Pace()
    pace.pause("quiet", 10, 0.0)
    assert pace.pause("flood", FULL, 0.01) == PAUSE_SECONDS
    assert pace.pause("flood", FULL, 0.02) == PAUSE_SECONDS


def test_who_prints_a_little_is_never_held_up() -> None:
    pace = Pace()
    pace.pause("flood", FULL, 0.0)
    assert pace.pause("quiet", 10, 0.001) == 0


def test_floods_hold_up_each_other() -> None:
    pace = Pace()
    pace.pause("one", FULL, 0.0)
    assert pace.pause("other", FULL, 0.001) == PAUSE_SECONDS
    assert pace.pause("one", FULL, 0.002) == PAUSE_SECONDS


def test_company_that_fell_silent_is_forgotten() -> None:
    pace = Pace()
    pace.pause("quiet", 10, 0.0)
    assert pace.pause("flood", FULL, 1.0) == 0
