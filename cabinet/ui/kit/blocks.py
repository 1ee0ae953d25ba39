"""Blocks of a page: cards, rows, notes, the balance, meters, skeletons, sheets, overlays."""

from typing import Any

import reflex as rx
from reflex_base.components.component import Component, field
from reflex_base.event import EventHandler, no_args_event_spec
from reflex_base.utils.imports import ImportVar
from reflex_base.vars.base import VarData
from reflex_components_core.core.banner import connect_error_var_data, connect_errors
from reflex_components_core.react_router import link as page_link

from cabinet.ui.i18n import t
from cabinet.ui.kit import recipes
from cabinet.ui.kit.controls import Text, anchor, button, icon_button
from cabinet.ui.kit.icons import drawing, icon


def card(
    *children: Any, title: Text | None = None, aside: Any = None, id: str = "", class_name: str = ""
) -> rx.Component:
    """A white block; with a title it is a named section, `aside` stands to the right of the title."""
    if title is None:
        return rx.el.div(*children, class_name=f"{recipes.CARD} {class_name}".strip())
    return rx.el.section(
        _card_head(title, aside, id),
        *children,
        aria_labelledby=id,
        class_name=f"{recipes.CARD} {class_name}".strip(),
    )


def list_card(
    *rows: Any, title: Text | None = None, aside: Any = None, id: str = "", class_name: str = ""
) -> rx.Component:
    """Rows with lines between them; each row is a `list_row`. With a title it is a named section."""
    if title is None:
        return rx.el.ul(*rows, class_name=f"{recipes.LIST_CARD} {class_name}".strip())
    return rx.el.section(
        rx.el.div(_card_head(title, aside, id), class_name="px-5 pt-4"),
        rx.el.ul(*rows, class_name="divide-y divide-line pb-1"),
        aria_labelledby=id,
        class_name=f"rounded-lg bg-surface shadow-card {class_name}".strip(),
    )


def list_row(
    title: Text, second: Text = "", value: Any = None, icon_name: str = "", tone: str = "quiet", to: str = ""
) -> rx.Component:
    """A row of a `list_card`: tile, title, second line, value; with `to` the whole row is a link, to a page or (`#id`)
    to a place of this one."""
    parts = [
        *([tile(icon_name, tone)] if icon_name else []),
        rx.el.span(
            rx.el.span(title, class_name="block font-medium"),
            rx.el.span(second, class_name="block text-sm text-muted empty:hidden"),
            class_name="min-w-0 flex-1",
        ),
        *([] if value is None else [value]),
    ]
    if not to:
        return rx.el.li(rx.el.div(*parts, class_name=recipes.LIST_ROW))
    chevron = icon("chevron_right", "size-5 text-muted")
    class_name = f"{recipes.LIST_ROW} hover:bg-sunken"
    if to.startswith("#"):
        return rx.el.li(anchor(*parts, chevron, href=to, class_name=class_name))
    return rx.el.li(page_link(*parts, chevron, to=to, class_name=class_name))


def tile(icon_name: str, tone: str = "quiet") -> rx.Component:
    """A round place of an icon; `tone` is one of `recipes.TONES`."""
    return rx.el.span(icon(icon_name), class_name=f"{recipes.TILE} {recipes.TONES[tone]}")


def quick_action(label: Text, to: str, icon_name: str) -> rx.Component:
    """A tile with a word below it that leads to a page; stands in a list of such."""
    return rx.el.li(
        page_link(
            tile(icon_name, "brand"),
            label,
            to=to,
            class_name="flex h-full flex-col items-center gap-1.5 rounded-lg bg-surface px-0.5 py-3 text-center "
            "text-xs font-medium shadow-card hover:bg-sunken",
        )
    )


def amount(text: Text, is_income: bool | rx.Var[bool] = False) -> rx.Component:
    """Money at the end of a row, already formatted; income is green and has its plus in the text."""
    income = "whitespace-nowrap font-semibold text-ok"
    return rx.el.span(text, class_name=rx.cond(is_income, income, "whitespace-nowrap font-semibold"))


_NOTE_ICONS = {"ok": "circle_check", "info": "info", "warn": "warning", "bad": "alert"}


def note(tone: str, title: Text, text: Text = "", action: Any = None) -> rx.Component:
    """A message in the page; `tone` is ok, info, warn or bad. Red ones interrupt a screen reader."""
    return rx.el.div(
        rx.el.span(icon(_NOTE_ICONS[tone], "size-6"), class_name=f"text-{tone}"),
        rx.el.div(
            rx.el.p(title, class_name="font-semibold"),
            rx.el.p(text, class_name="mt-0.5 text-sm empty:hidden"),
            *([] if action is None else [rx.el.p(action)]),
            class_name="min-w-0 flex-1",
        ),
        role="alert" if tone == "bad" else "status",
        class_name=f"flex gap-3 rounded-md p-4 {recipes.TONES[tone].split()[0]}",
    )


def signal_arcs(class_name: str) -> rx.Component:
    """The arcs on the brand gradient."""
    return drawing(
        '<path d="M0 78a22 22 0 0 1 22 22M0 56a44 44 0 0 1 44 44M0 34a66 66 0 0 1 66 66M0 12a88 88 0 0 1 88 88"/>',
        "0 0 100 100",
        f"pointer-events-none absolute text-white opacity-[0.07] {class_name}",
        fill="none",
        stroke="currentColor",
        strokeWidth="7",
    )


def balance_card(
    roubles: Text, kopecks: Text, freshness: Text, facts: Any, status: Any = None, action: Any = None
) -> rx.Component:
    """The balance: `312` and `,50 ₽`, when it was read, facts (`balance_fact`), a status line, one button."""
    return rx.el.section(
        signal_arcs("-bottom-16 -left-16 size-72"),
        rx.el.div(
            rx.el.div(
                rx.el.h2(t("Баланс"), id="balance", class_name="text-sm font-medium"),
                rx.el.p(freshness, class_name="text-xs"),
                class_name="flex flex-wrap items-start justify-between gap-x-3",
            ),
            rx.el.p(
                roubles,
                rx.el.span(kopecks, class_name="text-[min(var(--text-xl),max(24px,7vw))] font-semibold"),
                class_name="mt-1 text-[min(var(--text-3xl),max(46px,13vw))]/[1.05] font-bold tracking-tight "
                "whitespace-nowrap",
            ),
            rx.el.dl(*facts, class_name="mt-4 flex flex-wrap gap-3 border-t border-white/25 pt-3 text-sm"),
            *([] if status is None else [status]),
            *([] if action is None else [rx.el.div(action, class_name="mt-4")]),
            class_name="relative",
        ),
        aria_labelledby="balance",
        class_name=f"{recipes.HERO} rounded-xl p-5 lg:p-7",
    )


def balance_fact(name: Text, value: Text) -> rx.Component:
    """A pair under the balance: “Спишем чт, 26 ноября”, “650 ₽”."""
    return rx.el.div(
        rx.el.dt(name),
        rx.el.dd(value, class_name="mt-0.5 text-base font-semibold"),
        class_name="odd:grow-3 odd:basis-[55%] even:grow-2 even:basis-[35%]",
    )


def balance_status(text: Text, is_enough: bool | rx.Var[bool], strong: Text = "") -> rx.Component:
    """The status line of the balance card; `strong` is its bold beginning."""
    return rx.el.div(
        rx.cond(
            is_enough,
            rx.el.span(icon("circle_check", "size-6"), class_name="text-ok"),
            rx.el.span(icon("warning", "size-6"), class_name="text-warn"),
        ),
        rx.el.p(rx.el.b(strong, class_name="font-semibold"), " ", text, class_name="text-sm"),
        role="status",
        class_name="mt-4 flex gap-3 rounded-md bg-surface p-3.5 text-ink",
    )


def meter(
    icon_name: str | rx.Var[str] | rx.Component,
    name: Text,
    left: Text,
    rest: Text,
    percent: int | rx.Var[int],
    forecast: Text = "",
    is_low: bool | rx.Var[bool] = False,
    is_unlimited: bool | rx.Var[bool] = False,
    label: Text | None = None,
) -> rx.Component:
    """What is left of an allowance: bold `left` (“1,9”), then `rest` (“ГБ из 35 ГБ”), bar, forecast.

    `icon_name` is a row of `icons.PATHS`, or a ready component where it depends on the state. Unlimited has no bar.
    `label` names the bar where the name and “осталось” would not do.
    """
    picture = icon(icon_name, "size-4.5 text-muted") if isinstance(icon_name, str) else icon_name
    bar = rx.el.div(
        rx.el.div(
            class_name=rx.cond(is_low, "h-full rounded-sm bg-warn", "h-full rounded-sm bg-cat1"),
            custom_attrs={"style": {"width": rx.Var.create(f"{percent}%")}},
        ),
        custom_attrs={"role": "meter"},  # not in Reflex's list of roles
        aria_label=rx.Var.create(f"{name}: {t('осталось')}") if label is None else label,
        aria_valuemin="0",
        aria_valuemax="100",
        aria_valuenow=percent,
        aria_valuetext=rx.Var.create(f"{left} {rest}"),
        class_name="mt-2 h-2 overflow-hidden rounded-sm bg-line",
    )
    return rx.el.div(
        rx.el.div(
            rx.el.span(picture, name, class_name="flex items-center gap-2 text-sm font-medium"),
            rx.el.span(
                rx.el.b(left, class_name="text-lg font-bold text-ink"), " ", rest, class_name="text-sm text-muted"
            ),
            class_name="flex flex-wrap items-baseline justify-between gap-x-3",
        ),
        rx.cond(is_unlimited, rx.fragment(), bar),
        rx.el.p(
            rx.cond(is_low, icon("warning", "size-4"), rx.fragment()),
            forecast,
            class_name=rx.cond(
                is_low,
                "mt-1.5 flex items-center gap-1.5 text-sm font-medium text-warn",
                "mt-1.5 flex items-center gap-1.5 text-sm text-muted empty:hidden",
            ),
        ),
    )


def empty_block(icon_name: str, title: Text, text: Text = "", action: Any = None, level: int = 2) -> rx.Component:
    """What stands where there is nothing, or where loading failed: icon, what, what to do."""
    heading = rx.el.h1 if level == 1 else rx.el.h2
    return rx.el.section(
        rx.el.span(
            icon(icon_name, "size-8"),
            class_name="mx-auto flex size-16 items-center justify-center rounded-full bg-sunken text-muted",
        ),
        heading(title, class_name="mt-4 text-lg font-bold"),
        rx.el.p(text, class_name="mx-auto mt-1 max-w-[20rem] text-sm text-muted empty:hidden"),
        *([] if action is None else [rx.el.div(action, class_name="mt-4")]),
        class_name="rounded-lg bg-surface px-5 py-8 text-center shadow-card",
    )


def bone(class_name: str) -> rx.Component:
    """A skeleton line of the size of what it stands for: `bone("h-5 w-20")`."""
    return rx.el.span(class_name=f"bone block {class_name}")


def loading(*blocks: Any, class_name: str = "") -> rx.Component:
    """A skeleton of a page: blocks of the final sizes, one hidden sentence."""
    return rx.el.div(
        rx.el.p(t("Загружаем данные"), role="status", class_name="sr-only"),
        rx.el.div(*blocks, aria_hidden="true", class_name="contents"),
        aria_busy="true",
        class_name=class_name,
    )


def bone_row() -> rx.Component:
    """Where a row with a tile and two lines will be."""
    return rx.el.div(
        bone("size-10 shrink-0 rounded-full"),
        rx.el.div(bone("h-5 w-36 max-w-full"), bone("mt-1.5 h-4.5 w-28"), class_name="flex-1"),
        class_name="flex items-center gap-3",
    )


def failed(title: Text, on_retry: Any, text: Text | None = None) -> rx.Component:
    """Instead of a page whose data could not be read."""
    return empty_block(
        "alert",
        title,
        t("С деньгами и связью всё в порядке. Попробуйте ещё раз.") if text is None else text,
        button(t("Попробовать ещё раз"), "secondary", "refresh", on_click=on_retry),
    )


def unread(of: Any, title: Text, on_retry: Any, skeleton: rx.Component) -> rx.Component:
    """Instead of a page of the State `of` that was not read yet: its skeleton, or that this failed."""
    return rx.cond(of.has_failed, failed(title, on_retry), skeleton)


def freshness(has_failed: Any, as_of: Text, on_refresh: Any = None, **props: Any) -> rx.Component:
    """When everything on the page was read; after a failure the old figures stay, and it says so."""
    said = rx.cond(
        has_failed,
        rx.el.p(
            icon("warning", "size-4"),
            t("Не получилось обновить."),
            " ",
            as_of,
            role="status",
            class_name="flex items-center gap-1.5 font-medium text-warn",
        ),
        rx.el.p(as_of),
    )
    again = rx.el.button(
        icon("refresh", "size-4.5"),
        t("Обновить"),
        type="button",
        on_click=on_refresh,
        class_name=recipes.LINK_ACTION,
        **props,
    )
    return rx.el.div(
        said,
        *([] if on_refresh is None else [again]),
        class_name="flex flex-wrap items-center justify-between gap-x-4 px-1 text-sm text-muted",
    )


class Dialog(Component):
    """A native modal dialog that follows `open`; see `runtime.js`."""

    library = "$/utils/kit"
    tag = "Sheet"

    open: rx.Var[bool] = field(doc="Whether it is shown")
    answer: rx.Var[int] = field(doc="Another number frees the buttons that wait for an answer")
    on_dismiss: EventHandler[no_args_event_spec] = field(  # type: ignore[type-arg, valid-type]
        doc="Esc, the backdrop or the cross"
    )


def sheet(
    open: rx.Var[bool], title: Text, *children: Any, on_dismiss: Any, id: str, answer: int | rx.Var[int] = 0
) -> rx.Component:
    """A window for one decision: from below on a phone, centred from 768 px. Focus is trapped, Esc closes.

    A pressed button with `data_act` is busy until the window closes or `answer` is another number.
    """
    return Dialog.create(
        rx.el.div(
            rx.el.h2(title, id=f"{id}-title", tab_index=-1, class_name="text-xl font-bold outline-none"),
            icon_button(
                "close", t("Закрыть"), class_name="-mt-1.5 -mr-1.5 bg-sunken hover:bg-line", data_dismiss="sheet"
            ),
            class_name="flex items-start justify-between gap-3",
        ),
        *children,
        open=open,
        answer=answer,
        on_dismiss=on_dismiss,
        custom_attrs={"aria-labelledby": f"{id}-title"},
    )


class Switch(Component):
    """A switch that shows at once what was asked for; see `runtime.js`."""

    library = "$/utils/kit"
    tag = "Switch"

    on: rx.Var[bool] = field(doc="How it stands")
    answer: rx.Var[int] = field(doc="Another number: what was asked for is answered, it shows how it stands")
    disabled: rx.Var[bool] = field(doc="Whether it cannot be turned")
    on_turn: EventHandler[no_args_event_spec] = field(  # type: ignore[type-arg, valid-type]
        doc="Turned by a person"
    )


def switch_row(
    picture: Any,
    name: Text,
    *lines: Any,
    control: Any,
    id: str | rx.Var[str] | None = None,
    below: Any = None,
    **props: Any,
) -> rx.Component:
    """A row of a list that is switched on and off: tile, name, lines, `switch`, and `below` all of them what else there
    is to do. With `id`, that of the switch, the whole row but `below` is its label."""
    text = (rx.el.span(name, class_name="block text-base font-medium"), *lines)
    words = "min-w-0 flex-1 text-sm"
    return rx.el.li(
        rx.el.div(
            picture,
            rx.el.div(*text, class_name=words)
            if id is None
            else rx.el.label(*text, html_for=id, class_name=f"{words} cursor-pointer"),
            control,
            class_name="flex items-center gap-3",
        ),
        *([] if below is None else [below]),
        class_name="px-5 py-3",
        **props,
    )


def switch(
    id: str | rx.Var[str], is_on: rx.Var[bool], answer: rx.Var[int], on_turn: Any, is_fixed: bool | rx.Var[bool] = False
) -> rx.Component:
    """On or off; `on_turn` asks for the other. It stands as `is_on` says again as soon as `answer` is another number:
    what was refused, or not confirmed, goes back by itself. A fixed one cannot be turned: say why beside it."""
    return Switch.create(id=id, on=is_on, answer=answer, on_turn=on_turn, disabled=is_fixed)


def toast(text: Text, action: Any = None, key: Any = None) -> rx.Component:
    """A short message over the page for six seconds; never the only place of what it says. Empty: nothing.

    Another `key` makes it a new message; without one another text does.
    """
    return rx.el.div(
        rx.cond(
            text != "",
            rx.el.div(
                icon("circle_check"),
                rx.el.p(text, class_name="min-w-0 flex-1 text-sm"),
                *([] if action is None else [action]),
                key=text if key is None else key,
                class_name="toast pointer-events-auto flex min-h-14 items-center gap-3 rounded-md bg-ink py-1.5 pr-4 "
                "pl-4 text-bg shadow-sheet",
            ),
            rx.fragment(),
        ),
        role="status",
        class_name="pointer-events-none fixed inset-x-4 bottom-20 z-30 mx-auto max-w-[28rem] lg:bottom-6",
    )


_CONNECTION: rx.Var[str] = rx.Var(
    "connection",
    _var_type=str,
    _var_data=VarData.merge(
        connect_error_var_data,
        VarData(
            imports={"$/utils/kit": [ImportVar(tag="useConnection")]},
            hooks={f"const connection = useConnection({connect_errors!s});": None},
        ),
    ),
)

_STRIP = "mx-auto max-w-[40rem] items-center gap-3 py-1.5 pr-2 pl-4"
_STRIP_ACTION = "inline-flex min-h-11 items-center rounded-md px-3 text-sm font-semibold underline underline-offset-4"
_STRIP_PLACE = "fixed inset-x-0 z-20 bg-ink text-bg lg:inset-x-auto lg:right-6 lg:bottom-6 lg:w-104 lg:rounded-md"


def offline_strip(read_at: Text = "") -> rx.Component:
    """Says over the page that there is no connection, and of when (`read_at`, “14:32”) the data are; then that it is
    back. Pushes nothing."""
    strip = rx.el.div(
        icon("offline"),
        rx.el.p(
            rx.el.b(t("Нет связи."), class_name="font-semibold"),
            " ",
            rx.cond(read_at, t("Показываем данные на {time}", time=read_at), t("Показываем последние данные")),
            class_name="min-w-0 flex-1 text-sm",
        ),
        rx.el.button(t("Повторить"), type="button", class_name=_STRIP_ACTION, custom_attrs={"data-retry": ""}),
        class_name=f"flex {_STRIP}",
    )
    return rx.fragment(
        rx.el.div(
            rx.cond(_CONNECTION == "lost", strip, rx.fragment()),
            role="status",
            class_name=f"{_STRIP_PLACE} bottom-16",
        ),
        toast(rx.cond(_CONNECTION == "back", t("Снова на связи"), "")),
    )


def update_strip(class_name: str = "bottom-0") -> rx.Component:
    """Says over the page that it is of an earlier build; `assets/fresh.js` shows it by `data-stale` and reloads."""
    return rx.el.div(
        rx.el.div(
            icon("refresh"),
            rx.el.p(
                rx.el.b(t("Кабинет обновился."), class_name="font-semibold"),
                " ",
                t("Введённое сохранится"),
                class_name="min-w-0 flex-1 text-sm",
            ),
            rx.el.button(t("Обновить"), type="button", class_name=_STRIP_ACTION, custom_attrs={"data-reload": ""}),
            class_name=f"hidden in-data-stale:flex {_STRIP}",
        ),
        role="status",
        class_name=f"{_STRIP_PLACE} {class_name}",
    )


def _card_head(title: Text, aside: Any, id: str) -> rx.Component:
    return rx.el.div(
        rx.el.h2(title, id=id, class_name=recipes.CARD_TITLE),
        *([] if aside is None else [rx.el.div(aside, class_name="-my-2.5 shrink-0")]),
        class_name="flex min-h-6 flex-wrap items-center justify-between gap-x-3",
    )
