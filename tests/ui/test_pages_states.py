"""Handlers of the signed-in pages: they show what the services say, for whoever called them and for nobody else."""

from datetime import timedelta

import pytest

from cabinet import clock, db
from cabinet.models.demo import DemoSms
from cabinet.services import sessions
from cabinet.services.demo import Leap
from cabinet.services.sessions import Principal
from cabinet.ui.demo.state import PhoneState, move
from cabinet.ui.overview.state import OverviewState
from cabinet.ui.profile.state import ProfileState


def new(state: type):
    """A State as Reflex makes it for a page."""
    return state(_reflex_internal_init=True)


async def call(handler, *arguments) -> None:
    """Calls a handler without an event."""
    await handler.fn(*arguments)


async def test_the_dashboard_shows_the_callers_figures(anna: Principal):
    state = new(OverviewState)

    await call(OverviewState.load, state)

    assert (state.is_ready, state.has_failed) == (True, False)
    assert (state.name, state.initial, state.number) == ("Анна", "А", "+7\u00a0916\u00a0000-00-01")
    assert state.balance.roubles == "500"
    assert state.operations[0].amount == "+500\u202f₽"


async def test_figures_stay_on_the_screen_when_newer_ones_cannot_be_read(anna: Principal, monkeypatch):
    state = new(OverviewState)
    await call(OverviewState.load, state)
    monkeypatch.setattr("cabinet.services.overview.get_overview", lambda *_args, **_facts: 1 / 0)

    await call(OverviewState.refresh, state)

    assert (state.is_ready, state.has_failed, state.balance.roubles) == (True, True, "500")


async def test_strangers_have_no_dashboard(database):
    state = new(OverviewState)

    with pytest.raises(PermissionError):
        await call(OverviewState.load, state)

    assert not state.is_ready


async def test_the_profile_marks_the_device_in_hand(anna: Principal):
    with db.transaction() as session:
        other = sessions.create(
            session,
            anna.subscriber_id,
            is_remembered=False,
            device="Windows, Edge",
            address="10.0.0.2",
            now=clock.now() - timedelta(minutes=5),
        )
    state = new(ProfileState)

    await call(ProfileState.load, state)

    assert [(device.session_id, device.icon, device.is_present) for device in state.devices] == [
        (anna.session_id, "smartphone", True),
        (other.session_id, "monitor", False),
    ]
    assert state.has_other_devices
    assert state.password == "Не задан: вы входите по коду из SMS."


async def test_the_profile_shows_what_is_told_by_which_way_and_turns_it(anna: Principal):
    state = new(ProfileState)
    await call(ProfileState.load, state)
    shown = {topic.topic: (topic.has_sms, topic.sms, topic.has_email, topic.is_fixed) for topic in state.topics}
    assert shown["money"] == (True, True, False, False)
    assert shown["security"] == (False, False, False, True)

    await call(ProfileState.choose, state, "money", "sms", False)

    assert (state.answers, [topic.sms for topic in state.topics if topic.topic == "money"]) == (1, [False])
    assert state.quiet == "С 21:00 до 9:00 присылаем только срочное."


@pytest.mark.parametrize(
    ("topic", "way", "is_on"),
    [
        ("security", "sms", False),
        ("money", "pigeon", True),
        ("money", ["sms"], True),
        (None, "sms", True),
        ({}, "email", True),
        ("money", "sms", 0),
        ("money", "sms", None),
    ],
)
async def test_nonsense_turns_nothing(anna: Principal, topic, way, is_on):
    state = new(ProfileState)
    await call(ProfileState.load, state)
    before = list(state.topics)

    await call(ProfileState.choose, state, topic, way, is_on)

    assert (state.answers, state.topics) == (1, before)


async def test_the_phone_shows_letters_apart_with_their_link(database):
    text = "Подтвердите адрес\nОткройте ссылку:\n\nhttp://localhost:3000/auth/email?token=abc\n\nОна действует сутки."
    with db.transaction() as session:
        session.add(DemoSms(reference="a", recipient="anna@example.ru", text=text, sent_at=clock.now()))
    state = new(PhoneState)

    await call(PhoneState.load, state)

    assert (state.messages, state.numbers) == ([], [])
    assert [(letter.address, letter.subject, letter.link) for letter in state.letters] == [
        ("anna@example.ru", "Подтвердите адрес", "http://localhost:3000/auth/email?token=abc")
    ]


async def test_the_phone_shows_a_code_ready_to_be_copied(database):
    with db.transaction() as session:
        for number, text in (("79160000001", "Код 482913\n@localhost #482913"), ("79160000002", "Привет")):
            session.add(DemoSms(reference=number, recipient=number, text=text, sent_at=clock.now()))
    state = new(PhoneState)

    await call(PhoneState.load, state)
    both = [message.code for message in state.messages]
    await call(PhoneState.show, state, "79160000001")

    assert both == ["", "482913"]
    assert [message.code for message in state.messages] == ["482913"]
    assert len(state.numbers) == 2


@pytest.mark.parametrize("number", ["x" * 1000, "79160000001' OR 1=1", 5, None, [1], {"a": 1}])
async def test_the_phone_takes_no_nonsense_for_a_number(database, number):
    state = new(PhoneState)

    await call(PhoneState.show, state, number)

    assert state.number == ""


async def test_without_a_demo_operator_the_clock_stays(database):
    moved = await move(Leap.DAY, None, "ru")

    assert (bool(moved.refusal), moved.happened) == (True, [])
