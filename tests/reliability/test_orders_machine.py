"""Whatever is ordered, in whatever state and at whatever time: a quote is the difference between before and after."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from cabinet import clock
from cabinet.domain import catalogue
from cabinet.domain.catalogue import FirstPeriod, SwitchTime
from cabinet.domain.effects import Held, OrderKind, Request, Snapshot, read_effects, write_effects
from cabinet.domain.errors import CabinetError
from cabinet.domain.quotes import NextFee, Summary, services_month_kopecks
from cabinet.models.usage import Allowance
from cabinet.services import audit, billing, option_fees, orders, snapshots, subscribers, tariffs
from cabinet.services.orders import InsufficientFunds, Order
from tests.services.test_orders import current, money_of, moscow, put

FEES = st.integers(0, 120_000)
QUANTITIES = st.sampled_from(["1 min", "333 min", "7 GB", "unlimited GB", "13 SMS"])
OPTIONS = ("free", "month", "day", "once", "trial")
PLANS = ("one", "two", "three")
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(clock.time_zone()))
REQUESTS = st.one_of(
    st.builds(
        Request,
        st.just(OrderKind.SWITCH),
        st.sampled_from(PLANS),
        st.just({}),
        st.sampled_from([None, *SwitchTime]),
    ),
    st.builds(
        Request,
        st.just(OrderKind.SETTINGS),
        st.just(""),
        st.sampled_from([{"size": "s"}, {"size": "m"}]),
        st.sampled_from([None, *SwitchTime]),
    ),
    st.builds(Request, st.sampled_from([OrderKind.OPTION_ON, OrderKind.OPTION_OFF]), st.sampled_from(OPTIONS)),
    st.builds(Request, st.just(OrderKind.OPTION_KEEP), st.just("trial")),
    st.builds(Request, st.just(OrderKind.BUNDLE), st.sampled_from(["days", "period", "again"])),
    st.builds(Request, st.just(OrderKind.BUNDLE_OFF), st.just("again")),
)  # fmt: skip


@st.composite
def catalogues(draw: st.DrawFn) -> catalogue.Catalogue:
    """Three plans with any rules of changes; services and packages at any price."""
    flag = st.sampled_from(["yes", "no"])
    times = st.sampled_from(["[now]", "[period_end]", "[now, period_end]", "[period_end, now]"])
    lines = [
        "default_region: here",
        "regions: {here: Здесь}",
        "categories: {any: Разное}",
        "zones: {home: Дома}",
        "rates: [{kind: voice, price: 2 per min}, {kind: sms, price: 1 per SMS}, {kind: data, price: 1 per MB}]",
        "plans:",
    ]
    for code in PLANS:
        fee, period = draw(FEES), draw(st.sampled_from(["month", "month", "day"]))
        lines += [
            f"  - code: {code}",
            "    version: 1",
            f"    name: План {code}",
            f"    fee: '{fee // 100}.{fee % 100:02}'",
            f"    period: {period}",
            f"    allowances: [{', '.join(draw(st.lists(QUANTITIES, max_size=3)))}]",
            f"    switching: {{price: '{draw(st.integers(0, 99))}', refund_unused_fee: {draw(flag)},"
            f" keep_leftovers: {draw(flag)}, first_period: {draw(st.sampled_from(list(FirstPeriod)))},"
            f" joins: {draw(times)}, settings: {draw(times)}}}",
            "    settings: [{code: size, name: Размер, default: s, steps: [{code: s, name: S, price: '0'},"
            f" {{code: m, name: M, price: '{draw(st.integers(0, 500))}', gives: [100 min]}}]}}]",
        ]
    price = draw(st.integers(1, 300))
    lines += [
        "options:",
        "  - {code: free, version: 1, name: Даром, category: any, price: free}",
        f"  - {{code: month, version: 1, name: Месяц, category: any, price: {price} per month, included_in: [two]}}",
        f"  - {{code: day, version: 1, name: День, category: any, price: {price} per day, gives: [1 GB]}}",
        f"  - {{code: once, version: 1, name: Раз, category: any, price: {price} once}}",
        f"  - {{code: trial, version: 1, name: Проба, category: any, price: {price} per month, trial_days: 5}}",
        "bundles:",
        f"  - {{code: days, version: 1, name: Дни, gives: 3 GB, price: '{price}', lasts_days: 10}}",
        f"  - {{code: period, version: 1, name: Период, gives: 30 min, price: '{price}'}}",
        f"  - {{code: again, version: 1, name: Снова, gives: 5 SMS, price: '{price}', recurring: yes}}",
    ]
    return catalogue.parse("\n".join(lines), "random.yaml")


def pass_time(session: Session, subscriber_id: int, moment: datetime) -> None:
    """What the worker does."""
    billing.charge_fees_until(session, [current(session, subscriber_id).id], moment, now=moment)
    option_fees.charge_until(session, option_fees.list_due(session, moment, 100), moment, now=moment)


def facts(snapshot: Snapshot) -> Snapshot:
    """A snapshot without what only numbers rows: ids of packages are not given back."""
    return replace(snapshot, allowances=tuple(replace(one, id=0) for one in snapshot.allowances))


def fee_of(snapshot: Snapshot, request: Request) -> NextFee | None:
    """The fee that the request is about, read from how things stand."""
    is_of_plan = request.kind in (OrderKind.SWITCH, OrderKind.SETTINGS)
    if is_of_plan or request.code in ("days", "period"):  # a package bought once has no fee: what comes next is shown
        term = snapshot.planned.term if snapshot.planned else snapshot.term
        return NextFee(snapshot.term.next_fee_at, term.fee_kopecks, str(term.unit)) if term.fee_kopecks else None
    held = next((one for one in snapshot.held_options if one.code == request.code), None)
    if held is None or held.term.next_fee_at is None or held.term.state == "trial":
        return None
    price = held.price_on(snapshot.plan.code)
    return NextFee(held.term.next_fee_at, price, str(held.per)) if price else None


def check_summary(shown: Summary, request: Request, before: Snapshot, after: Snapshot) -> None:
    """What was shown is what has become."""
    assert shown.available_before_kopecks == before.available_kopecks
    assert shown.available_after_kopecks == after.available_kopecks
    assert before.available_kopecks - after.available_kopecks == shown.charged_now_kopecks
    assert sum(charge.kopecks for charge in shown.charges) == shown.charged_now_kopecks
    assert shown.next_fee_before == fee_of(before, request)
    assert shown.next_fee_after == fee_of(after, request)
    code = after.plan.code
    planned_code = after.planned.term.code if after.planned else code
    assert shown.services_before_kopecks == services_month_kopecks(before.held_options, before.plan.code)
    assert shown.services_after_kopecks in (
        services_month_kopecks(after.held_options, code),
        services_month_kopecks(after.held_options, planned_code),
    )
    if shown.takes_effect_at is not None:
        assert after.planned is not None
        assert after.planned.at == shown.takes_effect_at
        assert facts(before).allowances == facts(after).allowances
    gained = sorted(((str(one.kind), one.amount) for one in shown.gains if one.what == "allowance"), key=str)
    lost = sorted(((str(one.kind), one.amount) for one in shown.losses if one.what == "allowance"), key=str)
    had, has = {one.id for one in before.allowances}, {one.id for one in after.allowances}
    assert gained == _quantities(one for one in after.allowances if one.id not in had)
    assert lost == _quantities(one for one in before.allowances if one.id not in has)


def _quantities(held: Iterable[Held]) -> list[tuple[str, int | None]]:
    some = [one for one in held if one.is_unlimited or one.remaining]
    return sorted(((str(one.kind), None if one.is_unlimited else one.remaining) for one in some), key=str)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    catalogues(),
    MOMENTS,
    st.integers(1, 31),
    st.integers(0, 400_000),
    st.lists(
        st.tuples(REQUESTS, st.sampled_from(["", "undo", "twice"]), st.integers(0, 40 * 24)), min_size=1, max_size=8
    ),
)
def test_a_quote_is_the_difference_between_before_and_after(
    session: Session,
    sold: catalogue.Catalogue,
    start: datetime,
    anchor_day: int,
    money: int,
    steps: list[tuple[Request, str, int]],
):
    outer = session.begin_nested()
    try:
        tariffs.store_catalogue(session, sold, now=start)
        anna = subscribers.create(
            session, account_number="A", msisdn="79160000000", name="", region="here", plan_code="one",
            activated_at=start, anchor_day=anchor_day, now=start,
        )  # fmt: skip
        put(session, anna, money + 1, start)
        now = start
        pass_time(session, anna, now)
        for request, then, hours in steps:
            order_once(session, anna, request, then, now)
            now += timedelta(hours=hours)
            pass_time(session, anna, now)
        assert audit.run_audit(session).faults == []
    finally:
        outer.rollback()
        session.expire_all()


def order_once(session: Session, anna: int, request: Request, then: str, now: datetime) -> None:
    """Asks and confirms; a refusal has to leave everything as it was."""
    before = snapshots.read(session, anna, now=now)
    try:
        quote = orders.ask(session, anna, request, now=now)
    except CabinetError:
        assert snapshots.read(session, anna, now=now) == before
        return
    assert read_effects(write_effects(quote.effects)) == quote.effects
    assert orders.get_quote(session, anna, quote.id, now=now) == quote
    try:
        order = orders.confirm(session, anna, quote.id, now=now)
    except InsufficientFunds as refusal:
        lacking = refusal.facts["lacking_kopecks"]
    else:
        lacking = 0
    assert lacking == quote.summary.lacking_kopecks
    if lacking:
        assert snapshots.read(session, anna, now=now) == before
        return
    assert isinstance(order, Order)
    after = snapshots.read(session, anna, now=now)
    if quote.summary.charged_now_kopecks < 0 and any(one.term.state == "suspended" for one in before.held_options):
        return  # what comes back pays for it at once
    check_summary(quote.summary, request, before, after)
    if then == "twice":
        assert orders.confirm(session, anna, quote.id, now=now) == order
        assert snapshots.read(session, anna, now=now) == after
    if then == "undo":
        orders.undo(session, anna, order.id, now=now)
        assert snapshots.read(session, anna, now=now) == before
        with suppress(CabinetError):
            orders.undo(session, anna, order.id, now=now)
        assert snapshots.read(session, anna, now=now) == before


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(catalogues(), st.integers(1, 31), st.integers(0, 40), st.sampled_from(PLANS[1:]))
def test_a_planned_change_costs_at_the_periods_end_what_was_shown(
    session: Session, sold: catalogue.Catalogue, anchor_day: int, hours: int, code: str
):
    outer = session.begin_nested()
    start = moscow(2026, 1, 15)
    try:
        tariffs.store_catalogue(session, sold, now=start)
        anna = subscribers.create(
            session, account_number="A", msisdn="79160000000", name="", region="here", plan_code="one",
            activated_at=start, anchor_day=anchor_day, now=start,
        )  # fmt: skip
        put(session, anna, 10_000_000, start)
        now = start + timedelta(hours=hours)
        pass_time(session, anna, now)
        try:
            quote = tariffs.quote_switch(session, anna, code, when=SwitchTime.PERIOD_END, now=now)
        except CabinetError:
            return
        orders.confirm(session, anna, quote.id, now=now)
        before, at = money_of(session, anna), quote.summary.takes_effect_at
        pass_time(session, anna, at)
        shown = quote.summary.next_fee_after
        assert before - money_of(session, anna) == (shown.kopecks if shown else 0)
        assert snapshots.read(session, anna, now=at).term.code == code
        rows = session.exec(select(Allowance).where(Allowance.subscriber_id == anna, Allowance.valid_from == at))
        assert {row.name for row in rows} <= {f"План {code}"}
    finally:
        outer.rollback()
        session.expire_all()


pytestmark = pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
