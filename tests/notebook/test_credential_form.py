"""The form that asks for credentials: what reaches the kernel, and what is left of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import ipywidgets
import pytest

from cloudops_nb.aws.questions import (
    DeviceQuestion,
    LoginQuestion,
    MfaQuestion,
    Question,
)
from cloudops_nb.config import ExecutionConfig
from cloudops_nb.engine import ExecutionEngine
from cloudops_nb.errors import CredentialsUnavailable
from cloudops_nb.models import ExecutionRequest, Shell
from cloudops_nb.notebook import credential_form, live
from cloudops_nb.notebook.credential_form import CredentialForm, NotebookPrompt
from cloudops_nb.notebook.live import WidgetPresenter
from cloudops_nb.notebook.places import Place
from cloudops_nb.notebook.view import LiveView

CODE = "271828"


class Views:
    """Stands for the presenter: one view that forms are put into."""

    def __init__(self) -> None:
        self.view = LiveView(ExecutionRequest(command=Shell(command="true")), cancel=_ignore)

    def put(self, form: CredentialForm) -> Any:
        self.view.put(form)
        return lambda: self.view.take_out(form)

    def is_deaf(self) -> bool:
        return False

    @property
    def forms(self) -> list[CredentialForm]:
        return [each for each in self.view.widget.children if isinstance(each, CredentialForm)]


def _ignore(_id: UUID) -> None:
    """Nothing is cancelled here."""


@pytest.fixture
def views() -> Iterator[Views]:
    views = Views()
    yield views
    views.view.close()


@pytest.fixture
def prompt(views: Views, monkeypatch: pytest.MonkeyPatch) -> NotebookPrompt:
    """A prompt in a kernel whose cells are run by somebody who can be asked."""
    attend(monkeypatch, allow_stdin=True)
    return NotebookPrompt(views)


def attend(monkeypatch: pytest.MonkeyPatch, *, allow_stdin: bool) -> None:
    shell = SimpleNamespace(kernel=SimpleNamespace(_allow_stdin=allow_stdin))
    monkeypatch.setattr(credential_form, "get_ipython", lambda: shell)


def say(form: CredentialForm, content: object) -> None:
    form._handle_custom_msg(content, [])


def test_what_is_typed_reaches_who_asked_and_no_state(prompt: NotebookPrompt, views: Views) -> None:
    question = MfaQuestion("prod", "arn:aws:iam::1:mfa/ada")
    prompt.ask(question)
    (form,) = views.forms
    say(form, {"type": "answer", "code": f" {CODE} "})
    assert CODE not in json.dumps(form.get_state(), default=str)
    assert question.wait(0) == CODE
    assert CODE not in repr(vars(question))


def test_the_form_leaves_the_page_when_it_was_answered(
    prompt: NotebookPrompt, views: Views
) -> None:
    prompt.ask(question := MfaQuestion("prod", "serial"))
    (form,) = views.forms
    say(form, {"type": "answer", "code": CODE})
    assert question.is_over
    assert views.forms == []
    assert form.comm is None


def test_the_form_leaves_the_page_when_the_question_is_withdrawn(
    prompt: NotebookPrompt, views: Views
) -> None:
    prompt.ask(question := LoginQuestion("prod", "https://corp.awsapps.com/start"))
    question.decline("nothing waits for it any more")
    assert views.forms == []


def test_decline_on_the_form_declines(prompt: NotebookPrompt, views: Views) -> None:
    prompt.ask(question := MfaQuestion("prod", "serial"))
    say(views.forms[0], {"type": "decline"})
    with pytest.raises(CredentialsUnavailable, match="declined"):
        question.wait(0)


@pytest.mark.parametrize("content", [None, "x", {"type": "answer"}, {"type": "answer", "code": 1}])
def test_what_is_no_message_of_the_form_is_not_taken(
    prompt: NotebookPrompt, views: Views, content: object
) -> None:
    prompt.ask(question := MfaQuestion("prod", "serial"))
    say(views.forms[0], content)
    assert not question.is_over
    question.decline()


def test_a_login_shows_its_code_and_its_address(prompt: NotebookPrompt, views: Views) -> None:
    url = "https://device.sso.eu-west-1.amazonaws.com/"
    prompt.ask(question := DeviceQuestion("prod", "ABCD-EFGH", url, f"{url}?user_code=ABCD-EFGH"))
    shown = views.forms[0].question
    assert (shown["kind"], shown["code"]) == ("device", "ABCD-EFGH")
    assert shown["url"] == f"{url}?user_code=ABCD-EFGH"
    question.decline()


def test_a_view_that_ends_leaves_the_form_to_the_others(prompt: NotebookPrompt) -> None:
    views = Views()
    other = Views()
    form = CredentialForm(MfaQuestion("prod", "serial"))
    views.put(form)
    other.put(form)
    views.view.close()
    assert form.comm is not None
    assert other.forms == [form]
    other.view.close()
    form.close()


def test_where_nobody_can_be_asked_it_is_said_what_to_run(
    views: Views, monkeypatch: pytest.MonkeyPatch
) -> None:
    attend(monkeypatch, allow_stdin=False)
    NotebookPrompt(views).ask(question := LoginQuestion("a b", "https://corp.example/start"))
    with pytest.raises(CredentialsUnavailable, match="run: aws sso login --profile 'a b'"):
        question.wait(0)
    assert views.forms == []


class NoViews:
    """Stands for a presenter that has nothing on the page."""

    def put(self, form: CredentialForm) -> None:
        return None

    def is_deaf(self) -> bool:
        return False


def test_without_a_view_the_form_is_displayed(monkeypatch: pytest.MonkeyPatch) -> None:
    attend(monkeypatch, allow_stdin=True)
    displayed: list[ipywidgets.Widget] = []
    monkeypatch.setattr(credential_form, "display", displayed.append)
    question: Question = MfaQuestion("prod", "serial")
    NotebookPrompt(NoViews()).ask(question)
    (form,) = displayed
    assert isinstance(form, CredentialForm)
    assert "cloudops-live" in form._dom_classes  # which gives it its colours
    question.decline()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[ExecutionEngine]:
    engine = ExecutionEngine(ExecutionConfig(log_dir=tmp_path))
    yield engine
    engine.close()


@pytest.fixture
def presenter(engine: ExecutionEngine, monkeypatch: pytest.MonkeyPatch) -> WidgetPresenter:
    """As on a kernel that hears no click while a cell blocks it."""
    monkeypatch.setattr(live, "publish_display_data", lambda *_, **__: None)
    monkeypatch.setattr(live, "deaf_while_blocked", lambda: True)
    return WidgetPresenter(engine, lambda: None)


@pytest.fixture
def show(engine: ExecutionEngine, presenter: WidgetPresenter) -> Iterator[Any]:
    """Shows a run in a place, and gives the view."""
    shown: list[Any] = []

    def show(place: Place) -> LiveView:
        execution = engine.submit(ExecutionRequest(command=Shell(command="true")))
        presenter.placed(place, shown.append).present(execution)
        view: LiveView = shown[-1].view
        return view

    yield show
    for each in shown:
        each.view.close()


def test_a_view_that_is_not_heard_is_given_no_form(presenter: WidgetPresenter, show: Any) -> None:
    form = CredentialForm(MfaQuestion("prod", "serial"))
    before, heard = show(Place.AMONG_OTHERS), show(Place.BACKGROUND)
    presenter.put(form)
    after = show(Place.AMONG_OTHERS)
    assert [form in view.widget.children for view in (before, heard, after)] == [False, True, False]
    form.close()


def test_where_no_view_is_heard_a_question_is_declined(
    presenter: WidgetPresenter, show: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    attend(monkeypatch, allow_stdin=True)
    show(Place.AMONG_OTHERS)
    NotebookPrompt(presenter).ask(question := MfaQuestion("prod", "serial"))
    with pytest.raises(CredentialsUnavailable, match="run it in a plain %%cloudops cell"):
        question.wait(0)
