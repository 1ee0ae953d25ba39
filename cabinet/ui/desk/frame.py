"""The frame around the pages of the staff: the rail (on a phone a bar) with what the role may open, and the content."""

from typing import Any

import reflex as rx

from cabinet.config import settings
from cabinet.domain.staff import Permission
from cabinet.ui import kit, shell
from cabinet.ui.desk.state import DeskState
from cabinet.ui.faults import FaultState
from cabinet.ui.i18n import t
from cabinet.ui.kit import Text
from cabinet.ui.shell import Section

SECTIONS: list[tuple[Section, tuple[Permission, ...]]] = [
    (Section("Обращения", "/staff/", "inbox"), (Permission.TICKETS,)),
    (Section("Абоненты", "/staff/subscribers/", "users"), (Permission.SUBSCRIBERS,)),
    (Section("Корректировки", "/staff/adjustments/", "scale"), (Permission.ADJUST, Permission.APPROVE)),
    (Section("Отчёты", "/staff/supervisor/", "chart"), (Permission.SUPERVISE,)),
    (Section("Шаблоны", "/staff/templates/", "receipt"), (Permission.SUPERVISE,)),
    (Section("Акции", "/staff/offers/", "gift"), (Permission.OFFERS,)),
    (Section("Каталог", "/staff/catalogue/", "sliders"), (Permission.CATALOGUE,)),
    (Section("Сотрудники", "/staff/members/", "shield"), (Permission.STAFF,)),
]
"""The navigation, each line with the permissions any of which opens it. Only pages that are there are shown."""

_LINK = (
    "flex min-h-11 items-center gap-3 rounded-md px-3 text-sm font-medium hover:bg-sunken "
    "aria-[current=page]:bg-brand-soft aria-[current=page]:font-semibold aria-[current=page]:text-brand-ink"
)


def staff_frame(
    *children: Any, here: str, title: Text, permission: Permission, lead: Text = "", action: Any = None
) -> rx.Component:
    """A page of the staff; `here` is the address of its section (as in `SECTIONS`).

    `title` is its heading, `lead` a line under it, `action` its main button beside it; "" where the page has a heading
    of its own. Whose role lacks `permission` reads that in place of the children.
    """
    return rx.el.div(
        shell.skip_link(),
        rx.el.div(
            _rail(here),
            rx.el.main(
                *([] if isinstance(title, str) and not title else [_heading(title, lead, action)]),
                rx.cond(
                    DeskState.is_ready,
                    rx.cond(has(permission), rx.fragment(*children), _no_permission()),
                    kit.loading(kit.bone("h-24 w-full"), kit.bone("mt-4 h-72 w-full"), class_name="mt-5"),
                ),
                id="main",
                tab_index=-1,
                class_name="min-w-0 px-4 py-5 outline-none lg:px-8 lg:py-7",
            ),
            class_name="lg:grid lg:grid-cols-[13rem_minmax(0,1fr)]",
        ),
        kit.owner(DeskState.login),
        kit.update_strip(),
        kit.offline_strip(),
        kit.toast(FaultState.text),
        class_name=shell.BODY,
    )


def _rail(here: str) -> rx.Component:
    return rx.el.header(
        rx.el.div(
            rx.el.span(
                shell.brand_mark(),
                rx.el.span(
                    rx.el.b(settings().brand_name, class_name="block"),
                    rx.el.span(t("рабочее место"), class_name="block text-xs text-muted"),
                    class_name="leading-tight max-lg:sr-only",
                ),
                class_name="flex min-h-11 items-center gap-3 lg:px-3",
            ),
            rx.el.nav(
                rx.el.ul(*(_section(section, any_of, here) for section, any_of in SECTIONS if _is_there(section))),
                aria_label=t("Рабочее место"),
                class_name="ml-auto min-w-0 overflow-x-auto lg:mt-4 lg:ml-0 *:flex *:gap-1 lg:*:flex-col",
            ),
            _whoever_is_here(),
            class_name="flex items-center gap-2 px-4 py-2 lg:h-full lg:flex-col lg:items-stretch lg:px-3 lg:py-5",
        ),
        class_name="border-b border-line bg-surface lg:sticky lg:top-0 lg:h-dvh lg:overflow-y-auto lg:border-r "
        "lg:border-b-0",
    )


def _section(section: Section, any_of: tuple[Permission, ...], here: str) -> rx.Component:
    allowed = has(any_of[0])
    for permission in any_of[1:]:
        allowed = allowed | has(permission)
    link = kit.page_link(
        kit.icon(section.icon, "size-5 shrink-0"),
        rx.el.span(t(section.title), class_name="max-lg:sr-only"),
        to=section.to,
        class_name=_LINK,
        **({"aria_current": "page"} if section.to == here else {}),
    )
    return rx.cond(allowed, rx.el.li(link), rx.fragment())


def _is_there(section: Section) -> bool:
    return section.to.rstrip("/") in {page.route.rstrip("/") for page in shell.PAGES}


def has(permission: Permission) -> rx.Var[bool]:
    """Whether to show what only this permission opens."""
    return DeskState.permissions.contains(permission.value)


def behind_a_word(word: Text, consequence: Text, act: Text, on_click: Any) -> rx.Component:
    """What is not to be done by one press: a word opens what would follow, and there is the button."""
    return rx.el.details(
        rx.el.summary(
            word,
            class_name="inline-flex min-h-11 cursor-pointer items-center text-sm font-semibold text-bad",
        ),
        rx.el.p(consequence, class_name="text-sm"),
        kit.button(act, "danger", class_name="mt-3", on_click=on_click),
        class_name="mt-3",
    )


def _whoever_is_here() -> rx.Component:
    return rx.el.div(
        rx.el.p(
            rx.el.b(DeskState.name, class_name="block text-sm font-semibold"),
            rx.el.span(DeskState.role, class_name="block text-xs text-muted"),
            class_name="min-w-0 px-3 leading-tight max-lg:sr-only",
        ),
        kit.form(
            "/auth/staff/sign-out",
            rx.el.button(
                kit.icon("sign_out", "size-5 shrink-0"),
                rx.el.span(t("Выйти"), class_name="max-lg:sr-only"),
                type="submit",
                class_name=f"{_LINK} w-full lg:mt-2",
            ),
        ),
        class_name="lg:mt-auto",
    )


def _heading(title: Text, lead: Text, action: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.h1(title, class_name="text-2xl font-bold"),
            rx.el.p(lead, class_name="mt-1 text-sm text-muted empty:hidden"),
        ),
        *([] if action is None else [action]),
        class_name="flex flex-wrap items-end justify-between gap-4",
    )


def _no_permission() -> rx.Component:
    return rx.el.div(
        kit.empty_block("shield", t("Этот раздел не для вашей роли"), t("Права даёт администратор.")),
        class_name="mt-5 max-w-[28rem]",
    )
