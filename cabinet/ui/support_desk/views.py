"""The queue, a ticket and the figures in words, as staff read them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cabinet import clock
from cabinet.domain.support import TERM, MessageKind, TicketState
from cabinet.locales import Language, translate
from cabinet.services.support import Message
from cabinet.services.support_desk import (
    SOON,
    Colleague,
    Counts,
    DeskTicket,
    Figures,
    QueueLine,
)
from cabinet.ui import formats, kit
from cabinet.ui.tickets import CATEGORIES, EvidenceView, FileView, evidence_view, file_views, short, span, until


@dataclass
class DeadlineView:
    """What is left of a promise: `tone` is calm, soon, late, or empty where no clock runs; `percent` of the bar."""

    text: str = ""
    tone: str = ""
    percent: int = 0
    until: str = ""


@dataclass
class RowView:
    """A line of the queue."""

    id: int
    subject: str
    second: str
    subscriber: str
    category: str
    staff: str
    is_free: bool
    deadline: DeadlineView


@dataclass
class ChipView:
    """A queue that can be chosen, with how many are in it."""

    code: str
    text: str


@dataclass
class CountView:
    """A figure above the queue."""

    name: str
    value: str
    tone: str = ""


@dataclass
class MessageView:
    """A line of a conversation; `side` is theirs, ours or note."""

    id: int
    side: str
    who: str
    text: str
    files: list[FileView]
    written: str


@dataclass
class OtherView:
    """Another ticket of the same subscriber."""

    id: int
    subject: str
    second: str


@dataclass
class TicketView:
    """A ticket on the desk. `version` goes back with whatever is done."""

    id: int = 0
    version: int = 0
    subject: str = ""
    second: str = ""
    state: str = ""
    deadline: DeadlineView = field(default_factory=DeadlineView)
    messages: list[MessageView] = field(default_factory=list)
    evidence: EvidenceView = field(default_factory=EvidenceView)
    subscriber: str = ""
    subscriber_id: int = 0
    initial: str = ""
    staff: str = ""
    is_mine: bool = False
    is_free: bool = False
    is_waiting: bool = False
    is_closed: bool = False
    rated: str = ""
    others: list[OtherView] = field(default_factory=list)


@dataclass
class DayView:
    """A day of the figures."""

    day: str
    answers: str
    average: str
    breaches: str


@dataclass
class MemberView:
    """What a member has answered."""

    name: str
    answers: str
    average: str
    stars: str


@dataclass
class FiguresView:
    """How answers come; `bars`, `late` and `box` are what the chart draws."""

    counts: list[CountView] = field(default_factory=list)
    days: list[DayView] = field(default_factory=list)
    members: list[MemberView] = field(default_factory=list)
    sentence: str = ""
    box: str = ""
    bars: str = ""
    ticks: str = ""
    first_day: str = ""
    last_day: str = ""


def deadline_view(due_at: datetime | None, now: datetime, language: Language) -> DeadlineView:
    """`осталось 23:58` or `просрочено на 0:42`, hours and minutes."""
    if due_at is None:
        return DeadlineView()
    remaining = due_at - now
    if remaining <= timedelta():
        text = translate("просрочено на {time}", language, time=_hours(-remaining))
        return DeadlineView(text, "late", 100, _until(due_at, now, language))
    text = translate("осталось {time}", language, time=_hours(remaining))
    percent = max(min(int(remaining * 100 / TERM), 100), 2)
    return DeadlineView(text, "soon" if remaining <= SOON else "calm", percent, _until(due_at, now, language))


def row_view(line: QueueLine, now: datetime, language: Language) -> RowView:
    """A line of the queue; where no clock runs, how the ticket stands."""
    deadline = deadline_view(line.answer_due_at, now, language)
    if not deadline.text:
        deadline.text = translate(_STATES[line.state], language)
    nobody = translate("никто", language)
    return RowView(
        id=line.id,
        subject=line.subject,
        second=f"№{formats.NO_BREAK}{line.id}",
        subscriber=line.subscriber_name,
        category=translate(CATEGORIES[line.category], language),
        staff=line.staff_name or nobody,
        is_free=not line.staff_name,
        deadline=deadline,
    )


_STATES = {
    TicketState.WAITING: "ждёт ответа",
    TicketState.ASKED: "ждём абонента",
    TicketState.ANSWERED: "отвечено",
    TicketState.CLOSED: "закрыто",
}


def count_views(counts: Counts, usual: timedelta | None, language: Language) -> list[CountView]:
    """The four figures above the queue."""
    return [
        CountView(
            translate("Просрочено", language), _many(counts.breached, language), "bad" if counts.breached else ""
        ),
        CountView(translate("Меньше 4 часов", language), _many(counts.soon, language), "warn" if counts.soon else ""),
        CountView(translate("Ждут ответа", language), _many(counts.open, language)),
        CountView(translate("Ответ в среднем", language), short(usual, language)),
    ]


def chip_views(counts: Counts, language: Language) -> list[ChipView]:
    """The queues."""
    numbered = (
        ("open", "Все", counts.open),
        ("mine", "Мои", counts.mine),
        ("free", "Без ответственного", counts.free),
        ("breached", "Просрочены", counts.breached),
        ("asked", "Ждём абонента", counts.asked),
    )
    found = [ChipView(code, f"{translate(name, language)} · {_many(many, language)}") for code, name, many in numbered]
    return [*found, ChipView("done", translate("Отвеченные", language))]


def ticket_view(found: DeskTicket, now: datetime, language: Language) -> TicketView:
    """A ticket with everything that staff may see of it."""
    line = found.line
    deadline = deadline_view(line.answer_due_at, now, language)
    if found.clock_left is not None:
        deadline.text = translate("срок стоит, осталось {time}", language, time=_hours(found.clock_left))
    opened = formats.moment(line.opened_at, now, language)
    category = translate(CATEGORIES[line.category], language)
    stars = translate("Оценка: {stars} из 5", language, stars=found.stars) if found.stars else ""
    return TicketView(
        id=line.id,
        version=line.version,
        subject=line.subject,
        second=f"№{formats.NO_BREAK}{line.id} · {category} · {opened}",
        state=translate(_STATES[line.state], language),
        deadline=deadline,
        messages=[_message_view(one, line.subscriber_name, now, language) for one in found.messages],
        evidence=evidence_view(found.evidence, now, language),
        subscriber=line.subscriber_name,
        subscriber_id=found.subscriber_id,
        initial=line.subscriber_name[:1].upper(),
        staff=line.staff_name,
        is_mine=line.is_mine,
        is_free=found.staff_id is None,
        is_waiting=line.state is TicketState.WAITING,
        is_closed=line.state is TicketState.CLOSED,
        rated=" — ".join(filter(None, (stars, f"«{found.word}»" if found.word else ""))) if stars else "",
        others=[
            OtherView(
                other.id, other.subject, f"№{formats.NO_BREAK}{other.id} · {translate(_STATES[other.state], language)}"
            )
            for other in found.others
        ],
    )


def colleagues(found: tuple[Colleague, ...], language: Language) -> str:
    """Who else has the ticket before the eyes, in a sentence."""
    writing = [one.name for one in found if one.is_typing]
    looking = [one.name for one in found if not one.is_typing]
    said = []
    if writing:
        said.append(translate("Сейчас пишет: {names}", language, names=", ".join(writing)))
    if looking:
        said.append(translate("Сейчас смотрит: {names}", language, names=", ".join(looking)))
    return ". ".join(said)


def figures_view(found: Figures, now: datetime, language: Language) -> FiguresView:
    """How answers came, day by day."""
    today = clock.local(now).date()
    percent = found.in_time_percent
    hours = [int(day.average.total_seconds()) // 60 if day.average else 0 for day in found.days]
    highest = max([*hours, 1])
    counts = [
        CountView(translate("Ответов", language), formats.number(found.answers, language)),
        CountView(translate("Ответ в среднем", language), short(found.average, language)),
        CountView(
            translate("За 24 часа", language),
            "—" if percent is None else formats.percent(percent),
            "warn" if percent is not None and percent < 100 else "",
        ),
        CountView(
            translate("Просрочено", language),
            formats.number(found.breaches, language),
            "bad" if found.breaches else "",
        ),
        CountView(translate("Оценка", language), stars(found.stars_hundredths, language)),
    ]
    days = [
        DayView(
            formats.date_only(day.on, today, language),
            formats.number(day.answers, language),
            short(day.average, language),
            formats.number(day.breaches, language),
        )
        for day in reversed(found.days)
    ]
    named = [f"{day.day} — {day.average}" for day in reversed(days) if day.average != "—"]
    sentence = translate("Сколько ждали ответа, в среднем за день", language)
    return FiguresView(
        counts=counts,
        days=days,
        members=[
            MemberView(
                one.name,
                formats.number(one.answers, language),
                short(one.average, language),
                stars(one.stars_hundredths, language),
            )
            for one in found.members
        ],
        sentence=f"{sentence}. {'; '.join(named)}" if named else translate("Ответов ещё не было", language),
        box=kit.bars_box(len(hours)),
        bars=kit.bars_path(hours, highest),
        ticks=kit.ticks_path(hours),
        first_day=formats.date_only(found.days[0].on, today, language),
        last_day=formats.date_only(found.days[-1].on, today, language),
    )


def stars(hundredths: int | None, language: Language) -> str:
    """`4,5 из 5`."""
    if hundredths is None:
        return "—"
    return translate("{stars} из 5", language, stars=formats.decimal(hundredths, 100, language))


def _message_view(one: Message, subscriber: str, now: datetime, language: Language) -> MessageView:
    text, who, side = one.body, one.staff_name, "ours"
    if one.kind is MessageKind.NOT_SOLVED:
        text = translate("Вопрос не решён", language)
    if not one.kind.is_staff:
        who, side = subscriber, "theirs"
    elif one.kind is MessageKind.NOTE:
        who, side = translate("{name}, только для сотрудников", language, name=who), "note"
    elif one.kind is MessageKind.ASK:
        who = translate("{name}, вопрос абоненту", language, name=who)
    written = formats.moment(one.written_at, now, language)
    if one.waited_seconds is not None:
        waited = span(timedelta(seconds=one.waited_seconds), language)
        written = f"{written} · {translate('ждали {time}', language, time=waited)}"
    return MessageView(one.id, side, who, text, file_views(one.files, language), written)


def _hours(time: timedelta) -> str:
    hours, minutes = divmod(int(time.total_seconds()) // 60, 60)
    return f"{hours}:{minutes:02}"


def _until(at: datetime, now: datetime, language: Language) -> str:
    return translate("до {moment}", language, moment=until(at, now, language))


def _many(number: int, language: Language) -> str:
    return formats.number(number, language) if number < 1000 else f"{formats.number(999, language)}+"
