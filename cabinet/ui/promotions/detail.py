"""/offers/detail: one promotion: what it gives, what it costs, what happens after; joining and leaving it."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.promotions.parts import hero
from cabinet.ui.promotions.state import OfferState
from cabinet.ui.promotions.views import Fact
from cabinet.ui.quotes import quote_sheet
from cabinet.ui.shell import cabinet_page, frame

_OFFER = OfferState.offer


@cabinet_page(route="/offers/detail", title="Акция", access="subscriber", on_load=OfferState.load)
def offer() -> rx.Component:
    """A promotion in full."""
    return frame(
        kit.refresher(OfferState.refresh),
        rx.cond(
            OfferState.is_ready,
            rx.cond(
                OfferState.is_missing,
                kit.empty_block(
                    "offer",
                    t("Такой акции сейчас нет"),
                    t("Возможно, она закончилась. Остальные — в списке."),
                    kit.button_link(t("Все акции"), "/offers/", "secondary"),
                ),
                _everything(),
            ),
            kit.unread(OfferState, t("Не получилось загрузить акцию"), OfferState.load, _skeleton()),
        ),
        quote_sheet(on_done=OfferState.refresh),
        here="/offers/",
        title="Акция",
        of=OfferState,
        back="/offers/",
        is_task=True,
    )


def _everything() -> rx.Component:
    return rx.el.div(
        hero(
            rx.el.p(_OFFER.until, class_name="text-sm font-medium"),
            rx.el.h2(_OFFER.title, class_name="mt-1 text-2xl font-bold text-balance"),
            rx.el.p(_OFFER.teaser, class_name="mt-3 text-sm empty:hidden"),
        ),
        rx.cond(_OFFER.left, kit.card(_list(_OFFER.left), title=t("Что осталось"), id="left"), rx.fragment()),
        kit.card(_list(_OFFER.gives), title=t("Что вы получите"), id="gives"),
        rx.cond(
            _OFFER.facts,
            kit.card(
                rx.el.dl(rx.foreach(_OFFER.facts, _fact), class_name="mt-3 space-y-2.5 text-sm"),
                title=t("Сколько стоит"),
                id="costs",
            ),
            rx.fragment(),
        ),
        kit.card(_list(_OFFER.after, "info"), title=t("Что будет потом"), id="after"),
        rx.cond(_OFFER.refusal, kit.note("warn", t("Сейчас не получится"), _OFFER.refusal), rx.fragment()),
        rx.cond(
            _OFFER.can_join,
            kit.button(t("Участвовать"), class_name="w-full", on_click=OfferState.join(_OFFER.code)),
            rx.fragment(),
        ),
        rx.cond(
            _OFFER.can_leave,
            kit.button(t("Выйти из акции"), "secondary", class_name="w-full", on_click=OfferState.leave(_OFFER.code)),
            rx.fragment(),
        ),
        rx.cond(_OFFER.rules, _rules(), rx.fragment()),
        class_name="space-y-4",
    )


def _list(lines: rx.Var[list[str]], icon: str = "check") -> rx.Component:
    tone = "text-ok" if icon == "check" else "text-muted"
    return rx.el.ul(
        rx.foreach(
            lines,
            lambda line: rx.el.li(
                kit.icon(icon, f"size-5 {tone}"),
                rx.el.span(line, class_name="min-w-0 first-letter:uppercase"),
                class_name="flex gap-2",
            ),
        ),
        class_name="mt-3 space-y-2.5 text-sm",
    )


def _fact(fact: rx.Var[Fact]) -> rx.Component:
    return rx.el.div(
        rx.el.dt(fact.name, class_name="text-muted"),
        rx.el.dd(fact.value, class_name="text-right font-semibold"),
        class_name="flex flex-wrap justify-between gap-x-4",
    )


def _rules() -> rx.Component:
    return rx.el.details(
        rx.el.summary(
            kit.icon("file_text", "size-5"),
            t("Полные правила акции"),
            class_name="flex min-h-11 cursor-pointer items-center justify-center gap-1.5 text-sm font-semibold "
            "text-brand-ink underline-offset-4 hover:underline",
        ),
        rx.el.div(
            rx.foreach(_OFFER.rules, lambda line: rx.el.p(line, class_name="break-words")),
            class_name="mt-2 space-y-2 rounded-lg bg-surface p-5 text-sm shadow-card",
        ),
    )


def _skeleton() -> rx.Component:
    """Blocks of the sizes that a promotion usually has."""
    return kit.loading(
        rx.el.div(
            kit.bone("h-44 w-full rounded-xl"),
            kit.bone("h-44 w-full rounded-lg"),
            kit.bone("h-40 w-full rounded-lg"),
            kit.bone("h-12 w-full rounded-md"),
            class_name="space-y-4",
        )
    )
