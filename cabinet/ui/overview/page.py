"""/: the dashboard."""

import reflex as rx

from cabinet.ui import kit, operations
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.overview.state import OverviewState
from cabinet.ui.overview.views import Fact, MatterView, MeterView, OperationView
from cabinet.ui.shell import cabinet_page, frame

_COLUMNS = "grid grid-cols-1 gap-4 lg:grid-cols-[minmax(0,1fr)_22rem] lg:gap-6"
_COLUMN = "min-w-0 space-y-4 lg:space-y-6"
_ACTIONS = "grid grid-cols-2 gap-2 min-[22.5rem]:grid-cols-[repeat(auto-fit,minmax(4.5rem,1fr))]"
_METER_ICONS = {"data": "wifi", "voice": "phone", "sms": "sms"}


@cabinet_page(route="/", title="Главная", access="subscriber", on_load=[OverviewState.load, OverviewState.load_offer])
def overview() -> rx.Component:
    """Balance, what is left, this month's expenses, the last operations."""
    return frame(
        kit.first_figures(),
        kit.refresher(OverviewState.refresh),
        rx.cond(
            OverviewState.is_ready,
            _figures(),
            kit.unread(OverviewState, t("Не получилось загрузить данные"), OverviewState.refresh, _skeleton()),
        ),
        here="/",
        title="Главная",
        of=OverviewState,
    )


def _figures() -> rx.Component:
    return rx.el.div(
        rx.el.div(_balance(), _matters(), _actions(), _allowances(), class_name=_COLUMN),
        # The offer comes after the figures, so nothing stands below it that it could push away.
        rx.el.div(
            _autopay(),
            _expenses(),
            _operations(),
            kit.freshness(OverviewState.has_failed, OverviewState.as_of, OverviewState.refresh, id="refresh"),
            _offer(),
            class_name=_COLUMN,
        ),
        class_name=_COLUMNS,
    )


def _balance() -> rx.Component:
    view = OverviewState.balance
    enough = rx.el.p(
        kit.icon("circle_check"), view.status, role="status", class_name="mt-4 flex items-center gap-2 text-sm"
    )
    lacking = kit.balance_status(view.status, False, view.strong)
    return kit.balance_card(
        view.roubles,
        view.kopecks,
        view.freshness,
        [rx.foreach(view.facts, _balance_fact)],
        rx.cond(view.has_status, rx.cond(view.is_enough, enough, lacking), rx.fragment()),
        kit.button_link(view.top_up, "/topup/", "on_hero", class_name="w-full"),
    )


def _balance_fact(fact: Fact) -> rx.Component:
    return kit.balance_fact(fact.name, fact.value)


def _matters() -> rx.Component:
    return rx.cond(
        OverviewState.matters,
        rx.el.ul(
            rx.foreach(OverviewState.matters, _matter), aria_label=t("Обратите внимание"), class_name=recipes.LIST_CARD
        ),
        rx.fragment(),
    )


def _matter(matter: MatterView) -> rx.Component:
    return rx.el.li(
        kit.page_link(
            rx.cond(matter.tone == "warn", kit.tile("warning", "warn"), kit.tile("info", "info")),
            rx.el.span(
                rx.el.span(matter.title, class_name="block font-medium"),
                rx.el.span(matter.second, class_name="block text-sm text-muted"),
                class_name="min-w-0 flex-1",
            ),
            kit.icon("chevron_right", "size-5 text-muted"),
            to=matter.address,
            class_name=f"{recipes.LIST_ROW} hover:bg-sunken",
        ),
        key=matter.title,
    )


def _autopay() -> rx.Component:
    view = OverviewState.autopay
    tones = ((tone, kit.tile("repeat", tone)) for tone in ("ok", "warn"))
    return rx.el.div(
        kit.page_link(
            rx.match(view.tone, *tones, kit.tile("repeat")),
            rx.el.span(
                rx.el.span(view.title, class_name="block font-medium"),
                rx.el.span(view.second, class_name="block text-sm text-muted"),
                class_name="min-w-0 flex-1",
            ),
            kit.icon("chevron_right", "size-5 text-muted"),
            to="/autopay/",
            class_name=f"{recipes.LIST_ROW} hover:bg-sunken",
        ),
        class_name=f"overflow-hidden {recipes.LIST_CARD}",
    )


def _actions() -> rx.Component:
    """What is done most often."""
    return rx.el.nav(
        rx.el.ul(
            kit.quick_action(t("Пакеты"), "/packages/", "package"),
            kit.quick_action(t("Расходы"), "/expenses/", "chart"),
            kit.quick_action(t("Автоплатёж"), "/autopay/", "repeat"),
            kit.quick_action(t("Поддержка"), "/support/", "message"),
            class_name=_ACTIONS,
        ),
        aria_label=t("Быстрые действия"),
    )


def _offer() -> rx.Component:
    offer = OverviewState.offer
    card = kit.page_link(
        rx.el.span(
            rx.el.span(offer.label, class_name="block text-xs font-semibold text-brand-ink"),
            rx.el.span(offer.title, class_name="mt-1 block text-lg font-bold"),
            rx.el.span(offer.second, class_name="mt-1 block text-sm text-muted"),
            class_name="min-w-0 flex-1",
        ),
        rx.el.span(
            rx.cond(offer.is_promotion, kit.icon("offer", "size-6"), kit.icon("trending_down", "size-6")),
            class_name="flex size-14 shrink-0 items-center justify-center rounded-full bg-surface text-brand-ink",
        ),
        to=offer.address,
        class_name="flex flex-wrap items-center gap-4 rounded-lg bg-brand-soft p-5",
    )
    return rx.cond(offer.title, card, rx.fragment())


def _allowances() -> rx.Component:
    return kit.card(
        rx.el.div(
            rx.foreach(OverviewState.meters, _meter),
            rx.cond(
                OverviewState.meters,
                rx.fragment(),
                rx.el.p(
                    rx.cond(
                        OverviewState.is_suspended,
                        t("Пакеты вернутся, когда спишется плата за тариф."),
                        t("В тарифе нет пакетов: связь оплачивается по факту."),
                    ),
                    class_name="text-sm text-muted",
                ),
            ),
            class_name="mt-4 space-y-5",
        ),
        rx.cond(
            OverviewState.is_running_out,
            rx.el.p(
                kit.page_action(t("Добавить пакет"), "/packages/", "plus"),
                class_name="mt-4 -mb-3 border-t border-line pt-1",
            ),
            rx.fragment(),
        ),
        title=t("Остатки"),
        aside=rx.el.span(OverviewState.until, class_name="text-sm text-muted"),
        id="allowances",
    )


def _meter(meter: MeterView) -> rx.Component:
    icon = rx.match(
        meter.kind,
        *((kind, kit.icon(name, "size-4.5 text-muted")) for kind, name in _METER_ICONS.items()),
        rx.fragment(),
    )
    return kit.meter(
        icon, meter.name, meter.left, meter.rest, meter.percent, meter.forecast, meter.is_low, meter.is_unlimited
    )


def _expenses() -> rx.Component:
    view = OverviewState.expenses
    trend = rx.cond(view.is_more, kit.icon("trending_up", "size-4.5 text-warn"), rx.fragment())
    legend = rx.el.p(
        _legend(rx.el.span(class_name="h-0.75 w-4 rounded-full bg-cat1"), view.legend_now),
        _legend(rx.el.span(class_name="w-4 border-t-2 border-dashed border-cat1"), view.legend_expected),
        _legend(rx.el.span(class_name="h-0.5 w-4 rounded-full bg-edge"), view.legend_before),
        aria_hidden="true",
        class_name="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-xs text-muted",
    )
    axis = rx.el.div(
        rx.el.span(view.first_day),
        rx.cond(
            view.today,
            rx.el.span(
                view.today,
                custom_attrs={"style": rx.Var.create({"left": view.left})},
                class_name="absolute -translate-x-1/2",
            ),
            rx.fragment(),
        ),
        rx.el.span(view.last_day),
        aria_hidden="true",
        class_name="relative mt-1.5 flex justify-between text-xs text-muted",
    )
    chart = kit.step_line(
        sentence=view.sentence,
        now=view.now_path,
        area=view.area_path,
        before=view.before_path,
        forecast=view.forecast_path,
        left=view.left,
        top=view.top,
    )
    return kit.card(
        rx.cond(
            view.empty,
            rx.el.p(view.empty, class_name="mt-1 text-muted"),
            rx.el.p(view.total, class_name="text-2xl font-bold"),
        ),
        rx.cond(
            view.comparison,
            rx.el.p(trend, view.comparison, class_name="mt-1 flex items-center gap-1.5 text-sm text-muted"),
            rx.fragment(),
        ),
        rx.cond(view.has_chart, rx.fragment(chart, axis, legend), rx.fragment()),
        title=view.title,
        aside=kit.page_action(t("Подробнее"), "/expenses/"),
        id="expenses",
    )


def _legend(mark: rx.Component, text: kit.Text) -> rx.Component:
    return rx.cond(text, rx.el.span(mark, text, class_name="flex items-center gap-1.5"), rx.fragment())


def _operations() -> rx.Component:
    return kit.list_card(
        rx.foreach(OverviewState.operations, _operation),
        rx.cond(
            OverviewState.operations,
            rx.fragment(),
            rx.el.li(
                t("Здесь появятся списания и пополнения — сразу, как случатся."),
                class_name="px-5 py-4 text-sm text-muted",
            ),
        ),
        title=t("Последние операции"),
        aside=kit.page_action(t("Все"), "/expenses/"),
        id="operations",
    )


def _operation(operation: OperationView) -> rx.Component:
    row = [
        rx.el.span(
            rx.match(operation.icon, *((name, kit.icon(name)) for name in operations.ICONS), kit.icon("receipt")),
            class_name=rx.cond(
                operation.is_income,
                f"{recipes.TILE} {recipes.TONES['ok']}",
                f"{recipes.TILE} {recipes.TONES['quiet']} group-open:bg-brand-soft group-open:text-brand-ink",
            ),
        ),
        rx.el.span(
            rx.el.span(operation.title, class_name="block font-medium"),
            rx.el.span(operation.second, class_name="block text-sm text-muted"),
            class_name="min-w-0 flex-1",
        ),
        kit.amount(operation.amount, operation.is_income),
    ]
    facts = rx.el.dl(
        rx.foreach(operation.facts, _explaining_fact),
        class_name="mt-3 space-y-1.5 text-sm first:mt-0 empty:hidden",
    )
    opening = rx.el.details(
        rx.el.summary(
            *row,
            kit.icon("chevron_down", "size-5 text-muted transition-transform group-open:rotate-180"),
            class_name=f"{recipes.LIST_ROW} cursor-pointer hover:bg-sunken",
        ),
        rx.el.div(
            rx.cond(operation.why, rx.el.p(operation.why, class_name="text-sm"), rx.fragment()),
            facts,
            class_name="mx-5 mb-4 rounded-md bg-sunken p-4",
        ),
        class_name="group",
    )
    return rx.el.li(rx.cond(operation.opens, opening, rx.el.div(*row, class_name=recipes.LIST_ROW)), key=operation.key)


def _explaining_fact(fact: Fact) -> rx.Component:
    return rx.el.div(
        rx.el.dt(fact.name, class_name="text-muted"),
        rx.el.dd(fact.value, class_name="text-right font-medium"),
        class_name="flex flex-wrap justify-between gap-x-4",
    )


def _skeleton() -> rx.Component:
    """Blocks of the sizes that the figures usually have."""
    balance = rx.el.div(
        kit.bone("h-5 w-20"),
        kit.bone("mt-2 h-11 w-44"),
        rx.el.div(
            kit.bone("h-10 w-36"),
            kit.bone("h-10 w-24"),
            class_name="mt-4 grid grid-cols-[1.5fr_1fr] gap-3 border-t border-line pt-4",
        ),
        kit.bone("mt-4 h-5 w-56 max-w-full"),
        class_name="h-[13.5rem] rounded-xl bg-surface p-5 shadow-card lg:h-[14.5rem] lg:p-7",
    )
    allowances = rx.el.div(
        kit.bone("h-6 w-28"),
        rx.el.div(*(_bone_meter() for _ in range(3)), class_name="mt-5 space-y-7"),
        class_name="h-[20.75rem] rounded-lg bg-surface p-5 shadow-card",
    )
    expenses = rx.el.div(
        kit.bone("h-6 w-40"),
        kit.bone("mt-3 h-8 w-28"),
        kit.bone("mt-3 h-4.5 w-56 max-w-full"),
        kit.bone("mt-4 h-22 w-full"),
        class_name="h-[18.875rem] rounded-lg bg-surface p-5 shadow-card",
    )
    operations = rx.el.div(
        kit.bone("h-6 w-48"),
        rx.el.div(*(kit.bone_row() for _ in range(5)), class_name="mt-4 space-y-6"),
        class_name="h-[25.5rem] rounded-lg bg-surface p-5 shadow-card",
    )
    autopay = rx.el.div(kit.bone_row(), class_name="h-[4.75rem] rounded-lg bg-surface px-5 py-4 shadow-card")
    actions = rx.el.div(*(kit.bone("h-[5.625rem] rounded-lg") for _ in range(4)), class_name=_ACTIONS)
    return kit.loading(
        rx.el.div(balance, actions, allowances, class_name=_COLUMN),
        rx.el.div(autopay, expenses, operations, class_name=_COLUMN),
        class_name=_COLUMNS,
    )


def _bone_meter() -> rx.Component:
    return rx.el.div(
        rx.el.div(kit.bone("h-5 w-24"), kit.bone("h-5 w-28"), class_name="flex items-center justify-between"),
        kit.bone("mt-2.5 h-2 w-full"),
        kit.bone("mt-2 h-4.5 w-44"),
    )
