"""Many commands at once, and the limit of open files that they inherit."""

from pathlib import Path

from tests.support import python

BEGIN = """
import os, resource, sys
from cloudops_nb import Exec, ExecutionConfig, ExecutionEngine, ExecutionPlan, ExecutionRequest
from cloudops_nb import Parallel
from cloudops_nb.executors.process.descriptors import DescriptorLimit, descriptors

SOFT, HARD = 1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def limited(soft, hard=HARD):
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    descriptors.__init__()  # as if this process had been started with it


def soft():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def files():
    return len(os.listdir("/proc/self/fd"))


def engine(at_once):
    return ExecutionEngine(
        ExecutionConfig(log_dir=sys.argv[1], max_concurrent_executions=at_once)
    )
"""

THOUSAND = """
limited(SOFT)
engine = engine(1001)
engine.submit("true").result()
before = files()
commands = [ExecutionRequest(command=Exec(program="sleep", args=("1",))) for _ in range(1000)]
both = Exec(program="bash", args=("-c", "ulimit -Sn; ulimit -Hn"))
commands.append(ExecutionRequest(command=both))
plan = ExecutionPlan(description="many", strategy=Parallel(), commands=commands)
result = engine.submit(plan).result()
print(result.stats.completed, soft() > SOFT, files() - before)
print(result.results[-1].stdout.split() == [str(SOFT), str(HARD)])
print(engine.submit("ulimit -n").result().stdout, end="")
engine.close()
"""

FEW = """
limited(SOFT)
engine = engine(10)
print(engine.submit("ulimit -n").result().stdout, soft(), sep="")
engine.close()
"""

AT_THE_END = """
limited(64, 64)
engine = engine(100)
engine.submit("true").result()  # the watchdog runs from here on
commands = [ExecutionRequest(command=Exec(program="sleep", args=("1",))) for _ in range(100)]
plan = ExecutionPlan(description="many", strategy=Parallel(), commands=commands)
result = engine.submit(plan).result()
print(result.stats.failed > 0, result.stats.completed + result.stats.failed)
print({"Too many open files" in each.error for each in result.results if each.error})
print(engine.submit("echo later").result().stdout, end="")
engine.close()
"""

NUMBERS = """
limited(64)
low = os.open("/dev/null", os.O_RDONLY)
print(descriptors.moved_up(low) == low, soft())
held = [os.open("/dev/null", os.O_RDONLY) for _ in range(40)]
high = descriptors.moved_up(held.pop())
print(high >= 64, os.get_inheritable(high), soft() > 64)
with descriptors.inherited():
    print(soft())
print(soft() > 64)
"""


def told(program: str, tmp_path: Path) -> list[str]:
    ended = python(BEGIN + program, str(tmp_path / "logs"))
    assert ended.stderr == ""
    return ended.stdout.splitlines()


def test_a_thousand_commands_run_at_once_and_leave_no_file_open(tmp_path: Path) -> None:
    assert told(THOUSAND, tmp_path) == ["1001 True 0", "True", "1024"]


def test_where_few_commands_run_the_limit_stays_as_it_is(tmp_path: Path) -> None:
    assert told(FEW, tmp_path) == ["1024", "1024"]


def test_where_the_limit_cannot_be_raised_what_is_too_much_fails_and_says_why(
    tmp_path: Path,
) -> None:
    assert told(AT_THE_END, tmp_path) == ["True 100", "{True}", "later"]


def test_what_stays_open_is_moved_out_of_the_way(tmp_path: Path) -> None:
    assert told(NUMBERS, tmp_path) == ["True 64", "True False True", "64", "True"]
