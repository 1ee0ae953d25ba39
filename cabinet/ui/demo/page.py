"""/demo/phone and /demo/clock. The composition root imports this in the demo only, so production has no such pages."""

from typing import Any

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.demo.state import ClockState, LetterView, PhoneState, SmsView
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import brand_mark, cabinet_page

SECONDS_BETWEEN_LOOKS = 3


@cabinet_page(route="/demo/phone", title="Телефон абонента", access="public", on_load=PhoneState.load)
def phone() -> rx.Component:
    """The subscriber's phone, with the SMS and the e-mails that were sent."""
    return _frame(
        kit.refresher(PhoneState.refresh, SECONDS_BETWEEN_LOOKS),
        rx.el.p(t("Сюда приходят SMS демонстрации. Настоящие телефоны их не получают."), class_name="text-muted"),
        rx.el.div(
            rx.el.div(class_name="mx-auto mb-3 h-1.5 w-20 rounded-full bg-line", aria_hidden="true"),
            rx.el.div(
                rx.el.ol(rx.foreach(PhoneState.messages, _bubble), class_name="space-y-3"),
                role="log",
                aria_label="SMS",
                tab_index=0,
                class_name="h-[50dvh] min-h-80 overflow-y-auto rounded-md bg-sunken p-3",
            ),
            _numbers(),
            rx.cond(
                PhoneState.messages,
                rx.fragment(),
                rx.el.p(t("SMS пока нет. Запросите код на странице входа."), class_name="mt-3 text-sm text-muted"),
            ),
            class_name="mt-5 rounded-xl border-4 border-ink bg-surface p-4",
        ),
        rx.cond(PhoneState.letters, _letters(), rx.fragment()),
        title="Телефон абонента",
        here="/demo/phone/",
    )


def _numbers() -> rx.Component:
    return rx.el.div(
        kit.chip(t("Все номера"), PhoneState.number == "", on_click=_show("")),
        rx.foreach(
            PhoneState.numbers,
            lambda number: kit.chip(number[1], PhoneState.number == number[0], on_click=_show(number[0])),
        ),
        role="group",
        aria_label=t("Чей телефон"),
        class_name="mt-3 flex flex-wrap gap-2",
    )


def _letters() -> rx.Component:
    return rx.el.section(
        rx.el.h2(t("Письма"), id="letters", class_name="mb-3 text-lg font-bold"),
        rx.el.ul(rx.foreach(PhoneState.letters, _letter), class_name="space-y-3"),
        aria_labelledby="letters",
        class_name="mt-6",
    )


def _letter(letter: LetterView) -> rx.Component:
    return rx.el.li(
        rx.el.p(letter.address, " · ", letter.at, class_name="text-xs break-words text-muted"),
        rx.el.p(letter.subject, class_name="mt-1 font-semibold"),
        rx.el.p(letter.text, class_name="mt-1 text-sm break-words whitespace-pre-line"),
        rx.cond(
            letter.link,
            kit.link_action(t("Открыть ссылку из письма"), letter.link, "arrow_right"),
            rx.fragment(),
        ),
        class_name=recipes.CARD,
    )


def _show(number: Any) -> Any:
    return PhoneState.show(number)


def _bubble(sms: SmsView) -> rx.Component:
    return rx.el.li(
        rx.el.p(sms.number, " · ", sms.at, class_name="mb-1 px-1 text-xs text-muted"),
        rx.el.div(
            rx.el.p(sms.text, class_name="break-words whitespace-pre-line"),
            rx.cond(
                sms.code,
                rx.el.button(
                    t("Скопировать код"),
                    rx.el.span(sms.code, class_name="tabular-nums"),
                    type="button",
                    on_click=rx.set_clipboard(sms.code),
                    class_name=recipes.LINK_ACTION,
                ),
                rx.fragment(),
            ),
            class_name="max-w-[20rem] rounded-lg rounded-tl-sm bg-surface px-4 py-3 shadow-card",
        ),
    )


@cabinet_page(route="/demo/clock", title="Часы оператора", access="public", on_load=ClockState.load)
def clock() -> rx.Component:
    """The operator's clock, and two ways to move it forward."""
    busy = rx.cond(ClockState.is_busy, "true", "false")
    return _frame(
        kit.refresher(ClockState.refresh, 30),
        rx.el.p(
            t("Часы этой демонстрации можно перевести вперёд: за это время люди позвонят, заплатят, и спишутся платы."),
            class_name="text-muted",
        ),
        rx.el.div(
            rx.el.p(t("Сейчас у оператора"), class_name="text-sm text-muted"),
            rx.el.p(ClockState.now, class_name="mt-1 min-h-9 text-2xl font-bold"),
            rx.el.div(
                kit.button(
                    t("На день вперёд"),
                    "secondary",
                    "clock",
                    on_click=ClockState.to_next_day,
                    aria_busy=busy,
                    aria_disabled=busy,
                ),
                kit.button(
                    t("К следующей плате"),
                    "secondary",
                    "receipt",
                    on_click=ClockState.to_next_fee,
                    aria_busy=busy,
                    aria_disabled=busy,
                ),
                class_name="mt-4 flex flex-wrap gap-3",
            ),
            rx.el.p(
                t("К плате того, кто вошёл в этом браузере; если никто не вошёл — к ближайшей."),
                class_name=recipes.HINT,
            ),
            class_name=f"mt-5 {recipes.CARD}",
        ),
        rx.el.div(
            rx.cond(ClockState.is_busy, rx.el.p(t("Время идёт…"), class_name="font-medium"), rx.fragment()),
            rx.cond(ClockState.refusal, kit.note("bad", ClockState.refusal), rx.fragment()),
            rx.cond(ClockState.note, kit.note("info", ClockState.note), rx.fragment()),
            rx.cond(
                ClockState.happened,
                rx.el.div(
                    rx.el.ul(rx.foreach(ClockState.happened, rx.el.li), class_name="space-y-1"),
                    kit.link_action(t("Посмотреть на главной"), "/"),
                    class_name=recipes.CARD,
                ),
                rx.fragment(),
            ),
            role="status",
            class_name="mt-4 space-y-4",
        ),
        title="Часы оператора",
        here="/demo/clock/",
    )


def _frame(*children: Any, title: str, here: str) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.header(
                rx.el.a(
                    brand_mark(), t("Демонстрация"), href="/", class_name="flex min-h-11 items-center gap-3 font-bold"
                ),
                class_name="flex h-20 items-center",
            ),
            kit.segmented_nav(
                t("Демонстрация"), [(t("Телефон"), "/demo/phone/"), (t("Часы"), "/demo/clock/")], here, "mb-6"
            ),
            rx.el.main(
                rx.el.h1(t(title), class_name="mb-2 text-2xl font-bold"),
                *children,
                id="main",
                class_name="outline-none",
            ),
            class_name="mx-auto max-w-[32rem] px-4 pb-24",
        ),
        kit.offline_strip(),
        class_name="min-h-dvh bg-bg font-sans text-base text-ink antialiased",
    )
