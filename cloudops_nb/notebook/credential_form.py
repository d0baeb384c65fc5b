"""Asks for MFA codes and logins in a form, within the live views of what waits for them.

What is typed goes from the page to the kernel in one message: it is in no trait, and so in no
saved widget state. The form leaves the page when its question is over.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display

from cloudops_nb.aws.questions import DeviceQuestion, LoginQuestion, MfaQuestion, Question
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
    described: dict[str, Any] = {"text": question.text, "kind": "confirm", "button": "Done"}
    match question:
        case MfaQuestion():
            described |= {"kind": "code", "button": "Continue", "problem": question.problem}
        case LoginQuestion():
            described |= {"button": "Log in"}
        case DeviceQuestion():
            described |= {"kind": "device", "code": question.code, "url": question.direct_url}
    return described


class NotebookPrompt:
    """Puts questions on the page; where nobody looks at one, as in nbclient, it declines them.

    Args:
        place: puts a widget into the live views on the page, and returns what takes it out again;
            None if there are no views.
    """

    def __init__(self, place: Callable[[CredentialForm], Callable[[], None] | None]) -> None:
        self._place = place

    def ask(self, question: Question) -> None:
        """See ``CredentialPrompt.ask``."""
        if not _is_attended():
            question.decline("nobody can be asked here")
            return
        form = CredentialForm(question)
        take_out = self._place(form)
        if take_out is None:
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
