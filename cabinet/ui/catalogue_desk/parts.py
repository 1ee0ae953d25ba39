"""What the pages of the catalogue's desk share."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.catalogue_desk.views import ChangeView
from cabinet.ui.i18n import t


def change_list(changes: rx.Var[list[ChangeView]]) -> rx.Component:
    """What was and what will be, line by line."""
    return rx.el.ul(rx.foreach(changes, _change), class_name="mt-3 divide-y divide-line border-y border-line")


def _change(change: rx.Var[ChangeView]) -> rx.Component:
    return rx.el.li(
        rx.el.p(change.name, class_name="text-sm text-muted"),
        rx.el.p(
            rx.el.span(t("было"), class_name="sr-only"),
            rx.el.span(change.before, class_name="line-through decoration-1"),
            rx.el.span(kit.icon("arrow_right", "size-4 shrink-0"), class_name="text-muted"),
            rx.el.span(t("станет"), class_name="sr-only"),
            rx.el.span(change.after, class_name="font-semibold"),
            rx.el.span(change.difference, class_name="text-sm text-muted empty:hidden"),
            class_name="flex flex-wrap items-center gap-x-2 wrap-anywhere",
        ),
        key=change.name,
        class_name="py-2.5",
    )
