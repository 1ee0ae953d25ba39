"""/staff/subscribers: a number is looked for, its card opened with a reason; what is done there the subscriber sees."""

from typing import Any

import reflex as rx

from cabinet.domain.staff import AdjustmentReason, LookReason, Permission
from cabinet.ui import kit
from cabinet.ui.desk.frame import staff_frame
from cabinet.ui.desk.state import DeskState
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page
from cabinet.ui.staff.parts import chosen_from, lines, refused_at, text_area
from cabinet.ui.staff.state import CardState
from cabinet.ui.staff.views import ADJUSTMENT_REASONS, LOOK_REASONS, Pair, SessionView, TicketRow


@cabinet_page(route="/staff/subscribers", title="Абоненты", access="staff", on_load=CardState.load)
def subscribers() -> rx.Component:
    """The search, and below it the form of the reason or the card."""
    return staff_frame(
        _search(),
        rx.cond(CardState.found, _reason(), rx.fragment()),
        rx.cond(CardState.is_open, _card(), rx.fragment()),
        kit.toast(CardState.note),
        here="/staff/subscribers/",
        title=t("Абоненты"),
        lead=t("Карточка открывается по точному номеру. Причину увидит абонент."),
        permission=Permission.SUBSCRIBERS,
    )


def _search() -> rx.Component:
    return rx.el.form(
        rx.el.label(t("Номер телефона"), html_for="number", class_name=recipes.LABEL),
        rx.el.div(
            rx.el.input(
                name="number",
                id="number",
                type="tel",
                input_mode="tel",
                auto_complete="off",
                max_length=32,
                required=True,
                aria_describedby="find-error",
                class_name=f"{recipes.FIELD} min-w-0 flex-1",
            ),
            kit.button(t("Найти"), "secondary", "search", type="submit"),
            class_name="flex flex-wrap gap-3",
        ),
        refused_at("find", CardState),
        on_submit=CardState.find,
        role="search",
        class_name="mt-5 max-w-[38rem]",
    )


def _reason() -> rx.Component:
    return kit.card(
        rx.el.form(
            chosen_from(t("Причина"), "why", [(one.value, t(LOOK_REASONS[one])) for one in LookReason]),
            text_area(
                t("Что случилось"), "words", hint=t("Например, о чём просит абонент. Он прочитает это в профиле.")
            ),
            refused_at("open", CardState),
            kit.button(t("Открыть карточку"), type="submit"),
            on_submit=CardState.open,
            class_name="mt-4 space-y-4",
        ),
        title=CardState.found,
        id="found",
        class_name="mt-5 max-w-[38rem]",
    )


# --- the card ---------------------------------------------------------------------------------------------------------


def _card() -> rx.Component:
    card = CardState.card
    return rx.el.div(
        rx.el.div(
            _who(),
            kit.card(
                rx.cond(card.operations, lines(card.operations), _nothing(t("Операций пока нет."))),
                title=t("Последние операции"),
                id="operations",
            ),
            kit.card(
                rx.cond(
                    card.tickets,
                    rx.el.ul(rx.foreach(card.tickets, _ticket), class_name="mt-2 text-sm"),
                    _nothing(t("Абонент ещё ни о чём не спрашивал.")),
                ),
                title=t("Обращения"),
                id="tickets",
            ),
            kit.card(
                refused_at("sessions", CardState),
                rx.cond(
                    card.sessions,
                    rx.el.ul(rx.foreach(card.sessions, _session), class_name="mt-3 space-y-2.5 text-sm"),
                    _nothing(t("Абонент нигде не вошёл в кабинет.")),
                ),
                title=t("Где открыт кабинет"),
                id="sessions",
            ),
            class_name="min-w-0 space-y-4",
        ),
        rx.el.aside(
            rx.cond(DeskState.permissions.contains(Permission.ADJUST.value), _adjustment(), rx.fragment()),
            kit.card(
                rx.cond(card.done, lines(card.done), _nothing(t("Сотрудники ещё ничего не делали."))),
                title=t("Что делали сотрудники"),
                id="done",
            ),
            rx.el.p(
                kit.icon("history", "size-4 shrink-0"),
                t("Каждое действие увидит абонент — с вашим именем"),
                class_name="flex gap-2 px-1 text-xs text-muted",
            ),
            aria_label=t("Действия"),
            class_name="min-w-0 space-y-4",
        ),
        class_name="mt-6 grid grid-cols-1 gap-6 lg:grid-cols-[minmax(0,1fr)_20rem] xl:grid-cols-[minmax(0,1fr)_24rem]",
    )


def _who() -> rx.Component:
    card = CardState.card
    return rx.el.section(
        rx.el.div(
            rx.el.span(
                card.initial,
                aria_hidden="true",
                class_name="flex size-11 shrink-0 items-center justify-center rounded-full bg-ink font-semibold "
                "text-bg",
            ),
            rx.el.div(
                rx.el.h2(card.name, id="who", class_name="font-bold"),
                rx.el.p(card.number, class_name="text-sm text-muted"),
                class_name="min-w-36 flex-1",
            ),
            rx.cond(
                card.is_whole,
                rx.fragment(),
                kit.button(t("Показать полностью"), "outline", "eye", "max-lg:order-last", on_click=CardState.unmask),
            ),
            kit.icon_button("close", t("Закрыть карточку"), on_click=CardState.close),
            class_name="flex flex-wrap items-center gap-3",
        ),
        rx.el.dl(
            rx.foreach(card.facts, _fact),
            class_name="mt-4 grid grid-cols-1 gap-x-8 gap-y-2.5 text-sm xl:grid-cols-2",
        ),
        aria_labelledby="who",
        class_name=recipes.CARD,
    )


def _fact(fact: Pair) -> rx.Component:
    return rx.el.div(
        rx.el.dt(fact.name, class_name="text-muted"),
        rx.el.dd(fact.value, class_name="min-w-0 text-right font-medium"),
        class_name="flex justify-between gap-4",
    )


def _session(session: SessionView) -> rx.Component:
    return rx.el.li(
        rx.el.span(
            session.device,
            rx.el.span(session.second, class_name="block text-xs text-muted"),
            class_name="min-w-0 flex-1",
        ),
        kit.button(
            t("Завершить"),
            "outline",
            aria_label=rx.Var.create(f"{t('Завершить сеанс')}: {session.device}"),
            on_click=CardState.end_session(session.session_id),
        ),
        key=session.session_id.to_string(),
        class_name="flex items-center justify-between gap-3",
    )


def _ticket(ticket: TicketRow) -> rx.Component:
    return rx.el.li(
        kit.page_link(
            rx.el.span(ticket.subject, class_name="block font-medium wrap-anywhere"),
            rx.el.span(ticket.second, class_name="block text-xs text-muted"),
            to=ticket.address,
            class_name="flex min-h-11 flex-col justify-center hover:underline",
        ),
        key=ticket.address,
    )


def _adjustment() -> rx.Component:
    return kit.card(
        rx.el.form(
            rx.el.fieldset(
                rx.el.legend(t("Что сделать"), class_name=recipes.LABEL),
                rx.el.div(
                    _direction("give", t("Вернуть"), is_first=True),
                    _direction("take", t("Снять")),
                    class_name="flex gap-6",
                ),
            ),
            rx.el.div(
                rx.el.label(t("Сумма, ₽"), html_for="sum", class_name=recipes.LABEL),
                rx.el.input(
                    name="sum",
                    id="sum",
                    input_mode="decimal",
                    auto_complete="off",
                    max_length=12,
                    required=True,
                    aria_describedby="propose-error",
                    class_name=recipes.FIELD,
                ),
            ),
            chosen_from(t("За что"), "reason", [(one.value, t(ADJUSTMENT_REASONS[one])) for one in AdjustmentReason]),
            text_area(t("Объяснение"), "words", hint=t("Абонент прочитает его в расходах."), id="adjustment-words"),
            refused_at("propose", CardState),
            kit.button(t("Предложить"), "secondary", type="submit", class_name="w-full"),
            on_submit=CardState.propose,
            reset_on_submit=True,
            class_name="mt-4 space-y-4",
        ),
        rx.el.p(t("Деньги двинутся, когда это одобрит другой сотрудник."), class_name=recipes.HINT),
        title=t("Корректировка счёта"),
        id="adjustment",
    )


def _direction(value: str, label: Any, *, is_first: bool = False) -> rx.Component:
    return rx.el.label(
        rx.el.input(type="radio", name="direction", value=value, default_checked=is_first, class_name="choice"),
        rx.el.span(label),
        class_name="flex min-h-11 cursor-pointer items-center gap-3",
    )


def _nothing(text: Any) -> rx.Component:
    return rx.el.p(text, class_name="mt-2 text-sm text-muted")
