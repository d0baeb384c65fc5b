"""Fixtures of the whole suite: engines that must leave nothing behind."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine import ExecutionEngine
from tests.support import Gate, Recorder, carrying

# The `aws` of this environment, not one of the system's: CI has Debian's, which is version 2.
os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
# IPython warns where another environment than its own is active, and warnings are errors here.
os.environ.pop("VIRTUAL_ENV", None)
# A job that a script runs in the background ignores Ctrl-C, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "cloudops",
    deadline=None,  # two shared cores: a slow example is no failure
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("cloudops")

MakeEngine = Callable[..., ExecutionEngine]


@pytest.fixture
def make_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeEngine]:
    """Makes engines with logs in ``tmp_path``; all are closed, and nothing they ran may be left."""
    mark = f"CLOUDOPS_TEST_MARK={uuid4()}"
    monkeypatch.setenv(*mark.split("="))
    engines: list[ExecutionEngine] = []

    def make(**options: Any) -> ExecutionEngine:
        fields = ExecutionConfig.model_fields
        chosen = {name: options.pop(name) for name in tuple(options) if name in fields}
        chosen = {"log_dir": tmp_path / "logs", "cancel_grace_ms": 500, **chosen}
        engine = ExecutionEngine(ExecutionConfig(**chosen), **options)
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        engine.close()
    left = carrying(mark.encode())
    assert not left, f"still running: {left}"


@pytest.fixture
def engine(make_engine: MakeEngine) -> ExecutionEngine:
    """An engine with the defaults, and little patience with what ignores SIGTERM."""
    return make_engine()


@pytest.fixture
def recorder(engine: ExecutionEngine) -> Recorder:
    """Told of everything that ``engine`` does."""
    recorder = Recorder()
    engine.subscribe(recorder)
    return recorder


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """A place where commands wait until the test lets them through."""
    return Gate(tmp_path / "gate")
