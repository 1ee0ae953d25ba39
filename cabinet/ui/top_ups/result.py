"""/topup/result: what became of a payment. It waits for the truth and credits nothing."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page, frame
from cabinet.ui.top_ups.state import ResultState
from cabinet.ui.top_ups.views import FactView

_RESULT = ResultState.result
_SIGNS = {"done": ("check", "bg-ok-soft text-ok"), "refused": ("close", "bg-bad-soft text-bad")}


@cabinet_page(route="/topup/result", title="Пополнение", access="subscriber", on_load=ResultState.load)
def result() -> rx.Component:
    """In progress, done, or refused with what to do."""
    return frame(
        kit.refresher(ResultState.refresh),
        rx.cond(
            ResultState.is_ready,
            rx.cond(
                ResultState.is_missing,
                kit.empty_block(
                    "search",
                    t("Такого платежа нет"),
                    t("Все пополнения этого номера — на странице «Пополнение»."),
                    kit.button_link(t("К пополнению"), "/topup/", "secondary"),
                ),
                rx.match(_RESULT.state, ("done", _done()), ("refused", _refused()), _wait()),
            ),
            rx.cond(ResultState.has_failed, _failed(), _skeleton()),
        ),
        here="/topup/",
        title="Пополнение",
        of=ResultState,
        back="/",
        is_task=True,
    )


def _head(sign: rx.Component) -> rx.Component:
    return rx.el.div(
        sign,
        rx.el.h2(_RESULT.title, class_name="mt-5 text-2xl font-bold"),
        rx.el.p(_RESULT.text, class_name="mt-1 text-muted"),
        role="status",
        class_name="pt-6 text-center lg:pt-10",
    )


def _sign(state: str) -> rx.Component:
    icon_name, tone = _SIGNS[state]
    return rx.el.span(
        kit.icon(icon_name, "size-10"),
        class_name=f"mx-auto flex size-20 items-center justify-center rounded-full {tone}",
    )


def _wait() -> rx.Component:
    sign = rx.el.span(
        kit.icon("clock", "size-10"),
        class_name="mx-auto flex size-20 items-center justify-center rounded-full bg-sunken text-muted",
    )
    return rx.el.div(
        _head(sign),
        _facts(),
        rx.cond(
            _RESULT.page,
            rx.el.p(
                kit.link_action(t("Вернуться на страницу банка"), _RESULT.page, class_name="text-base"),
                class_name="mt-3 text-center",
            ),
            rx.fragment(),
        ),
        rx.el.div(
            kit.button_link(t("На главную"), "/", "secondary", class_name="w-full"),
            class_name="mt-6",
        ),
    )


def _done() -> rx.Component:
    return rx.el.div(
        _head(_sign("done")),
        _facts(
            rx.el.div(
                kit.link_action(t("Чек"), _RESULT.receipt, "receipt"),
                class_name="mt-3 -mb-2 border-t border-line pt-1",
            )
        ),
        rx.el.div(
            kit.button_link(t("Готово"), "/", class_name="w-full"),
            rx.cond(
                _RESULT.has_saved,
                kit.button_link(t("Настроить автоплатёж"), "/autopay/", "secondary", "repeat", class_name="w-full"),
                rx.fragment(),
            ),
            class_name="mt-6 space-y-3",
        ),
    )


def _refused() -> rx.Component:
    return rx.el.div(
        _head(_sign("refused")),
        rx.el.div(
            rx.el.p(t("Почему так бывает"), class_name="font-semibold"),
            rx.el.ul(
                rx.foreach(_RESULT.reasons, lambda reason: rx.el.li(reason, key=reason)),
                class_name="mt-2 list-disc space-y-1.5 pl-5 text-sm",
            ),
            class_name=f"{recipes.CARD} mt-6",
        ),
        rx.el.div(
            kit.button_link(t("Попробовать ещё раз"), _RESULT.again, icon_name="refresh", class_name="w-full"),
            rx.cond(
                _RESULT.by_sbp,
                kit.button_link(t("Оплатить по СБП"), _RESULT.by_sbp, "secondary", "qr", class_name="w-full"),
                rx.fragment(),
            ),
            class_name="mt-6 space-y-3",
        ),
    )


def _facts(*below: rx.Component) -> rx.Component:
    return rx.el.div(
        rx.el.dl(rx.foreach(_RESULT.facts, _fact), class_name="space-y-3"),
        *below,
        class_name=f"{recipes.CARD} mt-6 text-sm",
    )


def _fact(fact: rx.Var[FactView]) -> rx.Component:
    return rx.el.div(
        rx.el.dt(fact.name, class_name="text-muted"),
        rx.el.dd(fact.value, class_name="text-right font-medium"),
        key=fact.name,
        class_name="flex justify-between gap-4",
    )


def _failed() -> rx.Component:
    return kit.failed(
        t("Не получилось узнать, что с платежом"),
        ResultState.refresh,
        t("Второй раз не платите. Попробуйте ещё раз или откройте страницу позже."),
    )


def _skeleton() -> rx.Component:
    return kit.loading(
        rx.el.div(
            kit.bone("mx-auto size-20 rounded-full"),
            kit.bone("mx-auto mt-5 h-9 w-56"),
            kit.bone("mx-auto mt-1 h-6 w-72"),
            class_name="pt-6 lg:pt-10",
        ),
        rx.el.div(*(kit.bone("mt-3 h-5 w-full") for _ in range(6)), class_name=f"{recipes.CARD} mt-6"),
    )
