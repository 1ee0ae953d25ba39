"""/profile/actions: who did what with this number, and why: the operator's staff, and the limits of one's own."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.profile.actions_state import ActionsState, DeedView
from cabinet.ui.shell import cabinet_page, frame

TITLE = "Кто и что делал с моим номером"


@cabinet_page(route="/profile/actions", title=TITLE, access="subscriber", on_load=ActionsState.load)
def actions() -> rx.Component:
    """Every look and every action of the staff, every limit that was chosen; the latest first."""
    return frame(
        rx.cond(
            ActionsState.is_ready,
            rx.el.div(
                rx.el.p(
                    t("Сотрудник открывает ваш номер только с причиной, и каждый раз остаётся запись."),
                    class_name="text-muted",
                ),
                rx.cond(ActionsState.deeds, _list(), _nothing()),
                class_name="space-y-4 lg:max-w-[38rem]",
            ),
            kit.unread(
                ActionsState,
                t("Не получилось загрузить данные"),
                ActionsState.load,
                kit.loading(kit.bone("h-5 w-full"), kit.bone("mt-4 h-48 w-full")),
            ),
        ),
        here="/profile/",
        back="/profile/",
        title=TITLE,
        of=ActionsState,
    )


def _list() -> rx.Component:
    return rx.el.div(
        rx.el.ul(
            rx.foreach(ActionsState.deeds, _deed), aria_label=t("Действия с номером"), class_name=recipes.LIST_CARD
        ),
        rx.cond(ActionsState.has_older, kit.older(ActionsState.show_older), rx.fragment()),
    )


def _deed(deed: DeedView) -> rx.Component:
    return rx.el.li(
        rx.el.p(deed.title, class_name="font-medium wrap-anywhere"),
        rx.el.p(deed.second, class_name="text-sm text-muted"),
        rx.cond(deed.reason, rx.el.p(deed.reason, class_name="mt-1 text-sm wrap-anywhere"), rx.fragment()),
        key=deed.id.to_string(),
        class_name="px-5 py-3",
    )


def _nothing() -> rx.Component:
    return kit.empty_block(
        "shield",
        t("Никто ничего не делал"),
        t("Сотрудники не открывали ваш номер и ничего в нём не меняли."),
    )
