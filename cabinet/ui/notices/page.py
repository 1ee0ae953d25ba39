"""/notices: what happened to the number, day by day, each with the way to it."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.notices.state import NoticesState
from cabinet.ui.notices.views import ICONS, TONES, NoticeView
from cabinet.ui.shell import cabinet_page, frame

_COLUMN = "space-y-4 lg:max-w-[38rem]"


@cabinet_page(route="/notices", title="Уведомления", access="subscriber", on_load=NoticesState.load)
def notices() -> rx.Component:
    """Everything that happened, the newest first."""
    return frame(
        kit.refresher(NoticesState.refresh),
        rx.cond(
            NoticesState.is_ready,
            rx.el.div(
                rx.el.div(
                    rx.el.p(t("Списания, подключения, входы — всё, что было с номером."), class_name="text-muted"),
                    kit.page_action(t("Настроить уведомления"), "/profile/#notifications", "sliders"),
                ),
                rx.cond(NoticesState.is_empty, _nothing(), _list()),
                kit.freshness(NoticesState.has_failed, NoticesState.as_of, NoticesState.load),
                class_name=_COLUMN,
            ),
            kit.unread(NoticesState, t("Не получилось загрузить данные"), NoticesState.load, _skeleton()),
        ),
        here="/notices/",
        title="Уведомления",
        of=NoticesState,
        back="/",
    )


def _list() -> rx.Component:
    shown = kit.rows(NoticesState.page, list[NoticeView])
    return rx.el.div(
        rx.el.ul(rx.foreach(shown, _notice), aria_label=t("Что произошло"), class_name=recipes.LIST_CARD),
        rx.cond(NoticesState.page.is_end, rx.fragment(), kit.older(NoticesState.show_more(NoticesState.page.number))),
    )


def _notice(notice: NoticeView) -> rx.Component:
    tones = ((tone, f"{recipes.TILE} {recipes.TONES[tone]}") for tone in TONES)
    return rx.el.li(
        rx.cond(
            notice.day,
            rx.el.h2(notice.day, class_name="px-5 pt-4 pb-1 text-sm font-semibold text-muted"),
            rx.fragment(),
        ),
        kit.page_link(
            rx.el.span(
                rx.match(notice.icon, *((name, kit.icon(name)) for name in ICONS), kit.icon("list_checks")),
                class_name=rx.match(notice.tone, *tones, f"{recipes.TILE} {recipes.TONES['quiet']}"),
            ),
            rx.el.span(
                rx.el.span(
                    notice.text,
                    class_name=rx.cond(notice.is_unread, "block font-semibold", "block"),
                ),
                rx.el.span(
                    rx.el.span(notice.at, class_name="text-sm text-muted"),
                    rx.cond(notice.is_unread, kit.tag(t("Новое"), "brand"), rx.fragment()),
                    class_name="mt-0.5 flex items-center gap-2",
                ),
                class_name="min-w-0 flex-1 break-words",
            ),
            kit.icon("chevron_right", "size-5 text-muted"),
            to=notice.link,
            class_name=f"{recipes.LIST_ROW} flex-nowrap hover:bg-sunken",
        ),
        key=notice.id,
    )


def _nothing() -> rx.Component:
    return kit.empty_block(
        "bell",
        t("Уведомлений ещё не было"),
        t("Здесь появится всё, что произойдёт с номером: списания, подключения, входы."),
        kit.button_link(t("На главную"), "/", "secondary"),
    )


def _skeleton() -> rx.Component:
    """Rows of the size that notices usually have."""
    row = rx.el.div(kit.bone_row(), class_name="flex h-[4.5rem] items-center px-5")
    return kit.loading(
        rx.el.div(kit.bone("h-6 w-72 max-w-full"), kit.bone("mt-2 h-7 w-44")),
        rx.el.div(row, row, row, row, row, class_name="rounded-lg bg-surface shadow-card"),
        class_name=_COLUMN,
    )
