"""Notices as a subscriber meets them: the bell, the page, the ways they come by."""

import re

from playwright.sync_api import Page, expect

from cabinet.models.notices import NoticeKind
from cabinet.services import notices, subscribers
from tests.browser.conftest import newcomer, sign_in
from tests.site import Site
from tests.waiting import wait_until


def money_and_internet_ran_out(site: Site, number: str) -> None:
    now = site.now()
    with site.transaction() as session:
        whose = subscribers.find_active_by_msisdn(session, f"7{number}")
        assert whose is not None
        happened = [
            notices.Event(whose.id, NoticeKind.SUSPENDED, f"suspended:{number}", now, {"kopecks": 65000}),
            notices.Event(whose.id, NoticeKind.ALLOWANCE_OUT, f"out:{number}", now, {"usage": "data"}),
        ]
        notices.tell(session, happened, now=now)


def bell(page: Page):
    return page.get_by_role("banner").get_by_role("link", name="Уведомления")


def test_the_bell_leads_to_what_happened_and_from_there_to_the_thing(page: Page, site: Site, complaints: list[str]):
    sign_in(page, site, newcomer(site, 100_00))
    expect(bell(page)).to_have_accessible_name(re.compile("^Уведомления, [12].нов"))

    bell(page).click()

    expect(page.get_by_role("heading", name="Сегодня")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile("Вошли с нового устройства.*Новое"))).to_be_visible()
    expect(bell(page)).to_have_accessible_name("Уведомления")
    page.get_by_role("link", name=re.compile("Списали 650.₽ — плата за тариф")).click()
    page.wait_for_url(re.compile(r"/expenses/\?month=\d{4}-\d\d$"))
    expect(page.get_by_role("heading", name="Расходы", exact=True)).to_be_visible()


def test_the_bell_of_an_open_page_hears_what_happens_elsewhere(page: Page, site: Site):
    sign_in(page, site, newcomer(site, 100_00))
    bell(page).click()
    expect(bell(page)).to_have_accessible_name("Уведомления")

    form = {"password": "тихий-зонт-42 у окна"}
    page.context.request.post("/auth/profile/password", form=form, headers={"Origin": site.url})

    expect(bell(page)).to_have_accessible_name(re.compile("^Уведомления, 1.новое$"))


def test_a_way_that_was_switched_off_is_silent_and_the_line_is_there(page: Page, site: Site):
    number = newcomer(site, 0)
    sign_in(page, site, number)
    page.goto("/profile")
    page.get_by_role("switch", name="SMS Мало денег перед платой").click()
    expect(page.get_by_role("switch", name="SMS Мало денег перед платой")).not_to_be_checked()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)

    money_and_internet_ran_out(site, number)

    wait_until(lambda: "Интернет в пакете закончился." in site.sms_to(number), what="an SMS of the other topic")
    assert [text for text in site.sms_to(number) if "Не хватило" in text] == []
    page.goto("/notices")
    expect(page.get_by_text(re.compile("Не хватило 650.₽ на плату"))).to_be_visible()
    expect(page.get_by_text("Интернет в пакете закончился.")).to_be_visible()


def test_an_address_is_confirmed_by_its_letter_and_letters_can_be_chosen(page: Page, site: Site, number: str):
    address = f"a{number}@example.ru"
    sign_in(page, site, number)
    page.goto("/profile")
    page.get_by_label("Новый адрес").fill(address)
    page.get_by_role("button", name="Отправить письмо").click()
    expect(page.get_by_text(f"Подтвердите {address}")).to_be_visible()
    expect(page.get_by_role("switch", name="E-mail Мало денег перед платой")).to_be_hidden()

    page.goto("/demo/phone")
    letter = page.get_by_role("listitem").filter(has_text=address)
    letter.get_by_role("link", name="Открыть ссылку из письма").click()

    expect(page.get_by_text("Адрес подтверждён")).to_be_visible()
    expect(page.get_by_role("switch", name="E-mail Мало денег перед платой")).to_be_checked()
    letters = wait_until(
        lambda: (
            (found := [one for one in site.state()["letters"] if one["to"] == address]) and len(found) > 1 and found
        ),
        what="a letter that the address is in use",
    )
    link = re.search(r"\S+/auth/email\?token=\S+", letters[0]["text"])
    assert link
    page.goto(link[0])
    expect(page.get_by_text("Ссылка не подошла")).to_be_visible()
    page.get_by_role("button", name="Убрать адрес").click()
    expect(page.get_by_text("Не указан: письма не приходят.")).to_be_visible()
