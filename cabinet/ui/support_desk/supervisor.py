"""/staff/supervisor: how soon answers come, which promises were broken, which articles do not help."""

import reflex as rx

from cabinet.domain.staff import Permission
from cabinet.ui import kit
from cabinet.ui.desk.frame import staff_frame
from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.shell import cabinet_page
from cabinet.ui.support_desk.parts import counts
from cabinet.ui.support_desk.state import SupervisorState
from cabinet.ui.support_desk.views import DayView, MemberView
from cabinet.ui.tickets import Fact

_CELL = "px-4 py-2.5"


@cabinet_page(route="/staff/supervisor", title="Отчёты", access="staff", on_load=SupervisorState.load)
def supervisor() -> rx.Component:
    """Figures of the last 14 days."""
    return staff_frame(
        rx.cond(SupervisorState.is_ready, _figures(), _skeleton()),
        here="/staff/supervisor/",
        title=t("Отчёты"),
        lead=t("Последние 14 дней. Пока абонента спрашивают, время не считается."),
        permission=Permission.SUPERVISE,
    )


def _figures() -> rx.Component:
    figures = SupervisorState.figures
    chart = kit.card(
        kit.day_bars(sentence=figures.sentence, box=figures.box, spent=figures.bars, expected="", ticks=figures.ticks),
        rx.el.div(
            rx.el.span(figures.first_day),
            rx.el.span(figures.last_day),
            aria_hidden="true",
            class_name="mt-2 flex justify-between text-xs text-muted",
        ),
        title=t("Сколько ждали ответа, в среднем за день"),
        id="chart",
    )
    return rx.el.div(
        counts(figures.counts, "grid-cols-2 lg:grid-cols-5"),
        chart,
        _table(
            t("По дням"),
            (t("День"), t("Ответов"), t("В среднем"), t("Просрочено")),
            rx.foreach(figures.days, _day),
        ),
        rx.cond(
            figures.members,
            _table(
                t("По сотрудникам"),
                (t("Кто"), t("Ответов"), t("В среднем"), t("Оценка")),
                rx.foreach(figures.members, _member),
            ),
            rx.fragment(),
        ),
        rx.cond(SupervisorState.articles, _articles(), rx.fragment()),
        class_name="mt-5 space-y-5",
    )


def _table(title: kit.Text, heads: tuple[kit.Text, ...], rows: rx.Component) -> rx.Component:
    return rx.el.div(
        rx.el.table(
            rx.el.caption(title, class_name=f"{recipes.CARD_TITLE} px-4 pt-4 pb-2 text-left"),
            rx.el.thead(
                rx.el.tr(
                    *(rx.el.th(head, scope="col", class_name=f"{_CELL} text-left font-normal") for head in heads),
                    class_name="text-sm text-muted",
                )
            ),
            rx.el.tbody(rows),
            class_name="w-full text-sm tabular-nums",
        ),
        class_name="overflow-x-auto rounded-lg bg-surface shadow-card",
        tab_index=0,
        role="region",
        aria_label=title,
    )


def _day(day: DayView) -> rx.Component:
    return _cells(day.day, day.answers, day.average, day.breaches)


def _member(member: MemberView) -> rx.Component:
    return _cells(member.name, member.answers, member.average, member.stars)


def _cells(first: rx.Var[str], *rest: rx.Var[str]) -> rx.Component:
    return rx.el.tr(
        rx.el.th(first, scope="row", class_name=f"{_CELL} text-left font-medium"),
        *(rx.el.td(cell, class_name=_CELL) for cell in rest),
        class_name="border-t border-line",
        key=first,
    )


def _articles() -> rx.Component:
    def one(article: Fact) -> rx.Component:
        return rx.el.div(
            rx.el.dt(article.name),
            rx.el.dd(article.value, class_name="text-muted"),
            class_name="flex flex-wrap justify-between gap-x-4 py-1.5",
            key=article.name,
        )

    return kit.card(
        rx.el.dl(rx.foreach(SupervisorState.articles, one), class_name="mt-2 text-sm"),
        title=t("Помогли ли статьи справки"),
        id="articles",
    )


def _skeleton() -> rx.Component:
    return kit.loading(
        kit.bone("h-20 w-full"), kit.bone("mt-5 h-56 w-full"), kit.bone("mt-5 h-72 w-full"), class_name="mt-5"
    )
