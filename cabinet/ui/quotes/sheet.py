"""The window of a quote and the message after it."""

from typing import Any

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.quotes.state import QuoteState
from cabinet.ui.quotes.views import FactView, NoteView, TermView

_SHEET = QuoteState.sheet
_TONES = {"ok": "py-2.5 text-right font-semibold text-ok", "warn": "py-2.5 text-right font-semibold text-warn"}


def quote_sheet(on_done: Any) -> rx.Component:
    """The sheet of the open quote and the message of what was done, with «Отменить».

    `on_done` is the page's event that reads it anew; it follows every confirming and every undoing.
    """
    return rx.fragment(
        kit.sheet(
            QuoteState.is_open,
            rx.cond(_SHEET.id, _SHEET.title, t("Сейчас не получится")),
            rx.cond(_SHEET.id, _body(on_done), _refused()),
            on_dismiss=QuoteState.dismiss,
            id="quote",
            answer=QuoteState.answers,
        ),
        kit.toast(
            QuoteState.done.text,
            rx.cond(
                QuoteState.done.order_id,
                rx.el.button(
                    t("Отменить"),
                    type="button",
                    on_click=[QuoteState.undo(QuoteState.done.order_id), on_done],
                    class_name="inline-flex min-h-11 items-center px-2 text-sm font-semibold underline "
                    "underline-offset-4",
                ),
                rx.fragment(),
            ),
            key=QuoteState.done.number,
        ),
    )


def _body(on_done: Any) -> rx.Component:
    return rx.el.div(
        rx.el.p(_SHEET.subject, class_name="text-muted"),
        rx.cond(
            _SHEET.changed,
            rx.el.div(kit.note("warn", t("Условия изменились"), _SHEET.changed), class_name="mt-3"),
            rx.fragment(),
        ),
        rx.cond(_SHEET.terms.length() > 0, _terms(), rx.fragment()),
        rx.el.dl(rx.foreach(_SHEET.facts, _fact), class_name="mt-3 space-y-2.5 rounded-md bg-sunken p-4 text-sm"),
        rx.el.ul(rx.foreach(_SHEET.notes, _note), class_name="mt-3 space-y-2 text-sm"),
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
                rx.fragment(),
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


def _terms() -> rx.Component:
    def head(text: kit.Text) -> rx.Component:
        return rx.el.th(text, scope="col", class_name="pb-2 text-right font-medium")

    return rx.el.table(
        rx.el.caption(t("Что изменится"), class_name="sr-only"),
        rx.el.thead(
            rx.el.tr(
                rx.el.th(rx.el.span(t("Условие"), class_name="sr-only"), scope="col", class_name="pb-2"),
                head(t("Сейчас")),
                head(t("Станет")),
                class_name="text-muted",
            )
        ),
        rx.el.tbody(rx.foreach(_SHEET.terms, _term), class_name="tabular-nums"),
        class_name="mt-4 w-full text-left text-sm",
    )


def _term(term: rx.Var[TermView]) -> rx.Component:
    return rx.el.tr(
        rx.el.th(term.name, scope="row", class_name="py-2.5 pr-2 font-medium"),
        rx.el.td(term.before, class_name="py-2.5 text-right text-muted"),
        rx.el.td(
            term.after,
            class_name=rx.match(
                term.tone, ("ok", _TONES["ok"]), ("warn", _TONES["warn"]), "py-2.5 text-right font-semibold"
            ),
        ),
        class_name="border-t border-line",
    )


def _fact(fact: rx.Var[FactView]) -> rx.Component:
    return rx.el.div(
        rx.el.dt(fact.name),
        rx.el.dd(
            rx.cond(
                fact.was,
                rx.el.s(rx.el.span(t("было"), " ", class_name="sr-only"), fact.was, class_name="mr-2 text-muted"),
                rx.fragment(),
            ),
            rx.cond(fact.was, rx.el.span(t("стало"), " ", class_name="sr-only"), rx.fragment()),
            fact.value,
            class_name="text-right font-semibold",
        ),
        class_name="flex justify-between gap-4",
    )


def _note(note: rx.Var[NoteView]) -> rx.Component:
    return rx.el.li(
        rx.match(
            note.tone,
            ("ok", kit.icon("circle_check", "size-5 text-ok")),
            ("warn", kit.icon("warning", "size-5 text-warn")),
            kit.icon("info", "size-5 text-info"),
        ),
        rx.el.span(note.text),
        class_name="flex gap-2",
    )
