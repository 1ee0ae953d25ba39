"""English words beside the Russian ones: from the file, from the desk, known to every process."""

from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from cabinet.domain import catalogue
from cabinet.domain.catalogue import SoldKind
from cabinet.domain.staff import Role
from cabinet.locales import name_in
from cabinet.models.notices import NoticeKind
from cabinet.models.outbox import OutboxMessage
from cabinet.models.staff import StaffAction
from cabinet.models.subscribers import Subscriber
from cabinet.services import catalogue_desk, notices, option_fees, staff, tariffs, words
from tests.conftest import NOON
from tests.services.test_options import CATALOGUE, switched_on
from tests.services.test_orders import given, moscow, store

LATER = NOON + timedelta(hours=1)


def load(session: Session, english: str) -> tariffs.Stored:
    text = f"{CATALOGUE}\nenglish: {{{english}}}\n"
    return tariffs.store_catalogue(session, catalogue.parse(text, "test.yaml"), now=NOON)


def known(session: Session, text: str = "Старт") -> str:
    words.catch_up(session)
    return name_in(text, "en")


def test_words_of_the_file_are_known_and_without_them_the_russian_ones_stay(session: Session):
    load(session, "Старт: Start")

    assert (known(session), name_in("Старт", "ru"), known(session, "Голосовая почта")) == (
        "Start",
        "Старт",
        "Голосовая почта",
    )


def test_the_file_may_correct_its_words_under_the_same_version(session: Session):
    load(session, "Старт: Start")
    again = load(session, "Старт: Beginning")

    assert (again.added, known(session)) == (0, "Beginning")


def test_loading_names_what_has_no_english_words(session: Session):
    assert "Старт" not in load(session, "Старт: Start").russian_only
    assert "Голосовая почта" in load(session, "Старт: Start").russian_only


def test_a_file_without_english_words_lacks_none(session: Session):
    stored = tariffs.store_catalogue(session, catalogue.parse(CATALOGUE, "test.yaml"), now=NOON)

    assert stored.russian_only == ()


def test_what_the_desk_has_put_otherwise_stays_until_the_file_says_something_else(session: Session):
    load(session, "Старт: Start")
    words.save(session, {"Старт": "Kick-off"}, now=LATER)

    load(session, "Старт: Start")
    assert known(session) == "Kick-off"
    load(session, "Старт: Begin")
    assert known(session) == "Begin"


def test_words_that_are_taken_back_are_russian_again(session: Session):
    words.save(session, {"Старт": "Start"}, now=NOON)
    changed = words.save(session, {"Старт": " "}, now=LATER)

    assert (changed, known(session)) == (1, "Старт")


@pytest.mark.parametrize("text", ["x" * 4_001, "a\x00b", "\ud800"])
def test_what_is_no_plain_text_is_refused(session: Session, text: str):
    with pytest.raises(words.WordsWrong):
        words.save(session, {"Старт": text}, now=NOON)


def test_the_desk_gives_words_to_an_item_and_it_is_written_down(session: Session):
    load(session, "Минуты: Minutes")
    member = staff.add_member(session, login="product", name="П", role=Role.PRODUCT, password_hash="x", now=NOON)
    typed = {words.key_of("Старт"): "Start", words.key_of("Чужое"): "Foreign", "code": ["odd"]}
    before = catalogue_desk.get_sold(session, SoldKind.PLAN, "start", now=NOON)

    catalogue_desk.save_words(session, member.staff_id, SoldKind.PLAN, "start", typed, now=NOON)

    after = catalogue_desk.get_sold(session, SoldKind.PLAN, "start", now=NOON)
    assert catalogue_desk.list_words(session, after)["Старт"] == "Start"
    assert known(session, "Чужое") == "Чужое"
    assert after.newest == before.newest
    actions = session.exec(select(StaffAction).order_by(col(StaffAction.id))).all()
    assert [(action.kind, action.facts["words"]) for action in actions] == [("english_saved", 1)]


def test_the_end_of_a_trial_is_asked_about_in_the_subscribers_language(session: Session):
    store(session, CATALOGUE)
    words.save(session, {"Музыка": "Music"}, now=NOON)
    anna = given(session, money=500_000)
    session.get_one(Subscriber, anna).language = "en"
    switched_on(session, anna, "music")

    option_fees.ask_about_trials(session, moscow(2026, 11, 29, 1), 10)

    body = session.exec(select(OutboxMessage.body).where(OutboxMessage.kind == "trial")).one()
    assert body.startswith("The free period of “Music” ends on 01.12. To keep it for 169 ₽ a month,")


def test_a_notice_names_what_was_charged_for_in_the_subscribers_language(session: Session):
    words.save(session, {"Музыка": "Music"}, now=NOON)
    facts = {"name": "Музыка", "kopecks": 169_00}

    assert "«Музыка»" in notices.sentence(NoticeKind.OPTION_FEE, facts, "ru")
    assert "“Music”" in notices.sentence(NoticeKind.OPTION_FEE, facts, "en")
