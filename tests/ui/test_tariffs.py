"""The tariffs' pages: in words, and the handlers behind them. A thin space (U+202F) is written `_` here, a no-break
space `~`.

It is noon of Monday, 23 November 2026. Анна has «Свобода», 35 GB and 500 minutes for 650 ₽, since 20 June; every month
she talks for 150 minutes, uses 20 GB and calls Kazakhstan for 10 minutes, 100 ₽.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import time_machine
from reflex.state import State
from sqlmodel import select

from cabinet import clock, db
from cabinet.adapters.usage_files import UsageRow
from cabinet.config import settings
from cabinet.domain import catalogue
from cabinet.domain.advice import every_settings
from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import Plan, SwitchTime
from cabinet.domain.promotions import Discount, DiscountOn, Terms
from cabinet.models.tariffs import PlanSubscription
from cabinet.services import advisor, billing, orders, promotion_desk, promotions, sessions, subscribers, tariffs, usage
from cabinet.services.advisor import Advice
from cabinet.services.sessions import Principal
from cabinet.services.tariffs import Mine, Offer
from cabinet.ui import guard
from cabinet.ui.quotes.state import QuoteState
from cabinet.ui.tariffs import views
from cabinet.ui.tariffs.state import TariffsState
from tests.conftest import NOON

SINCE = datetime(2026, 6, 20, 9, tzinfo=UTC)
ODD = [1.5, True, None, 10**30, float("nan"), [1], ["maksimum"], {"a": 1}, "", "x" * 5_000, "\ud800", "a\x00b", "-1"]


def seen(text: str) -> str:
    return text.replace("\u202f", "_").replace("\u00a0", "~")


@pytest.fixture(autouse=True)
def _no_advice_of_other_tests() -> None:
    advisor.forget()  # subscribers of several databases have the same ids


@pytest.fixture
def anna(database) -> Iterator[Principal]:
    """Signed in and calling."""
    with time_machine.travel(NOON, tick=False):
        with db.transaction() as session:
            principal = given_subscriber(session, since=SINCE)
        with guard.acting_as(principal):
            yield principal


def given_subscriber(session, *, since: datetime, roubles: int = 9_000, months: range = range(7, 11)) -> Principal:
    now = clock.now()
    tariffs.store_catalogue(session, catalogue.load(settings().catalogue_path), now=now)
    subscriber_id = subscribers.create(
        session,
        account_number="79160000001",
        msisdn="79160000001",
        name="Анна",
        region="moskva",
        plan_code="svoboda",
        activated_at=since,
        now=now,
    )
    billing.record_payment(
        session, subscriber_id, roubles * 100, reference="top-up:1", happened_at=since, now=now, source="demo"
    )
    billing.charge_fees_until(session, billing.list_due(session, now, 10), now, now=now)
    usage.import_batch(session, [row for month in months for row in usage_of(month)], now=now)
    opened = sessions.create(session, subscriber_id, is_remembered=False, device="", address="10.0.0.1", now=now)
    return sessions.find(session, opened.token, now=now)


def usage_of(month: int) -> Iterator[UsageRow]:
    at = datetime(2026, month, 10, 9, tzinfo=UTC)
    yield UsageRow(f"call-{month}", "79160000001", "voice", "out", at, 150 * 60, "home", "79031234567")
    yield UsageRow(f"data-{month}", "79160000001", "data", "out", at, 20 * 2**30, "home", "")
    yield UsageRow(f"abroad-{month}", "79160000001", "voice", "out", at, 600, "intl_kz", "77015550000")


def known(anna: Principal) -> tuple[Mine, list[Offer], Advice]:
    with db.reading() as session:
        who = anna.subscriber_id
        mine = tariffs.get_mine(session, who, now=NOON)
        return mine, tariffs.list_offers(session, mine), advisor.get_advice(session, who, now=NOON)


def ordered(anna: Principal, ask, *arguments, **named) -> None:
    with db.transaction() as session:
        quote = ask(session, anna.subscriber_id, *arguments, now=NOON, **named)
        assert isinstance(orders.confirm(session, anna.subscriber_id, quote.id, now=NOON), orders.Order)


async def opened() -> tuple[TariffsState, QuoteState]:
    """The states of a page that was opened."""
    root = State(_reflex_internal_init=True)
    state = await root.get_state(TariffsState)
    await TariffsState.load.fn(state)
    return state, await root.get_state(QuoteState)


# --- mine ------------------------------------------------------------------------------------------------------------


def test_my_tariff_has_its_packages_its_fee_and_its_terms_in_full(anna: Principal):
    view = views.mine_view(known(anna)[0], NOON, "ru")

    assert (view.name, seen(view.fee)) == ("Свобода", "650_₽")
    assert seen(view.fee_name) == "Следующая плата — вс,~20~декабря"
    assert [(seen(one.value), one.name) for one in view.gives] == [
        ("35_ГБ", "интернет"),
        ("500", "минут"),
        ("50", "SMS"),
    ]
    terms = {seen(one.name): seen(one.value) for one in view.terms}
    assert terms["Звонки внутри сети"] == "без ограничений"
    assert terms["Минута сверх пакета"] == "2,50_₽"
    assert terms["1_ГБ сверх пакета"] == "35_₽"
    assert terms["Минута: Казахстан"] == "10_₽"
    assert terms["Минута, входящие: Роуминг"] == "35_₽"
    assert terms["Услуги в тарифе"] == "Раздача интернета"
    assert terms["Новые настройки"] == "со следующего периода"
    assert (view.closed, view.suspended, view.planned.title) == ("", "", "")


def test_it_is_told_in_english_too(anna: Principal):
    view = views.mine_view(known(anna)[0], NOON, "en")

    assert seen(view.fee_name) == "Next fee: Sun~20~December"
    assert [(seen(one.value), one.name) for one in view.gives] == [("35_GB", "data"), ("500", "minutes"), ("50", "SMS")]
    assert "Minute beyond the pack" in [seen(one.name) for one in view.terms]


def test_a_planned_switch_and_planned_settings_say_what_comes(anna: Principal):
    ordered(anna, tariffs.quote_switch, "maksimum")
    switch = views.mine_view(known(anna)[0], NOON, "ru").planned
    ordered(anna, tariffs.quote_settings, {"calls": "300min"})
    new = views.mine_view(known(anna)[0], NOON, "ru").planned

    assert (seen(switch.title), seen(switch.text)) == (
        "Тариф «Максимум» — с 20~декабря",
        "Плата — 990_₽. До этого дня всё по-прежнему.",
    )
    assert (seen(new.title), seen(new.text)) == (
        "Новые настройки — с 20~декабря",
        "35_ГБ · 300_мин · 50_SMS, плата — 590_₽",
    )


def test_a_suspended_and_a_closed_tariff_say_what_that_means(anna: Principal):
    mine = replace(known(anna)[0], is_suspended=True, is_closed=True)

    view = views.mine_view(mine, NOON, "ru")

    assert view.fee_name == "К оплате за тариф"
    assert view.suspended.startswith("Пакеты тарифа не действуют.")
    assert "вернуться на него будет нельзя" in view.closed


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["svoboda", "dialog"])
@pytest.mark.parametrize("region", ["moskva", "nsk"])
def test_what_the_browser_sums_up_is_the_fee_of_every_combination(anna: Principal, code: str, region: str):
    plan = catalogue.load(settings().catalogue_path).plans[code]
    for start in every_settings(plan):
        mine = replace(known_mine(anna), plan=plan, region=region, settings=start)

        view = views.settings_view(mine, {}, NOON, "ru")

        assert {one.code: one.steps[one.step].code for one in view.settings} == start
        for chosen in every_settings(plan):
            steps = [step for one in view.settings for step in one.steps if chosen[one.code] == step.code]
            assert view.base_kopecks + sum(step.kopecks for step in steps) == plan.fee_for(region, chosen)


def known_mine(anna: Principal) -> Mine:
    with db.reading() as session:
        return tariffs.get_mine(session, anna.subscriber_id, now=NOON)


def test_a_slider_shows_its_ends_my_own_usage_and_where_it_is_too_little(anna: Principal):
    mine, _, advice = known(anna)
    used = views.used_a_month(advice)

    internet, calls = views.settings_view(mine, used, NOON, "ru").settings

    assert used == {UsageKind.VOICE: 150 * 60, UsageKind.DATA: 20 * 2**30}  # abroad is not in the package
    assert (internet.kind, internet.least, internet.most, seen(internet.used)) == (
        "slider",
        "5",
        "60",
        "вы тратите 20_ГБ",
    )
    assert (calls.least, seen(calls.most), calls.step, calls.last) == ("100", "1_500", 2, 4)
    assert [seen(step.hint) for step in calls.steps] == [
        "100_мин — меньше, чем вы тратите. Минута сверх пакета — 2,50_₽.",
        *[""] * 4,
    ]
    assert [bool(step.hint) for step in internet.steps] == [True, True, False, False]


@pytest.mark.usefixtures("shipped_words")
def test_the_words_of_a_setting_are_the_operators_english_ones(anna: Principal):
    internet, calls = views.settings_view(known_mine(anna), {}, NOON, "en").settings

    assert (internet.name, calls.name) == ("Internet", "Calls")
    assert [step.name for step in calls.steps] == ["100 min", "300 min", "500 min", "1000 min", "1500 min"]


def test_a_step_without_english_words_is_called_by_what_it_gives(anna: Principal):
    _, calls = views.settings_view(known_mine(anna), {}, NOON, "en").settings

    assert [seen(step.name) for step in calls.steps] == ["100_min", "300_min", "500_min", "1,000_min", "1,500_min"]


def test_a_discount_is_in_the_fees_and_said_in_words(anna: Principal):
    with db.transaction() as session:
        terms = Terms("Скидка", "", "", "gift", (Discount(DiscountOn.PLAN, 3, percent=20),), NOON)
        promotion_desk.save(session, "less", terms, now=NOON)
        promotion_desk.publish(session, "less", now=NOON)
    ordered(anna, promotions.quote_join, "less")
    mine, offers, advice = known(anna)

    view = views.mine_view(mine, NOON, "ru")
    settings = views.settings_view(mine, {}, NOON, "ru")
    card = next(one for one in views.advice_view(mine, offers, advice, {}, "ru").cards if one.tag == "mine")
    table = views.table_view(mine, offers, advice, "ru")

    counted = "Скидка учтена: 20\u202f% на 3\u00a0ближайшие платы за тариф."
    assert (seen(view.fee), view.fee_name.endswith(", со скидкой")) == ("520_₽", True)
    assert settings.lead.endswith(counted)
    assert (settings.present_kopecks, [(one.percent, one.kopecks) for one in settings.discounts]) == (520_00, [(20, 0)])
    # Four months of 650 ₽ and 100 ₽ abroad, three of them 130 ₽ less: (3000 − 390) / 4, in whole roubles.
    assert seen(card.would) == (
        "Выходит 653_₽ в месяц: 553_₽ платы и 100_₽ сверх неё. "
        "Это со скидкой на 3~ближайшие платы, без неё — 750_₽ в месяц."
    )
    assert table.lead.endswith(counted)
    assert ("Ближайшая плата, со скидкой", "520_₽") in [(row.name, seen(row.cells[0])) for row in table.rows]


def test_a_setting_of_two_steps_is_a_switch_or_a_choice(anna: Principal):
    raw = {
        "code": "two",
        "version": 1,
        "name": "Два",
        "fee": "100",
        "settings": [
            {
                "code": "chat",
                "name": "Безлимит на мессенджеры",
                "default": "off",
                "steps": [
                    {"code": "off", "name": "нет", "price": "0"},
                    {
                        "code": "on",
                        "name": "есть",
                        "price": "90",
                        "gives": [{"amount": "unlimited GB", "scope": "chat"}],
                    },
                ],
            },
            {
                "code": "calls",
                "name": "Звонки",
                "default": "some",
                "steps": [
                    {"code": "some", "name": "100 мин", "price": "0", "gives": ["100 min"]},
                    {"code": "many", "name": "500 мин", "price": "50", "gives": ["500 min"]},
                ],
            },
        ],
    }
    plan = Plan.model_validate(raw)
    mine = replace(known_mine(anna), plan=plan, settings=plan.chosen({}), fee_kopecks=100_00)

    chat, calls = views.settings_view(mine, {}, NOON, "ru").settings

    assert (chat.kind, seen(chat.price)) == ("switch", "90_₽ в месяц")
    assert calls.kind == "choice"


def test_planned_settings_are_where_the_sliders_begin(anna: Principal):
    now_at = views.settings_view(known(anna)[0], {}, NOON, "ru")
    ordered(anna, tariffs.quote_settings, {"calls": "100min"})

    view = views.settings_view(known(anna)[0], {}, NOON, "ru")

    assert [one.step for one in view.settings] == [2, 0]
    assert view.key != now_at.key
    assert view.present_kopecks == 650_00


def test_a_tariff_without_settings_has_none(anna: Principal):
    plan = catalogue.load(settings().catalogue_path).plans["legkiy"]

    assert views.settings_view(replace(known_mine(anna), plan=plan, settings={}), {}, NOON, "ru").settings == []


# --- the advisor's cards ---------------------------------------------------------------------------------------------


def cards_of(anna: Principal, language="ru") -> views.AdviceView:
    mine, offers, advice = known(anna)
    return views.advice_view(mine, offers, advice, views.used_a_month(advice), language)


def test_the_best_card_comes_first_and_says_what_it_would_have_cost(anna: Principal):
    view = cards_of(anna)

    assert seen(view.lead) == "Сравнили с вашими расходами за июль — октябрь: в среднем 20_ГБ и 150_мин в месяц."
    assert view.doubt == ""
    best, mine = view.cards[:2]
    assert (best.tag, best.name, best.action, best.settings) == (
        "best",
        "Свобода: другие настройки",
        "settings",
        {"internet": "35gb", "calls": "300min"},
    )
    assert seen(best.would) == (
        "Вышло бы 690_₽ в месяц: 590_₽ платы и 100_₽ сверх неё — на 60_₽ меньше, чем сейчас. За год — 720_₽ экономии."
    )
    assert seen(best.why) == "Остаётся около 15_ГБ в месяц."
    assert (mine.tag, mine.name, mine.action) == ("mine", "Свобода", "here")
    assert seen(mine.would) == "Выходит 750_₽ в месяц: 650_₽ платы и 100_₽ сверх неё."
    assert seen(mine.why) == "Больше всего сверх неё — звонки: Казахстан, 100_₽. Вы не используете около 350_мин."


def test_another_card_says_why_it_would_have_cost_more(anna: Principal):
    card = next(card for card in cards_of(anna).cards if card.plan_code == "legkiy")

    # 390 ₽, 10 of 20 GB paid at 35 ₽, 10 minutes to Kazakhstan
    assert seen(card.would) == "Вышло бы 840_₽ в месяц: 390_₽ платы и 450_₽ сверх неё — на 90_₽ больше, чем сейчас."
    assert seen(card.why) == "Не хватает около 10_ГБ в месяц: доплата 350_₽."
    assert (card.action, card.label) == ("switch", "Перейти на тариф Лёгкий")


def test_the_picture_says_its_figures(anna: Principal):
    best = cards_of(anna).cards[0]

    assert seen(best.sentence).startswith("По месяцам: июль — 690_₽, у вас 750_₽; август — ")
    assert [seen(one.value) for one in best.months] == ["690_₽, у вас 750_₽"] * 4
    assert best.bars.count("M") == best.levels.count("M") == 4


def test_it_is_advised_in_english_too(anna: Principal):
    view = cards_of(anna, "en")

    assert seen(view.cards[0].would) == (
        "It would have cost 690_₽ a month (590_₽ fee and 100_₽ beyond it): 60_₽ less than now. 720_₽ saved in a year."
    )
    assert seen(view.lead) == "Compared with your usage in July — October: 20_GB and 150_min a month on average."


def test_cards_are_few_and_without_tariffs_for_devices(anna: Principal):
    codes = [card.plan_code for card in cards_of(anna).cards]

    assert len(codes) <= views.MOST_CARDS + 1
    assert not {"noutbuk", "veshchi", "sekunda"} & set(codes)


def test_few_months_are_said_to_be_few(database):
    with time_machine.travel(NOON, tick=False):
        with db.transaction() as session:
            new = given_subscriber(session, since=datetime(2026, 8, 25, tzinfo=UTC), months=range(9, 11))
        view = cards_of(new)

    assert seen(view.doubt) == "Пока есть только 2~целых месяца: совет может оказаться неточным."
    assert seen(view.cards[0].would).endswith("на 60_₽ меньше, чем сейчас.")  # nothing is promised for a year


def test_without_a_whole_month_nothing_is_claimed(database):
    with time_machine.travel(NOON, tick=False):
        with db.transaction() as session:
            new = given_subscriber(session, since=datetime(2026, 11, 3, tzinfo=UTC), months=range(0))
        mine, offers, advice = known(new)

    view = views.advice_view(mine, offers, advice, views.used_a_month(advice), "ru")

    assert "ни одного целого месяца" in view.doubt
    assert view.cards
    assert {(card.would, card.bars) for card in view.cards} == {("", "")}
    assert not [row for row in views.table_view(mine, offers, advice, "ru").rows if row.is_answer]


def test_a_tariff_that_cannot_be_counted_says_so(anna: Principal):
    mine, offers, advice = known(anna)
    plans = tuple(replace(one, unpriced=12) if one.plan_code == "legkiy" else one for one in advice.plans)

    view = views.advice_view(mine, offers, replace(advice, plans=plans), {}, "ru")
    table = views.table_view(mine, offers, replace(advice, plans=plans), "ru")

    card = next(card for card in view.cards if card.plan_code == "legkiy")
    assert seen(card.would) == "Точно не посчитать: у 12~ваших записей о связи на этом тарифе нет цены."
    assert card.months == []
    place = [column.plan_code for column in table.columns].index("legkiy")
    assert table.rows[-1].cells[place] == "не посчитать"


def test_a_newer_version_of_my_own_tariff_is_told_from_mine(anna: Principal):
    given_newer_svoboda(fee="300")
    mine, offers, advice = known(anna)

    cards = views.advice_view(mine, offers, advice, {}, "ru").cards
    columns = views.table_view(mine, offers, advice, "ru").columns

    assert "Свобода: новые условия" in [card.name for card in cards]
    assert [column.name for column in columns].count("Свобода") == 1
    assert mine.is_closed


def test_a_planned_move_to_a_newer_version_of_my_own_tariff_is_no_change_of_settings(anna: Principal):
    given_newer_svoboda(fee="300", step="50gb")
    ordered(anna, tariffs.quote_switch, "svoboda", settings={"internet": "50gb"})

    mine = known_mine(anna)

    assert seen(views.mine_view(mine, NOON, "ru").planned.title) == "Тариф «Свобода» — с 20~декабря"
    assert [one.step for one in views.settings_view(mine, {}, NOON, "ru").settings] == [2, 2]


def given_newer_svoboda(*, fee: str, step: str = "15gb") -> None:
    """Another fee, and a step of another name."""
    sold = catalogue.load(settings().catalogue_path)
    content = sold.plans["svoboda"].content() | {"version": 2, "fee_by_region": {"moskva": fee}}
    content["settings"][0]["steps"][1] |= {"code": step}
    newer = replace(sold, plans=sold.plans | {"svoboda": Plan.model_validate(content)})
    with db.transaction() as session:
        tariffs.store_catalogue(session, newer, now=NOON)


# --- the table -------------------------------------------------------------------------------------------------------


def test_the_table_has_mine_first_and_no_closed_tariff(anna: Principal):
    mine, offers, advice = known(anna)

    view = views.table_view(mine, offers, advice, "ru")

    codes = [column.plan_code for column in view.columns]
    assert (codes[0], view.columns[0].tag, view.columns[0].action) == ("svoboda", "mine", "")
    assert "sekunda" not in codes
    assert {len(row.cells) for row in view.rows} == {len(codes)}
    rows = {row.name: [seen(cell) for cell in row.cells] for row in view.rows}
    legkiy, day = codes.index("legkiy"), codes.index("den")
    assert (rows["Плата"][0], rows["Плата"][legkiy], rows["Плата"][day]) == (
        "650_₽ в месяц",
        "390_₽ в месяц",
        "27_₽ в день",
    )
    assert rows["Звонки сверх пакета"][legkiy] == "3_₽ / мин"
    assert rows["Переход"][codes.index("vershina")] == "100_₽"
    assert (view.rows[-1].is_answer, seen(view.rows[-1].cells[0]), seen(view.rows[-1].cells[legkiy])) == (
        True,
        "750_₽",
        "840_₽",
    )
    assert (view.is_best_mine, seen(view.best_label)) == (True, "Настроить «Свобода»: 35_ГБ · 300_мин · 50_SMS")


# --- handlers --------------------------------------------------------------------------------------------------------


async def test_opening_shows_mine_the_settings_and_the_others(anna: Principal):
    state, quote = await opened()

    assert (state.is_ready, state.has_failed, state.has_plan) == (True, False, True)
    assert (state.mine.name, state.name, state.number) == ("Свобода", "Анна", "+7\u00a0916\u00a0000-00-01")
    assert len(state.settings.settings) == 2
    assert state.advice.cards[0].tag == "best"
    assert not quote.is_open


async def test_other_settings_lead_to_their_quote(anna: Principal):
    state, quote = await opened()

    await TariffsState.quote_settings.fn(state, {"internet": "35gb", "calls": "300min"})

    assert (quote.is_open, quote.sheet.title, seen(quote.sheet.confirm)) == (
        True,
        "Изменить настройки?",
        "Изменить с 20~декабря",
    )
    assert ("Спишем 20~декабря", "590_₽ вместо 650_₽") in [
        (seen(fact.name), seen(fact.value)) for fact in quote.sheet.facts
    ]
    assert state.times == []  # the plan's settings begin with the next period only


async def test_a_switch_begins_when_the_plan_allows_and_can_be_asked_for_at_another_time(anna: Principal):
    state, quote = await opened()

    await TariffsState.quote_switch.fn(state, "maksimum", {})
    first = seen(quote.sheet.confirm), [(one.code, one.is_chosen) for one in state.times]
    await TariffsState.quote_time.fn(state, "now")

    assert first == ("Сменить с 20~декабря", [("period_end", True), ("now", False)])
    assert seen(quote.sheet.confirm) == "Сменить за 990_₽"
    assert [(seen(one.name), one.is_chosen) for one in state.times] == [("С 20~декабря", False), ("Сразу", True)]


async def test_what_is_planned_is_shown_and_taken_back(anna: Principal):
    ordered(anna, tariffs.quote_switch, "maksimum")
    state, quote = await opened()
    assert state.mine.planned.title

    await TariffsState.quote_settings.fn(state, {})

    assert (quote.sheet.title, quote.sheet.confirm) == ("Отменить запланированное?", "Отменить запланированное")
    await QuoteState.confirm.fn(quote, quote.sheet.id)
    await TariffsState.refresh.fn(state)
    assert (state.mine.planned.title, quote.done.text) == ("", "Запланированное отменили")


async def test_planned_settings_are_taken_back_as_settings(anna: Principal):
    ordered(anna, tariffs.quote_settings, {"calls": "300min"})
    state, quote = await opened()

    await TariffsState.quote_settings.fn(state, {})

    assert seen(quote.sheet.notes[0].text) == "Новые настройки, запланированные на 20~декабря, не вступят в силу."


@pytest.mark.parametrize("plan_code", ["sekunda", "no-such-plan"])
async def test_a_tariff_that_is_not_offered_is_refused_in_words(anna: Principal, plan_code: str):
    state, quote = await opened()

    await TariffsState.quote_switch.fn(state, plan_code, {})

    assert quote.is_open
    assert quote.sheet.id == 0
    assert quote.refusal in ("Этот тариф сейчас недоступен для перехода. Выберите другой.", "Такого тарифа нет.")


async def test_a_tariff_of_another_region_is_refused_in_words(anna: Principal):
    with db.transaction() as session:
        subscribers.get(session, anna.subscriber_id).region = "samara"
    state, quote = await opened()

    await TariffsState.quote_switch.fn(state, "vershina", {})

    assert quote.refusal == "Тариф «Вершина» не продаётся в вашем регионе."


@pytest.mark.parametrize("chosen", [{"internet": "900gb"}, {"roaming": "all"}, {"internet": "35gb", "sms": "no"}])
async def test_settings_that_there_are_not_are_refused_in_words(anna: Principal, chosen: dict):
    state, quote = await opened()

    await TariffsState.quote_settings.fn(state, chosen)

    assert "нет такой настройки" in quote.refusal


async def test_nothing_to_change_is_refused_in_words(anna: Principal):
    state, quote = await opened()

    await TariffsState.quote_settings.fn(state, {"calls": "500min"})

    assert quote.refusal == "Это уже так: менять нечего."


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
async def test_odd_arguments_do_nothing(anna: Principal, odd: object):
    state, quote = await opened()

    await TariffsState.quote_switch.fn(state, odd, {})
    await TariffsState.quote_switch.fn(state, "maksimum", odd)
    await TariffsState.quote_settings.fn(state, odd)
    await TariffsState.quote_settings.fn(state, {"calls": odd})
    if isinstance(odd, str):
        await TariffsState.quote_settings.fn(state, {odd: "500min"})
    await TariffsState.quote_time.fn(state, odd)

    assert not quote.is_open
    assert state._asked is None


async def test_a_time_without_a_question_does_nothing(anna: Principal):
    state, quote = await opened()

    await TariffsState.quote_time.fn(state, SwitchTime.NOW.value)

    assert not quote.is_open


async def test_a_number_without_a_tariff_says_so(anna: Principal):
    with db.transaction() as session:
        for one in session.exec(select(PlanSubscription)):
            one.ended_at = NOON

    state, quote = await opened()
    await TariffsState.quote_settings.fn(state, {})

    assert (state.is_ready, state.has_plan) == (True, False)
    assert "сейчас нет тарифа" in quote.refusal


async def test_figures_stay_when_newer_ones_cannot_be_read(anna: Principal, monkeypatch):
    state, _ = await opened()
    monkeypatch.setattr("cabinet.services.tariffs.get_mine", lambda *_args, **_facts: 1 / 0)

    await TariffsState.refresh.fn(state)

    assert (state.is_ready, state.has_failed, state.mine.name) == (True, True, "Свобода")


async def test_the_same_quote_confirmed_at_once_by_two_is_one_order(anna: Principal):
    state, quote = await opened()
    await TariffsState.quote_switch.fn(state, "maksimum", {})
    again = (await opened())[1]

    await asyncio.gather(QuoteState.confirm.fn(quote, quote.sheet.id), QuoteState.confirm.fn(again, quote.sheet.id))

    with db.reading() as session:
        assert len(orders.list_orders(session, anna.subscriber_id, now=NOON)) == 1
    assert quote.done.text == again.done.text != ""


async def test_a_fault_while_confirming_is_told_in_the_sheet(anna: Principal, monkeypatch):
    state, quote = await opened()
    await TariffsState.quote_switch.fn(state, "maksimum", {})
    before = quote.answers
    monkeypatch.setattr("cabinet.services.orders.confirm", lambda *_args, **_facts: 1 / 0)

    await QuoteState.confirm.fn(quote, quote.sheet.id)

    assert quote.is_open
    assert "дважды не сделаем" in quote.refusal
    assert quote.answers == before + 1


async def test_a_page_that_is_opened_shows_no_sheet_of_the_one_that_was_left(anna: Principal):
    state, quote = await opened()
    await TariffsState.quote_switch.fn(state, "maksimum", {})

    await TariffsState.load.fn(state)

    assert not quote.is_open
