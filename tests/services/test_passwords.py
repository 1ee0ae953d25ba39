"""Passwords: which are taken, and how they are kept."""

import contextlib
import time
import unicodedata

import bcrypt
import pytest
from sqlmodel import select

from cabinet.models.outbox import OutboxMessage
from cabinet.services import outbox, passwords, sessions
from cabinet.services.passwords import PasswordIsNumber, PasswordTooCommon, PasswordTooLong, PasswordTooShort
from tests.conftest import NOON
from tests.services.test_sessions import given_subscriber

ANNA = "79162041537"


@pytest.fixture(autouse=True)
def _cheap(monkeypatch):
    monkeypatch.setattr(passwords, "ROUNDS", 4)


@pytest.mark.parametrize(
    "password",
    [
        "тихий-зонт-42 у окна",
        "длинная фраза",
        "correct horse battery",
        "🙂🙃😉😌😍🥰😘😗😙😚",
        "        мой кот",
        "k9$Vw2!pQz",
        "ё" * 3 + "жигули2",
    ],
)
def test_any_characters_make_a_password(password):
    passwords.check_rules(password, msisdn=ANNA)


@pytest.mark.parametrize("password", ["", "a", "ДвятьЗнк9", "🙂" * 9])
def test_nine_characters_are_too_short(password):
    with pytest.raises(PasswordTooShort) as refusal:
        passwords.check_rules(password, msisdn=ANNA)
    assert refusal.value.text == "Слишком короткий пароль. Нужно 10 знаков или больше."


def test_a_hundred_and_twenty_eight_characters_are_the_most():
    phrase = "тихий зонт у окна и дождь стучит " * 4
    passwords.check_rules(phrase[:128], msisdn=ANNA)
    with pytest.raises(PasswordTooLong):
        passwords.check_rules(phrase[:129], msisdn=ANNA)


@pytest.mark.parametrize(
    "password",
    [
        "1234567890",
        "0987654321",
        "qwertyuiop",
        "йцукенгшщз",
        "ЙЦУКЕНГШЩЗ",
        "password123",
        "пароль1234",
        "gfhjkm1234",
        "aaaaaaaaaa",
        "Кабинет2026",
        "qwerty12345",
        "1q2w3e4r5t",
        "любовь1234",
        "ｐａｓｓｗｏｒｄ123",
        "abcabcabcabc",
    ],
)
def test_what_everybody_takes_is_refused(password):
    with pytest.raises(PasswordTooCommon):
        passwords.check_rules(password, msisdn=ANNA)


@pytest.mark.parametrize(
    "password", ["9162041537", "+7 916 204-15-37", "мой номер 89162041537", "９１６２０４１５３７"]
)
def test_the_own_number_is_refused(password):
    with pytest.raises(PasswordIsNumber):
        passwords.check_rules(password, msisdn=ANNA)


@pytest.mark.parametrize("password", ["a1" * 8_000, "Qw" * 64, "1" * 128, "ab" * 64])
def test_a_long_password_does_not_stop_the_program(password):
    started = time.process_time()
    with contextlib.suppress(PasswordTooLong, PasswordTooCommon):
        passwords.check_rules(password, msisdn=ANNA)
    assert time.process_time() - started < 5, "hangs; a hundredth of it is usual"


async def test_the_same_text_written_otherwise_is_the_same_password():
    password = "мой зелёный ёж"
    kept = await passwords.check_and_hash(unicodedata.normalize("NFD", password), msisdn=ANNA)
    assert await passwords.is_right(unicodedata.normalize("NFC", password), kept)
    assert not await passwords.is_right(password + " ", kept)


async def test_every_letter_of_a_long_russian_password_counts():
    password = "очень длинная русская фраза из многих слов и ещё немного"  # over 72 bytes, where bcrypt stops
    kept = await passwords.check_and_hash(password, msisdn=ANNA)
    assert not await passwords.is_right(password[:-1] + "х", kept)


async def test_the_kept_hash_is_of_no_use_without_the_secret_key(monkeypatch):
    kept = await passwords.check_and_hash("тихий-зонт-42", msisdn=ANNA)
    assert not bcrypt.checkpw("тихий-зонт-42".encode(), kept.encode())
    monkeypatch.setenv("CABINET_SECRET_KEY", "another key")
    passwords.settings.cache_clear()
    assert not await passwords.is_right("тихий-зонт-42", kept)


async def test_without_a_password_the_same_work_is_done_and_nothing_is_right(monkeypatch):
    compared = []
    real = passwords._matches
    monkeypatch.setattr(passwords, "_matches", lambda *arguments: compared.append(arguments) or real(*arguments))
    assert not await passwords.is_right("", None)
    assert not await passwords.is_right("тихий-зонт-42", None)
    assert [kept for _, kept in compared] == [passwords._NOBODYS_HASH] * 2
    assert passwords._NOBODYS_HASH.startswith("$2b$12$"), "as slow as a real one"


def test_real_hashes_cost_twelve_rounds(monkeypatch):
    monkeypatch.undo()
    assert passwords.hash_of("тихий-зонт-42").startswith("$2b$12$")


def test_a_removed_password_is_gone(session):
    anna = given_subscriber(session, ANNA)
    opened = sessions.create(session, anna.id, is_remembered=False, device="", address="", now=NOON)
    principal = sessions.find(session, opened.token, now=NOON)
    where = {"device": "Android, Chrome", "device_token": "", "address": "192.0.2.1", "now": NOON}
    passwords.save(session, principal, "hash", **where)
    assert passwords.has_password(session, anna.id)

    passwords.remove(session, principal, **where)
    passwords.remove(session, principal, **where)

    session.expire_all()
    assert not passwords.has_password(session, anna.id)
    assert [line.outcome for line in sessions.list_history(session, anna.id)] == ["password_removed", "password_set"]


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        (
            "ru",
            [
                "Кабинет: задан пароль для входа. Не вы? Войдите и уберите его.",
                "Кабинет: пароль для входа изменён. Не вы? Войдите и смените его.",
                "Кабинет: пароль для входа убран. Не вы? Войдите и задайте новый.",
            ],
        ),
        (
            "en",
            [
                "Кабинет: a password was set. Not you? Sign in and remove it.",
                "Кабинет: the password was changed. Not you? Sign in and change it.",
                "Кабинет: the password was removed. Not you? Sign in and set one.",
            ],
        ),
    ],
)
def test_the_owner_of_the_number_is_told_of_every_change(session, language, texts):
    anna = given_subscriber(session, ANNA)
    opened = sessions.create(session, anna.id, is_remembered=False, device="", address="", now=NOON)
    principal = sessions.find(session, opened.token, now=NOON)
    where = {"device": "", "device_token": "", "address": "", "language": language, "now": NOON}

    passwords.save(session, principal, "hash", **where)
    passwords.save(session, principal, "another hash", **where)
    passwords.remove(session, principal, **where)
    passwords.remove(session, principal, **where)

    told = session.exec(select(OutboxMessage).order_by(OutboxMessage.id)).all()
    assert [(message.recipient, message.body) for message in told] == [(ANNA, text) for text in texts]
    assert max(map(len, texts)) <= outbox.SMS_LENGTH
