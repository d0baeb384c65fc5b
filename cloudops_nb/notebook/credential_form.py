"""Asks for MFA codes and logins in a form, within the live views of what waits for them.

What is typed goes from the page to the kernel in one message: it is in no trait, and so in no
saved widget state. The form leaves the page when its question is over.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import anywidget
import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display

from cloudops_nb.aws.questions import (
    DeviceQuestion,
    LoginQuestion,
    MfaQuestion,
    Question,
    RenewalQuestion,
)
from cloudops_nb.notebook.view import unblock_comm

_PAGE = Path(__file__).with_name("page")
_MAX_CODE_CHARS = 64


class CredentialForm(anywidget.AnyWidget):
    """One question on the page.

    To the page: ``question``, plain text all of it. From the page: ``{type: "answer", code}``,
    ``{type: "decline"}``.
    """

    _esm = (_PAGE / "credentials.js").read_text(encoding="utf-8")
    _css = "\n".join(
        (_PAGE / name).read_text(encoding="utf-8") for name in ("theme.css", "credentials.css")
    )

    question = traitlets.Dict().tag(sync=True)

    def __init__(self, question: Question) -> None:
        super().__init__(question=_described(question))
        self._asked = question
        self.on_msg(self._on_message)
        unblock_comm(self)

    def _on_message(self, _form: CredentialForm, content: object, _buffers: object) -> None:
        match content:
            case {"type": "answer", "code": str(code)} if len(code) <= _MAX_CODE_CHARS:
                self._asked.answer(code.strip())
            case {"type": "decline"}:
                self._asked.decline()


def _described(question: Question) -> dict[str, Any]:
    described: dict[str, Any] = {"text": question.text, "kind": "confirm", "button": "Continue"}
    match question:
        case MfaQuestion():
            described |= {"kind": "code", "problem": question.problem}
        case LoginQuestion():
            described |= {"button": "Log in"}
        case DeviceQuestion():
            # Its own text has the address and the code, too, which stand by themselves here.
            text = f"SSO login of AWS profile {question.profile!r}: open this page"
            described |= {"kind": "device", "text": f"{text} and confirm that it shows this code"}
            described |= {"code": question.code, "url": question.direct_url}
        case RenewalQuestion():
            described |= {"button": "They are renewed"}
    return described


class Views(Protocol):
    """The live views on the page."""

    def put(self, widget: CredentialForm) -> Callable[[], None] | None:
        """Shows a widget in them, and returns what takes it out; None if there are none."""
        ...

    def is_deaf(self) -> bool:
        """Whether nothing said in them is heard until the cell that shows them has ended."""
        ...


class NotebookPrompt:
    """Puts questions on the page; where nobody looks at one, as in nbclient, it declines them.

    So it does where every view on the page belongs to a cell that keeps the kernel from hearing an
    answer. In another view the form says so itself, and is heard when that cell ends.
    """

    def __init__(self, views: Views) -> None:
        self._views = views

    def ask(self, question: Question) -> None:
        """See ``CredentialPrompt.ask``."""
        if not _is_attended():
            question.decline("nobody can be asked here")
            return
        if self._views.is_deaf():
            question.decline("this kernel hears no answer while the cell blocks it")
            return
        form = CredentialForm(question)
        take_out = self._views.put(form)
        if take_out is None:
            form.add_class("cloudops-live")  # what styles it in a view
            display(form)

        def over() -> None:
            if take_out is not None:
                take_out()
            form.close()

        question.when_over(over)


def _is_attended() -> bool:
    """Whether who ran the last cell can be asked for input, as Jupyter's messages say of each."""
    kernel = getattr(get_ipython(), "kernel", None)
    # Not public. nbclient, papermill and nbval say no, pages and consoles yes.
    return bool(getattr(kernel, "_allow_stdin", False))
