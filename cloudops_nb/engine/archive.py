"""Results on disk: what an engine has forgotten, or another one ran, is still known.

``<id>.json`` stands beside ``<id>.log``. A command's file holds its result; what it printed is in
its log. A plan's holds those of all its commands, and each of these has a file that names the plan.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import pydantic
from pydantic import Field, RootModel

from cloudops_nb.aws.schema import schema_of
from cloudops_nb.engine.logdir import make_directory, open_directory
from cloudops_nb.engine.logfile import LogOutput
from cloudops_nb.engine.past import PastCommand, PastPlan, PastRun
from cloudops_nb.engine.runs import CommandRun, Run
from cloudops_nb.errors import LogUnavailable, SerializationError
from cloudops_nb.models import ExecutionResult, PlanExecutionResult
from cloudops_nb.models.base import Timestamp, WireModel, first_problem
from cloudops_nb.models.plans import ExecutionStrategy

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not hold us
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_NAME = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json")
_COMPUTED: Any = {"stdout", "stderr", "success"}


class _Command(WireModel):
    kind: Literal["command"] = "command"
    result: ExecutionResult
    ran: bool


class _Plan(WireModel):
    kind: Literal["plan"] = "plan"
    result: PlanExecutionResult
    submitted_at: Timestamp
    strategy: ExecutionStrategy
    ran: frozenset[UUID]


class _CommandOfPlan(WireModel):
    kind: Literal["command_of_plan"] = "command_of_plan"
    id: UUID
    plan_id: UUID


class _File(RootModel[Annotated[_Command | _Plan | _CommandOfPlan, Field(discriminator="kind")]]):
    pass


@dataclass(frozen=True, slots=True)
class Archive:
    """The results that are kept in a log directory."""

    directory: Path

    def keep(self, run: Run) -> None:
        """Writes the result of a run that has ended; a plan's commands go with their plan.

        Each file is there as a whole or not at all.

        Raises:
            LogUnavailable: the directory is not private, or the disk is full or gone.
            SerializationError: a text in it cannot be written as UTF-8.
        """
        make_directory(self.directory)
        path = self._path(run.id)
        try:
            with open_directory(self.directory) as directory:
                for execution_id, content in _contents(run):
                    _write(directory, f"{execution_id}.json", content)
        except OSError as error:
            raise LogUnavailable(f"result {path}: {error.strerror}") from error
        except ValueError as error:
            raise SerializationError(f"result {path}: {error}") from error

    def load(self, execution_id: UUID) -> PastRun | None:
        """What is known of an execution or plan; None where there is nothing.

        Raises:
            SerializationError: its file is damaged, or is none of ours.
            LogUnavailable: its file, or the directory, cannot be read or is not private.
        """
        file = self._read(execution_id)
        match file:
            case _Command(result=result) if result.id == execution_id:
                return _past_command(result, file.ran)
            case _Plan(result=result) if result.plan_id == execution_id:
                return _past_plan(file)
            case _CommandOfPlan(id=own) if own == execution_id:
                return self._load_of_plan(file)
            case None:
                return None
        raise self._mistaken(execution_id)

    def _load_of_plan(self, file: _CommandOfPlan) -> PastRun | None:
        plan = self._read(file.plan_id)
        if plan is None:
            return None
        if not isinstance(plan, _Plan) or plan.result.plan_id != file.plan_id:
            raise self._mistaken(file.plan_id)
        return next((each for each in _past_plan(plan).commands if each.id == file.id), None)

    def _mistaken(self, execution_id: UUID) -> SerializationError:
        path = self._path(execution_id)
        return SerializationError(f"result {path}: it is about another execution")

    def has(self, execution_id: UUID) -> bool:
        """Whether there is a file for this id, readable or not."""
        return os.path.lexists(self._path(execution_id))

    def ids(self, prefix: str = "") -> list[UUID]:
        """The ids that start with ``prefix``, those of plans' commands included.

        Raises:
            LogUnavailable: the directory cannot be read, or is not private.
        """
        try:
            with open_directory(self.directory) as directory:
                names = os.listdir(directory)  # noqa: PTH208 - a descriptor is no path
        except FileNotFoundError:
            return []
        except OSError as error:
            raise LogUnavailable(f"results in {self.directory}: {error.strerror}") from error
        found = (_NAME.fullmatch(name) for name in names if name.startswith(prefix))
        return [UUID(match[1]) for match in found if match]

    def _path(self, execution_id: UUID) -> Path:
        return self.directory / f"{execution_id}.json"

    def _read(self, execution_id: UUID) -> _Command | _Plan | _CommandOfPlan | None:
        path = self._path(execution_id)
        try:
            with open_directory(self.directory) as directory:
                content = _content(directory, path.name)
            return _File.model_validate_json(content).root
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LogUnavailable(f"result {path}: {error.strerror}") from error
        except pydantic.ValidationError as error:
            raise SerializationError(
                f"result {path} is damaged, or none of ours: {first_problem(error)}; "
                "the log beside it may still be read"
            ) from error


def _contents(run: Run) -> list[tuple[UUID, str]]:
    """The files of a run: for which id, and what is in them."""
    if isinstance(run, CommandRun):
        command = _Command(result=run.finished.result(), ran=run.started_at is not None)
        return [(run.id, command.model_dump_json(exclude={"result": _COMPUTED}))]
    plan = _Plan(
        result=run.finished.result(),
        submitted_at=run.submitted_at,
        strategy=run.plan.strategy,
        ran=frozenset(each.id for each in run.commands if each.started_at is not None),
    )
    exclude: Any = {"result": {"results": {"__all__": _COMPUTED}}}
    # The plan first: a command that names it must not be there without it.
    return [
        (run.id, plan.model_dump_json(exclude=exclude)),
        *(
            (each.id, _CommandOfPlan(id=each.id, plan_id=run.id).model_dump_json())
            for each in run.commands
        ),
    ]


def _past_command(result: ExecutionResult, ran: bool) -> PastCommand:
    return PastCommand(
        result.with_output(LogOutput(result.log_path), schema_of) if ran else result, ran
    )


def _past_plan(file: _Plan) -> PastPlan:
    commands = tuple(_past_command(each, each.id in file.ran) for each in file.result.results)
    results = tuple(command.result for command in commands)
    result = file.result.model_copy(update={"results": results})
    return PastPlan(result, file.submitted_at, file.strategy, commands)


def _write(directory: int, name: str, content: str) -> None:
    temporary = f".{name}"  # renamed when it is whole: a reader never sees half of it
    fd = os.open(temporary, _WRITE, 0o600, dir_fd=directory)
    try:
        try:
            view = memoryview(content.encode())
            while view:
                view = view[os.write(fd, view) :]
        finally:
            os.close(fd)
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except OSError:
        with contextlib.suppress(OSError):  # the disk is the trouble, and that is told
            os.unlink(temporary, dir_fd=directory)
        raise


def _content(directory: int, name: str) -> bytes:
    fd = os.open(name, _READ, dir_fd=directory)
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return file.read()
