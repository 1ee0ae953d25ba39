"""E-mail to a real SMTP server, started here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cabinet.adapters import pauses
from cabinet.adapters.mail import gateway as gateway_of_settings
from cabinet.adapters.mail.smtp import MailServer
from cabinet.adapters.sending import Message, Verdict
from cabinet.adapters.sms.demo import DemoPhone
from cabinet.config import Settings, settings
from tests.peers.mail import PASSWORD, USER, Post
from tests.servers import free_port

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

LETTER = Message(
    "sign-in:1:email", "anna@example.ru", "Это были вы?\nНе вы — смените пароль.", "Новый вход в «Кабинет»"
)


@pytest.fixture
def post(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    """A server that wants STARTTLS and a password."""
    monkeypatch.setattr(pauses, "FIRST_SECONDS", 0.0)
    server = Post(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    server.start()
    yield server
    server.stop()


def a_mail_server(port: int, **chosen) -> MailServer:
    usual = {
        "smtp_host": "localhost",
        "smtp_port": port,
        "smtp_user": USER,
        "smtp_password": PASSWORD,
        "smtp_from": "robot@lk.example.ru",
        "smtp_timeout_seconds": 2,
        "brand_name": "Связь",
    }
    return MailServer(Settings(**usual | chosen))


def verdicts(server: MailServer, *letters: Message) -> list[Verdict]:
    return [answer.verdict for answer in server.send(letters or (LETTER,))]


def numbered(count: int) -> list[Message]:
    return [Message(f"news:{number}", f"a{number}@example.ru", f"{number}", "Новости") for number in range(count)]


def test_a_letter_arrives_as_it_was_written_over_a_protected_connection(post):
    assert verdicts(a_mail_server(post.port)) == [Verdict.SENT]
    [letter] = post.letters
    assert (letter["To"], letter["Subject"], letter["From"]) == (
        "anna@example.ru",
        "Новый вход в «Кабинет»",
        "Связь <robot@lk.example.ru>",
    )
    assert letter.get_content().replace("\r\n", "\n").strip() == LETTER.text
    assert letter["Auto-Submitted"] == "auto-generated"


def test_a_letter_that_is_sent_again_has_the_same_name(post):
    for _ in range(2):
        verdicts(a_mail_server(post.port))
    first, again = (letter["Message-ID"] for letter in post.letters)
    assert first == again
    assert first.endswith("@lk.example.ru>")


def test_many_letters_go_by_one_connection(post):
    assert verdicts(a_mail_server(post.port), *numbered(20)) == [Verdict.SENT] * 20
    assert post.connections == 2  # EHLO before and after STARTTLS


def test_tls_from_the_start(tmp_path, monkeypatch):
    server = Post(tmp_path, from_the_start=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    server.start()
    try:
        assert verdicts(a_mail_server(server.port, smtp_security="tls")) == [Verdict.SENT]
    finally:
        server.stop()


def test_a_server_without_tls_gets_neither_password_nor_letter(tmp_path):
    server = Post(tmp_path, has_tls=False)
    server.start()
    try:
        assert verdicts(a_mail_server(server.port)) == [Verdict.LEFT]
        assert verdicts(a_mail_server(server.port, smtp_security="none")) == [Verdict.SENT]
    finally:
        server.stop()


def test_a_certificate_that_nobody_knows_is_not_trusted(post, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    assert verdicts(a_mail_server(post.port)) == [Verdict.LEFT]
    assert post.letters == []


def test_a_wrong_password_leaves_the_letters_and_the_server_alone(post):
    server = a_mail_server(post.port, smtp_password="wrong")
    assert verdicts(server) == [Verdict.LEFT]
    assert server.room() == 0


@pytest.mark.parametrize(
    ("said", "verdict"),
    [("550 no such mailbox", Verdict.REFUSED), ("450 mailbox busy", Verdict.FAILED), ("452 full", Verdict.FAILED)],
)
def test_a_refused_address_does_not_stop_the_others(post, said, verdict):
    post.refuse_recipient = [said]
    assert verdicts(a_mail_server(post.port), *numbered(2)) == [verdict, Verdict.SENT]


def test_a_refused_letter_is_final_or_not(post):
    post.refuse_data = ["554 spam", "451 try later"]
    assert verdicts(a_mail_server(post.port), *numbered(3)) == [Verdict.REFUSED, Verdict.FAILED, Verdict.SENT]


@pytest.mark.parametrize("fault", ["taken, then drop", "drop"])
def test_a_line_that_is_dropped_leaves_one_letter_in_doubt_and_the_rest_untouched(post, fault):
    post.refuse_data = [fault]
    server = a_mail_server(post.port)
    assert verdicts(server, *numbered(3)) == [Verdict.FAILED, Verdict.LEFT, Verdict.LEFT]
    assert verdicts(server, *numbered(3)) == [Verdict.SENT] * 3


def test_without_a_server_the_letters_are_left():
    assert verdicts(a_mail_server(free_port()), *numbered(2)) == [Verdict.LEFT] * 2


def test_neither_letter_nor_address_nor_password_is_in_the_log(post, caplog):
    caplog.set_level("DEBUG", "cabinet")
    post.refuse_data = ["554 spam", "drop"]
    verdicts(a_mail_server(post.port), *numbered(2))
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name != "mail.log")  # the server's own
    for secret in ("example.ru", "Новости", PASSWORD):
        assert secret not in ours


def test_the_demo_keeps_letters_on_its_phone_and_a_server_of_the_settings_gets_them(monkeypatch):
    assert isinstance(gateway_of_settings(), DemoPhone)
    monkeypatch.setenv("CABINET_SMTP_HOST", "mail.example.ru")
    monkeypatch.setenv("CABINET_SMTP_FROM", "robot@example.ru")
    settings.cache_clear()
    assert isinstance(gateway_of_settings(), MailServer)
