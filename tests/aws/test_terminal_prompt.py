"""Asking on a terminal: nothing is echoed, and a question that is over lets go of it."""

import os
import pty
import termios
import threading
import time
from collections.abc import Iterator

import pytest

from cloudops_nb.aws.questions import MfaQuestion, Question, RenewalQuestion
from cloudops_nb.aws.terminal_prompt import TerminalPrompt, ask_on
from cloudops_nb.errors import CredentialsUnavailable

SECONDS = 10


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """The operator's side of a terminal, and ours."""
    theirs, ours = pty.openpty()
    yield theirs, ours
    os.close(theirs)
    os.close(ours)


def asked(terminal: tuple[int, int], question: Question) -> tuple[threading.Thread, bytes]:
    """Asks in a thread; returns when the operator has read what is asked."""
    theirs, ours = terminal
    thread = threading.Thread(target=ask_on, args=(ours, question))
    thread.start()
    shown = b""
    while not shown.endswith(b": "):
        shown += os.read(theirs, 1024)
    _wait_for_silence(ours)
    return thread, shown


def _wait_for_silence(terminal: int) -> None:
    while termios.tcgetattr(terminal)[3] & termios.ECHO:  # the prompt comes before it
        time.sleep(0.005)


def test_a_code_is_read_and_not_echoed(terminal: tuple[int, int]) -> None:
    question = MfaQuestion("prod", "arn:aws:iam::1:mfa/ada")
    thread, shown = asked(terminal, question)
    os.write(terminal[0], b"271828\n")
    thread.join(SECONDS)
    assert question.wait(0) == "271828"
    shown += os.read(terminal[0], 1024)
    assert b"mfa/ada" in shown
    assert b"271828" not in shown


def test_an_empty_line_declines_a_code(terminal: tuple[int, int]) -> None:
    thread, _ = asked(terminal, question := MfaQuestion("prod", "serial"))
    os.write(terminal[0], b"\n")
    thread.join(SECONDS)
    with pytest.raises(CredentialsUnavailable, match="declined"):
        question.wait(0)


def test_a_question_that_is_withdrawn_lets_go_of_the_terminal(terminal: tuple[int, int]) -> None:
    thread, _ = asked(terminal, question := MfaQuestion("prod", "serial"))
    question.decline("nothing waits for it any more")
    thread.join(SECONDS)
    assert not thread.is_alive()
    assert termios.tcgetattr(terminal[1])[3] & termios.ECHO


def test_without_a_terminal_it_declines_at_once() -> None:
    TerminalPrompt().ask(question := RenewalQuestion("prod", "why"))
    with pytest.raises(CredentialsUnavailable, match="nobody can be asked here; renew them"):
        question.wait(0)


def test_a_question_that_nobody_answers_ends() -> None:
    question = MfaQuestion("prod", "serial")
    with pytest.raises(CredentialsUnavailable, match="nobody answered within 0 s"):
        question.wait(0)
    assert question.is_over
