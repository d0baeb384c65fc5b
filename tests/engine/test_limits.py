"""What a result says of the limits its command ran into."""

from datetime import timedelta
from pathlib import Path

import pytest

from cloudops_nb.executors.process.cgroup import find_parent
from cloudops_nb.models import ExecutionStatus, FixedBackoff, ResourceLimits, RetryConfig
from tests.conftest import MakeEngine
from tests.support import request, run


def test_a_command_that_dies_of_its_limit_says_so(make_engine: MakeEngine) -> None:
    work = request("while :; do :; done", limits=ResourceLimits(cpu_seconds=1))
    result = run(make_engine(), work)
    assert (result.status, result.signal) == (ExecutionStatus.FAILED, "SIGXCPU")
    assert result.error == "killed: above its CPU limit of 1 s; raise it with limits.cpu"


def test_the_record_shows_the_command_without_what_limits_it(make_engine: MakeEngine) -> None:
    result = run(make_engine(), request("echo out", limits=ResourceLimits(cpu_seconds=1)))
    assert (result.command, result.stdout) == ("echo out", "out\n")


@pytest.mark.skipif(
    find_parent("pids") is None, reason="needs a control group with pids that can be written"
)
def test_a_limit_that_was_hit_before_a_timeout_does_not_keep_it_from_being_tried_again(
    make_engine: MakeEngine, tmp_path: Path
) -> None:
    fork = "for i in 1 2 3 4 5 6 7 8; do (sleep 60 &) 2>/dev/null; done"
    retry = RetryConfig(max_attempts=2, backoff=FixedBackoff(delay=timedelta(0)), idempotent=True)
    work = request(
        f"[ -e {tmp_path}/tried ] && exit; touch {tmp_path}/tried; {fork}; exec sleep 60",
        timeout_ms=1000,
        limits=ResourceLimits(processes=5),
        retry=retry,
    )
    result = run(make_engine(), work)
    assert result.success
    (first,) = result.earlier_attempts
    assert first.status is ExecutionStatus.TIMEOUT
    assert "it could not start a process above its limit of 5" in str(first.error)


def test_a_timeout_of_a_limited_command_is_a_timeout(make_engine: MakeEngine) -> None:
    work = request("sleep 60", limits=ResourceLimits(cpu_seconds=5), timeout_ms=300)
    assert run(make_engine(), work).status is ExecutionStatus.TIMEOUT
