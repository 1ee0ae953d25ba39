"""The window of a quote and the message after it."""

from typing import Any

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.quotes.parts import fact_line, note_line, terms_table
from cabinet.ui.quotes.state import QuoteState

_SHEET = QuoteState.sheet


def quote_sheet(on_done: Any, choice: rx.Component | None = None) -> rx.Component:
    """The sheet of the open quote and the message of what was done, with «Отменить».

    `on_done` is the page's event that reads it anew; it follows every confirming and every undoing. `choice` is what
    the page asks in the sheet: its controls have `data_asks` and call `open_sheet` again.
    """
    return rx.fragment(
        kit.sheet(
            QuoteState.is_open,
            rx.cond(_SHEET.id, _SHEET.title, t("Сейчас не получится")),
            rx.cond(_SHEET.id, _body(on_done, choice), _refused()),
            on_dismiss=QuoteState.dismiss,
            id="quote",
            answer=QuoteState.answers,
        ),
        done_toast(on_done),
    )


def done_toast(on_done: Any) -> rx.Component:
    """The message of what was done last, with «Отменить»: for a page that has no sheet of its own too."""
    return kit.toast(
        QuoteState.done.text,
        rx.cond(
            QuoteState.done.order_id,
            rx.el.button(
                t("Отменить"),
                type="button",
                on_click=[QuoteState.undo(QuoteState.done.order_id), on_done],
                class_name="inline-flex min-h-11 items-center px-2 text-sm font-semibold underline underline-offset-4",
            ),
            rx.fragment(),
        ),
        key=QuoteState.done.number,
    )


def _body(on_done: Any, choice: rx.Component | None) -> rx.Component:
    return rx.el.div(
        rx.el.p(_SHEET.subject, class_name="text-muted"),
        rx.cond(
            _SHEET.changed,
            rx.el.div(kit.note("warn", t("Условия изменились"), _SHEET.changed), class_name="mt-3"),
            rx.fragment(),
        ),
        *([] if choice is None else [choice]),
        rx.cond(_SHEET.terms.length() > 0, terms_table(_SHEET.terms, t("Сейчас"), t("Станет")), rx.fragment()),
        rx.el.dl(rx.foreach(_SHEET.facts, fact_line), class_name="mt-3 space-y-2.5 rounded-md bg-sunken p-4 text-sm"),
        rx.el.ul(rx.foreach(_SHEET.notes, note_line), class_name="mt-3 space-y-2 text-sm"),
        rx.cond(
            QuoteState.refusal,
            rx.el.div(kit.note("bad", t("Ничего не сделали"), QuoteState.refusal), class_name="mt-3"),
            rx.cond(
                _SHEET.lacking,
                rx.el.div(kit.note("warn", t("Не хватает денег"), _SHEET.lacking), class_name="mt-3"),
                rx.fragment(),
            ),
        ),
        rx.el.div(
            rx.cond(
                _SHEET.lacking,
                kit.button_link(t("Пополнить"), _SHEET.top_up, class_name="w-full"),
                kit.button(
                    _SHEET.confirm,
                    class_name="w-full",
                    on_click=[QuoteState.confirm(_SHEET.id), on_done],
                    data_act="sheet",
                ),
            ),
            kit.button(_SHEET.keep, "secondary", class_name="w-full", data_dismiss="sheet"),
            class_name="mt-5 space-y-3",
        ),
    )


def _refused() -> rx.Component:
    return rx.el.div(
        rx.el.p(QuoteState.refusal, role="alert", class_name="mt-2"),
        kit.button(t("Понятно"), "secondary", class_name="mt-5 w-full", data_dismiss="sheet"),
    )
