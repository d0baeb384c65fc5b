"""From a request to the exact process it becomes."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from cloudops_nb.config import expanded, is_file
from cloudops_nb.errors import InvalidCommand, SpawnFailed
from cloudops_nb.executors.base import Surroundings
from cloudops_nb.executors.process.environment import child_environment
from cloudops_nb.executors.process.limits import means
from cloudops_nb.models import Exec, ExecutionRequest, PreparedCommand, Script, Shell
from cloudops_nb.models.aws_options import mentions_aws
from cloudops_nb.redaction import Redactor, secrets_in


def prepare_process(
    request: ExecutionRequest,
    surroundings: Surroundings,
    words: tuple[str, ...],
    *,
    keeps_aws: bool = False,
    script: bytes | None = None,
    environ: Mapping[str, str] | None = None,
    profile: str | None = None,
    region: str | None = None,
    record_path: str | None = None,
) -> PreparedCommand:
    """Fixes program, directory, environment and hashes of the process ``words`` describe.

    Raises:
        InvalidCommand: the program is not found or may not be executed, or a limit cannot be
            enforced here.
    """
    environment, withheld = child_environment(
        environ if environ is not None else surroundings.environ,
        own=request.env,
        pass_env=surroundings.config.pass_env,
        keeps_aws=keeps_aws,
        execution_id=request.id,
    )
    cwd = expanded(request.working_dir or surroundings.cwd).absolute()
    program = find_program(words[0], environment, cwd)
    if request.limits is not None:
        means(environment).check(request.limits)
    redactor = Redactor(secrets_in(request.env))
    return PreparedCommand(
        id=request.id,
        request=request,
        line=redactor.text(request.command.line),
        argv=(str(program), *words[1:]),
        cwd=cwd,
        environment=environment,
        timeout_ms=request.timeout_ms or surroundings.config.default_timeout_ms,
        binary_sha256=file_sha256(program),
        script=script,
        script_sha256=hashlib.sha256(script).hexdigest() if script is not None else None,
        profile=profile or environment.get("AWS_PROFILE"),
        region=region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
        endpoint=environment.get("AWS_ENDPOINT_URL") if keeps_aws else None,
        calls_aws=keeps_aws,
        record_path=record_path,
        withheld_env=withheld,
        limits=request.limits,
    )


def prepare_shell(request: ExecutionRequest, surroundings: Surroundings) -> PreparedCommand:
    """``shell -c text``."""
    command = request.command
    assert isinstance(command, Shell)
    return prepare_process(
        request,
        surroundings,
        (*_split("shell", command.shell), "-c", command.command),
        keeps_aws=mentions_aws(command.command),
        script=command.command.encode(),
    )


def prepare_exec(request: ExecutionRequest, surroundings: Surroundings) -> PreparedCommand:
    """A program with its arguments."""
    command = request.command
    assert isinstance(command, Exec)
    return prepare_process(
        request,
        surroundings,
        (command.program, *command.args),
        keeps_aws=Path(command.program).name == "aws",
    )


def prepare_script(request: ExecutionRequest, surroundings: Surroundings) -> PreparedCommand:
    """A script file under its interpreter, or the one its first line names."""
    command = request.command
    assert isinstance(command, Script)
    cwd = expanded(request.working_dir or surroundings.cwd)
    path = (cwd / expanded(command.path)).absolute()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidCommand(f"script cannot be read: {path}: {error.strerror}") from None
    if command.interpreter is not None:
        interpreter = _split("interpreter", command.interpreter)
    else:
        interpreter = _shebang(path, content)
    return prepare_process(
        request,
        surroundings,
        (*interpreter, str(path)),
        keeps_aws=mentions_aws(content.decode("utf-8", "replace")),
        script=content,
    )


def check_unchanged(prepared: PreparedCommand) -> None:
    """Makes sure that a script and the files it reads still are what was judged.

    Raises:
        SpawnFailed: one was changed or is gone; nothing was started.
    """
    for path, sha256 in prepared.files:
        try:
            same = content_sha256(path) == sha256
        except OSError as error:
            raise SpawnFailed(f"{path}: {error.strerror}") from error
        if not same:
            raise SpawnFailed(f"{path} was changed after it was submitted; submit it again")
    if not isinstance(prepared.request.command, Script):
        return
    path = Path(prepared.argv[-1])
    try:
        unchanged = path.read_bytes() == prepared.script
    except OSError as error:
        raise SpawnFailed(f"script {path}: {error.strerror}") from error
    if not unchanged:
        raise SpawnFailed(f"script {path} was changed after it was submitted; submit it again")


def find_program(name: str, environment: Mapping[str, str], cwd: Path) -> Path:
    """The absolute path of a program, looked up on the child's own PATH.

    Raises:
        InvalidCommand: it is not there or may not be executed.
    """
    if "/" in name:
        path = (cwd / expanded(name)).absolute()
        if not is_file(path):
            raise InvalidCommand(f"program not found: {path}")
        if not os.access(path, os.X_OK):
            raise InvalidCommand(f"program may not be executed: {path}; try chmod +x")
        return path
    found = shutil.which(name, path=environment.get("PATH", os.defpath))
    if found is None:
        raise InvalidCommand(f"program {name!r} is not on PATH; install it or give its full path")
    return Path(found).absolute()


def file_sha256(path: Path) -> str | None:
    """The SHA-256 of a file, remembered until it changes; None for one that may not be read."""
    status = path.stat()
    return _sha256(str(path), status.st_ino, status.st_size, status.st_mtime_ns)


def content_sha256(path: Path) -> str:
    """The SHA-256 of a file's content, read now.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@lru_cache(maxsize=256)
def _sha256(path: str, *_version: int) -> str | None:
    try:
        return content_sha256(Path(path))
    except PermissionError:  # execute-only binaries exist; their path and size must do
        return None


def _shebang(path: Path, content: bytes) -> tuple[str, ...]:
    if not content.startswith(b"#!"):
        raise InvalidCommand(
            f"script {path} has no interpreter: give one, "
            "or start the file with a line such as #!/usr/bin/env bash"
        )
    line = content[2:].split(b"\n", 1)[0].decode("utf-8", "replace").strip()
    # As the kernel does (execve(2)): a program and at most one argument, which is not split.
    words = tuple(line.split(None, 1))
    if not words:
        raise InvalidCommand(f"script {path} has an empty #! line")
    return words


def _split(field: str, text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise InvalidCommand(f"{field} {text!r}: {error}") from None
