"""Runs one ``aws`` command line after another in one interpreter; started as a program.

The interpreter is that of the user's own ``aws`` script, v1 or v2, and each command runs that very
script from its first line to its ``sys.exit``. It finds two things already there: the CLI's command
tree (``create_clidriver`` returns one that was built before) and clients with open connections.
Parsing, paging, ``--query``, output and exit codes are the CLI's, and nothing of it is ours.

Only the standard library is imported, until the CLI is.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import logging
import os
import socket
import sys
import traceback
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cloudops_nb.executors.aws_warm.command_tree import (
        CommandTree,
        Declined,
        watch_registrations,
    )
else:
    _HERE = __file__.rpartition("/")[0]
    sys.path.insert(0, _HERE)
    from command_tree import CommandTree, Declined, watch_registrations

    # No name in our directory may stand for a module of the CLI's.
    sys.path[:] = [directory for directory in sys.path if directory != _HERE]

_STDOUT, _STDERR = 1, 2


class Stderr(io.TextIOWrapper):
    """Unbuffered, and after all that was printed before: stdout has a buffer here."""

    def write(self, text: str) -> int:
        """See ``TextIOWrapper.write``."""
        sys.stdout.flush()
        return super().write(text)


class Worker:
    """Takes commands from a socket, with the descriptors that their output goes to.

    Raises:
        Exception: whatever the CLI raises while it is loaded.
        Declined: see ``CommandTree``.
    """

    def __init__(self, connection: socket.socket, script: str, profile: str | None) -> None:
        self._connection = connection
        self._script = script
        self._null = os.open(os.devnull, os.O_RDWR)
        self._encodings = [(each.encoding, each.errors) for each in (sys.stdout, sys.stderr)]
        with open(script, "rb") as file:  # noqa: PTH123 - pathlib is slow to import
            self._code = compile(file.read(), script, "exec")
        sys.path.insert(0, os.path.dirname(os.path.realpath(script)))  # noqa: PTH120
        import awscli
        from awscli import clidriver
        from botocore.hooks import HierarchicalEmitter

        watch_registrations(HierarchicalEmitter)
        self.version = awscli.__version__
        self._make_driver = clidriver.create_clidriver
        clidriver.create_clidriver = lambda *_args, **_kwargs: self._current.driver
        run = clidriver.ServiceOperation.__call__

        def run_plain(operation: Any, args: list[str], parsed_globals: Any) -> Any:
            self._current.check_operation(operation, args)
            return run(operation, args, parsed_globals)

        clidriver.ServiceOperation.__call__ = run_plain
        self._trees: dict[str | None, CommandTree] = {}
        self._current: CommandTree = self._tree(profile)
        gc.freeze()  # what is there stays, and is not to be looked through with each command

    def _tree(self, profile: str | None) -> CommandTree:
        if profile not in self._trees:
            self._trees[profile] = CommandTree(self._make_driver, profile)
        return self._trees[profile]

    def serve(self) -> None:
        """Runs commands until the other side closes."""
        while True:
            message, fds = _receive(self._connection)
            if message is None:
                return
            _send(self._connection, {"begun": True})
            for fd, target in zip(fds, (_STDOUT, _STDERR), strict=True):
                os.dup2(fd, target)
                os.close(fd)
            outcome = self._run(message)
            for target in (_STDOUT, _STDERR):
                os.dup2(self._null, target)
            _send(self._connection, outcome)
            if not self._current.reset(outcome.get("exit", 0)):
                del self._trees[self._current.profile]

    def _run(self, message: dict[str, Any]) -> dict[str, Any]:
        try:
            self._current = tree = self._tree(message["profile"])
        except (Exception, Declined) as error:  # noqa: BLE001 - a process says what is wrong
            return {"declined": f"no command tree for its profile: {error}"}
        tree.declined = None
        tree.refresh()
        with self._surroundings(message):
            exit_code = self._exit_code()
        if tree.declined is not None:
            return {"declined": tree.declined}
        return {"exit": exit_code, "kilobytes": _kilobytes()}

    @contextlib.contextmanager
    def _surroundings(self, message: dict[str, Any]) -> Iterator[None]:
        """What else of a process is a command's own, and is put back when it ends."""
        environment = dict(os.environ)
        handlers = logging.getLogger("awscli").handlers[:]
        os.environ.update(message["environment"])
        sys.argv = [self._script, *message["args"]]
        standard = sys.stdout, sys.stderr
        (encoding, errors), (error_encoding, error_errors) = self._encodings
        sys.stdout = io.TextIOWrapper(
            open(_STDOUT, "wb", closefd=False),  # noqa: SIM115 - a descriptor
            encoding=encoding,
            errors=errors,
            newline="\n",
        )
        sys.stderr = Stderr(
            io.FileIO(_STDERR, "w", closefd=False),
            encoding=error_encoding,
            errors=error_errors,
            newline="\n",
            write_through=True,
        )
        try:
            # A warning is shown once per process: leaving this forgets which were.
            with warnings.catch_warnings():
                yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                with contextlib.suppress(OSError):  # nobody reads it any more
                    stream.detach()  # and writes out what is left
            sys.stdout, sys.stderr = standard
            logging.getLogger("awscli").handlers[:] = handlers
            for name in os.environ.keys() - environment.keys():
                del os.environ[name]
            os.environ.update(environment)

    def _exit_code(self) -> int:
        """Runs the script as Python runs a program; what that would have exited with."""
        try:
            exec(self._code, {"__name__": "__main__", "__file__": self._script})  # noqa: S102
        except SystemExit as end:
            if end.code is None or isinstance(end.code, int):
                return (end.code or 0) & 0xFF
            sys.stderr.write(f"{end.code}\n")
            return 1
        except Declined:
            return 0
        except BaseException:  # noqa: BLE001 - whatever it is, a process would end with it
            traceback.print_exc()
            return 1
        return 0


def _kilobytes() -> int:
    """What this process holds in memory; 0 where there is no /proc.

    Not getrusage(2)'s, which starts with that of the process that spawned this one.
    """
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - pathlib is slow to import
            pages = int(file.read().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def _receive(connection: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """A message and the descriptors that came with it; None at the end."""
    header, fds, _, _ = socket.recv_fds(connection, 4, 2)
    size = int.from_bytes(header, "big")
    parts = []
    while header and size:
        part = connection.recv(size)
        if not part:
            return None, fds
        parts.append(part)
        size -= len(part)
    return (json.loads(b"".join(parts)) if header else None), fds


def _send(connection: socket.socket, message: dict[str, Any]) -> None:
    content = json.dumps(message).encode()
    connection.sendall(len(content).to_bytes(4, "big") + content)


def main() -> None:
    """``worker.py DESCRIPTOR SCRIPT PROFILE``; an empty profile is none."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    connection.set_inheritable(False)
    try:
        worker = Worker(connection, sys.argv[2], sys.argv[3] or None)
    except (Exception, Declined) as error:  # noqa: BLE001 - told to who can say it
        _send(connection, {"unusable": f"{type(error).__name__}: {error}"})
        return
    _send(connection, {"ready": worker.version})
    with contextlib.suppress(ConnectionError):  # whom it served has gone
        worker.serve()


if __name__ == "__main__":
    main()
