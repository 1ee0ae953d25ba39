"""A month's usage outside the packages costs no more than was chosen; what is beyond says so.

A minute costs 2 ₽, an SMS 3 ₽, a begun gigabyte 10 ₽; Анна's package of ten minutes is used up.
"""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session, select

from cabinet import clock, ledger
from cabinet.adapters.usage_files import UsageRow
from cabinet.config import settings as cabinet_settings
from cabinet.domain.catalogue import parse
from cabinet.domain.spending import OUTSIDE_PACKAGES
from cabinet.models.notices import Notice
from cabinet.models.outbox import OutboxMessage
from cabinet.models.spending_caps import SpendingCap
from cabinet.services import audit, cards, expenses, sessions, spending_caps, tariffs
from cabinet.services.sessions import Principal
from cabinet.services.sign_in import FreshCodeNeeded
from cabinet.services.spending_caps import CHANGES_A_DAY, CapNotSo, Status, TooManyChanges
from cabinet.services.usage import BatchReport, import_batch
from tests import every_line
from tests.conftest import both_engines, count
from tests.plans import plan_of, read_whole, statements_of
from tests.services.test_usage import ANNA, CATALOGUE, JULY, JUNE, counted_statements, given_subscriber, record, stored

NOON = JUNE + timedelta(days=14, hours=12)  # of 15 June in Moscow


@pytest.fixture
def shop(session: Session) -> Session:
    tariffs.store_catalogue(session, parse(CATALOGUE, "test.yaml"), now=JUNE)
    return session


@pytest.fixture
def anna(shop: Session) -> int:
    """Whose package of minutes is used up, since the first of June and of July."""
    subscriber_id = given_subscriber(shop)
    import_batch(shop, [minutes("package", 10, at=JUNE)], now=JUNE)
    return subscriber_id


def minutes(name: str, number: int, at: datetime = NOON, msisdn: str = ANNA) -> UsageRow:
    return record(name, "voice", number * 60, started_at=at, msisdn=msisdn)


def used(session: Session, *rows: UsageRow, now: datetime = NOON) -> BatchReport:
    return import_batch(session, rows, now=now)


def cap(session: Session, subscriber_id: int, roubles: int | None, now: datetime = NOON) -> None:
    spending_caps.put(session, subscriber_id, roubles and roubles * 100, now=now)


def signed_in(session: Session, subscriber_id: int, *, is_remembered: bool, now: datetime) -> Principal:
    opened = sessions.create(
        session, subscriber_id, is_remembered=is_remembered, device="", address="10.0.0.1", now=now
    )
    principal = sessions.find(session, opened.token, now=now)
    assert principal
    return principal


def charges(session: Session, *names: str) -> list[int]:
    return [stored(session, name).charge_kopecks for name in names]


def told(session: Session) -> list[tuple[str, dict]]:
    query = select(Notice).where(Notice.kind.in_(("cap_near", "cap_reached"))).order_by(Notice.id)
    return [(str(row.kind), row.facts) for row in session.exec(query)]


def assert_sound(session: Session, subscriber_id: int, now: datetime = NOON) -> None:
    """The audit holds, and every line of the statement is computed again from what it says."""
    assert audit.run_audit(session).faults == []
    assert every_line.check_everyone(session, [subscriber_id], now=now)


# --- what is charged


@both_engines
def test_the_record_that_crosses_the_cap_is_charged_just_up_to_it_and_later_ones_nothing(shop, anna):
    cap(shop, anna, 50)

    report = used(shop, minutes("a", 24), minutes("b", 3), minutes("c", 1))

    # 48 ₽; of 6 ₽ the last 2; of 2 ₽ nothing.
    assert charges(shop, "a", "b", "c") == [4_800, 200, 0]
    assert report.charged_kopecks == 5_000
    assert "cap" not in stored(shop, "a").rating
    assert stored(shop, "b").rating["cap"] == {"limit_kopecks": 5_000, "left_kopecks": 200, "full_kopecks": 600}
    assert stored(shop, "c").rating["cap"] == {"limit_kopecks": 5_000, "left_kopecks": 0, "full_kopecks": 200}
    assert stored(shop, "c").transaction_id is None
    assert spending_caps.get_status(shop, anna, now=NOON) == Status(5_000, 5_000)
    assert ledger.balance(shop, anna).main == -300_00 - 5_000
    assert_sound(shop, anna)


@both_engines
def test_another_batch_begins_where_the_last_one_ended(shop, anna):
    cap(shop, anna, 50)

    for number in range(4):
        used(shop, minutes(f"{number}", 10))

    assert charges(shop, "0", "1", "2", "3") == [2_000, 2_000, 1_000, 0]
    assert_sound(shop, anna)


def test_all_usage_counts_and_fees_do_not(shop):
    anna = given_subscriber(shop)  # the fee is 300 ₽
    cap(shop, anna, 50)

    used(shop, record("s", "sms", 12, started_at=NOON), record("d", "data", 3 * 2**30, started_at=NOON))

    assert charges(shop, "s", "d") == [3_000, 2_000]  # 10 × 3 ₽ beyond 2 SMS; 2 × 10 ₽ beyond 1 GB
    assert used(shop, minutes("v", 11)).charged_kopecks == 0  # and one minute beyond ten
    assert stored(shop, "v").rating["reason"] == "partly covered"
    assert_sound(shop, anna)


def test_who_has_no_cap_is_charged_whole_beside_who_has(shop, anna):
    boris = given_subscriber(shop, "79160000002")
    cap(shop, anna, 50)

    used(shop, minutes("his", 110, msisdn="79160000002"), minutes("hers", 100))

    assert charges(shop, "his", "hers") == [20_000, 5_000]
    assert spending_caps.find_status(shop, boris, now=NOON) is None


def test_a_duplicate_changes_nothing(shop, anna):
    cap(shop, anna, 50)
    rows = [minutes("a", 20), minutes("b", 20)]
    used(shop, *rows)

    report = used(shop, *rows, rows[0])

    assert (report.accepted, report.duplicates, report.charged_kopecks) == (0, 3, 0)
    assert charges(shop, "a", "b") == [4_000, 1_000]


@both_engines
def test_each_calendar_month_has_its_own_room_and_a_late_record_meets_that_of_its_month(shop, anna):
    cap(shop, anna, 50)
    august = JULY + timedelta(days=40)
    used(shop, minutes("june", 15), minutes("july", 100, at=JULY), now=august)
    cap(shop, anna, None, now=august)

    used(
        shop,
        minutes("june's last second", 15, at=JULY - timedelta(seconds=1)),
        minutes("late", 1),
        minutes("august", 110, at=august),
        now=august,
    )

    assert charges(shop, "june", "july", "june's last second", "late", "august") == [3_000, 5_000, 2_000, 0, 20_000]
    assert_sound(shop, anna, now=august)


def test_a_month_before_the_first_cap_is_charged_whole(shop, anna):
    cap(shop, anna, 50, now=JULY)

    used(shop, minutes("june", 100), now=JULY)

    assert charges(shop, "june") == [20_000]
    assert_sound(shop, anna, now=JULY)


# --- changing it


@both_engines
def test_a_cap_that_is_raised_gives_more_room_and_what_was_not_charged_stays_so(shop, anna):
    cap(shop, anna, 50)
    used(shop, minutes("a", 30))
    cap(shop, anna, 70)

    used(shop, minutes("b", 30))

    assert charges(shop, "a", "b") == [5_000, 2_000]
    assert_sound(shop, anna)


def test_a_cap_below_what_is_spent_gives_nothing_back_and_ends_it(shop, anna):
    used(shop, minutes("a", 100))
    cap(shop, anna, 50)

    used(shop, minutes("b", 1))

    assert charges(shop, "a", "b") == [20_000, 0]
    assert shop.exec(select(SpendingCap.spent_kopecks)).all() == [20_000]
    assert spending_caps.get_status(shop, anna, now=NOON) == Status(5_000, 20_000)
    assert_sound(shop, anna)


def test_what_is_reversed_gives_its_room_back(shop, anna):
    cap(shop, anna, 50)
    used(shop, minutes("a", 20), minutes("b", 20))
    ledger.reverse(shop, stored(shop, "a").transaction_id, reference="given back", now=NOON)

    used(shop, minutes("c", 30))

    assert charges(shop, "c") == [4_000]
    assert spending_caps.get_status(shop, anna, now=NOON) == Status(5_000, 5_000)
    assert_sound(shop, anna)


@pytest.mark.parametrize("typed", ["", "0", "49", "100001", "50,50", "-100", "сто", "1e3", "9" * 12])
def test_a_limit_is_whole_roubles_within_bounds(typed: str):
    with pytest.raises(CapNotSo, match=r"Лимит — целые рубли, от 50 до 100\xa0000 ₽\."):
        spending_caps.read_limit(typed)


@pytest.mark.parametrize(("typed", "kopecks"), [("50", 5_000), (" 1 500 ", 150_000), ("100 000,00", 10_000_000)])
def test_a_limit_is_read_as_people_write_it(typed: str, kopecks: int):
    assert spending_caps.read_limit(typed) == kopecks


def test_a_remembered_browser_shows_a_fresh_code_first(shop, anna):
    hers = signed_in(shop, anna, is_remembered=True, now=NOON)
    later = NOON + timedelta(minutes=cabinet_settings().confirm_minutes, seconds=1)

    assert spending_caps.choose(shop, hers, 5_000, now=NOON) == Status(5_000, 0)
    for limit in (9_000, None):
        with pytest.raises(FreshCodeNeeded):
            spending_caps.choose(shop, hers, limit, now=later)

    assert spending_caps.get_status(shop, anna, now=later) == Status(5_000, 0)


def test_what_is_chosen_again_as_it_is_leaves_no_trace_and_changes_are_counted(shop, anna):
    for _ in range(2):
        cap(shop, anna, 50)
    assert count(shop, "spending_cap") == 1

    for number in range(1, CHANGES_A_DAY):
        cap(shop, anna, 50 + number)
    with pytest.raises(TooManyChanges):
        cap(shop, anna, 500)

    assert spending_caps.get_status(shop, anna, now=NOON).limit_kopecks == 5_000 + 100 * (CHANGES_A_DAY - 1)
    cap(shop, anna, 500, now=NOON + timedelta(days=1))


@both_engines
def test_choices_stand_among_what_was_done_to_the_number(shop, anna):
    cap(shop, anna, 50)
    cap(shop, anna, None, now=NOON + timedelta(hours=1))

    done = [(one.kind, one.member_name, one.facts) for one in cards.list_done(shop, anna, limit=5)]

    assert done == [("cap_removed", "", {}), ("cap_chosen", "", {"limit_kopecks": 5_000})]
    assert [one.kind for one in cards.list_done(shop, anna, limit=1)] == ["cap_removed"]


# --- warnings


@both_engines
def test_eighty_percent_and_all_of_it_are_told_once_each_with_their_messages(shop, anna):
    cap(shop, anna, 50)

    used(shop, minutes("79", 19), record("s", "sms", 2, started_at=NOON))  # 38 ₽, and two SMS of the package
    assert told(shop) == []
    used(shop, minutes("80", 1))
    used(shop, minutes("84", 1))
    assert told(shop) == [("cap_near", {"limit_kopecks": 5_000, "percent": 80})]
    used(shop, minutes("100", 4))
    used(shop, minutes("beyond", 4))

    assert told(shop)[1:] == [("cap_reached", {"limit_kopecks": 5_000, "percent": 100})]
    sent = shop.exec(select(OutboxMessage.body).order_by(OutboxMessage.id)).all()
    assert [body for body in sent if "сверх пакетов" in body.lower()] == [
        "Сверх пакетов ушло 80 % вашего лимита 50 ₽ на этот месяц.",
        "Лимит 50 ₽ сверх пакетов исчерпан: до 1 числа больше не спишем.",
    ]


def test_who_passes_both_at_once_is_told_of_the_end_alone(shop, anna):
    cap(shop, anna, 50)

    used(shop, minutes("a", 100))

    assert [kind for kind, _ in told(shop)] == ["cap_reached"]


def test_another_month_and_another_cap_are_told_of_anew(shop, anna):
    cap(shop, anna, 50)
    used(shop, minutes("june", 100))
    cap(shop, anna, 60)
    used(shop, minutes("more", 100))
    cap(shop, anna, 50)
    used(shop, minutes("again", 1))  # of this cap they know

    july = JULY + timedelta(days=3)
    used(shop, minutes("july", 100, at=july), now=july)

    assert [facts["limit_kopecks"] for _, facts in told(shop)] == [5_000, 6_000, 5_000]


def test_of_a_month_that_is_over_nobody_is_warned(shop, anna):
    cap(shop, anna, 50)

    used(shop, minutes("a", 100), now=JULY)

    assert told(shop) == []
    assert charges(shop, "a") == [5_000]


# --- what it costs and what it proves


def test_caps_cost_a_batch_two_queries_however_many_have_one(shop):
    numbers = [f"791600000{number:02}" for number in range(30)]
    ids = [given_subscriber(shop, number) for number in numbers]

    def statements(name: str) -> int:
        rows = [minutes(f"{name}:{msisdn}", 1, msisdn=msisdn) for msisdn in numbers]
        with counted_statements(shop) as asked:
            used(shop, *rows)
        return len(asked)

    statements("warm")
    without = statements("without")
    cap(shop, ids[0], 10_000)
    with_one = statements("one")
    for subscriber_id in ids[1:]:
        cap(shop, subscriber_id, 10_000)

    assert (with_one, statements("all")) == (without + 1, without + 1)


@both_engines
def test_the_month_of_a_card_is_read_through_indexes(shop, anna):
    cap(shop, anna, 50)

    asked = statements_of(shop, lambda: spending_caps.get_status(shop, anna, now=NOON))

    assert len(asked) == 2
    assert [step for one in asked for step in read_whole(plan_of(shop, one))] == []


def test_the_audit_names_who_was_charged_beyond_a_cap(shop, anna):
    cap(shop, anna, 50)
    used(shop, minutes("a", 25))
    shop.execute(text("UPDATE spending_cap SET limit_kopecks = 4999"))

    faults = [str(fault) for check in audit.run_audit(shop).checks if check.code == "I16" for fault in check.faults]

    assert faults == [f"subscriber:{anna}:main: usage of 2026-06 cost 5000 kopecks, its cap was 4999"]


def test_the_line_explains_the_cap(shop, anna):
    cap(shop, anna, 50)
    used(shop, minutes("a", 24), minutes("b", 3))

    lines = every_line.lines_of(shop, anna, date(2026, 6, 1), now=NOON)
    told_of = expenses.explain_line(shop, anna, next(line.id for line in lines if line.amount_kopecks == -200))

    assert told_of.cap == expenses.CapApplied(limit_kopecks=5_000, left_kopecks=200, full_kopecks=600)


usages = st.lists(
    st.tuples(st.integers(0, 59), st.sampled_from(["voice", "sms", "data"]), st.integers(1, 9)), max_size=12
)
steps = st.one_of(
    st.tuples(st.just("import"), usages),
    st.tuples(st.just("choose"), st.none() | st.integers(50, 80)),
    st.tuples(st.just("days pass"), st.integers(1, 20)),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=8))
def test_whatever_comes_in_whatever_order_no_month_costs_more_than_its_cap(shop: Session, story):
    with shop.begin_nested() as undone:
        anna = given_subscriber(shop)
        now, bounds, known = NOON, {}, 0
        for what, value in story:
            if what == "days pass":
                now += timedelta(days=value)
            elif what == "choose":
                cap(shop, anna, value, now=now)
            else:
                rows = [
                    record(f"r{known + number % 7}", kind, amount * {"voice": 60, "sms": 1, "data": 2**29}[kind],
                           started_at=min(JUNE + timedelta(days=day, hours=5), now))
                    for number, (day, kind, amount) in enumerate(value)
                ]  # fmt: skip
                used(shop, *rows, now=now)
                known += len(rows)
            month = clock.local(now).date().replace(day=1)
            for on in (date(2026, 6, 1), date(2026, 7, 1), date(2026, 8, 1)):
                spent = outside_packages(shop, anna, on)
                limit = limit_of_month(shop, anna, on)
                if what == "choose" and on == month:  # what was spent already stays
                    bounds[on] = None if limit is None else max(limit, spent)
                elif on > month:
                    bounds[on] = limit
                bound = bounds.get(on)
                assert bound is None or spent <= bound
        assert audit.run_audit(shop).faults == []
        undone.rollback()


def outside_packages(session: Session, subscriber_id: int, month_on: date) -> int:
    end_on = (month_on + timedelta(days=32)).replace(day=1)
    days = expenses.list_spending(session, subscriber_id, month_on, end_on)
    return sum(kopecks for _, category, kopecks in days if category in OUTSIDE_PACKAGES)


def limit_of_month(session: Session, subscriber_id: int, month_on: date) -> int | None:
    noon = datetime(month_on.year, month_on.month, 2, 9, tzinfo=UTC)
    status = spending_caps.find_status(session, subscriber_id, now=noon)
    return status.limit_kopecks if status else None
