"""What subscribers and staff see of a ticket alike: its category, its promise, its files, the line it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import reflex as rx

from cabinet import clock
from cabinet.domain.support import TicketCategory
from cabinet.locales import Language, name_in, translate
from cabinet.services.attachments import File
from cabinet.ui import formats, kit, operations
from cabinet.ui.kit import Text, recipes

CATEGORIES = {
    TicketCategory.MONEY: "Деньги",
    TicketCategory.INTERNET: "Интернет",
    TicketCategory.CALLS: "Звонки и SMS",
    TicketCategory.TARIFF: "Тариф и услуги",
    TicketCategory.SIGN_IN: "Вход",
    TicketCategory.OTHER: "Другое",
}
_TONES = ("ok", "info", "warn", "bad")


@dataclass
class FileView:
    """A file of a message."""

    url: str
    name: str
    size: str
    is_picture: bool


@dataclass
class Fact:
    """A pair of a name and a value."""

    name: str
    value: str


@dataclass
class EvidenceView:
    """The line of the statement that a question is about."""

    title: str = ""
    amount: str = ""
    facts: list[Fact] = field(default_factory=list)


# --- words -----------------------------------------------------------------------------------------------------------


def until(at: datetime, now: datetime, language: Language) -> str:
    """`14:40, вт, 24 ноября`: first the hour, as a promise is given."""
    return f"{formats.clock_time(at)}, {formats.day(clock.local(at).date(), clock.local(now).date(), language)}"


def span(time: timedelta, language: Language) -> str:
    """`1 час 52 минуты`; less than a minute is one."""
    hours, minutes = divmod(max(int(time.total_seconds()) // 60, 1), 60)
    if language == "ru":
        names = (("час", "часа", "часов"), ("минуту", "минуты", "минут"))
    else:
        names = (("hour", "hours", ""), ("minute", "minutes", ""))
    parts = [formats.counted(hours, *names[0], language=language)] if hours else []
    if minutes or not hours:
        parts.append(formats.counted(minutes, *names[1], language=language))
    return " ".join(parts)


def short(time: timedelta | None, language: Language) -> str:
    """`2 ч 10 мин`."""
    if time is None:
        return "—"
    hours, minutes = divmod(max(int(time.total_seconds()) // 60, 0), 60)
    names = ("ч", "мин") if language == "ru" else ("h", "min")
    parts = [f"{hours}{formats.NARROW}{names[0]}"] if hours else []
    if minutes or not hours:
        parts.append(f"{minutes}{formats.NARROW}{names[1]}")
    return formats.NO_BREAK.join(parts)


def file_views(files: Sequence[File], language: Language) -> list[FileView]:
    """Files of a message."""
    return [
        FileView(f"/files/{file.id}", file.name, formats.data(file.size, language), file.is_picture) for file in files
    ]


_USAGE = {"voice": "Звонок", "sms": "SMS", "data": "Интернет"}


def evidence_view(evidence: Mapping[str, Any] | None, now: datetime, language: Language) -> EvidenceView:
    """The stored explanation of a line: what it was, what it cost, how that was counted, by which tariff."""
    if not evidence:
        return EvidenceView()
    line = evidence["line"]
    if line["kind"] == "usage":
        what = _USAGE.get(line["usage_kind"] or "", "")
    else:
        what = operations.KIND_TITLES.get(line["kind"], "Операция")
    title = name_in(line["name"], language) or translate(what, language)
    if line["kind"] == "usage" and line["destination"]:
        title = operations.towards(title, line["destination"], line["zone_name"], language)
    happened_at = datetime.fromisoformat(line["happened_at"])
    facts = [Fact(translate("Когда", language), formats.moment(happened_at, now, language))]
    if line["peer"]:
        facts.append(Fact(translate("Номер", language), line["peer"]))
    if evidence["blocks"] and evidence["price_kopecks"] is not None:
        price = formats.money(evidence["price_kopecks"], language)
        facts.append(Fact(translate("Посчитали", language), f"{evidence['blocks']} × {price}"))
    if evidence["plan_name"]:
        plan = formats.quoted(name_in(evidence["plan_name"], language), language)
        facts.append(Fact(translate("Тариф", language), plan))
    return EvidenceView(title, formats.money(line["amount_kopecks"], language), facts)


# --- what comes with a form ------------------------------------------------------------------------------------------


def fields_of(form_data: Any) -> dict[str, str] | None:
    """The fields of a form, all of them texts, a tick without a value is "1"; None where it is something else."""
    if not isinstance(form_data, dict) or len(form_data) > 10:
        return None
    ticks = {name: "1" if value is True else value for name, value in form_data.items()}
    return {name: value for name, value in ticks.items() if isinstance(name, str) and isinstance(value, str)}


def numbers_of(text: str) -> list[int]:
    """Numbers of files with commas between; of anything else none."""
    parts = text.split(",")[:20]
    return [int(part) for part in parts if part.isascii() and part.isdecimal() and len(part) < 19]


# --- components ------------------------------------------------------------------------------------------------------


def marked(text: rx.Var[str], tone: rx.Var[str]) -> rx.Component:
    """How a ticket stands; `tone` comes with the state."""
    return rx.match(tone, *((each, kit.tag(text, each)) for each in _TONES), kit.tag(text, "quiet"))


def evidence(found: Any, title: Text) -> rx.Component:
    """The line of the statement that a question is about: a Var of `EvidenceView`."""
    return rx.el.section(
        rx.el.h2(title, class_name="text-sm font-semibold"),
        rx.el.p(
            rx.el.span(found.title, class_name="min-w-0 font-medium"),
            kit.amount(found.amount),
            class_name="mt-1.5 flex flex-wrap justify-between gap-x-4",
        ),
        rx.el.dl(rx.foreach(found.facts, _fact), class_name="mt-2 space-y-1 text-sm"),
        class_name="rounded-lg bg-surface p-4 shadow-card",
    )


def _fact(fact: Any) -> rx.Component:
    return rx.el.div(
        rx.el.dt(fact.name, class_name="text-muted"),
        rx.el.dd(fact.value, class_name="text-right font-medium"),
        class_name="flex flex-wrap justify-between gap-x-4",
    )


def files(found: Any, background: str) -> rx.Component:
    """Files of a message, a Var of a list of `FileView`: each is saved, none is shown in the page."""

    def one(file: Any) -> rx.Component:
        return rx.el.li(
            kit.anchor(
                rx.cond(file.is_picture, kit.icon("picture"), kit.icon("receipt")),
                rx.el.span(file.name, class_name="min-w-0 truncate"),
                rx.el.span(file.size, class_name="shrink-0 text-muted"),
                href=rx.Var.create(f"{kit.backend_url('')}{file.url}"),
                custom_attrs={"download": ""},
                class_name=f"flex min-h-12 items-center gap-2 rounded-md {background} px-3 text-sm font-medium",
            ),
            key=file.url,
        )

    return rx.el.ul(rx.foreach(found, one), class_name="mt-3 space-y-2 empty:hidden")


def refused(text: rx.Var[str]) -> rx.Component:
    """Why what was sent was not taken."""
    return rx.cond(
        text,
        rx.el.p(
            kit.icon("alert"), rx.el.span(text), role="alert", class_name="flex gap-2 text-sm font-medium text-bad"
        ),
        rx.fragment(),
    )


def clip(label: Text, shown: bool) -> rx.Component:
    """What opens the choice of files, the label of the field `file`: with its words, or as an icon alone."""
    focus = "cursor-pointer peer-focus-visible:outline-3 peer-focus-visible:outline-[var(--c-focus)]"
    if shown:
        return rx.el.label(
            kit.icon("paperclip", "size-5"),
            label,
            html_for="file",
            class_name=f"{recipes.LINK_ACTION} {focus} text-sm",
        )
    return rx.el.label(
        kit.icon("paperclip", "size-6"),
        rx.el.span(label, class_name="sr-only"),
        html_for="file",
        class_name=f"{recipes.ICON_BUTTON} {focus} shrink-0",
    )
