"""The expenses as a person uses them: months, filters, search, an opened line that can be counted again, pages."""

import csv
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, expect

from cabinet.config import ROOT
from tests.browser.conftest import Site, sign_in
from tests.browser.test_pages import AXE_TAGS, TOO_SMALL

MONTHS = (
    *("Январь", "Февраль", "Март", "Апрель", "Май", "Июнь", "Июль"),
    *("Август", "Сентябрь", "Октябрь", "Ноябрь", "Декабрь"),
)
SHIFTS = """() => { window.shifts = 0;
  new PerformanceObserver(list => { for (const one of list.getEntries()) if (!one.hadRecentInput) shifts += one.value })
    .observe({type: 'layout-shift', buffered: true}) }"""


@pytest.fixture(scope="module")
def anna(site: Site, browser, browser_context_args: dict) -> dict:
    """Cookies of Анна, who has half a year of history; signed in once for all."""
    context = browser.new_context(**browser_context_args)
    sign_in(context.new_page(), site, "9160000001")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def annas(new_context: Callable[..., BrowserContext], anna: dict) -> Page:
    """A page of Анна's on a phone."""
    return new_context(storage_state=anna).new_page()


def this_month(site: Site) -> date:
    return site.now().date().replace(day=1)


def before(month_on: date, count: int = 1) -> date:
    for _ in range(count):
        month_on = (month_on - timedelta(days=1)).replace(day=1)
    return month_on


def title(month_on: date) -> str:
    return f"{MONTHS[month_on.month - 1]} {month_on.year}"


def open_month(page: Page, month_on: date | None = None) -> None:
    """Opens the expenses and waits for the figures."""
    page.goto(f"/expenses/?month={month_on:%Y-%m}" if month_on else "/expenses/")
    expect(page.get_by_role("heading", name="Операции")).to_be_visible()


def statement(page: Page) -> Locator:
    return page.get_by_role("region", name="Операции")


def lines(page: Page) -> Locator:
    """Rows of the statement, without the funnel."""
    return statement(page).locator("summary").filter(has_text="₽")


def choose(page: Page, name: str) -> None:
    """Presses a chip behind the funnel."""
    chip = statement(page).get_by_role("button", name=name, exact=True)
    if not chip.is_visible():
        statement(page).locator("summary").first.click()
    chip.click()
    expect(statement(page).locator("summary").first).to_contain_text(re.compile(f"{name}|Выбрано"))


def show_everything(page: Page) -> None:
    """Opens page after page until the month is whole."""
    more = statement(page).get_by_role("button", name="Показать ещё")
    expect(lines(page).first).to_be_visible()
    while more.is_visible():
        shown = lines(page).count()
        more.click()
        expect(lines(page)).not_to_have_count(shown)


def kopecks(text: str) -> int:
    """`−1 234,50 ₽` → -123450."""
    found = re.search(r"([−+]?)([\d\u202f]+)(?:,(\d\d)\u202f)?₽", text)
    amount = int(re.sub(r"\s", "", found[2])) * 100 + int(found[3] or 0)
    return -amount if found[1] == "−" else amount


def bring_usage(site: Site, folder: Path, rows: list[dict]) -> None:
    """Usage comes in as it does in life: a file is imported into the running cabinet."""
    path = folder / f"usage-{len(list(folder.iterdir()))}.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(
            file, ["record_id", "msisdn", "kind", "direction", "started_at", "quantity", "zone", "peer"]
        )
        writer.writeheader()
        writer.writerows(rows)
    environment = os.environ | {"CABINET_DATABASE_URL": site.database_url}
    command = [sys.executable, "-m", "cabinet", "import-usage", str(path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def calls(site: Site, number: str, count: int, seconds: int = 401, zone: str = "intl_kz") -> list[dict]:
    """Calls of the last minutes, the first one the newest."""
    now = site.now().astimezone(UTC).replace(microsecond=0)
    return [
        {
            "record_id": f"{number}-{now:%H%M%S}-{place}",
            "msisdn": f"7{number}",
            "kind": "voice",
            "direction": "out",
            "started_at": (now - timedelta(seconds=30 + place)).isoformat(),
            "quantity": seconds,
            "zone": zone,
            "peer": f"7701555{place:04}",
        }
        for place in range(count)
    ]


def test_the_month_is_switched_by_links_and_the_back_button(annas: Page, site: Site):
    now_on = this_month(site)
    open_month(annas)

    annas.get_by_role("link", name="Предыдущий месяц").click()
    expect(annas.get_by_role("heading", name=title(before(now_on)))).to_be_visible()
    expect(annas).to_have_url(re.compile(f"month={before(now_on):%Y-%m}"))

    annas.get_by_role("link", name="Предыдущий месяц").click()
    expect(annas.get_by_role("heading", name=title(before(now_on, 2)))).to_be_visible()

    annas.go_back()
    expect(annas.get_by_role("heading", name=title(before(now_on)))).to_be_visible()
    annas.reload()
    expect(annas.get_by_role("heading", name=title(before(now_on)))).to_be_visible()

    annas.get_by_role("link", name="Следующий месяц").click()
    expect(annas.get_by_role("heading", name=title(now_on))).to_be_visible()
    expect(annas.get_by_role("link", name="Следующий месяц")).to_be_disabled()


def test_the_first_month_is_the_end_of_the_road(annas: Page, site: Site):
    open_month(annas)
    link = annas.get_by_role("link", name="Предыдущий месяц")
    while link.get_attribute("aria-disabled") == "false":
        month = annas.get_by_role("navigation", name="Месяц").get_by_role("heading").inner_text()
        link.click()
        expect(annas.get_by_role("heading", name=month)).to_have_count(0)

    expect(annas.get_by_role("link", name="Предыдущий месяц")).to_be_disabled()
    expect(annas.get_by_text("больше, чем").or_(annas.get_by_text("меньше, чем"))).to_have_count(0)


def test_the_keyboard_stays_on_the_arrow_at_the_end_of_the_road(annas: Page, site: Site):
    open_month(annas, before(this_month(site)))
    arrow = annas.get_by_role("link", name="Следующий месяц")
    arrow.focus()

    annas.keyboard.press("Enter")

    expect(annas.get_by_role("heading", name=title(this_month(site)))).to_be_visible()
    expect(arrow).to_be_disabled()
    expect(arrow).to_be_focused()


@pytest.mark.parametrize(
    ("month", "note"),
    [
        ("2026-13", "Такого месяца нет"),
        ("<script>alert(1)</script>", "Такого месяца нет"),
        ("9999-12", "Этот месяц ещё не начался"),
        ("1999-01", "Тогда номер ещё не работал"),
    ],
)
def test_an_odd_month_is_told_and_the_present_one_shown(annas: Page, site: Site, month: str, note: str):
    annas.goto(f"/expenses/?month={month}")

    expect(annas.get_by_text(note)).to_be_visible()
    expect(annas.get_by_role("heading", name=title(this_month(site)))).to_be_visible()


def test_categories_add_up_to_the_months_total(annas: Page, site: Site):
    open_month(annas, before(this_month(site)))

    total = annas.get_by_text("Потрачено за").locator("xpath=following-sibling::p[1]").inner_text()
    rows = annas.get_by_role("region", name="На что ушли деньги").get_by_role("button").all_inner_texts()
    assert rows
    assert sum(kopecks(row) for row in rows) == kopecks(total)


def test_the_days_in_words_add_up_to_the_months_total(annas: Page, site: Site):
    open_month(annas, before(this_month(site)))

    days = annas.get_by_role("region", name="По дням")
    days.get_by_text("Суммы по дням").click()
    total = annas.get_by_text("Потрачено за").locator("xpath=following-sibling::p[1]").inner_text()
    assert sum(kopecks(text) for text in days.get_by_role("definition").all_inner_texts()) == kopecks(total)


def test_a_category_filters_the_statement(annas: Page, site: Site):
    open_month(annas, before(this_month(site)))
    fee = annas.get_by_role("region", name="На что ушли деньги").get_by_role("button", name="Плата за тариф")

    fee.click()

    expect(fee).to_have_attribute("aria-pressed", "true")
    expect(lines(annas)).to_have_count(1)
    expect(lines(annas)).to_contain_text("Плата за тариф")
    assert kopecks(lines(annas).inner_text()) == -kopecks(fee.inner_text())
    expect(statement(annas).locator("summary").first).to_contain_text("Плата за тариф")
    expect(lines(annas)).to_be_in_viewport()
    fee.click()
    expect(lines(annas)).not_to_have_count(1)


def test_the_direction_divides_what_went_from_what_came(annas: Page, site: Site):
    open_month(annas, before(this_month(site)))
    show_everything(annas)
    everything = lines(annas).count()

    choose(annas, "Поступления")
    expect(lines(annas).first).to_contain_text("+")
    came = lines(annas).count()
    assert all(kopecks(text) > 0 for text in lines(annas).all_inner_texts())

    choose(annas, "Списания")
    expect(lines(annas).first).to_contain_text("−")
    show_everything(annas)
    expect(lines(annas)).to_have_count(everything - came)
    assert all(kopecks(text) < 0 for text in lines(annas).all_inner_texts())

    choose(annas, "Без доплаты")
    # As it is read: a number that ends in a zero may stand before the sum.
    expect(lines(annas).first).to_contain_text(re.compile(r"(?<!\d)0\u202f₽"), use_inner_text=True)
    assert all(kopecks(text) == 0 for text in lines(annas).all_inner_texts())


def test_a_filter_without_a_result_says_so_and_can_be_taken_off(annas: Page, site: Site):
    open_month(annas, before(this_month(site)))
    everything = lines(annas).count()
    choose(annas, "Поступления")
    choose(annas, "Интернет")

    expect(statement(annas).get_by_text("Таких операций в этом месяце нет.")).to_be_visible()
    expect(statement(annas).locator("summary").first).to_contain_text("Выбрано: 2")

    statement(annas).get_by_role("button", name="Показать все").click()
    expect(lines(annas)).to_have_count(everything)


@pytest.mark.parametrize("search", ["роумнг", "%", "_", "' OR 1=1 --", '"', "\\", "😀", "x" * 10_000])
def test_a_search_for_what_is_not_there_finds_nothing(annas: Page, search: str):
    open_month(annas)

    annas.get_by_label("Поиск по операциям").fill(search)

    expect(statement(annas).get_by_text("Ничего не нашли по слову")).to_be_visible()
    expect(lines(annas)).to_have_count(0)
    assert annas.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_search_looks_among_everything_and_is_forgotten_with_the_month(annas: Page, site: Site):
    open_month(annas, before(this_month(site)))

    annas.get_by_label("Поиск по операциям").fill("входящий")
    expect(lines(annas).first).to_contain_text("Входящ")
    assert all("Входящ" in text for text in lines(annas).all_inner_texts())

    annas.get_by_role("link", name="Предыдущий месяц").click()
    expect(annas.get_by_label("Поиск по операциям")).to_have_value("")


def test_an_opened_call_can_be_counted_again(page: Page, site: Site, number: str, tmp_path: Path):
    sign_in(page, site, number)
    bring_usage(site, tmp_path, calls(site, number, 1))
    open_month(page)

    lines(page).filter(has_text="Звонок в Казахстан").first.click()

    opened = statement(page).locator("details[open]").filter(has_text="Время разговора")
    expect(opened).to_contain_text("Баланс после")
    facts = dict(
        zip(
            opened.get_by_role("term").all_inner_texts(),
            opened.get_by_role("definition").all_inner_texts(),
            strict=True,
        )
    )
    assert re.sub(r"\s", " ", facts["Время разговора"]) == "6 мин 41 с"
    assert re.sub(r"\s", " ", facts["После округления"]) == "7 мин"
    blocks, price = facts["Считаем по минутам"].split(" × ")
    assert int(blocks) == 7
    assert int(blocks) * kopecks(price) == -kopecks(opened.locator("summary").inner_text())
    assert "версия" in facts["Тариф"]


def test_a_fee_is_the_sum_of_the_parts_it_names(annas: Page, site: Site):
    open_month(annas, before(this_month(site)))

    lines(annas).filter(has_text="Плата за тариф").first.click()

    opened = statement(annas).locator("details[open]").filter(has_text="Период")
    expect(opened).to_contain_text("Баланс после")
    parts = [kopecks(text) for text in opened.get_by_role("definition").all_inner_texts() if "₽" in text][:-1]
    assert sum(parts) == -kopecks(opened.locator("summary").inner_text())


def test_pages_follow_one_another_while_the_statement_grows(page: Page, site: Site, number: str, tmp_path: Path):
    sign_in(page, site, number)
    bring_usage(site, tmp_path, calls(site, number, 45, seconds=60))
    open_month(page)
    page.get_by_label("Поиск по операциям").fill("77015550")
    expect(lines(page)).to_have_count(20)
    first = lines(page).all_inner_texts()

    bring_usage(site, tmp_path, [row | {"record_id": f"{row['record_id']}-new"} for row in calls(site, number, 3)])
    statement(page).get_by_role("button", name="Показать ещё").click()
    expect(lines(page)).to_have_count(40)
    assert lines(page).all_inner_texts()[:20] == first
    statement(page).get_by_role("button", name="Показать ещё").click()

    expect(lines(page)).to_have_count(45)
    expect(statement(page).get_by_role("button", name="Показать ещё")).to_have_count(0)
    page.reload()
    page.get_by_label("Поиск по операциям").fill("77015550")
    expect(lines(page).first).not_to_have_text(first[0])


def test_everything_is_done_by_keyboard(annas: Page, site: Site):
    open_month(annas)
    annas.get_by_role("link", name="Предыдущий месяц").focus()
    annas.keyboard.press("Enter")
    expect(annas.get_by_role("heading", name=title(before(this_month(site))))).to_be_visible()

    annas.get_by_label("Поиск по операциям").focus()
    annas.keyboard.type("тариф")
    expect(lines(annas)).to_have_count(1)
    annas.keyboard.press("Tab")
    expect(lines(annas)).to_be_focused()
    annas.keyboard.press("Enter")
    expect(statement(annas).get_by_text("Плата за период вперёд.")).to_be_visible()
    annas.keyboard.press("Space")
    expect(statement(annas).get_by_text("Плата за период вперёд.")).to_be_hidden()

    annas.keyboard.press("Shift+Tab")
    annas.keyboard.press("Shift+Tab")
    expect(statement(annas).locator("summary").first).to_be_focused()
    annas.keyboard.press("Enter")
    annas.keyboard.press("Tab")
    expect(statement(annas).get_by_role("button", name="Списания")).to_be_focused()
    annas.keyboard.press("Space")
    expect(statement(annas).get_by_role("button", name="Списания")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_page_with_everything_opened_has_no_violation(
    new_context: Callable[..., BrowserContext], anna: dict, site: Site, scheme: str, width: int
):
    options = {"viewport": {"width": width, "height": 844}, "color_scheme": scheme, "storage_state": anna}
    page = new_context(**options).new_page()
    open_month(page, before(this_month(site)))
    choose(page, "Списания")
    page.get_by_text("Суммы по дням").click()
    lines(page).first.click()
    expect(statement(page).get_by_text("Баланс после")).to_be_visible()

    found = Axe().run(page, options={"runOnly": AXE_TAGS}).response["violations"]

    assert [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found] == []
    assert page.evaluate(TOO_SMALL) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_nothing_moves_when_the_figures_come(annas: Page):
    annas.add_init_script(f"({SHIFTS})()")

    open_month(annas)
    annas.wait_for_load_state("networkidle")

    assert annas.evaluate("shifts") == 0


def test_the_dashboard_leads_to_the_expenses(annas: Page):
    annas.goto("/")

    annas.get_by_role("link", name="Подробнее").click()

    expect(annas.get_by_role("heading", name="Операции")).to_be_visible()
    current = annas.get_by_role("navigation", name="Основное меню").get_by_role("link", name="Расходы")
    expect(current).to_have_attribute("aria-current", "page")


def test_in_english_the_page_is_english(new_context: Callable[..., BrowserContext], anna: dict, site: Site):
    page = new_context(storage_state=anna).new_page()
    page.goto(f"/expenses/?lang=en&month={before(this_month(site)):%Y-%m}")
    expect(page.get_by_role("heading", name="Operations")).to_be_visible()

    page.locator("summary").filter(has_text="₽").first.click()
    expect(page.get_by_text("Balance after")).to_be_visible()
    assert re.findall("[А-Яа-яЁё]+", page.get_by_role("main").inner_text()) == []


def test_the_page_complains_of_nothing(page: Page, site: Site, number: str, complaints: list[str]):
    sign_in(page, site, number)
    open_month(page)
    if lines(page).count():
        lines(page).first.click()
    page.get_by_label("Поиск по операциям").fill("звонок")
    expect(lines(page).first).to_contain_text("0\u202f₽")
