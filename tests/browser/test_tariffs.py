"""The tariff as a person uses it: sliders with the price at once, a switch from the advisor, what is planned and taken
back, refusals, two tabs."""

import itertools
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, expect
from sqlmodel import Session

from cabinet import clock
from cabinet.adapters.usage_files import UsageRow
from cabinet.config import settings
from cabinet.domain import catalogue
from cabinet.domain.advice import every_settings
from cabinet.domain.periods import PeriodUnit, periods_between
from cabinet.services import billing, orders, subscribers, tariffs, usage
from cabinet.ui import formats
from tests.browser.conftest import Site, sign_in
from tests.browser.test_expenses import SHIFTS
from tests.browser.test_pages import AXE_TAGS, TOO_SMALL

_numbers = itertools.count(9163000001)


class Number:
    """A subscriber of «Свобода» in Moscow, 35 GB and 500 minutes for 650 ₽ since half a year, who uses 20 GB and talks
    for 150 minutes a month; the fee is paid and `roubles` are left."""

    def __init__(self, site: Site, roubles: int = 5_000, *, months: int = 4) -> None:
        self.site, self.digits = site, str(next(_numbers))
        now = self.now()
        since = now - timedelta(days=31 * (months + 1))
        with self.site.transaction() as session:
            self.id = subscribers.create(
                session,
                account_number=self.digits,
                msisdn=f"7{self.digits}",
                name="Галина",
                region="moskva",
                plan_code="svoboda",
                anchor_day=(now + timedelta(days=9)).day,
                activated_at=since,
                now=now,
            )
            anchor = (now + timedelta(days=9)).day
            fees = len(list(periods_between(since, now, anchor, PeriodUnit.MONTH, clock.time_zone())))
            self._pay(session, 650 * fees + roubles)  # what waits for money takes it at once
            billing.charge_fees_until(session, billing.list_due(session, now, 1_000), now, now=now)
            usage.import_batch(session, list(self._usage(now, months)), now=now)

    def now(self) -> datetime:
        return self.site.now()

    def _pay(self, session: Session, roubles: int) -> None:
        now = self.now()
        billing.record_payment(
            session, self.id, roubles * 100, reference=f"test:{self.id}", happened_at=now, now=now, source="test"
        )

    def _usage(self, now: datetime, months: int) -> Iterator[UsageRow]:
        at = clock.local(now).replace(day=10)
        for number in range(months):
            at = (at.replace(day=1) - timedelta(days=1)).replace(day=10)
            who = f"7{self.digits}"
            yield UsageRow(f"{who}-call-{number}", who, "voice", "out", at, 150 * 60, "home", "79031234567")
            yield UsageRow(f"{who}-data-{number}", who, "data", "out", at, 20 * 2**30, "home", "")

    def order(self, ask: Callable, *arguments: object, **named: object) -> None:
        """Done elsewhere: in another tab, by another process."""
        with self.site.transaction() as session:
            quote = ask(session, self.id, *arguments, now=self.now(), **named)
            assert isinstance(orders.confirm(session, self.id, quote.id, now=self.now()), orders.Order)

    def spend(self, minutes: int) -> None:
        """Calls abroad, 45 ₽ a minute."""
        with self.site.transaction() as session:
            at, who = self.now() - timedelta(minutes=5), f"7{self.digits}"
            row = UsageRow(f"{who}-abroad", who, "voice", "out", at, minutes * 60, "intl", "4412345678")
            usage.import_batch(session, [row], now=self.now())

    def orders(self) -> int:
        with self.site.transaction() as session:
            return len(orders.list_orders(session, self.id, now=self.now()))

    def plan(self) -> str:
        with self.site.transaction() as session:
            return tariffs.get_mine(session, self.id, now=self.now()).plan.code

    def next_fee(self) -> str:
        """The day as the pages write it: `2 декабря`."""
        with self.site.transaction() as session:
            at = tariffs.get_mine(session, self.id, now=self.now()).next_fee_at
        return formats.date_only(clock.local(at).date(), clock.local(self.now()).date())


@pytest.fixture
def galina(site: Site) -> Number:
    """A subscriber with money."""
    return Number(site)


@pytest.fixture
def mine(page: Page, site: Site, galina: Number) -> Page:
    """Her page of the tariff."""
    sign_in(page, site, galina.digits)
    open_tariff(page)
    return page


def open_tariff(page: Page) -> None:
    page.goto("/tariff/")
    expect(page.get_by_role("heading", name="Другие тарифы")).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


def sheet(page: Page) -> Locator:
    return page.get_by_role("dialog")


def price(page: Page) -> Locator:
    return page.get_by_role("region", name="Настроить под себя").locator("output")


def planned(page: Page) -> Locator:
    return page.get_by_role("button", name="Отменить это изменение")


# --- settings --------------------------------------------------------------------------------------------------------


def test_settings_are_changed_with_the_price_before_and_a_way_back(mine: Page, galina: Number, complaints: list[str]):
    expect(price(mine)).to_have_text("650\u202f₽")

    mine.get_by_label("Звонки", exact=True).press("ArrowLeft")
    expect(price(mine)).to_have_text("590\u202f₽")
    expect(mine.get_by_text("на 60\u202f₽ меньше", exact=True)).to_be_visible()
    mine.get_by_role("button", name="Проверить и сменить").click()

    expect(sheet(mine).get_by_role("heading", name="Изменить настройки?")).to_be_focused()
    expect(sheet(mine).get_by_role("row", name="Звонки")).to_contain_text("300\u202fмин")
    sheet(mine).get_by_role("button", name=f"Изменить с {galina.next_fee()}").click()
    undo = mine.get_by_role("button", name="Отменить", exact=True)
    toast = mine.get_by_role("status").filter(has_text="Новые настройки — с").filter(has=undo)
    expect(toast).to_be_visible()
    expect(planned(mine)).to_be_visible()
    assert galina.orders() == 1
    undo.click()

    expect(mine.get_by_text("Отменили: всё как было")).to_be_visible()
    expect(planned(mine)).to_be_hidden()
    expect(mine.get_by_label("Звонки", exact=True)).to_have_attribute("aria-valuetext", "500 мин")


def test_the_price_is_that_of_the_catalogue_for_every_combination_and_asks_nobody(mine: Page):
    plan = catalogue.load(settings().catalogue_path).plans["svoboda"]
    mine.context.set_offline(True)  # the browser alone

    for chosen in every_settings(plan):
        for setting in plan.settings:
            place = [step.code for step in setting.steps].index(chosen[setting.code])
            slider = mine.get_by_label(setting.name, exact=True)
            slider.press("Home")
            for _ in range(place):
                slider.press("ArrowRight")
            expect(slider).to_have_attribute("aria-valuetext", setting.steps[place].name)
        expect(price(mine)).to_have_text(formats.money(plan.fee_for("moskva", chosen)))
    mine.context.set_offline(False)


def test_where_it_is_less_than_i_use_it_says_so(mine: Page):
    hint = mine.get_by_text("меньше, чем вы тратите")
    expect(mine.get_by_text("вы тратите 150\u202fмин", exact=True)).to_be_visible()
    expect(hint).to_have_count(0)

    mine.get_by_label("Звонки", exact=True).press("Home")

    expect(hint).to_contain_text("100\u202fмин")
    mine.get_by_label("Звонки", exact=True).press("End")
    expect(hint).to_have_count(0)


# --- switching -------------------------------------------------------------------------------------------------------


def test_the_best_card_leads_to_its_quote(mine: Page):
    best = mine.get_by_role("listitem").filter(has_text="Выгоднее для вас")
    expect(best).to_contain_text(
        "Вышло бы 590\u202f₽ в месяц — на 60\u202f₽ меньше, чем сейчас. За год — 720\u202f₽ экономии."
    )
    expect(best.get_by_role("img")).to_have_accessible_name(re.compile("^По месяцам: "))

    best.get_by_role("button").click()

    expect(sheet(mine).get_by_role("row", name="Плата в месяц")).to_contain_text("590\u202f₽")


def test_a_switch_from_the_advisors_card_at_the_end_of_the_period_is_planned_and_taken_back(
    mine: Page, galina: Number, complaints: list[str]
):
    mine.get_by_role("button", name="Перейти на тариф Лёгкий").click()
    expect(sheet(mine).get_by_text("«Свобода» — на «Лёгкий»")).to_be_visible()
    expect(sheet(mine).get_by_role("radio", name=f"С {galina.next_fee()}")).to_be_checked()
    sheet(mine).get_by_role("button", name=f"Сменить с {galina.next_fee()}").click()

    expect(mine.get_by_text(f"Тариф «Лёгкий» — с {galina.next_fee()}").first).to_be_visible()
    assert galina.plan() == "svoboda"
    planned(mine).click()
    sheet(mine).get_by_role("button", name="Отменить запланированное").click()

    expect(planned(mine)).to_be_hidden()
    expect(mine.get_by_text("Запланированное отменили")).to_be_visible()


def test_a_switch_at_once_is_asked_for_in_the_sheet(mine: Page, galina: Number):
    mine.get_by_role("button", name="Перейти на тариф Максимум").click()
    sheet(mine).get_by_text("Сразу", exact=True).click()
    confirm = sheet(mine).get_by_role("button", name="Сменить за 990\u202f₽")
    expect(sheet(mine).get_by_text("За оплаченные дни не вернём")).to_be_visible()
    expect(confirm).not_to_have_attribute("aria-busy", "true")

    confirm.click()

    expect(mine.get_by_text("Теперь у вас «Максимум»")).to_be_visible()
    expect(mine.get_by_role("heading", name="Максимум", level=2)).to_be_visible()
    assert galina.plan() == "maksimum"


def test_a_double_click_is_one_order(mine: Page, galina: Number):
    mine.get_by_role("button", name="Перейти на тариф Максимум").click()

    sheet(mine).get_by_role("button", name="Сменить с").dblclick()

    expect(mine.get_by_text("Тариф «Максимум» — с").first).to_be_visible()
    assert galina.orders() == 1


def test_the_table_compares_with_mine_and_leads_to_a_quote(mine: Page, complaints: list[str]):
    mine.get_by_role("link", name="Сравнить в таблице").click()
    table = mine.get_by_role("table")
    expect(table.get_by_role("columnheader", name="Свобода")).to_contain_text("Ваш тариф")
    expect(table.get_by_role("columnheader", name="Секунда")).to_have_count(0)  # closed
    expect(table.get_by_role("row", name="Вышло бы у вас")).to_contain_text("650\u202f₽")
    assert mine.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0

    table.get_by_role("button", name="Перейти на тариф Вершина").click()

    expect(sheet(mine).get_by_text("«Свобода» — на «Вершина»")).to_be_visible()
    mine.keyboard.press("Escape")
    expect(sheet(mine)).to_be_hidden()
    mine.get_by_role("link", name="Назад").click()
    expect(mine.get_by_role("heading", name="Другие тарифы")).to_be_visible()


# --- refusals --------------------------------------------------------------------------------------------------------


def test_without_the_money_it_is_said_how_much_is_missing(page: Page, site: Site):
    poor = Number(site, roubles=40)
    sign_in(page, site, poor.digits)
    open_tariff(page)
    page.get_by_role("button", name="Перейти на тариф Максимум").click()

    sheet(page).get_by_text("Сразу", exact=True).click()

    expect(sheet(page).get_by_text("Не хватает 950\u202f₽. Пополните баланс и подтвердите снова.")).to_be_visible()
    expect(sheet(page).get_by_role("button", name="Сменить за")).to_have_count(0)
    sheet(page).get_by_role("button", name="Оставить как есть").click()
    assert poor.orders() == 0


def test_money_that_went_meanwhile_is_a_refusal_in_the_sheet(page: Page, site: Site):
    galina = Number(site, roubles=1_000)
    sign_in(page, site, galina.digits)
    open_tariff(page)
    page.get_by_role("button", name="Перейти на тариф Максимум").click()
    sheet(page).get_by_text("Сразу", exact=True).click()
    confirm = sheet(page).get_by_role("button", name="Сменить за 990\u202f₽")
    expect(confirm).to_be_visible()
    galina.spend(minutes=10)

    confirm.click()

    expect(sheet(page).get_by_role("alert")).to_contain_text("Ничего не сделали")
    expect(sheet(page).locator("[aria-busy=true]")).to_have_count(0)
    assert (galina.orders(), galina.plan()) == (0, "svoboda")


def test_a_world_that_changed_meanwhile_is_shown_beside_the_old_one(mine: Page, galina: Number):
    mine.get_by_role("button", name="Перейти на тариф Максимум").click()
    expect(sheet(mine).get_by_text("990\u202f₽ вместо 650\u202f₽")).to_be_visible()
    galina.order(tariffs.quote_switch, "legkiy")  # in another tab

    sheet(mine).get_by_role("button", name="Сменить с").click()

    expect(sheet(mine).get_by_text("Условия изменились", exact=True)).to_be_visible()
    expect(sheet(mine).get_by_text("990\u202f₽ вместо 390\u202f₽")).to_be_visible()
    expect(sheet(mine).get_by_text("переход на «Лёгкий» не состоится")).to_be_visible()
    assert galina.orders() == 1
    sheet(mine).get_by_role("button", name="Сменить с").click()
    expect(mine.get_by_text("Тариф «Максимум» — с").first).to_be_visible()
    assert galina.orders() == 2


def test_two_tabs_with_one_quote_each_are_two_decisions(
    mine: Page, galina: Number, new_context: Callable[..., BrowserContext]
):
    other = new_context(storage_state=mine.context.storage_state()).new_page()
    open_tariff(other)
    for tab, name in ((mine, "Максимум"), (other, "Лёгкий")):
        tab.get_by_role("button", name=f"Перейти на тариф {name}").click()
        expect(sheet(tab).get_by_role("button", name="Сменить с")).to_be_visible()

    sheet(mine).get_by_role("button", name="Сменить с").click()
    expect(mine.get_by_text("Тариф «Максимум» — с").first).to_be_visible()
    sheet(other).get_by_role("button", name="Сменить с").click()

    expect(sheet(other).get_by_text("Условия изменились", exact=True)).to_be_visible()
    assert galina.orders() == 1


# --- the page as a whole ---------------------------------------------------------------------------------------------


def test_everything_is_done_by_the_keyboard(mine: Page, galina: Number):
    slider = mine.get_by_label("Интернет", exact=True)
    slider.focus()
    for key, expected in (("End", "60 ГБ"), ("ArrowLeft", "35 ГБ"), ("Home", "5 ГБ")):
        slider.press(key)
        expect(slider).to_have_attribute("aria-valuetext", expected)
    check = mine.get_by_role("button", name="Проверить и сменить")
    check.focus()
    mine.keyboard.press("Enter")
    expect(sheet(mine).get_by_role("heading")).to_be_focused()

    mine.keyboard.press("Escape")

    expect(sheet(mine)).to_be_hidden()
    expect(check).to_be_focused()
    assert galina.orders() == 0


def test_the_sheet_has_no_violation_in_either_theme(mine: Page, new_context: Callable[..., BrowserContext]):
    for scheme in ("light", "dark"):
        page = new_context(storage_state=mine.context.storage_state(), color_scheme=scheme).new_page()
        open_tariff(page)
        page.locator("summary", has_text="Все условия тарифа").click()
        page.locator("summary", has_text="По месяцам").first.click()
        page.get_by_label("Звонки", exact=True).press("Home")
        for opened in (False, True):
            if opened:
                page.get_by_role("button", name="Перейти на тариф Максимум").click()
                expect(sheet(page).get_by_role("heading")).to_be_focused()
            found = Axe().run(page, options={"runOnly": AXE_TAGS}).response["violations"]
            assert [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found] == [], (scheme, opened)
            assert page.evaluate(TOO_SMALL) == []


def test_a_new_number_is_told_that_there_is_nothing_to_go_by(page: Page, site: Site):
    new = Number(site, months=0)
    sign_in(page, site, new.digits)
    open_tariff(page)

    expect(page.get_by_text("ни одного целого месяца")).to_be_visible()
    expect(page.get_by_text("Вышло бы")).to_have_count(0)


def test_it_is_there_in_english(mine: Page):
    mine.goto("/tariff/?lang=en")

    expect(mine.get_by_role("heading", name="Other plans")).to_be_visible()
    mine.get_by_label("Calls", exact=True).press("ArrowLeft")
    expect(mine.get_by_text("60\u202f₽ less", exact=True)).to_be_visible()
    mine.get_by_role("button", name="Check and change").click()
    expect(sheet(mine).get_by_role("heading", name="Change the settings?")).to_be_visible()


def test_the_skeleton_has_the_size_of_what_comes(mine: Page):
    """What is above the cards does not move when the figures arrive."""
    mine.add_init_script(f"({SHIFTS})()")

    open_tariff(mine)

    assert mine.evaluate("shifts") < 0.1
