"""Services as a person uses them: on by the sheet, off in one tap, what is in the way said before the press."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.conftest import newcomer, sign_in
from tests.browser.test_pages import AXE_TAGS
from tests.site import Site

MONEY = 200_00


def open_services(page: Page) -> None:
    page.goto("/services/")
    expect(page.get_by_role("heading", name="Можно подключить")).to_be_visible()


def joined(page: Page, site: Site, kopecks: int = MONEY) -> None:
    """Signs in somebody new with that money and opens the services."""
    sign_in(page, site, newcomer(site, kopecks))
    open_services(page)


def switch(page: Page, name: str) -> Locator:
    return page.get_by_role("switch", name=re.compile(rf"^{name}"))


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("listitem").filter(has=switch(page, name))


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def total(page: Page) -> Locator:
    return page.get_by_text("Платных услуг и пакетов").locator("xpath=..")


def test_a_paid_service_is_seen_confirmed_and_then_on(page: Page, site: Site, complaints: list[str]):
    joined(page, site)

    switch(page, "Голосовая почта").click()

    sheet = page.get_by_role("dialog", name="Подключить услугу?")
    expect(sheet.get_by_text("49\u202f₽ в месяц")).to_be_visible()
    expect(sheet.get_by_text("151\u202f₽")).to_be_visible()  # the balance after
    expect(switch(page, "Голосовая почта")).not_to_be_checked()
    sheet.get_by_role("button", name="Подключить за 49\u202f₽").click()
    expect(section(page, "Подключены").get_by_role("switch", name="Голосовая почта")).to_be_checked()
    expect(row(page, "Голосовая почта")).to_contain_text("Следующее списание")
    expect(total(page)).to_contain_text("49\u202f₽")
    expect(total(page)).to_contain_text("Ближайшее списание")
    page.reload()
    expect(switch(page, "Голосовая почта")).to_be_checked()


def test_what_is_not_confirmed_goes_back_and_the_focus_too(page: Page, site: Site):
    joined(page, site)

    switch(page, "Голосовая почта").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(switch(page, "Голосовая почта")).not_to_be_checked()
    expect(switch(page, "Голосовая почта")).to_be_focused()
    expect(section(page, "Подключены")).to_have_count(0)


def test_a_free_service_is_on_at_once_and_can_be_taken_back(page: Page, site: Site):
    joined(page, site)

    switch(page, "Кто звонил").click()

    expect(section(page, "Подключены").get_by_role("switch", name="Кто звонил")).to_be_checked()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Отменить").click()
    expect(page.get_by_text("Отменили: всё как было")).to_be_visible()
    expect(switch(page, "Кто звонил")).not_to_be_checked()
    expect(section(page, "Подключены")).to_have_count(0)


def test_switching_off_is_one_tap_that_says_until_when_it_works(page: Page, site: Site):
    joined(page, site)
    switch(page, "Голосовая почта").click()
    page.get_by_role("button", name="Подключить за").click()
    expect(switch(page, "Голосовая почта")).to_be_checked()

    switch(page, "Голосовая почта").click()

    expect(page.get_by_role("status").get_by_text("Отключили «Голосовая почта», работает по")).to_be_visible()
    expect(switch(page, "Голосовая почта")).not_to_be_checked()
    expect(row(page, "Голосовая почта")).to_contain_text("Отключена, работает по")
    expect(total(page)).to_contain_text("0\u202f₽")
    page.get_by_role("button", name="Отменить").click()
    expect(switch(page, "Голосовая почта")).to_be_checked()


def test_what_is_missing_is_explained_and_one_tap_away(page: Page, site: Site):
    joined(page, site)
    name, needed = "Определитель скрытых номеров", "Определитель номера"
    expect(switch(page, name)).to_be_disabled()
    expect(row(page, name)).to_contain_text(f"Работает только вместе с: «{needed}»")

    row(page, name).get_by_role("button", name=f"Подключить «{needed}»").click()

    expect(switch(page, needed)).to_be_checked()
    expect(switch(page, name)).to_be_enabled()
    switch(page, name).click()
    page.get_by_role("button", name="Подключить за 15\u202f₽").click()
    expect(switch(page, name)).to_be_checked()
    expect(switch(page, needed)).to_be_disabled()
    expect(row(page, needed)).to_contain_text("Без неё не будет работать")


def test_a_conflict_is_explained_before_the_press(page: Page, site: Site):
    joined(page, site)
    expect(row(page, "Интернет в поездках")).to_contain_text("Не работает вместе с: «Без роуминга»")
    switch(page, "Без роуминга").click()

    expect(switch(page, "Интернет в поездках")).to_be_disabled()
    row(page, "Интернет в поездках").get_by_role("button", name="Отключить «Без роуминга»").click()

    expect(switch(page, "Интернет в поездках")).to_be_enabled()
    expect(switch(page, "Без роуминга")).not_to_be_checked()


def test_a_trial_asks_again_before_it_costs_anything(page: Page, site: Site):
    joined(page, site)
    expect(row(page, "Мелодия вместо гудка")).to_contain_text("7\u00a0дней бесплатно, дальше сама не станет платной")

    switch(page, "Мелодия вместо гудка").click()
    expect(page.get_by_role("dialog").get_by_text("Платной сама не станет")).to_be_visible()
    page.get_by_role("button", name="Попробовать бесплатно").click()
    expect(switch(page, "Мелодия вместо гудка")).to_be_checked()
    expect(total(page)).to_contain_text("Платных услуг и пакетов: 0")

    row(page, "Мелодия вместо гудка").get_by_role("button", name="Оставить за 79\u202f₽ в месяц").click()
    page.get_by_role("dialog").get_by_role("button", name="Оставить за 79\u202f₽ в месяц").click()
    expect(row(page, "Мелодия вместо гудка").get_by_role("button")).to_have_count(0)
    expect(row(page, "Мелодия вместо гудка")).to_contain_text("Следующее списание")
    expect(total(page)).to_contain_text("79\u202f₽")


def test_without_the_money_it_is_said_and_nothing_is_done(page: Page, site: Site):
    joined(page, site, 10_00)

    switch(page, "Голосовая почта").click()

    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_text("Не хватает 39\u202f₽")).to_be_visible()
    expect(sheet.get_by_role("button", name="Подключить")).to_have_count(0)
    sheet.get_by_role("button", name="Не подключать").click()
    expect(switch(page, "Голосовая почта")).not_to_be_checked()


def test_what_comes_with_the_plan_has_nothing_to_switch(page: Page, site: Site):
    joined(page, site)

    included = section(page, "Входят в тариф")

    expect(included).to_contain_text("Раздача интернета")
    expect(included).to_contain_text("Входит в тариф")
    expect(included.get_by_role("switch")).to_have_count(0)


def test_the_search_finds_as_one_types_and_keeps_the_focus(page: Page, site: Site):
    joined(page, site)
    field = page.get_by_role("searchbox", name="Найти услугу")

    field.press_sequentially("за границ")
    expect(switch(page, "Звонки за границу дешевле")).to_be_visible()
    expect(switch(page, "Голосовая почта")).to_have_count(0)
    expect(field).to_be_focused()

    field.fill("роумнг")
    expect(page.get_by_text("Ничего не нашли по слову «роумнг».")).to_be_visible()
    expect(page.get_by_text("Проверьте буквы или выберите категорию.")).to_be_visible()
    expect(field).to_be_focused()
    page.get_by_role("button", name="Показать все").click()
    expect(field).to_have_value("")
    expect(switch(page, "Голосовая почта")).to_be_visible()


@pytest.mark.parametrize("search", ["%", "_", "' OR 1=1 --", '"', "\\", "<b>", "😀", "x" * 10_000])
def test_an_odd_search_finds_nothing_and_breaks_nothing(
    search: str, annas: Page, complaints_of: Callable[[Page], list[str]]
):
    found = complaints_of(annas)
    open_services(annas)

    annas.get_by_role("searchbox").fill(search)

    expect(annas.get_by_text("Ничего не нашли по слову")).to_be_visible()
    assert annas.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert found == []


def test_a_category_shows_its_own(annas: Page):
    open_services(annas)

    annas.get_by_role("button", name="Роуминг", exact=True).click()

    expect(annas.get_by_role("button", name="Роуминг", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(annas.get_by_role("switch")).to_have_count(3)
    annas.get_by_role("button", name="Все", exact=True).click()
    expect(switch(annas, "Книги")).to_be_visible()


def test_anna_has_services_of_her_own(annas: Page):
    open_services(annas)

    connected = section(annas, "Подключены")

    expect(connected.get_by_role("switch")).to_have_count(3)
    expect(connected.get_by_role("button", name="Оставить за 169\u202f₽ в месяц")).to_be_visible()


def test_two_tabs_cannot_switch_one_service_on_twice(page: Page, site: Site):
    joined(page, site)
    other = page.context.new_page()
    open_services(other)
    switch(page, "Голосовая почта").click()
    switch(other, "Голосовая почта").click()
    expect(other.get_by_role("dialog")).to_be_visible()
    page.get_by_role("button", name="Подключить за").click()
    expect(switch(page, "Голосовая почта")).to_be_checked()

    other.get_by_role("button", name="Подключить за").click()

    expect(other.get_by_text("Услуга «Голосовая почта» уже подключена.")).to_be_visible()
    other.get_by_role("button", name="Не подключать").click()
    expect(switch(other, "Голосовая почта")).to_be_checked()
    expect(total(other)).to_contain_text("49\u202f₽")


def test_two_tabs_cannot_have_two_that_do_not_go_together(page: Page, site: Site):
    joined(page, site, 500_00)
    other = page.context.new_page()
    open_services(other)
    switch(page, "Без роуминга").click()
    expect(switch(page, "Без роуминга")).to_be_checked()

    switch(other, "Интернет в поездках").click()

    refusal = other.get_by_role("dialog", name="Сейчас не получится")
    expect(refusal).to_contain_text("Не работает вместе с услугой: «Без роуминга»")
    refusal.get_by_role("button", name="Понятно").click()
    expect(switch(other, "Интернет в поездках")).to_be_disabled()


def test_a_service_is_switched_on_by_the_keyboard_alone(page: Page, site: Site):
    joined(page, site)
    switch(page, "Голосовая почта").focus()

    page.keyboard.press("Space")
    confirm = page.get_by_role("button", name="Подключить за")
    expect(confirm).to_be_visible()
    confirm.focus()
    page.keyboard.press("Enter")

    expect(switch(page, "Голосовая почта")).to_be_checked()
    expect(switch(page, "Голосовая почта")).to_be_focused()  # in the other list now


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_sheet_over_the_services_is_accessible(
    scheme: str, new_context: Callable[..., BrowserContext], anna_state: dict
):
    page = new_context(storage_state=anna_state, color_scheme=scheme).new_page()
    open_services(page)
    switch(page, "Книги").click()
    expect(page.get_by_role("dialog")).to_be_visible()

    found = Axe().run(page, options={"runOnly": AXE_TAGS}).response["violations"]

    assert [f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found] == []


def test_an_english_reader_reads_english(new_context: Callable[..., BrowserContext], anna_state: dict, site: Site):
    context = new_context(storage_state=anna_state)
    context.add_cookies([{"name": "lang", "value": "en", "url": site.url}])
    page = context.new_page()
    page.goto("/services/")

    expect(page.get_by_role("heading", name="Can be added")).to_be_visible()
    expect(page.get_by_text("Comes with the plan", exact=True)).to_be_visible()
    for path in ("/services/", "/packages/", "/tariffs/"):
        page.goto(path)
        expect(page.get_by_text("All figures as of")).to_be_visible()
        assert re.findall("[А-Яа-яЁё]+", page.get_by_role("main").inner_text()) == [], path
