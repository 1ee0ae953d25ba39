"""/tariff: mine, its settings with the price at once, and what the others would have cost."""

from typing import Any

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page, frame, number_tabs
from cabinet.ui.tariffs import parts
from cabinet.ui.tariffs.state import TariffsState
from cabinet.ui.tariffs.views import CardView, Fact, SettingView, StepView

_COLUMNS = "grid grid-cols-1 gap-4 lg:grid-cols-2 lg:items-start lg:gap-6"
_COLUMN = "min-w-0 space-y-4 lg:space-y-6"
_CARDS = "grid grid-cols-1 gap-4 sm:grid-cols-2 lg:grid-cols-1"


@cabinet_page(route="/tariff", title="Тариф", access="subscriber", on_load=TariffsState.load)
def tariff() -> rx.Component:
    """My tariff."""
    return frame(
        number_tabs("/tariff/"),
        parts.contents(
            rx.el.div(
                rx.el.div(_mine(), _settings(), class_name=_COLUMN),
                rx.el.div(_others(), kit.freshness(TariffsState.has_failed, TariffsState.as_of), class_name=_COLUMN),
                class_name=_COLUMNS,
            ),
            _skeleton(),
        ),
        here="/tariff/",
        title="Тариф",
        of=TariffsState,
    )


# --- mine -------------------------------------------------------------------------------------------------------------


def _mine() -> rx.Component:
    mine = TariffsState.mine
    state = rx.cond(mine.suspended, kit.tag(t("Приостановлен"), "warn"), kit.tag(t("Действует"), "ok", "check"))
    return rx.el.section(
        rx.el.div(
            rx.el.div(
                rx.el.p(t("Ваш тариф"), class_name="text-sm text-muted"),
                rx.el.h2(mine.name, id="mine", class_name="text-xl font-bold"),
            ),
            state,
            class_name="flex flex-wrap items-start justify-between gap-3",
        ),
        rx.cond(mine.suspended, _inset(_suspended()), rx.fragment()),
        rx.cond(
            mine.gives,
            rx.el.ul(rx.foreach(mine.gives, _tile), class_name="mt-4 grid grid-cols-3 gap-2 text-center"),
            rx.el.p(t("Пакетов нет: платите за то, что потратили."), class_name="mt-4"),
        ),
        rx.el.p(
            rx.el.span(mine.fee_name, class_name="text-muted"),
            rx.el.b(mine.fee, class_name="text-lg font-bold whitespace-nowrap"),
            class_name="mt-4 flex flex-wrap items-baseline justify-between gap-x-3",
        ),
        rx.cond(mine.planned.title, _planned(), rx.fragment()),
        rx.cond(mine.closed, _inset(kit.note("info", t("Закрытый тариф"), mine.closed)), rx.fragment()),
        _terms(),
        aria_labelledby="mine",
        class_name=recipes.CARD,
    )


def _suspended() -> rx.Component:
    top_up = kit.page_action(t("Пополнить"), "/topup/")
    return kit.note("warn", t("Не хватило денег на плату"), TariffsState.mine.suspended, top_up)


def _inset(block: rx.Component) -> rx.Component:
    return rx.el.div(block, class_name="mt-4")


def _tile(one: rx.Var[Fact]) -> rx.Component:
    return rx.el.li(
        rx.el.b(one.value, class_name="block text-lg font-bold"),
        rx.el.span(one.name, class_name="text-xs text-muted"),
        class_name="rounded-md bg-sunken px-1 py-3",
    )


def _planned() -> rx.Component:
    planned = TariffsState.mine.planned
    return _inset(
        kit.note(
            "info",
            planned.title,
            planned.text,
            rx.el.button(
                t("Отменить это изменение"),
                type="button",
                on_click=TariffsState.quote_settings({}),
                class_name=f"{recipes.LINK_ACTION} text-sm",
            ),
        )
    )


def _terms() -> rx.Component:
    mine = TariffsState.mine
    return rx.el.details(
        rx.el.summary(
            t("Все условия тарифа"),
            kit.icon("chevron_down", "size-5 text-muted transition-transform group-open:rotate-180"),
            class_name="flex min-h-12 items-center justify-between font-semibold",
        ),
        rx.el.p(mine.description, class_name="pb-3 text-sm empty:hidden"),
        rx.el.ul(rx.foreach(mine.features, _feature), class_name="space-y-1.5 pb-3 text-sm empty:hidden"),
        rx.el.dl(rx.foreach(mine.terms, parts.fact), class_name="space-y-2 pb-2 text-sm"),
        class_name="group mt-2 border-t border-line pt-1",
    )


def _feature(text: rx.Var[str]) -> rx.Component:
    return rx.el.li(kit.icon("check", "size-5 text-ok"), rx.el.span(text), class_name="flex gap-2")


# --- settings ---------------------------------------------------------------------------------------------------------


def _settings() -> rx.Component:
    settings = TariffsState.settings
    priced = kit.priced(settings)
    card = kit.card(
        rx.el.p(settings.lead, class_name="mt-1 text-sm text-muted"),
        rx.el.div(rx.foreach(settings.settings, _setting), class_name="mt-5 space-y-5"),
        rx.el.div(
            rx.el.div(
                rx.el.p(
                    rx.el.span(settings.per, class_name="block text-sm text-muted"),
                    rx.el.output(priced.total, aria_live="polite", class_name="text-2xl font-bold"),
                ),
                rx.el.p(
                    priced.difference,
                    class_name=rx.match(
                        priced.trend,
                        (-1, "pb-1 text-sm font-semibold text-ok"),
                        (1, "pb-1 text-sm font-semibold text-warn"),
                        "pb-1 text-sm text-muted",
                    ),
                ),
                class_name="flex flex-wrap items-end justify-between gap-x-3",
            ),
            class_name="mt-4 rounded-md bg-sunken p-4",
        ),
        rx.cond(
            priced.changed,
            kit.button(
                t("Проверить и сменить"),
                class_name="mt-4 w-full",
                on_click=TariffsState.quote_settings(priced.chosen),
            ),
            kit.button(t("Так сейчас: выберите другое"), "secondary", class_name="mt-4 w-full", aria_disabled="true"),
        ),
        rx.el.ul(rx.foreach(priced.hints, _hint), class_name="mt-3 space-y-2 text-sm text-warn empty:hidden"),
        title=t("Настроить под себя"),
        id="settings",
    )
    return rx.cond(settings.settings, card, rx.fragment())


def _setting(setting: rx.Var[SettingView]) -> rx.Component:
    return rx.match(
        setting.kind,
        ("switch", _switch(setting)),
        ("choice", _choice(setting)),
        _slider(setting),
    )


def _slider(setting: rx.Var[SettingView]) -> rx.Component:
    settings = TariffsState.settings
    at = kit.priced(settings).steps[setting.code]
    id = rx.Var.create(f"setting-{setting.code}")
    used = rx.el.span(setting.used)
    return rx.el.div(
        rx.el.div(
            rx.el.label(setting.name, html_for=id, class_name="font-medium"),
            rx.el.span(at.name, class_name="text-lg font-bold", aria_hidden="true"),
            class_name="flex items-baseline justify-between gap-3",
        ),
        kit.slider(id, settings, setting, at),
        rx.el.div(
            rx.el.span(setting.least, aria_hidden="true"),
            rx.cond(setting.is_wide, rx.fragment(), used),
            rx.el.span(setting.most, aria_hidden="true"),
            class_name="flex justify-between gap-3 text-xs text-muted",
        ),
        rx.cond(setting.is_wide, rx.el.p(used, class_name="mt-1 text-xs text-muted empty:hidden"), rx.fragment()),
    )


def _switch(setting: rx.Var[SettingView]) -> rx.Component:
    settings = TariffsState.settings
    at = kit.priced(settings).steps[setting.code]
    return rx.el.label(
        rx.el.span(
            rx.el.span(setting.name, class_name="block font-medium"),
            rx.el.span(setting.price, class_name="block text-sm text-muted"),
            class_name="flex-1",
        ),
        kit.setting_switch(settings, setting, at),
        class_name="flex min-h-12 cursor-pointer items-center gap-3 border-t border-line pt-3",
    )


def _choice(setting: rx.Var[SettingView]) -> rx.Component:
    settings = TariffsState.settings
    at = kit.priced(settings).steps[setting.code]

    def radio(step: rx.Var[StepView], number: rx.Var[int]) -> rx.Component:
        return rx.el.label(
            kit.setting_radio(settings, setting, number, at), step.name, class_name=recipes.SEGMENT_RADIO
        )

    return rx.el.fieldset(
        rx.el.legend(setting.name, class_name="font-medium"),
        rx.el.div(rx.foreach(setting.steps, radio), class_name=f"mt-2 {recipes.SEGMENTS}"),
        rx.el.p(setting.used, class_name="mt-1 text-xs text-muted empty:hidden"),
    )


def _hint(text: rx.Var[str]) -> rx.Component:
    return rx.el.li(kit.icon("info", "size-5"), rx.el.span(text), class_name="flex gap-2")


# --- the others -------------------------------------------------------------------------------------------------------


def _others() -> rx.Component:
    advice = TariffsState.advice
    return rx.el.section(
        rx.el.div(
            rx.el.h2(t("Другие тарифы"), id="others", class_name=recipes.CARD_TITLE),
            rx.el.p(advice.lead, class_name="mt-1 text-sm text-muted"),
            rx.cond(
                advice.doubt,
                rx.el.p(
                    kit.icon("info", "size-5"),
                    rx.el.span(advice.doubt),
                    class_name="mt-2 flex gap-2 text-sm font-medium text-warn",
                ),
                rx.fragment(),
            ),
            class_name="mt-2 mb-3 px-1 lg:mt-0",
        ),
        rx.el.ul(rx.foreach(advice.cards, _card), class_name=_CARDS),
        kit.page_action(t("Сравнить в таблице"), "/tariffs/", "list_checks", class_name="mt-2 text-base"),
        aria_labelledby="others",
    )


def _card(card: rx.Var[CardView]) -> rx.Component:
    return rx.el.li(
        rx.cond(card.tag, rx.el.p(parts.tag(card.tag), class_name="mb-3"), rx.fragment()),
        rx.el.div(
            rx.el.h3(card.name, class_name="text-lg font-bold"),
            rx.el.p(
                card.fee,
                rx.el.span(" ", card.per, class_name="text-sm font-medium text-muted"),
                class_name="text-lg font-bold",
            ),
            class_name="flex flex-wrap items-baseline justify-between gap-x-3",
        ),
        rx.el.p(card.gives, class_name="mt-1 text-sm text-muted"),
        rx.el.p(card.would, class_name="mt-3 text-sm empty:hidden"),
        rx.el.p(card.why, class_name="mt-1.5 text-sm empty:hidden"),
        rx.cond(card.months, _months(card), rx.fragment()),
        rx.el.div(class_name="mt-4 flex-1"),
        rx.match(
            card.action,
            ("switch", _act(card, t("Перейти"), TariffsState.quote_switch(card.plan_code, card.settings))),
            ("settings", _act(card, t("Настроить так"), TariffsState.quote_settings(card.settings))),
            (
                "here",
                kit.anchor(
                    t("Настроить"),
                    href="#settings",
                    aria_label=card.label,
                    class_name=f"{recipes.BUTTON} {recipes.BUTTON_KINDS['secondary']} w-full",
                ),
            ),
            rx.fragment(),
        ),
        key=card.key,
        class_name=rx.cond(
            card.tag == "best", f"flex flex-col {recipes.CARD} outline-2 outline-brand", f"flex flex-col {recipes.CARD}"
        ),
    )


def _act(card: rx.Var[CardView], text: kit.Text, event: Any) -> rx.Component:
    kinds = recipes.BUTTON_KINDS
    return rx.el.button(
        text,
        type="button",
        aria_label=card.label,
        on_click=event,
        class_name=rx.cond(
            card.tag == "best",
            f"{recipes.BUTTON} {kinds['soft']} w-full",
            f"{recipes.BUTTON} {kinds['secondary']} w-full",
        ),
    )


def _months(card: rx.Var[CardView]) -> rx.Component:
    """The months as a picture, and behind it as figures."""
    return rx.el.details(
        rx.el.summary(
            kit.month_bars(sentence=card.sentence, bars=card.bars, levels=card.levels),
            rx.el.span(
                t("По месяцам"),
                kit.icon("chevron_down", "size-4.5 transition-transform group-open:rotate-180"),
                class_name="flex items-center gap-1.5 text-sm font-semibold whitespace-nowrap text-brand-ink",
            ),
            class_name="flex min-h-11 items-end justify-between gap-3",
        ),
        rx.cond(
            card.levels,
            rx.el.p(t("Столбик — этот тариф, черта — ваш."), class_name="mt-2 text-xs text-muted"),
            rx.fragment(),
        ),
        rx.el.dl(rx.foreach(card.months, parts.fact), class_name="mt-2 space-y-1.5 text-sm"),
        class_name="group mt-3",
    )


# --- nothing yet ------------------------------------------------------------------------------------------------------


def _skeleton() -> rx.Component:
    """Blocks of the sizes that a tariff with two settings has."""
    mine = rx.el.div(
        kit.bone("h-5 w-24"),
        kit.bone("mt-1 h-7 w-36"),
        rx.el.div(*(kit.bone("h-17.5 rounded-md") for _ in range(3)), class_name="mt-4 grid grid-cols-3 gap-2"),
        kit.bone("mt-4 h-6 w-full"),
        kit.bone("mt-6 h-6 w-48"),
        class_name="h-[17rem] rounded-lg bg-surface p-5 shadow-card",
    )
    settings = rx.el.div(
        kit.bone("h-6 w-48"),
        kit.bone("mt-2 h-5 w-full"),
        kit.bone("mt-8 h-16 w-full"),
        kit.bone("mt-8 h-16 w-full"),
        kit.bone("mt-6 h-22 w-full"),
        kit.bone("mt-4 h-12 w-full"),
        class_name="h-[31rem] rounded-lg bg-surface p-5 shadow-card",
    )
    card = [
        rx.el.div(
            kit.bone("h-6 w-40"),
            kit.bone("mt-2 h-5 w-56 max-w-full"),
            kit.bone("mt-4 h-16 w-full"),
            kit.bone("mt-6 h-10 w-36"),
            kit.bone("mt-4 h-12 w-full"),
            class_name="h-[18rem] rounded-lg bg-surface p-5 shadow-card",
        )
        for _ in range(3)
    ]
    return kit.loading(
        rx.el.div(
            rx.el.div(mine, settings, class_name=_COLUMN),
            rx.el.div(
                rx.el.div(kit.bone("h-6 w-40"), kit.bone("mt-2 h-10 w-full"), class_name="px-1"),
                rx.el.div(*card, class_name=_CARDS),
                class_name=_COLUMN,
            ),
            class_name=_COLUMNS,
        )
    )
