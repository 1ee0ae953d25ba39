"""Signing in as people do it: a first visit, haste, mistakes, two tabs, no scripts, no mouse."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import ask_for_code, enter_code, newest_code, sign_in, submit_number
from tests.site import Site
from tests.waiting import wait_until

PASSWORD = "тихий-зонт-42 у окна"
CODE_FIELD = "Код из SMS, 6 цифр"
SPELLINGS = ["+7 {0} {1}-{2}-{3}", "8 ({0}) {1} {2} {3}", "7{0}{1}{2}{3}", " {0}\u00a0{1}\u200b{2}{3} "]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def test_a_first_visit_goes_through_captcha_code_and_password_to_the_dashboard(page: Page, site: Site, number: str):
    page.goto("/login")
    expect(page.get_by_role("heading", name="Вход в кабинет")).to_be_visible()
    expect(page.get_by_label("Буквы с картинки")).to_be_visible()

    enter_code(page, submit_number(page, site, number))

    expect(page.get_by_role("heading", name="Придумать пароль?")).to_be_visible()
    page.get_by_label("Пароль", exact=False).first.fill(PASSWORD)
    page.get_by_role("button", name="Сохранить пароль").click()
    expect(page.get_by_role("heading", name="Баланс")).to_be_visible()
    expect(page.get_by_role("heading", name="Остатки")).to_be_visible()
    expect(page.get_by_role("heading", name="Операции")).to_be_visible()


def test_the_password_can_be_skipped_and_is_not_offered_again(
    page: Page, site: Site, number: str, new_context: Callable[..., BrowserContext]
):
    enter_code(page, ask_for_code(page, site, number))
    page.wait_for_url("**/welcome/")
    page.get_by_role("button", name="Пропустить").click()
    expect(page.get_by_role("heading", name="Баланс")).to_be_visible()

    other = new_context().new_page()
    enter_code(other, ask_for_code(other, site, number))

    expect(other.get_by_role("heading", name="Баланс")).to_be_visible()


@pytest.mark.parametrize(
    "spelling", ["+7 {0} {1}-{2}-{3}", "8 ({0}) {1} {2} {3}", "7{0}{1}{2}{3}", " {0}\u00a0{1}\u200b{2}{3} "]
)
def test_every_usual_spelling_of_the_number_is_understood(page: Page, site: Site, number: str, spelling: str):
    typed = spelling.format(number[:3], number[3:6], number[6:8], number[8:])

    assert re.fullmatch(r"\d{6}", ask_for_code(page, site, typed))


def test_what_is_no_mobile_number_is_explained_and_kept(page: Page, site: Site):
    page.goto("/login")
    page.get_by_label("Номер телефона").fill("916 204")
    page.get_by_label("Буквы с картинки").fill(site.state(page.context)["captcha"])
    page.get_by_role("button", name="Получить код").click()

    expect(page.get_by_text("Номер не похож на мобильный")).to_be_visible()
    expect(page.get_by_label("Номер телефона")).to_have_value(re.compile("916 ?204"))


def test_wrong_letters_bring_a_new_picture_and_keep_the_number(page: Page, site: Site, number: str):
    page.goto("/login")
    page.get_by_label("Номер телефона").fill(number)
    page.get_by_label("Буквы с картинки").fill("щщщщщ")
    page.get_by_role("button", name="Получить код").click()

    expect(page.get_by_text("Буквы не совпали")).to_be_visible()
    assert number in re.sub(r"\D", "", page.get_by_label("Номер телефона").input_value())
    submit_number(page, site, number)


def test_another_picture_has_other_letters(page: Page, site: Site):
    page.goto("/login")
    expect(page.get_by_label("Буквы с картинки")).to_be_visible()
    before = wait_until(lambda: site.state(page.context)["captcha"])

    page.get_by_role("button", name="Другая картинка").click()

    wait_until(lambda: site.state(page.context)["captcha"] not in ("", before), what="other letters")


def test_the_letters_can_be_listened_to(page: Page, site: Site):
    page.goto("/login")
    wait_until(lambda: site.state(page.context)["captcha"])
    sound = page.context.request.get("/auth/captcha.wav")
    assert sound.ok
    assert sound.body()[:4] == b"RIFF"
    expect(page.get_by_text("Прослушать")).to_be_visible()


def test_a_wrong_code_says_how_many_tries_are_left_and_the_right_one_still_works(page: Page, site: Site, number: str):
    code = ask_for_code(page, site, number)

    enter_code(page, wrong(code))

    expect(page.get_by_text("Осталось 4 попытки")).to_be_visible()
    enter_code(page, code)
    page.wait_for_url("**/welcome/")


def test_a_code_may_be_pasted_with_spaces(page: Page, site: Site, number: str):
    code = ask_for_code(page, site, number)

    page.get_by_label(CODE_FIELD).focus()
    page.keyboard.insert_text(f" {code[:3]} {code[3:]}")

    page.wait_for_url("**/welcome/")
    page.get_by_label("Пароль", exact=False).first.fill("тихий зонт у окна " * 8)
    page.get_by_role("button", name="Сохранить пароль").click()
    expect(page.get_by_text("Слишком длинный пароль")).to_be_visible()
    expect(page.get_by_label("Пароль", exact=False).first).to_be_focused()


def test_five_wrong_codes_end_the_code(page: Page, site: Site, number: str):
    code = ask_for_code(page, site, number)

    for left in (4, 3, 2, 1):
        enter_code(page, wrong(code))
        expect(page.get_by_text(re.compile(rf"Остал[а-я]+ {left} попыт"))).to_be_visible()
    enter_code(page, wrong(code))

    expect(page.get_by_text("Попытки закончились")).to_be_visible()
    enter_code(page, code)
    expect(page.get_by_label(CODE_FIELD)).to_be_visible()


def test_a_code_opens_the_door_once(page: Page, site: Site, number: str):
    code = ask_for_code(page, site, number)
    other_tab = page.context.new_page()
    other_tab.goto("/login/code")
    enter_code(page, code)
    page.wait_for_url("**/welcome/")
    page.context.clear_cookies(name="sid")

    enter_code(other_tab, code)

    expect(other_tab.get_by_role("heading", name=re.compile("Вход в кабинет|Введите код"))).to_be_visible()
    expect(other_tab.get_by_role("heading", name="Баланс")).to_have_count(0)


def test_a_code_of_another_browser_does_not_work(
    page: Page, site: Site, number: str, new_context: Callable[..., BrowserContext]
):
    stolen = ask_for_code(page, site, number)
    thief = new_context().new_page()
    own = ask_for_code(thief, site, "9160000003")

    enter_code(thief, stolen if stolen != own else wrong(own))

    expect(thief.get_by_text("Код не подошёл")).to_be_visible()


def test_the_code_can_be_sent_again_after_the_countdown_and_the_older_one_is_dead(page: Page, site: Site, number: str):
    first = ask_for_code(page, site, number)
    expect(page.get_by_text("Отправить код снова можно через")).to_be_visible()

    page.get_by_role("button", name="Отправить код снова").click()

    second = newest_code(site, number, 1)
    expect(page.get_by_text("Отправить код снова можно через")).to_be_visible()
    if first != second:
        enter_code(page, first)
        expect(page.get_by_text("старые коды не действуют")).to_be_visible()
    enter_code(page, second)
    page.wait_for_url("**/welcome/")


def test_a_resend_before_its_time_sends_nothing(page: Page, site: Site, number: str):
    ask_for_code(page, site, number)

    early = page.context.request.post("/auth/resend", headers={"Origin": site.url}, max_redirects=0)

    assert early.status == 303
    assert len(site.sms_to(number)) == 1


def test_the_number_can_be_changed(page: Page, site: Site, number: str):
    ask_for_code(page, site, "9160000003")

    page.get_by_role("link", name="Изменить номер").or_(page.get_by_role("button", name="Изменить номер")).click()

    expect(page.get_by_label("Номер телефона")).to_be_visible()
    enter_code(page, submit_number(page, site, number))
    page.wait_for_url("**/welcome/")


def test_a_password_signs_in(page: Page, site: Site, number: str, new_context: Callable[..., BrowserContext]):
    enter_code(page, ask_for_code(page, site, number))
    page.get_by_label("Пароль", exact=False).first.fill(PASSWORD)
    page.get_by_role("button", name="Сохранить пароль").click()
    expect(page.get_by_role("heading", name="Баланс")).to_be_visible()
    page.goto("/profile")
    page.get_by_role("button", name="Выйти", exact=True).last.click()
    expect(page.get_by_role("heading", name="Вход в кабинет")).to_be_visible()

    page.get_by_role("link", name="По паролю").click()
    page.get_by_label("Номер телефона").fill(number)
    page.get_by_label("Пароль", exact=True).fill("совсем другой пароль")
    page.get_by_role("button", name="Войти").click()
    expect(page.get_by_text("Неверный номер или пароль")).to_be_visible()
    page.get_by_label("Пароль", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Войти").click()

    expect(page.get_by_role("heading", name="Баланс")).to_be_visible()


def test_sign_out_closes_the_door_and_the_back_button_does_not_open_it(page: Page, site: Site, number: str):
    sign_in(page, site, number)
    page.goto("/profile")
    page.get_by_role("button", name="Выйти", exact=True).last.click()
    expect(page.get_by_role("heading", name="Вход в кабинет")).to_be_visible()

    page.go_back()

    expect(page.get_by_role("heading", name="Вход в кабинет")).to_be_visible()
    expect(page.get_by_role("heading", name="Баланс")).to_have_count(0)


def test_a_sign_out_in_one_tab_ends_the_other(page: Page, site: Site, number: str):
    sign_in(page, site, number)
    other = page.context.new_page()
    other.goto("/profile")
    expect(other.get_by_role("heading", name="Устройства")).to_be_visible()
    page.goto("/profile")

    page.get_by_role("button", name="Выйти", exact=True).last.click()
    expect(page.get_by_role("heading", name="Вход в кабинет")).to_be_visible()

    expect(other.get_by_role("heading", name="Вход в кабинет")).to_be_visible()
    expect(other.get_by_text("Сеанс закончился. Войдите снова.", exact=True)).to_be_visible()


def test_the_tab_of_a_session_ended_elsewhere_is_led_out_by_itself(
    page: Page, site: Site, number: str, new_context: Callable[..., BrowserContext]
):
    sign_in(page, site, number)
    other = new_context().new_page()
    sign_in(other, site, number)
    other.goto("/profile")

    other.get_by_role("button", name="Выйти на всех").click()

    expect(page.get_by_role("heading", name="Вход в кабинет")).to_be_visible()
    expect(page.get_by_role("heading", name="Баланс")).to_have_count(0)


def test_who_comes_back_after_the_session_ended_is_told_and_led_to_the_page(
    page: Page, site: Site, number: str, new_context: Callable[..., BrowserContext]
):
    sign_in(page, site, number)
    page.goto("/login/password")  # a page without a socket: nobody tells it
    other = new_context().new_page()
    sign_in(other, site, number)
    other.goto("/profile")
    other.get_by_role("button", name="Выйти на всех").click()
    expect(other.get_by_role("button", name="Выйти на всех")).to_have_count(0)

    page.goto("/expenses/")

    expect(page.get_by_text("Сеанс закончился. Войдите снова.", exact=True)).to_be_visible()
    enter_code(page, submit_number(page, site, number))
    expect(page).to_have_url(re.compile("/expenses/$"))
    expect(page.get_by_role("heading", name="Операции")).to_be_visible()


def test_what_was_typed_waits_for_the_same_subscriber(
    page: Page, site: Site, number: str, new_context: Callable[..., BrowserContext]
):
    sign_in(page, site, number)
    page.goto("/expenses/?lang=ru")
    search = page.get_by_role("searchbox", name="Поиск по операциям")
    search.fill("Казахстан")
    other = new_context().new_page()
    sign_in(other, site, number)
    other.goto("/profile")

    other.get_by_role("button", name="Выйти на всех").click()

    expect(page.get_by_text("Сеанс закончился. Войдите снова — введённое сохранили.")).to_be_visible()
    enter_code(page, submit_number(page, site, number))
    expect(page).to_have_url(re.compile("/expenses/"))
    expect(search).to_have_value("Казахстан")


def test_what_was_typed_is_given_to_nobody_else(
    page: Page, site: Site, spare_numbers: Iterator[str], new_context: Callable[..., BrowserContext]
):
    mine, theirs = next(spare_numbers), next(spare_numbers)
    sign_in(page, site, mine)
    page.goto("/expenses/")
    search = page.get_by_role("searchbox", name="Поиск по операциям")
    search.fill("Казахстан")
    other = new_context().new_page()
    sign_in(other, site, mine)
    other.goto("/profile")
    other.get_by_role("button", name="Выйти на всех").click()
    expect(page.get_by_text("введённое сохранили")).to_be_visible()

    enter_code(page, submit_number(page, site, theirs))
    page.get_by_role("button", name="Пропустить").click()

    expect(page).to_have_url(re.compile("/expenses/"))
    expect(search).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-owner", re.compile(theirs[-2:]))
    expect(search).to_have_value("")


def test_a_stranger_and_who_signs_out_are_told_of_no_ended_session(page: Page, site: Site, number: str):
    page.goto("/expenses/")
    expect(page.get_by_role("heading", name="Вход в кабинет")).to_be_visible()
    expect(page.get_by_text("Сеанс закончился")).to_have_count(0)
    enter_code(page, submit_number(page, site, number))
    page.get_by_role("button", name="Пропустить").click()
    expect(page).to_have_url(re.compile("/expenses/"))

    page.goto("/profile")
    page.get_by_role("button", name="Выйти", exact=True).last.click()

    expect(page.get_by_role("heading", name="Вход в кабинет")).to_be_visible()
    expect(page.get_by_text("Сеанс закончился")).to_be_hidden()


def test_a_refused_password_is_explained_beside_its_field(page: Page, site: Site, number: str):
    enter_code(page, ask_for_code(page, site, number))
    page.wait_for_url("**/welcome/")
    field = page.get_by_label("Новый пароль")

    field.fill("1234")
    page.get_by_role("button", name="Сохранить пароль").click()

    expect(page.get_by_role("alert").filter(has_text="пароль").first).to_be_visible()
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    help_box, rules_box = (
        page.get_by_role("link", name="Что делать").bounding_box(),
        page.get_by_text("знаков или больше", exact=False).last.bounding_box(),
    )
    assert help_box["y"] < rules_box["y"]


def test_an_unknown_number_is_answered_alike_and_gets_no_sms(page: Page, site: Site, number: str):
    page.goto("/login")
    page.get_by_label("Номер телефона").fill("9169999999")
    page.get_by_label("Буквы с картинки").fill(site.state(page.context)["captcha"])
    page.get_by_role("button", name="Получить код").click()
    expect(page.get_by_label(CODE_FIELD)).to_be_visible()
    unknown = page.locator("main").inner_text()
    page.context.clear_cookies()

    ask_for_code(page, site, number)

    known = page.locator("main").inner_text()
    assert re.sub(r"\d", "0", unknown) == re.sub(r"\d", "0", known)
    assert site.sms_to("9169999999") == []


def test_it_works_up_to_the_dashboards_door_without_scripts(
    site: Site, number: str, new_context: Callable[..., BrowserContext]
):
    context = new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto("/login")
    page.get_by_label("Номер телефона").fill(number)
    page.get_by_label("Буквы с картинки").fill("щщщщщ")
    page.get_by_role("button", name="Получить код").click()
    expect(page.get_by_text("Буквы не совпали")).to_be_visible()
    assert number in re.sub(r"\D", "", page.get_by_label("Номер телефона").input_value())
    before = site.state(context)["captcha"]
    page.get_by_role("button", name="Другая картинка").click()
    wait_until(lambda: site.state(context)["captcha"] not in ("", before), what="another picture without scripts")

    code = submit_number(page, site, number)
    page.get_by_label(CODE_FIELD).fill(wrong(code))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Осталось 4 попытки")).to_be_visible()
    page.get_by_label(CODE_FIELD).fill(code)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Придумать пароль?")).to_be_visible()
    page.get_by_role("button", name="Пропустить").click()

    assert page.url.rstrip("/") == site.url


def test_the_keyboard_is_enough(page: Page, site: Site, number: str):
    page.goto("/login")
    field = page.get_by_label("Номер телефона")
    for _ in range(12):
        page.keyboard.press("Tab")
        if field.evaluate("e => e === document.activeElement"):
            break
    page.keyboard.type(number)
    letters = page.get_by_label("Буквы с картинки")
    for _ in range(4):
        page.keyboard.press("Tab")
        if letters.evaluate("e => e === document.activeElement"):
            break
    page.keyboard.type(site.state(page.context)["captcha"])
    page.keyboard.press("Enter")
    expect(page.get_by_label(CODE_FIELD)).to_be_focused()
    page.keyboard.type(newest_code(site, number, 0))

    expect(page.get_by_role("heading", name="Придумать пароль?")).to_be_visible()


def test_a_remembered_device_is_not_asked_for_letters_again(page: Page, site: Site, number: str):
    sign_in(page, site, number)
    page.goto("/profile")
    page.get_by_role("button", name="Выйти", exact=True).last.click()

    expect(page.get_by_label("Номер телефона")).to_be_visible()

    expect(page.get_by_label("Буквы с картинки")).to_be_hidden()


def test_a_signed_in_subscriber_does_not_see_the_sign_in_page(page: Page, site: Site, number: str):
    sign_in(page, site, number)

    page.goto("/login")

    expect(page.get_by_role("heading", name="Баланс")).to_be_visible()
