"""The forms of signing in, as a browser without scripts sees them."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlmodel import select
from starlette.applications import Starlette

from cabinet import clock, connections, db
from cabinet.config import settings
from cabinet.http import auth, captcha, pages
from cabinet.models.outbox import OutboxMessage
from cabinet.models.sessions import AuthSession
from cabinet.models.subscribers import Subscriber
from cabinet.services import channels, passwords, pre_sessions, sign_in
from cabinet.services.pre_sessions import Browser
from tests.services.test_sessions import given_subscriber

ANNA, NOBODY = "9160000001", "9169999999"
PASSWORD = "тихий-зонт-42 у окна"
SITE = "http://localhost:3000"
CHROME = "Mozilla/5.0 (Linux; Android 14; K) AppleWebKit/537.36 Chrome/131.0.0.0 Mobile Safari/537.36"

LOGIN_PAGE = """<!doctype html><html><body><form action="/auth/code" method="post">
<p class="x" data-slot="error"></p><input class="y" data-fill="number" id="number" name="number"/>
<span data-slot="error_number"></span><div class="group" id="captcha-block">
<span data-slot="error_captcha"></span></div>
</form></body></html>"""
CODE_PAGE = """<!doctype html><html><body><span class="x" data-slot="sent_to"></span><b data-slot="tail"></b>
<b role="timer" data-slot="resend_in"></b><span data-slot="error_code"></span><p data-slot="error"></p></body></html>"""
PASSWORD_PAGE = LOGIN_PAGE.replace("/auth/code", "/auth/password") + '<span data-slot="error_password"></span>'
WELCOME_PAGE = (
    '<p data-slot="error"></p><input data-fill="number" name="username"/><span data-slot="error_password"></span>'
)


@pytest.fixture(autouse=True)
def _site(database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    built = {
        "login": LOGIN_PAGE,
        "login/code": CODE_PAGE,
        "login/password": PASSWORD_PAGE,
        "welcome": WELCOME_PAGE,
        "profile": WELCOME_PAGE,
        "en/login": LOGIN_PAGE.replace("<form", "<h1>Sign in</h1><form"),
    }
    for path, text in built.items():
        (tmp_path / "build" / "client" / path).mkdir(parents=True, exist_ok=True)
        (tmp_path / "build" / "client" / path / "index.html").write_text(text, encoding="utf-8")
    monkeypatch.setenv("REFLEX_WEB_WORKDIR", str(tmp_path))
    monkeypatch.setattr(passwords, "ROUNDS", 4)
    with db.transaction() as session:
        given_subscriber(session, f"7{ANNA}")
    yield
    connections.forget_everything()


def new_browser(**headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(
            Starlette(routes=[*auth.routes, *captcha.routes, *pages.routes]), client=("192.0.2.1", 5)
        ),
        base_url=SITE,
        headers={"User-Agent": CHROME} | headers,
    )


@pytest.fixture
async def browser():
    async with new_browser() as made:
        yield made


def letters_for(browser: httpx.AsyncClient) -> str:
    with db.reading() as session:
        return pre_sessions.find_captcha(session, Browser(browser.cookies.get("pre", "")), now=clock.now())


def codes() -> list[str]:
    with db.reading() as session:
        bodies = session.exec(select(OutboxMessage.body).order_by(OutboxMessage.id)).all()
    return [found.group() for body in bodies if (found := re.search(r"\d{6}", body))]


async def ask(browser: httpx.AsyncClient, number: str = ANNA, **fields: str) -> httpx.Response:
    await browser.get("/auth/captcha.png")
    return await browser.post("/auth/code", data={"number": number, "captcha": letters_for(browser)} | fields)


async def come_in(browser: httpx.AsyncClient, **fields: str) -> httpx.Response:
    await ask(browser, **fields)
    return await browser.post("/auth/verify", data={"code": codes()[-1]})


def flags(response: httpx.Response) -> dict[str, str]:
    """Cookies that an answer sets, with what stands after their values."""
    lines = response.headers.get_list("set-cookie")
    return {line.partition("=")[0]: line.partition(";")[2].strip() for line in lines}


def goes_to(response: httpx.Response) -> str:
    assert response.status_code == 303, response.text
    assert response.headers["cache-control"] == "no-store"
    return response.headers["location"]


async def test_from_the_first_page_to_the_dashboards_door(browser):
    page = await browser.get("/login")
    assert page.status_code == 200
    assert page.text == LOGIN_PAGE
    assert "hidden" not in page.text

    assert goes_to(await ask(browser)) == "/login/code/"
    code_page = await browser.get("/login/code/")
    assert re.search(r'data-slot="sent_to">\+7.916.000.00.01</span>', code_page.text)
    assert re.search(r'data-slot="resend_in">(1:00|0:59)</b>', code_page.text)
    entered = await browser.post("/auth/verify", data={"code": codes()[-1]})
    assert goes_to(entered) == "/welcome/"
    assert 'value="+79160000001"' in (await browser.get("/welcome/")).text
    assert goes_to(await browser.post("/auth/welcome/skip")) == "/"
    assert goes_to(await browser.get("/login")) == "/"


async def test_cookies_are_out_of_reach_of_scripts_and_other_sites(browser):
    first = await browser.get("/login")
    assert flags(first) == {"pre": "HttpOnly; Path=/; SameSite=lax"}
    entered = await come_in(browser)
    assert flags(entered)["sid"] == "HttpOnly; Path=/; SameSite=lax"
    assert flags(entered)["device"] == "HttpOnly; Max-Age=15552000; Path=/; SameSite=lax"


async def test_over_https_cookies_belong_to_this_host_alone(browser, monkeypatch):
    monkeypatch.setenv("CABINET_PUBLIC_URL", "https://lk.example.ru")
    settings.cache_clear()
    assert flags(await browser.get("/login")) == {"__Host-pre": "HttpOnly; Path=/; SameSite=lax; Secure"}


async def test_a_remembered_session_keeps_its_cookie_for_thirty_days(browser):
    entered = await come_in(browser, remember="1")
    assert "Max-Age=2592000" in flags(entered)["sid"]
    with db.reading() as session:
        assert session.exec(select(AuthSession)).one().is_remembered


async def test_a_token_that_the_browser_made_up_is_replaced(browser):
    browser.cookies.set("pre", "chosen-by-somebody")
    assert "pre" in flags(await browser.get("/login"))


async def test_every_sign_in_has_a_token_of_its_own(browser):
    await come_in(browser)
    before = browser.cookies["sid"]
    await browser.post("/auth/sign-out")
    await come_in(browser)
    assert browser.cookies["sid"] != before


async def test_what_is_typed_is_shown_again_and_is_only_text(browser):
    evil = '"><script>alert(1)</script>'
    assert goes_to(await ask(browser, evil)) == "/login/"
    page = (await browser.get("/login/")).text
    assert "<script>" not in page
    assert 'value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;' in page
    assert 'data-slot="error_number">Номер не похож на мобильный' in page


async def test_wrong_letters_keep_the_number_and_bring_another_picture(browser):
    await browser.get("/auth/captcha.png")
    before = letters_for(browser)
    assert goes_to(await browser.post("/auth/code", data={"number": ANNA, "captcha": "щщщщщ"})) == "/login/"
    page = (await browser.get("/login/")).text
    assert f'data-fill="number" value="{ANNA}"' in page
    assert 'data-slot="error_captcha">Буквы не совпали' in page
    assert letters_for(browser) == ""
    await browser.get("/auth/captcha.png")
    assert letters_for(browser) not in ("", before)


async def test_picture_and_sound_are_of_the_same_letters_and_never_kept(browser):
    picture = await browser.get("/auth/captcha.png")
    before = letters_for(browser)
    sound = await browser.get("/auth/captcha.wav")
    assert picture.content[:4] == b"\x89PNG"
    assert sound.content[:4] == b"RIFF"
    assert letters_for(browser) == before != ""
    assert picture.headers["cache-control"] == sound.headers["cache-control"] == "no-store"


async def test_another_picture_keeps_the_number_and_the_page(browser):
    await browser.get("/auth/captcha.png")
    before = letters_for(browser)
    assert goes_to(await browser.post("/auth/captcha", data={"number": "916", "captcha": ""})) == "/login/"
    password_form = {"number": "916", "password": "", "captcha": ""}
    assert goes_to(await browser.post("/auth/captcha", data=password_form)) == "/login/password/"
    await browser.get("/auth/captcha.png")
    assert letters_for(browser) != before
    assert 'value="916"' in (await browser.get("/login/")).text


async def test_a_known_browser_is_not_shown_the_captcha(browser):
    await come_in(browser)
    await browser.post("/auth/sign-out")
    assert '<div class="group" id="captcha-block" hidden="">' in (await browser.get("/login/")).text
    assert goes_to(await browser.post("/auth/code", data={"number": ANNA})) == "/login/code/"


async def test_a_wrong_code_is_told_and_the_screen_stays(browser):
    await ask(browser)
    wrong = f"{(int(codes()[-1]) + 1) % 10**6:06}"
    assert goes_to(await browser.post("/auth/verify", data={"code": wrong})) == "/login/code/"
    assert "Осталось 4 попытки" in (await browser.get("/login/code/")).text
    assert goes_to(await browser.post("/auth/verify", data={"code": codes()[-1]})) == "/welcome/"


async def test_a_resend_too_early_sends_nothing_and_says_nothing(browser):
    await ask(browser)
    assert goes_to(await browser.post("/auth/resend")) == "/login/code/"
    assert len(codes()) == 1
    clock.set_offset(timedelta(minutes=1))
    assert goes_to(await browser.post("/auth/resend")) == "/login/code/"
    assert len(codes()) == 2


async def test_the_number_can_be_changed(browser):
    await ask(browser)
    assert goes_to(await browser.post("/auth/change-number")) == "/login/"
    assert f'value="{ANNA}"' in (await browser.get("/login/")).text


async def test_an_unknown_number_is_answered_with_the_same_bytes(browser):
    answers = []
    async with new_browser() as other:
        for visitor, number in ((browser, ANNA), (other, NOBODY)):
            asked = await ask(visitor, number)
            page = await visitor.get("/login/code/")
            entered = await visitor.post("/auth/verify", data={"code": "000000"})
            told = await visitor.get("/login/code/")
            answers.append(
                [
                    (answer.status_code, answer.headers.get("location"), len(answer.text), sorted(answer.headers))
                    for answer in (asked, page, entered, told)
                ]
            )
            assert re.sub(r"\d", "", told.text).count("Код не подошёл") == 1
    assert answers[0] == answers[1]
    assert len(codes()) == 1


@pytest.mark.parametrize("page", ["/login/code", "/welcome"])
async def test_who_has_no_business_on_a_page_is_sent_to_the_first(browser, page):
    assert goes_to(await browser.get(page)) == "/login/"


async def test_after_signing_in_the_visitor_comes_where_he_wanted(browser):
    await come_in(browser)
    await browser.post("/auth/welcome/skip")
    await browser.post("/auth/sign-out")
    await browser.get("/login", params={"next": "/profile/"})
    assert goes_to(await come_in(browser)) == "/profile/"


@pytest.mark.parametrize("wanted", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
async def test_but_never_to_another_site(browser, wanted):
    await browser.get("/login", params={"next": wanted})
    await come_in(browser)
    assert goes_to(await browser.post("/auth/welcome/skip")) == "/"


# ---- passwords ----


async def test_a_password_set_at_the_first_visit_opens_the_door_later(browser):
    await come_in(browser)
    assert goes_to(await browser.post("/auth/welcome", data={"password": "short"})) == "/welcome/"
    told = (await browser.get("/welcome/")).text
    assert 'data-slot="error_password">Слишком короткий пароль. Нужно 10 знаков или больше.' in told
    assert "short" not in told
    assert goes_to(await browser.post("/auth/welcome", data={"password": PASSWORD})) == "/"
    await browser.post("/auth/sign-out")

    wrong = await browser.post("/auth/password", data={"number": ANNA, "password": "совсем другой"})
    assert goes_to(wrong) == "/login/password/"
    told = (await browser.get("/login/password")).text
    assert 'data-slot="error">Неверный номер или пароль. Проверьте раскладку и Caps Lock. Осталось 5 попыток.' in told
    assert f'value="{ANNA}"' in told
    assert goes_to(await browser.post("/auth/password", data={"number": ANNA, "password": PASSWORD})) == "/"


async def test_the_profile_says_why_a_password_was_not_taken(browser):
    assert goes_to(await browser.get("/profile/")) == "/login/?next=/profile/"
    await come_in(browser)
    assert goes_to(await browser.post("/auth/profile/password", data={"password": "1234567890"})) == "/profile/"
    told = (await browser.get("/profile/")).text
    assert 'data-slot="error_password">Такой пароль легко подобрать.' in told


async def test_errors_and_pages_are_english_for_who_reads_english(browser):
    await browser.get("/login", params={"lang": "en"})
    await ask(browser, "12")
    told = (await browser.get("/login/")).text
    assert "<h1>Sign in</h1>" in told
    assert "This doesn’t look like a mobile number." in told


async def test_a_new_device_gives_a_code_after_the_password(browser):
    await come_in(browser)
    await browser.post("/auth/welcome", data={"password": PASSWORD})
    async with new_browser() as other:
        answer = await other.post("/auth/password", data={"number": ANNA, "password": PASSWORD})
        assert goes_to(answer) == "/login/code/"
        assert "sid" not in other.cookies
        assert goes_to(await other.post("/auth/verify", data={"code": codes()[-1]})) == "/"


async def test_a_saved_password_takes_the_earlier_refusal_off_the_profile(browser):
    await come_in(browser)
    await browser.post("/auth/profile/password", data={"password": "short"})
    before = (await browser.get("/auth/screen", params={"page": "/profile"})).json()

    await browser.post("/auth/profile/password", data={"password": PASSWORD})

    after = (await browser.get("/auth/screen", params={"page": "/profile"})).json()
    assert before["slots"]["error_password"].startswith("Слишком короткий пароль.")
    assert after["slots"] == {}


async def test_an_old_remembered_session_needs_a_fresh_code_to_change_the_password(browser):
    await come_in(browser, remember="1")
    clock.set_offset(timedelta(days=1))
    old = browser.cookies["sid"]
    for form in ("/auth/welcome", "/auth/profile/password", "/auth/profile/password/remove"):
        assert goes_to(await browser.post(form, data={"password": PASSWORD})) == "/profile/"
    told = (await browser.get("/auth/screen", params={"page": "/profile"})).json()
    assert told["slots"]["error_password"] == "Сначала подтвердите кодом из SMS, что это вы."

    assert goes_to(await browser.post("/auth/step-up/send")) == "/profile/"
    assert goes_to(await browser.post("/auth/step-up", data={"code": codes()[-1]})) == "/profile/"

    assert browser.cookies["sid"] != old
    done = await browser.post("/auth/profile/password", data={"password": PASSWORD})
    assert goes_to(done) == "/profile/?done=password-saved"
    assert goes_to(await browser.post("/auth/profile/password/remove")) == "/profile/?done=password-removed"


async def test_a_fresh_code_leads_back_to_the_page_that_asked_with_what_was_typed(browser):
    await come_in(browser, remember="1")
    clock.set_offset(timedelta(days=1))
    typed = "/autopay/?kind=threshold&threshold=777"
    assert goes_to(await browser.post("/auth/step-up/send", data={"next": typed})) == typed

    wrong = "000000" if codes()[-1] != "000000" else "111111"
    assert goes_to(await browser.post("/auth/step-up", data={"code": wrong, "next": typed})) == typed
    told = (await browser.get("/auth/screen", params={"page": "/autopay"})).json()
    assert told["slots"]["error_code"].startswith("Код не подошёл")

    old = browser.cookies["sid"]
    assert goes_to(await browser.post("/auth/step-up", data={"code": codes()[-1], "next": typed})) == typed
    assert browser.cookies["sid"] != old


@pytest.mark.parametrize(
    ("path", "back"),
    [
        ("https://evil.example/autopay/", "/profile/"),
        ("//evil.example/autopay/", "/profile/"),
        ("/staff/", "/profile/"),
        ("/autopay/../staff/", "/profile/"),
        ("/autopay/?kind=" + "x" * 300, "/autopay/"),
        ("/autopay/?a=\r\nSet-Cookie: sid=1", "/autopay/"),
    ],
)
async def test_a_fresh_code_leads_nowhere_else(browser, path, back):
    await come_in(browser)

    assert goes_to(await browser.post("/auth/step-up/send", data={"next": path})) == back


@pytest.mark.parametrize(
    "form",
    [
        "welcome",
        "welcome/skip",
        "profile/password",
        "profile/password/remove",
        "profile/email",
        "profile/email/remove",
        "step-up",
        "step-up/send",
        "sessions/end",
        "sign-out",
        "sign-out-everywhere",
    ],
)
async def test_a_stranger_gets_nowhere(browser, form):
    assert goes_to(
        await browser.post(f"/auth/{form}", data={"password": PASSWORD, "code": "1", "session_id": "1"})
    ) == ("/login/")


# ---- e-mail ----


def last_link() -> str:
    """The path of the link in the letter that was promised last."""
    with db.reading() as session:
        letters = session.exec(select(OutboxMessage.body).where(OutboxMessage.kind == "email")).all()
    found = re.search(rf"{SITE}(/auth/email\?token=\S+)", letters[-1])
    assert found
    return found[1]


def address_of_anna() -> str:
    with db.reading() as session:
        return channels.get_channels(session, session.exec(select(Subscriber.id)).first()).email


async def test_an_address_is_confirmed_by_the_link_of_its_letter_once(browser):
    await come_in(browser)
    asked = await browser.post("/auth/profile/email", data={"email": "anna@example.ru"})
    assert goes_to(asked) == "/profile/?done=email-asked"
    assert address_of_anna() == ""

    assert goes_to(await browser.get(last_link())) == "/profile/?done=email-confirmed"

    assert address_of_anna() == "anna@example.ru"
    assert goes_to(await browser.get(last_link())) == "/profile/?done=email-link"
    assert goes_to(await browser.post("/auth/profile/email/remove")) == "/profile/?done=email-removed"
    assert address_of_anna() == ""


async def test_a_link_that_is_opened_elsewhere_leads_through_the_sign_in_and_back(browser):
    await come_in(browser)
    await browser.post("/auth/welcome/skip")
    await browser.post("/auth/profile/email", data={"email": "anna@example.ru"})
    async with new_browser() as other:
        assert goes_to(await other.get(last_link())) == "/login/"
        assert address_of_anna() == ""

        assert goes_to(await come_in(other)) == last_link()

        assert goes_to(await other.get(last_link())) == "/profile/?done=email-confirmed"


@pytest.mark.parametrize("token", ["", "x", "я" * 300, "' OR 1=1", "%00"])
async def test_a_link_that_is_none_changes_nothing(browser, token):
    await come_in(browser)
    await browser.post("/auth/profile/email", data={"email": "anna@example.ru"})

    assert goes_to(await browser.get("/auth/email", params={"token": token})) == "/profile/?done=email-link"

    assert address_of_anna() == ""


async def test_the_profile_says_why_an_address_was_not_taken(browser):
    await come_in(browser)
    assert goes_to(await browser.post("/auth/profile/email", data={"email": "anna@"})) == "/profile/"
    told = (await browser.get("/auth/screen", params={"page": "/profile"})).json()
    assert told["slots"] == {"error_email": "Проверьте адрес: он должен быть как name@example.ru"}


async def test_an_old_remembered_session_needs_a_fresh_code_to_change_the_address(browser):
    await come_in(browser, remember="1")
    clock.set_offset(timedelta(days=1))
    for form in ("/auth/profile/email", "/auth/profile/email/remove"):
        assert goes_to(await browser.post(form, data={"email": "anna@example.ru"})) == "/profile/"
    told = (await browser.get("/auth/screen", params={"page": "/profile"})).json()
    assert told["slots"]["error_email"] == "Сначала подтвердите кодом из SMS, что это вы."

    await browser.post("/auth/step-up/send")
    await browser.post("/auth/step-up", data={"code": codes()[-1]})

    asked = await browser.post("/auth/profile/email", data={"email": "anna@example.ru"})
    assert goes_to(asked) == "/profile/?done=email-asked"


# ---- going out ----


async def test_signing_out_ends_the_session_and_closes_its_sockets(browser):
    await come_in(browser)
    token = browser.cookies["sid"]
    closed = []
    connections.attach(connections.Socket(sign_in.sessions.token_hash(token), lambda: closed.append(True)))

    out = await browser.post("/auth/sign-out")

    assert goes_to(out) == "/login/"
    assert out.headers["clear-site-data"] == '"cache"'
    assert "sid" not in browser.cookies
    assert closed == [True]
    browser.cookies.set("sid", token)
    assert goes_to(await browser.get("/welcome")) == "/login/"


async def test_signing_out_everywhere_ends_the_others_too(browser):
    await come_in(browser)
    async with new_browser() as other:
        await come_in(other)
        assert goes_to(await browser.post("/auth/sign-out-everywhere", data={"keep": "1"})) == "/profile/"
        assert goes_to(await other.get("/welcome")) == "/login/"
        assert (await browser.get("/welcome")).status_code == 200
        assert goes_to(await browser.post("/auth/sign-out-everywhere")) == "/login/"
        assert goes_to(await browser.get("/welcome")) == "/login/"


@pytest.mark.parametrize("number", ["", "x", "-1", "9" * 30, "1 OR 1=1", "²"])
async def test_ending_a_session_that_is_none_changes_nothing(browser, number):
    await come_in(browser)
    assert goes_to(await browser.post("/auth/sessions/end", data={"session_id": number})) == "/profile/"
    assert (await browser.get("/welcome")).status_code == 200


async def test_another_of_my_sessions_can_be_ended(browser):
    await come_in(browser)
    async with new_browser() as other:
        await come_in(other)
        with db.reading() as session:
            newest = max(session.exec(select(AuthSession.id)).all())
        await browser.post("/auth/sessions/end", data={"session_id": str(newest)})
        assert goes_to(await other.get("/welcome")) == "/login/"


# ---- what is no form ----


async def test_a_large_body_is_refused(browser):
    assert (await browser.post("/auth/password", data={"password": "x" * 17_000})).status_code == 413


async def test_files_and_json_are_refused(browser):
    assert (await browser.post("/auth/code", json={"number": ANNA})).status_code == 415
    assert (await browser.post("/auth/code", files={"number": b"x"})).status_code == 415


@pytest.mark.parametrize(
    "body", [b"number=%ff%fe", b"a=1&" * 50, b"\xff\xfe", b"", b"=&=&", b"number=%00%00", b"number[]=1"]
)
async def test_a_broken_body_is_no_fault(browser, body):
    answer = await browser.post(
        "/auth/code", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code in (303, 400)


@pytest.mark.parametrize("path", ["/auth/code", "/auth/verify", "/auth/sign-out", "/auth/password"])
async def test_nothing_happens_by_a_link(browser, path):
    assert (await browser.get(path)).status_code == 405


# ---- slots from elsewhere ----


async def test_the_same_slots_come_as_json(browser):
    await ask(browser)
    shown = (await browser.get("/auth/screen", params={"page": "/login/code"})).json()
    assert shown["slots"]["sent_to"].startswith("+7")
    assert 58 <= shown["resend_in"] <= 60
    assert (await browser.get("/auth/screen", params={"page": "/login/"})).json()["fills"] == {"number": ANNA}
    assert (await browser.get("/auth/screen", params={"page": "/etc"})).status_code == 404
    assert (await browser.get("/auth/screen")).status_code == 404


async def test_pages_on_another_port_get_their_visitors_back(browser):
    async with new_browser(Host="localhost:8000", Origin=SITE) as dev:
        assert goes_to(await dev.post("/auth/change-number")) == f"{SITE}/login/"
    async with new_browser(Origin=SITE) as same:
        assert goes_to(await same.post("/auth/change-number")) == "/login/"


async def test_an_untouched_page_goes_out_as_the_build_compressed_it(browser):
    (pages.static_dir() / "login" / "index.html.br").write_bytes(b"compressed")
    request = browser.build_request("GET", "/login/", headers={"Accept-Encoding": "br"})
    answer = await browser.send(request, stream=True)
    assert answer.headers["content-encoding"] == "br"
    assert [chunk async for chunk in answer.aiter_raw()] == [b"compressed"]


async def test_neither_code_nor_password_nor_cookie_is_in_the_log(browser, caplog):
    caplog.set_level("DEBUG")
    await come_in(browser)
    await browser.post("/auth/welcome", data={"password": PASSWORD})
    await browser.post("/auth/sign-out")
    await browser.post("/auth/password", data={"number": ANNA, "password": PASSWORD})
    text = "\n".join(line for line in caplog.text.splitlines() if "httpx" not in line and "httpcore" not in line)
    for secret in (codes()[-1], PASSWORD, browser.cookies["sid"], browser.cookies["pre"], ANNA):
        assert secret not in text
