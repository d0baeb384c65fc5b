"""What only a person can do about AWS credentials, and how a person is asked.

A question is asked once, however many commands wait for its answer, and is over once: answered,
declined, or withdrawn when nobody waits any more or the time is up. Its answer is in no ``repr``,
event or log, and is given out once.
"""

from __future__ import annotations

import shlex
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from cloudops_nb.errors import CredentialsUnavailable

ANSWER_SECONDS = 300.0
"""How long a question waits for somebody: then it is withdrawn, and what waited for it fails."""


class Question:
    """Something to ask of the operator. May be used on any thread.

    Args:
        profile: the AWS profile it is about.
        text: what is asked, or is to be done, in plain text.
        advice: what to do where nobody can be asked.
    """

    def __init__(self, profile: str, text: str, advice: str) -> None:
        self.profile = profile
        self.text = text
        self.advice = advice
        self._answer: str | None = None
        self._why: str | None = None
        self._watchers: list[Callable[[], None]] = []
        self._over = threading.Event()
        self._changing = threading.Lock()

    @property
    def is_over(self) -> bool:
        """Whether it needs no answer any more."""
        return self._over.is_set()

    def answer(self, text: str = "") -> None:
        """Gives what was asked for; of a question that is over, nothing happens."""
        self._end(text, None)

    def decline(self, why: str = "declined") -> None:
        """Says that there will be no answer, and why."""
        self._end(None, why)

    def when_over(self, call: Callable[[], None]) -> None:
        """Calls, on whatever thread, when no answer is wanted any more; at once if it is so.

        ``call`` is to return at once and to ask nothing of the question.
        """
        with self._changing:
            if not self._over.is_set():
                self._watchers.append(call)
                return
        call()

    def forget(self, call: Callable[[], None]) -> None:
        """Takes back what ``when_over`` was given; a call that is under way has ended after it."""
        with self._changing:
            if call in self._watchers:
                self._watchers.remove(call)

    def wait(self, seconds: float = ANSWER_SECONDS) -> str:
        """Waits for the answer, which it then forgets.

        Raises:
            CredentialsUnavailable: there is none; it says why, and what to do instead.
        """
        if not self._over.wait(seconds):
            self.decline(f"nobody answered within {seconds:g} s")
        with self._changing:
            answer, self._answer = self._answer, None
        if answer is None:
            raise CredentialsUnavailable(f"{self.text}: {self._why}; {self.advice}")
        return answer

    def pause(self, seconds: float) -> bool:
        """Waits so long; True as soon as it is over."""
        return self._over.wait(seconds)

    def _end(self, answer: str | None, why: str | None) -> None:
        with self._changing:
            if self._over.is_set():
                return
            self._answer, self._why = answer, why
            self._over.set()
            watchers, self._watchers = self._watchers, []
            for call in watchers:  # within: who forgets one can rely on it
                call()


class MfaQuestion(Question):
    """Wants the code of an MFA device. ``problem`` is what was wrong with the one before."""

    def __init__(self, profile: str, serial: str, problem: str = "") -> None:
        super().__init__(
            profile,
            f"MFA code of {serial} for AWS profile {profile!r}",
            "run it in a plain %%cloudops cell or a terminal, where the code can be asked for",
        )
        self.serial = serial
        self.problem = problem


class LoginQuestion(Question):
    """Wants to know whether to begin a login."""

    def __init__(self, profile: str, start_url: str) -> None:
        super().__init__(
            profile,
            f"AWS profile {profile!r} needs an SSO login at {start_url}",
            f"run: {login_command(profile)}",
        )
        self.start_url = start_url


class DeviceQuestion(Question):
    """Has a page opened on which the code is confirmed; answered by whoever sees the login done.

    Args:
        url: where to enter the code, https only.
        direct_url: the same with the code in it, https only.
    """

    def __init__(self, profile: str, code: str, url: str, direct_url: str) -> None:
        super().__init__(
            profile,
            f"SSO login of AWS profile {profile!r}: open {url} and confirm the code {code}",
            f"run: {login_command(profile)}",
        )
        self.code = code
        self.url = url
        self.direct_url = direct_url


class RenewalQuestion(Question):
    """Has the credentials renewed by other means; answered when that is done."""

    def __init__(self, profile: str, why: str) -> None:
        super().__init__(
            profile,
            f"the credentials of AWS profile {profile!r} have expired ({why})",
            "renew them the way they were got, then run it again",
        )


def login_command(profile: str) -> str:
    """The line that logs in from a shell."""
    return f"aws sso login --profile {shlex.quote(profile)}"


class CredentialPrompt(Protocol):
    """Puts questions to the operator."""

    def ask(self, question: Question) -> None:
        """Shows a question and returns soon; ``when_over`` tells when to take it away.

        Called on a thread of the engine's. Where nobody can answer it declines at once.
        """
        ...


class ScriptedPrompt:
    """Answers with what a test gives it; the shipped fake. After the last it declines.

    Args:
        answers: texts, or functions that do something with the question; None declines.
    """

    def __init__(self, answers: Iterable[str | Callable[[Question], None] | None] = ()) -> None:
        self._answers = deque(answers)
        self.asked: list[Question] = []

    def ask(self, question: Question) -> None:
        """See ``CredentialPrompt.ask``."""
        self.asked.append(question)
        answer = self._answers.popleft() if self._answers else None
        if answer is None:
            question.decline()
        elif isinstance(answer, str):
            question.answer(answer)
        else:
            answer(question)
