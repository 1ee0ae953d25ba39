"""What a quote and an order look like: before and after, figures, sentences."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.quotes.views import FactView, NoteView, TermView

_AFTER = "py-2.5 text-right font-semibold"


def terms_table(terms: rx.Var[list[TermView]], before: kit.Text, after: kit.Text) -> rx.Component:
    """Terms that change, side by side; `before` and `after` are the heads of the columns."""

    def head(text: kit.Text) -> rx.Component:
        return rx.el.th(text, scope="col", class_name="pb-2 text-right font-medium")

    table = rx.el.table(
        rx.el.caption(t("Что изменится"), class_name="sr-only"),
        rx.el.thead(
            rx.el.tr(
                rx.el.th(rx.el.span(t("Условие"), class_name="sr-only"), scope="col", class_name="pb-2"),
                head(before),
                head(after),
                class_name="text-muted",
            )
        ),
        rx.el.tbody(rx.foreach(terms, _term), class_name="tabular-nums"),
        class_name="w-full text-left text-sm",
    )
    # A frame that may scroll has to be reached by keyboard; a group, because several orders may stand open.
    return rx.el.div(
        table, role="group", aria_label=t("Что изменится"), tab_index=0, class_name="mt-4 overflow-x-auto rounded-md"
    )


def _term(term: TermView) -> rx.Component:
    return rx.el.tr(
        rx.el.th(term.name, scope="row", class_name="py-2.5 pr-2 font-medium"),
        rx.el.td(term.before, class_name="py-2.5 text-right text-muted"),
        rx.el.td(
            term.after,
            class_name=rx.match(term.tone, ("ok", f"{_AFTER} text-ok"), ("warn", f"{_AFTER} text-warn"), _AFTER),
        ),
        class_name="border-t border-line",
    )


def fact_line(fact: FactView) -> rx.Component:
    """A line of a `dl`; what it was before is struck out."""
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
        class_name="flex flex-wrap justify-between gap-x-4",
    )


def note_line(note: NoteView) -> rx.Component:
    """A line of a `ul`, with the sign of its tone."""
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
