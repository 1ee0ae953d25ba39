"""/staff/members: who works here, and whose access is closed."""

import reflex as rx

from cabinet.domain.staff import Permission
from cabinet.ui import kit
from cabinet.ui.desk.frame import staff_frame
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page
from cabinet.ui.staff.members_state import MembersState, MemberView


@cabinet_page(route="/staff/members", title="Сотрудники", access="staff", on_load=MembersState.load)
def members() -> rx.Component:
    """Everybody who was ever hired: what they did stays, and so do they."""
    return staff_frame(
        rx.el.div(
            rx.cond(MembersState.refusal, kit.note("bad", MembersState.refusal), rx.fragment()),
            rx.cond(MembersState.note, kit.note("ok", MembersState.note), rx.fragment()),
            role="status",
            class_name="mt-5 space-y-4 empty:hidden",
        ),
        rx.cond(
            MembersState.is_ready,
            rx.el.ul(
                rx.foreach(MembersState.members, _member),
                aria_label=t("Сотрудники"),
                class_name=f"{recipes.LIST_CARD} mt-5 max-w-[56rem]",
            ),
            kit.loading(kit.bone("mt-5 h-72 w-full")),
        ),
        rx.el.p(
            t("Нанять, сменить пароль или ключ для кодов — командой:"),
            " ",
            rx.el.code("python -m cabinet staff", class_name="whitespace-nowrap"),
            class_name=f"{recipes.HINT} max-w-[56rem]",
        ),
        here="/staff/members/",
        title=t("Сотрудники"),
        permission=Permission.STAFF,
    )


def _member(one: MemberView) -> rx.Component:
    label = rx.cond(one.is_active, t("Закрыть доступ"), t("Открыть доступ"))
    return rx.el.li(
        rx.el.div(
            rx.el.p(
                rx.el.span(one.name, class_name="font-medium"),
                rx.cond(one.is_active, rx.fragment(), rx.el.span(" ", kit.tag(t("доступ закрыт"), "warn"))),
            ),
            rx.el.p(one.second, class_name="text-sm text-muted wrap-anywhere"),
            class_name="min-w-40 flex-1",
        ),
        rx.cond(
            one.is_me,
            rx.fragment(),
            rx.el.button(
                label,
                type="button",
                aria_label=rx.Var.create(f"{label}: {one.name}"),
                on_click=rx.cond(one.is_active, MembersState.dismiss(one.id), MembersState.take_back(one.id)),
                class_name=f"{recipes.BUTTON} {recipes.BUTTON_KINDS['outline']}",
            ),
        ),
        key=one.id.to_string(),
        class_name="flex flex-wrap items-center gap-3 px-5 py-4",
    )
