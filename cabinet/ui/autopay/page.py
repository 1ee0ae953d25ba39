"""/autopay: when to top up by itself, how much at most, and from which card; how the rule stands."""

from typing import Any

import reflex as rx

from cabinet.ui import kit
from cabinet.ui.autopay.state import LONGEST_SUM, AutopayState
from cabinet.ui.autopay.views import FactView
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page, frame

_DRAFT, _RULE, _HINTS = AutopayState.draft, AutopayState.rule, AutopayState.hints
_KIND = "group/kind rounded-lg border-2 border-line bg-surface has-checked:border-brand"
_OF_KIND = "hidden border-t border-line p-4 group-has-checked/kind:block"


@cabinet_page(route="/autopay", title="Автоплатёж", access="subscriber", on_load=AutopayState.load)
def autopay() -> rx.Component:
    """The forms of the code stand in the page from the beginning: the server writes into them before React arrives."""
    return frame(
        kit.refresher(AutopayState.refresh),
        rx.el.p(
            t("Пополняем сами, чтобы связь не прерывалась. Накануне пришлём SMS — платёж можно отменить."),
            class_name="mb-4 text-muted",
        ),
        rx.cond(AutopayState.is_ready, _rule(), rx.cond(AutopayState.has_failed, _failed(), _skeleton())),
        rx.el.div(
            kit.confirmation(
                t("Чтобы включить автоплатёж или изменить его, подтвердите кодом из SMS, что это вы."),
                "/autopay/",
                keeps="autopay",
            ),
            class_name=rx.cond(
                AutopayState.is_ready & AutopayState.needs_code & AutopayState.methods.bool(),
                f"{recipes.CARD} mb-4 space-y-3",
                "hidden",
            ),
        ),
        rx.cond(AutopayState.is_ready, rx.cond(AutopayState.methods, _form(), _no_method()), rx.fragment()),
        kit.form_script(),
        kit.toast(AutopayState.done, key=AutopayState.done_number),
        here="/autopay/",
        title="Автоплатёж",
        of=AutopayState,
        back="/",
        is_task=True,
    )


# --- the rule that there is -------------------------------------------------------------------------------------------


def _rule() -> rx.Component:
    card = kit.card(
        rx.el.dl(rx.foreach(_RULE.facts, _fact), class_name="mt-3 space-y-2.5 text-sm"),
        rx.cond(
            _RULE.note.title,
            rx.el.div(_note(_RULE.note), class_name="mt-4"),
            rx.fragment(),
        ),
        rx.cond(
            ~_RULE.is_active & AutopayState.needs_code & _RULE.can_resume,
            rx.el.p(t("Чтобы включить снова, подтвердите кодом из SMS."), class_name=recipes.HINT),
            rx.fragment(),
        ),
        rx.el.div(
            rx.cond(
                _RULE.is_active,
                kit.button(t("Приостановить"), "secondary", "pause", on_click=AutopayState.pause),
                rx.cond(
                    _RULE.can_resume & ~AutopayState.needs_code,
                    kit.button(t("Включить снова"), "soft", "repeat", on_click=AutopayState.resume),
                    rx.fragment(),
                ),
            ),
            kit.button(t("Удалить автоплатёж"), "danger", "trash", on_click=AutopayState.delete),
            class_name="mt-4 flex flex-wrap gap-3 *:flex-1",
        ),
        title=_RULE.title,
        aside=rx.cond(_RULE.is_active, kit.tag(t("Работает"), "ok", "check"), kit.tag(t("Пауза"), "warn", "pause")),
        id="rule",
        class_name="mb-6",
    )
    return rx.cond(_RULE.title, card, rx.fragment())


def _fact(fact: rx.Var[FactView]) -> rx.Component:
    return rx.el.div(
        rx.el.dt(fact.name, class_name="text-muted"),
        rx.el.dd(fact.value, class_name="text-right font-medium"),
        key=fact.name,
        class_name="flex flex-wrap justify-between gap-x-4",
    )


def _note(note: Any) -> rx.Component:
    return rx.cond(
        note.tone == "warn", kit.note("warn", note.title, note.text), kit.note("info", note.title, note.text)
    )


# --- what is chosen ---------------------------------------------------------------------------------------------------


def _form() -> rx.Component:
    return rx.el.form(
        rx.el.fieldset(
            rx.el.legend(
                rx.cond(_RULE.title, t("Изменить автоплатёж"), t("Когда пополнять")),
                class_name="mb-3 text-lg font-bold",
            ),
            _kind("fee", t("Перед платой за тариф"), _HINTS.fee),
            _kind(
                "threshold",
                t("Когда на балансе мало"),
                t("Как только станет меньше суммы, которую вы зададите"),
                _sum(t("Если меньше, ₽"), "threshold", _DRAFT.threshold, _HINTS.threshold, "threshold"),
                _sum(t("Пополнить на, ₽"), "threshold_amount", _DRAFT.threshold_amount, _HINTS.amount, "amount"),
            ),
            _kind(
                "day",
                t("По числам месяца"),
                t("Каждый месяц одну и ту же сумму"),
                _sum(
                    t("Число месяца"),
                    "day",
                    _DRAFT.day,
                    t("Если такого числа нет — в последний день"),
                    "day",
                ),
                _sum(t("Пополнить на, ₽"), "day_amount", _DRAFT.day_amount, _HINTS.amount, "amount"),
            ),
            class_name="space-y-3",
        ),
        rx.el.div(
            _sum(t("Не больше в месяц, ₽"), "ceiling", _DRAFT.ceiling, _HINTS.ceiling, "ceiling"),
            rx.el.div(
                kit.select_field(
                    t("Карта или счёт"),
                    "method",
                    _DRAFT.method,
                    AutopayState.methods,
                    on_change=lambda value: AutopayState.choose("method", value),
                    key=AutopayState.opened,
                ),
                kit.page_action(t("Добавить карту или счёт"), "/topup/?save=1", "plus"),
            ),
            class_name="grid grid-cols-1 gap-4 rounded-lg bg-surface p-5 shadow-card sm:grid-cols-2",
        ),
        rx.cond(AutopayState.preview.title, _note(AutopayState.preview), rx.fragment()),
        rx.cond(
            AutopayState.refusal,
            kit.note("bad", t("Ничего не изменили"), AutopayState.refusal),
            rx.fragment(),
        ),
        rx.cond(
            AutopayState.needs_code,
            rx.fragment(),
            kit.submit(rx.cond(_RULE.title, t("Сохранить изменения"), t("Включить автоплатёж"))),
        ),
        rx.el.p(_HINTS.refusals, class_name="text-sm text-muted"),
        id="autopay",
        on_submit=AutopayState.save,
        class_name="space-y-4",
    )


def _kind(kind: str, name: kit.Text, second: kit.Text, *fields: rx.Component) -> rx.Component:
    return rx.el.div(
        rx.el.label(
            rx.el.input(
                type="radio",
                name="kind",
                value=kind,
                default_checked=_DRAFT.kind == kind,
                on_change=AutopayState.choose("kind", kind),
                key=AutopayState.opened,
                class_name="choice",
            ),
            rx.el.span(
                rx.el.span(name, class_name="block font-semibold"),
                rx.el.span(second, class_name="block text-sm text-muted"),
                class_name="flex-1",
            ),
            class_name="flex min-h-16 cursor-pointer items-center gap-3 p-4",
        ),
        *(
            [rx.el.div(rx.el.div(*fields, class_name="grid grid-cols-1 gap-4 sm:grid-cols-2"), class_name=_OF_KIND)]
            if fields
            else []
        ),
        class_name=_KIND,
    )


def _sum(label: kit.Text, name: str, value: rx.Var[str], hint: kit.Text, wrong: str) -> rx.Component:
    """A field; `wrong` is what the rule calls it when something is wrong with it."""
    return kit.live_field(
        label,
        name,
        value,
        rx.cond(AutopayState.wrong == wrong, AutopayState.error, ""),
        hint=hint,
        input_mode="numeric" if name == "day" else "decimal",
        auto_complete="off",
        max_length=LONGEST_SUM,
        on_change=lambda typed: AutopayState.fill(name, typed).debounce(300),
        on_blur=lambda typed: AutopayState.leave(name, typed),
        key=AutopayState.opened,
        class_name="font-semibold",
    )


def _no_method() -> rx.Component:
    """A card is saved by paying with it."""
    return kit.empty_block(
        "card",
        t("Сначала нужна карта или счёт"),
        t("Пополните баланс на любую сумму и отметьте «Сохранить карту или счёт» — с неё и будем платить."),
        kit.button_link(t("Пополнить и сохранить карту"), "/topup/?save=1"),
    )


# --- the page as a whole ----------------------------------------------------------------------------------------------


def _failed() -> rx.Component:
    return kit.empty_block(
        "warning",
        t("Не получилось загрузить автоплатёж"),
        t("С деньгами и связью всё в порядке. Попробуйте ещё раз."),
        kit.button(t("Повторить"), "secondary", "refresh", on_click=AutopayState.load),
    )


def _skeleton() -> rx.Component:
    """Blocks of the sizes that a form without a rule has."""
    kind = (
        rx.el.div(
            kit.bone("size-6 shrink-0 rounded-full"),
            rx.el.div(kit.bone("h-5 w-48 max-w-full"), kit.bone("mt-2 h-4.5 w-64 max-w-full"), class_name="flex-1"),
            class_name="flex h-[6.25rem] items-center gap-3 rounded-lg border-2 border-line bg-surface p-4",
        )
        for _ in range(3)
    )
    return kit.loading(
        kit.bone("h-6 w-44"),
        *kind,
        rx.el.div(*(kit.bone("h-14 w-full") for _ in range(2)), class_name=f"{recipes.CARD} grid gap-4 sm:grid-cols-2"),
        kit.bone("h-12 w-full"),
        class_name="space-y-3",
    )
