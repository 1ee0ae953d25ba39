# ruff: noqa: S311  chance here makes a story, not secrets
"""What a made-up person does in a day: calls, messages and internet sessions. Pure: a seed and a date decide all."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import accumulate
from random import Random
from typing import Any, NamedTuple

MEGABYTE = 2**20
LONGEST = timedelta(hours=3)  # no call or session lasts longer


class Row(NamedTuple):
    """A line of the native usage file. `quantity` in seconds, messages or bytes."""

    record_id: str
    msisdn: str
    kind: str
    direction: str
    started_at: datetime
    quantity: int
    zone: str
    peer: str


class App(NamedTuple):
    """Where internet traffic goes: its class in the catalogue, the name that the network sees, and how often."""

    zone: str
    name: str
    weight: int


APPS = (
    App("home", "Браузер", 34),
    App("messengers", "Мессенджеры", 24),
    App("home", "Соцсети", 16),
    App("video", "Видео", 14),
    App("music", "Музыка", 8),
    App("home", "Карты", 4),
)
TELEMETRY = (App("home", "Телеметрия", 1),)


@dataclass(frozen=True, slots=True)
class Profile:
    """Means a day: how often, how long, how much. `abroad` are calls to numbers of other countries."""

    code: str
    calls: float = 0
    call_seconds: int = 150
    received_calls: float = 0
    messages: float = 0
    received_messages: float = 0
    sessions: float = 0
    session_megabytes: int = 0
    abroad: float = 0
    apps: tuple[App, ...] = APPS
    is_human: bool = True
    travels: bool = False


ANNA = Profile("anna", 4.6, 190, 2.2, 2.1, 1.1, sessions=4.5, session_megabytes=160, abroad=0.2)
HEAVY = Profile("heavy", 0.4, 110, 0.3, 0.05, 0.2, sessions=1.9, session_megabytes=520, abroad=0.003)
TALKER = Profile("talker", 1.7, 210, 1.0, 0.2, 0.3, sessions=0.6, session_megabytes=90, abroad=0.01)
QUIET = Profile("quiet", 0.3, 80, 0.3, 0.05, 0.2, sessions=0.3, session_megabytes=25)
TRAVELLER = Profile(
    "traveller", 0.7, 140, 0.5, 0.15, 0.3, sessions=1.0, session_megabytes=260, abroad=0.06, travels=True
)
CALLER = Profile("caller", 0.6, 90, 0.4, 0.08, 0.1)
LAPTOP = Profile("laptop", received_messages=0.05, sessions=1.3, session_megabytes=750)
DEVICE = Profile("device", received_messages=0.02, sessions=0.8, session_megabytes=2, apps=TELEMETRY, is_human=False)

# Chances of each hour from midnight on: people sleep, talk on the way and in the evening, and get up later at weekends.
_WEEKDAY = (1, 0, 0, 0, 0, 1, 4, 12, 20, 18, 16, 16, 20, 19, 16, 16, 18, 24, 30, 32, 30, 24, 14, 5)
_WEEKEND = (3, 1, 0, 0, 0, 0, 1, 4, 9, 15, 20, 22, 22, 20, 20, 20, 20, 22, 24, 26, 26, 22, 16, 8)
_ALL_HOURS = (1,) * 24
_HOURS = {weights: tuple(accumulate(weights)) for weights in (_WEEKDAY, _WEEKEND, _ALL_HOURS)}
ABROAD = (("intl_kz", "7701"), ("intl_kz", "7705"), ("intl_by", "37529"), ("intl_am", "37491"))
IN_KAZAKHSTAN = 0  # in `ABROAD`
_SENDERS = ("Банк", "Госуслуги", "Доставка", "Аптека", "Поликлиника", "Магазин")


_AWAY: dict[str, Any] = {"calls": 0.3, "call_seconds": 60, "received_calls": 0.2, "abroad": 0, "session_megabytes": 2}


@dataclass(frozen=True, slots=True)
class Habits:
    """Who this person is in touch with: (zone, number), the nearest first."""

    people: tuple[tuple[str, str], ...]
    abroad: tuple[str, str]


def habits(seed: int, msisdn: str, neighbours: tuple[str, ...], *, far_friend: int | None = None) -> Habits:
    """The few numbers that a person keeps calling; some of them are `neighbours`, the operator's own.

    `far_friend` is the place in `ABROAD` where somebody lives whom they call; otherwise it is any of them.
    """
    chance = Random(f"habits:{seed}:{msisdn}")
    people: list[tuple[str, str]] = []
    for _ in range(chance.randint(4, 8)):
        if neighbours and chance.random() < 0.4:
            people.append(("on_net", chance.choice(neighbours)))
        else:
            people.append(("home", f"79{chance.choice((3, 5, 6, 8))}{chance.randrange(10**8):08d}"))
    zone, prefix = chance.choice(ABROAD) if far_friend is None else ABROAD[far_friend]
    own = tuple(contact for contact in people if contact[1] != msisdn)
    return Habits(own, (zone, f"{prefix}{chance.randrange(10**7):07d}"))


def usage_between(
    seed: int, msisdn: str, profile: Profile, circle: Habits, start: datetime, end: datetime, tz: tzinfo
) -> Iterator[Row]:
    """What was finished at `start <= moment < end`: a network reports a call when it is over."""
    day = (start - LONGEST).astimezone(tz).date()
    last = end.astimezone(tz).date()
    while day <= last:
        for row in usage_of_day(seed, msisdn, profile, circle, day, tz):
            if start <= _finished_at(row) < end:
                yield row
        day += timedelta(days=1)


def usage_of_day(seed: int, msisdn: str, profile: Profile, circle: Habits, day: date, tz: tzinfo) -> list[Row]:
    """The person's day in the order of time."""
    chance = Random((seed << 64) + (int(msisdn) << 24) + day.toordinal())
    midnight = datetime.combine(day, time.min, tz).astimezone(UTC)
    is_weekend = day.weekday() >= 5
    weights = (_WEEKEND if is_weekend else _WEEKDAY) if profile.is_human else _ALL_HOURS
    mood = chance.uniform(0.5, 1.5)  # some days are busy, some are not
    is_away = profile.travels and (day.toordinal() // 7 + int(msisdn)) % 9 == 0
    if is_away:
        profile = replace(profile, **_AWAY)

    def moments(mean: float) -> Iterator[datetime]:
        for hour in chance.choices(range(24), cum_weights=_HOURS[weights], k=_how_many(chance, mean * mood)):
            yield midnight + timedelta(seconds=hour * 3600 + chance.randrange(3600))

    def happenings() -> Iterator[tuple[datetime, str, str, int, str, str]]:
        for moment in moments(profile.calls * (0.8 if is_weekend else 1.08)):
            yield moment, "voice", "out", _seconds(chance, profile.call_seconds), *_someone(chance, circle)
        for moment in moments(profile.received_calls):
            yield moment, "voice", "in", _seconds(chance, profile.call_seconds), *_someone(chance, circle)
        for moment in moments(profile.abroad):
            yield moment, "voice", "out", _seconds(chance, 260), *circle.abroad
        for moment in moments(profile.messages):
            yield moment, "sms", "out", 1, *_someone(chance, circle)
        for moment in moments(profile.received_messages):
            yield moment, "sms", "in", 1, "home", chance.choice(_SENDERS)
        for moment in moments(profile.sessions * (1.2 if is_weekend else 0.92)):
            app = chance.choices(profile.apps, weights=[app.weight for app in profile.apps])[0]
            size = profile.session_megabytes * MEGABYTE * (3 if app.name == "Видео" else 1)
            yield moment, "data", "out", int(size * chance.lognormvariate(-0.5, 0.9)), app.zone, app.name

    return [
        Row(
            f"demo-{msisdn}-{day:%Y%m%d}-{number}",
            msisdn,
            kind,
            direction,
            moment,
            quantity,
            "roaming" if is_away else zone,
            peer,
        )
        for number, (moment, kind, direction, quantity, zone, peer) in enumerate(sorted(happenings()))
    ]


def _finished_at(row: Row) -> datetime:
    if row.kind == "voice":
        return row.started_at + min(timedelta(seconds=row.quantity), LONGEST)
    if row.kind == "data":
        return row.started_at + min(timedelta(seconds=60 + row.quantity // MEGABYTE * 4), LONGEST)
    return row.started_at


def _how_many(chance: Random, mean: float) -> int:
    """A Poisson number, by counting exponential waits: means here are small."""
    if mean <= 0:
        return 0
    number, waited = 0, chance.expovariate(mean)
    while waited < 1:
        number += 1
        waited += chance.expovariate(mean)
    return number


def _seconds(chance: Random, mean: int) -> int:
    """A call's length; one in twelve is not answered."""
    if chance.random() < 0.08:
        return 0
    return min(1 + int(chance.expovariate(1) * mean), int(LONGEST.total_seconds()))


def _someone(chance: Random, circle: Habits) -> tuple[str, str]:
    """Mostly the nearest, now and then a stranger."""
    if chance.random() < 0.12 or not circle.people:
        return "home", f"7495{chance.randrange(10**7):07d}"
    nearness = min(int(chance.expovariate(0.7)), len(circle.people) - 1)
    return circle.people[nearness]
