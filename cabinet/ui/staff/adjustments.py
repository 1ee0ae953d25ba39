"""/staff/adjustments: corrections of balances that wait for a second person, and what was decided."""

from typing import Any

import reflex as rx

from cabinet.domain.staff import Permission
from cabinet.ui import kit
from cabinet.ui.desk.frame import staff_frame
from cabinet.ui.desk.state import DeskState
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page
from cabinet.ui.staff.adjustments_state import AdjustmentsState
from cabinet.ui.staff.views import AdjustmentView


@cabinet_page(route="/staff/adjustments", title="Корректировки", access="staff", on_load=AdjustmentsState.load)
def adjustments() -> rx.Component:
    """What waits above, what was decided below."""
    return staff_frame(
        kit.refresher(AdjustmentsState.refresh),
        rx.el.div(
            rx.cond(AdjustmentsState.refusal, kit.note("bad", AdjustmentsState.refusal), rx.fragment()),
            rx.cond(AdjustmentsState.note, kit.note("ok", AdjustmentsState.note), rx.fragment()),
            role="status",
            class_name="mt-5 space-y-4 empty:hidden",
        ),
        rx.cond(
            AdjustmentsState.is_ready,
            rx.el.div(
                rx.cond(
                    AdjustmentsState.waiting,
                    kit.list_card(
                        rx.foreach(AdjustmentsState.waiting, _waiting), title=t("Ждут решения"), id="waiting"
                    ),
                    kit.empty_block("scale", t("Ничего не ждёт решения")),
                ),
                rx.cond(
                    AdjustmentsState.decided,
                    kit.list_card(
                        rx.foreach(AdjustmentsState.decided, lambda one: _row(one)), title=t("Решённые"), id="decided"
                    ),
                    rx.fragment(),
                ),
                class_name="mt-5 max-w-[56rem] space-y-6",
            ),
            kit.loading(kit.bone("mt-5 h-72 w-full")),
        ),
        here="/staff/adjustments/",
        title=t("Корректировки"),
        lead=t("Один сотрудник предлагает, другой решает. Абонент видит сумму, объяснение и обоих."),
        permission=Permission.ADJUST,
    )


def _waiting(one: AdjustmentView) -> rx.Component:
    return _row(
        one,
        rx.el.div(
            rx.cond(
                ~one.is_mine & DeskState.permissions.contains(Permission.APPROVE.value),
                kit.button(
                    t("Одобрить"),
                    "secondary",
                    "check",
                    aria_label=rx.Var.create(f"{t('Одобрить')}: {one.amount}, {one.number}"),
                    on_click=AdjustmentsState.approve(one.id),
                ),
                rx.fragment(),
            ),
            rx.cond(
                one.is_mine | DeskState.permissions.contains(Permission.APPROVE.value),
                kit.button(
                    rx.cond(one.is_mine, t("Отозвать"), t("Отклонить")),
                    "outline",
                    on_click=AdjustmentsState.decline(one.id),
                ),
                rx.fragment(),
            ),
            class_name="mt-3 flex flex-wrap gap-3 empty:hidden",
        ),
    )


def _decided(one: AdjustmentView) -> rx.Component:
    return _row(one)


def _row(one: AdjustmentView, below: Any = None) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.span(one.number, " · ", one.reason, class_name="min-w-0 flex-1 font-medium"),
            kit.amount(one.amount, one.is_income),
            class_name="flex flex-wrap justify-between gap-x-3",
        ),
        rx.el.p(one.words, class_name="mt-1 text-sm wrap-anywhere"),
        rx.el.p(t("Предложил сотрудник"), ": ", one.proposed, class_name="mt-1 text-xs text-muted"),
        rx.cond(one.decided, rx.el.p(one.decided, class_name=f"{recipes.HINT} mt-0 text-xs"), rx.fragment()),
        *([] if below is None else [below]),
        key=one.id.to_string(),
        class_name="px-5 py-4",
    )
