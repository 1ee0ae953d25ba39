"""The card of what will be charged in the next 31 days."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.expenses.coming import ICONS, ComingState, OutgoView
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.quotes import quote_sheet


def timeline() -> rx.Component:
    """The sum first, then every charge with its day; what can be stopped has the button for it."""
    return rx.fragment(rx.cond(ComingState.is_ready, _card(), _skeleton()), quote_sheet(on_done=ComingState.load))


def _card() -> rx.Component:
    return kit.list_card(
        rx.el.li(
            rx.el.p(
                rx.el.b(ComingState.total, class_name="text-2xl font-bold"),
                " ",
                rx.el.span(t("до {day}", day=ComingState.until), class_name="text-sm text-muted"),
            ),
            rx.cond(
                ComingState.lacking,
                rx.el.p(
                    kit.icon("warning", "size-4.5"),
                    ComingState.lacking,
                    class_name="mt-1 flex items-center gap-1.5 text-sm font-medium text-warn",
                ),
                rx.el.p(
                    kit.icon("circle_check", "size-4.5"),
                    t("Денег на это хватит."),
                    class_name="mt-1 flex items-center gap-1.5 text-sm font-medium text-ok",
                ),
            ),
            class_name="px-5 pb-3",
        ),
        rx.foreach(ComingState.outgoes, _outgo),
        title=t("Спишем в ближайшие 31 день"),
        id="coming",
    )


def _outgo(outgo: rx.Var[OutgoView]) -> rx.Component:
    stop = rx.el.button(
        outgo.stop,
        type="button",
        on_click=ComingState.stop(outgo.kind, outgo.code),
        aria_label=rx.Var.create(f"{outgo.stop}: {outgo.title}"),
        class_name=f"{recipes.LINK_ACTION} text-sm",
    )
    return rx.el.li(
        rx.el.span(
            rx.match(outgo.icon, *((name, kit.icon(name)) for name in ICONS), kit.icon("receipt")),
            class_name=f"{recipes.TILE} {recipes.TONES['quiet']}",
        ),
        rx.el.span(
            rx.el.span(outgo.title, class_name="block font-medium"),
            rx.el.span(outgo.second, class_name="block text-sm text-muted"),
            class_name="min-w-0 flex-1 basis-32",
        ),
        rx.el.span(
            kit.amount(outgo.amount),
            rx.cond(outgo.stop, stop, rx.fragment()),
            class_name="flex flex-col items-end",
        ),
        key=outgo.key,
        class_name=recipes.LIST_ROW,
    )


def _skeleton() -> rx.Component:
    return rx.el.div(
        kit.bone("h-6 w-56 max-w-full"),
        kit.bone("mt-4 h-8 w-32"),
        kit.bone("mt-2 h-5 w-44"),
        *(rx.el.div(kit.bone_row(), class_name="mt-6") for _ in range(2)),
        aria_hidden="true",
        class_name="rounded-lg bg-surface p-5 shadow-card",
    )
