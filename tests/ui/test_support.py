"""What subscribers and staff see of a ticket, and what their pages do."""

from datetime import timedelta

import pytest
from reflex.state import State
from sqlmodel import select

from cabinet import clock, db
from cabinet.config import settings
from cabinet.domain.staff import Role
from cabinet.models.support import Ticket
from cabinet.services import staff, support, support_desk
from cabinet.services.sessions import Principal
from cabinet.services.staff import StaffPrincipal
from cabinet.ui import guard, tickets
from cabinet.ui.support.state import ConversationState, QuestionState, SupportState
from cabinet.ui.support_desk.state import QueueState, SupervisorState, TemplatesState, TicketState

OCCASION = "occasion-of-the-page"


@pytest.fixture(autouse=True)
def _files(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CABINET_FILES_PATH", str(tmp_path))
    settings.cache_clear()


@pytest.fixture(autouse=True)
def _noon() -> None:
    """An answer that takes two hours comes on the day of its question, whenever the tests run."""
    now = clock.now()
    clock.set_offset(clock.local(now).replace(hour=12) - now)


@pytest.fixture
def irina(database) -> StaffPrincipal:
    """A supervisor, who may do what an agent may and more."""
    now = clock.now()
    with db.transaction() as session:
        hired = staff.add_member(
            session, login="irina", name="Ирина М.", role=Role.SUPERVISOR, password_hash="x", now=now
        )
    return StaffPrincipal(1, hired.staff_id, "irina", "Ирина М.", Role.SUPERVISOR, last_seen_at=now)


async def state_of(cls: type):
    """A State as a page has it."""
    return await State(_reflex_internal_init=True).get_state(cls)


async def asked(text: str = "Не раздаётся интернет. Nokia") -> int:
    """Anna's question, by her page."""
    page = await state_of(QuestionState)
    await QuestionState.load.fn(page)
    form = {"occasion": OCCASION, "category": "internet", "text": text, "files": "", "line": ""}
    sent = await QuestionState.send.fn(page, form)
    assert page.refusal == ""
    assert sent is not None
    with db.reading() as session:
        return session.exec(select(Ticket.id).order_by(Ticket.id.desc())).first()


async def test_a_question_stands_in_the_list_with_its_moment(anna: Principal):
    number = await asked()

    page = await state_of(SupportState)
    await SupportState.load.fn(page)

    [line] = page.lines
    assert (line.id, line.subject, line.tone) == (number, "Не раздаётся интернет", "info")
    assert line.mark.startswith("Ответим до")
    assert len(page.questions) == 4


@pytest.mark.parametrize(
    "form", [None, [], "text", {"occasion": 1}, {"occasion": "short"}, {"occasion": OCCASION, "text": {"a": 1}}]
)
async def test_what_is_no_form_asks_nothing(anna: Principal, form: object):
    page = await state_of(QuestionState)

    assert await QuestionState.send.fn(page, form) is None

    with db.reading() as session:
        assert session.exec(select(Ticket)).all() == []


async def test_what_is_typed_is_counted_and_answered_by_articles(anna: Principal):
    page = await state_of(QuestionState)

    await QuestionState.type_text.fn(page, "не приходит смс")

    assert page.counted == "15 из 2\u202f000"
    assert page.suggestions[0].value == "/help/sms-does-not-come/"


async def test_an_agent_answers_and_the_subscriber_rates(anna: Principal, irina: StaffPrincipal):
    number = await asked()
    talk = await state_of(ConversationState)
    await talk._show(number)
    assert talk.talk.title == f"Обращение № {number}"
    assert talk.talk.second == "Осталось 23\u202fч\u00a059\u202fмин"
    with guard.acting_as(irina):
        desk = await state_of(TicketState)
        await desk._show(number, is_typing=False)
        assert (desk.desk.subscriber, desk.desk.is_free, desk.desk.deadline.tone) == ("Анна", True, "calm")
        await TicketState.send.fn(desk, {"occasion": OCCASION, "kind": "answer", "text": "Перезагрузите", "files": ""})
        assert (desk.refusal, desk.desk.state, desk.opened) == ("", "отвечено", 1)

    await talk._show(number)
    assert talk.talk.asks_rating
    assert talk.talk.messages[-1].who == "Ирина М., поддержка"
    await ConversationState.rate.fn(talk, {"stars": "6", "word": ""})
    assert talk.rating_refusal == "Выберите оценку от 1 до 5."
    await ConversationState.rate.fn(talk, {"stars": "5", "word": "Помогло"})
    assert talk.talk.rated == "Ваша оценка: 5 из 5 — «Помогло»"
    await ConversationState.reopen.fn(talk)
    assert talk.talk.tone == "info"


async def test_a_refused_answer_stays_and_says_what_has_come(anna: Principal, irina: StaffPrincipal):
    number = await asked()
    with guard.acting_as(irina):
        desk = await state_of(TicketState)
        await desk._show(number, is_typing=False)
    with db.transaction() as session:
        support.write(session, anna.subscriber_id, number, "Уже", occasion="second-one", now=clock.now())

    with guard.acting_as(irina):
        await TicketState.send.fn(desk, {"occasion": OCCASION, "kind": "answer", "text": "Да", "files": ""})
        assert desk.refusal.startswith("Пока вы смотрели")
        assert (desk.is_changed, desk.opened) == (True, 0)
        await TicketState.show_changes.fn(desk)
        assert [one.text for one in desk.desk.messages][-1] == "Уже"


async def test_the_queue_is_read_chosen_and_searched(anna: Principal, irina: StaffPrincipal):
    number = await asked()
    with guard.acting_as(irina):
        queue = await state_of(QueueState)
        await QueueState.load.fn(queue)
        assert [row.id for row in queue.rows] == [number]
        assert [(one.name, one.value) for one in queue.counts[:3]] == [
            ("Просрочено", "0"),
            ("Меньше 4 часов", "0"),
            ("Ждут ответа", "1"),
        ]
        await QueueState.choose.fn(queue, "mine")
        assert queue.rows == []
        await QueueState.choose.fn(queue, "everything")
        assert queue.queue == "mine"
        await QueueState.find.fn(queue, "нокиа' OR 1=1")
        assert queue.rows == []
        await QueueState.find.fn(queue, "nokia")
        assert [row.id for row in queue.rows] == [number]
        await QueueState.take_next.fn(queue)
        await QueueState.choose.fn(queue, "mine")
        assert [row.id for row in queue.rows] == [number]


async def test_figures_and_templates_of_a_supervisor(anna: Principal, irina: StaffPrincipal):
    number = await asked()
    with db.transaction() as session:
        support_desk.answer(
            session, irina.staff_id, number, "Да", version=2, occasion=OCCASION, now=clock.now() + timedelta(hours=2)
        )
    with guard.acting_as(irina):
        figures = await state_of(SupervisorState)
        await SupervisorState.load.fn(figures)
        assert [one.value for one in figures.figures.counts[:2]] == ["1", "2\u202fч"]
        assert figures.figures.bars
        written = await state_of(TemplatesState)
        await TemplatesState.save.fn(written, {"title": "Привет", "body": "{name}, здравствуйте"})
        await TemplatesState.edit.fn(written, 0)
        assert (written.title, written.body) == ("Привет", "{name}, здравствуйте")
        await TemplatesState.delete.fn(written)
        assert written.templates == []


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "1~минуту"), (61, "1~час 1~минуту"), (112, "1~час 52~минуты"), (120, "2~часа")]
)
def test_a_wait_is_told_in_words(minutes: int, text: str):
    assert tickets.span(timedelta(minutes=minutes), "ru").replace("\u00a0", "~") == text
