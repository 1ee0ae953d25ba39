"""The card of the cap on usage outside the packages."""

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.expenses.cap import LONGEST_SUM, CapState
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes

_CAP = CapState.cap


def cap_card() -> rx.Component:
    """How the present month stands against the cap, and behind a word the field to choose it."""
    return rx.fragment(
        rx.cond(CapState.is_ready, _card(), _skeleton()), kit.toast(CapState.done, key=CapState.done_number)
    )


def _card() -> rx.Component:
    return kit.card(
        rx.cond(_CAP.is_set, _standing(), _none()),
        rx.el.details(
            rx.el.summary(
                rx.cond(_CAP.is_set, t("Изменить лимит"), t("Задать лимит")),
                kit.icon("chevron_down", "size-4.5 transition-transform group-open:rotate-180"),
                class_name=f"{recipes.LINK_ACTION} cursor-pointer text-sm",
            ),
            rx.cond(CapState.needs_code, _confirm_first(), _form()),
            class_name="group mt-2 -mb-2",
        ),
        title=t("Лимит сверх пакетов"),
        id="cap-section",
    )


def _none() -> rx.Component:
    return rx.fragment(
        rx.el.p(
            t("Потрачено сверх пакетов в этом месяце:"),
            " ",
            rx.el.b(_CAP.spent, class_name="font-semibold whitespace-nowrap"),
            class_name="mt-1",
        ),
        rx.el.p(
            t(
                "Решите, сколько в месяц можно потратить на звонки, SMS и интернет сверх пакетов, за границей и в "
                "роуминге. Больше этой суммы не спишем."
            ),
            class_name="mt-2 text-sm text-muted",
        ),
    )


def _standing() -> rx.Component:
    meter = kit.meter(
        "wallet",
        t("Осталось до лимита"),
        _CAP.left,
        _CAP.rest,
        _CAP.percent,
        _CAP.forecast,
        _CAP.is_low,
        label=t("Осталось до лимита"),
    )
    reached = kit.note(
        "warn", t("Лимит исчерпан"), t("До конца месяца за связь сверх пакетов не спишем: остальное за наш счёт.")
    )
    promise = rx.el.p(
        t("Предупредим на 80 % и на 100 %. Дальше в этом месяце не спишем. Связь кабинет не отключает."),
        class_name="mt-3 text-sm text-muted",
    )
    return rx.el.div(meter, rx.cond(_CAP.is_reached, rx.el.div(reached, class_name="mt-3"), promise), class_name="mt-3")


def _form() -> rx.Component:
    return rx.el.form(
        kit.live_field(
            t("Лимит на месяц, ₽"),
            "cap",
            CapState.typed,
            CapState.error,
            hint=CapState.hint,
            input_mode="numeric",
            auto_complete="off",
            max_length=LONGEST_SUM,
            on_change=lambda typed: CapState.fill(typed).debounce(300),
            on_blur=CapState.leave,
            key=CapState.opened,
            class_name="font-semibold",
        ),
        rx.cond(CapState.refusal, kit.note("bad", t("Ничего не изменили"), CapState.refusal), rx.fragment()),
        rx.el.div(
            kit.submit(t("Сохранить"), "secondary"),
            rx.cond(
                _CAP.is_set,
                kit.button(t("Убрать лимит"), "outline", on_click=CapState.remove),
                rx.fragment(),
            ),
            class_name="flex flex-wrap gap-3 *:flex-1",
        ),
        on_submit=CapState.save,
        class_name="mt-2 mb-2 space-y-4",
    )


def _confirm_first() -> rx.Component:
    return rx.el.div(
        kit.note(
            "info",
            t("Сначала подтвердите, что это вы"),
            t("Лимит меняет только тот, у кого в руках ваш номер. Код из SMS спросим в профиле."),
            kit.page_action(t("Подтвердить в профиле"), "/profile/", "shield"),
        ),
        class_name="mt-2 mb-2",
    )


def _skeleton() -> rx.Component:
    return rx.el.div(
        kit.bone("h-6 w-48"),
        kit.bone("mt-4 h-5 w-64 max-w-full"),
        kit.bone("mt-3 h-9 w-full"),
        kit.bone("mt-4 h-5 w-32"),
        aria_hidden="true",
        class_name="h-[16.5rem] rounded-lg bg-surface p-5 shadow-card lg:h-[15.5rem]",
    )
