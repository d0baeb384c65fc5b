"""Asks for credentials on the terminal. What is typed is not echoed, and a question can end."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from cloudops_nb.aws.questions import DeviceQuestion, MfaQuestion, Question

_DONE = "\n"


class TerminalPrompt:
    """Puts questions on the controlling terminal, one at a time; elsewhere it declines them."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()

    def ask(self, question: Question) -> None:
        """See ``CredentialPrompt.ask``."""
        if not _is_interactive():
            question.decline("nobody can be asked here")
            return
        threading.Thread(
            target=self._ask, args=(question,), name="cloudops-prompt", daemon=True
        ).start()

    def _ask(self, question: Question) -> None:
        with self._one_at_a_time:
            if question.is_over:
                return
            try:
                with open("/dev/tty", "r+b", buffering=0) as terminal:  # noqa: PTH123 - a device
                    ask_on(terminal.fileno(), question)
            except OSError as error:
                question.decline(f"the terminal cannot be used: {error}")


def ask_on(terminal: int, question: Question) -> None:
    """Asks on a terminal's descriptor, and returns when the question is over or answered."""
    if isinstance(question, DeviceQuestion):  # there is nothing to type; who polls ends it
        os.write(terminal, f"{question.text}\n{question.direct_url}\n".encode())
        return
    if isinstance(question, MfaQuestion):
        problem = f"{question.problem}; " if question.problem else ""
        os.write(terminal, f"{problem}{question.text} (empty: none): ".encode())
    else:
        os.write(terminal, f"{question.text}; done, or go on? [Enter, or n]: ".encode())
    line = _read_hidden(terminal, question)
    os.write(terminal, _DONE.encode())
    if line is None:
        return
    if isinstance(question, MfaQuestion):
        question.answer(line) if line else question.decline()
    elif line.lower().startswith("n"):
        question.decline()
    else:
        question.answer()


def _read_hidden(terminal: int, question: Question) -> str | None:
    """A line, not echoed; None when the question was over first."""
    wakes, wake = os.pipe()

    def over() -> None:
        os.write(wake, b".")

    read = b""
    try:
        with _without_echo(terminal):
            question.when_over(over)
            while not read.endswith(b"\n"):
                ready, _, _ = select.select([terminal, wakes], [], [])
                if wakes in ready:
                    return None
                piece = os.read(terminal, 1024)
                if not piece:  # the terminal is gone
                    question.decline("the terminal was closed")
                    return None
                read += piece
        return read.decode("utf-8", "replace").strip()
    finally:
        question.forget(over)
        os.close(wakes)
        os.close(wake)


@contextmanager
def _without_echo(terminal: int) -> Iterator[None]:
    import termios

    before = termios.tcgetattr(terminal)
    silent = termios.tcgetattr(terminal)
    silent[3] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)


def _is_interactive() -> bool:
    """Whether somebody sits at this process's terminal, and it is in the foreground there."""
    streams: tuple[TextIO | None, ...] = (sys.stdin, sys.stderr)
    try:
        if not all(stream is not None and stream.isatty() for stream in streams):
            return False
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):  # no descriptor, as in a kernel, or no such terminal
        return False
