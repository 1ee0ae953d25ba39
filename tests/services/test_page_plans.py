"""Cost grows with what a subscriber sees: every page asks through indexes, and a month's page looks into that month."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import Session

from cabinet.services import notices, overview, retention
from cabinet.services.expenses import LineDirection
from cabinet.ui.bundles.state import _read_screen as read_bundles
from cabinet.ui.expenses.state import _read_screen as read_expenses
from cabinet.ui.options.state import _read_screen as read_options
from cabinet.ui.orders.state import _read_screen as read_orders
from cabinet.ui.tariffs.state import _read_screen as read_tariffs
from cabinet.ui.top_ups.state import _read as read_top_ups
from tests.conftest import NOON, both_engines
from tests.plans import months_of, plan_of, read_whole, statements_of
from tests.services.test_expenses import NOVEMBER, OCTOBER, SINCE, World, day

# Tables of the operator's offer: a page may read all of it.
OFFER = ("plan_version", "option_version", "bundle_version", "promised_payment_version", "catalogue")

PAGES: dict[str, Callable[[Session, int], object]] = {
    "dashboard": lambda session, who: overview.get_overview(session, who, now=NOON),
    "expenses": lambda session, who: read_expenses(session, who, NOVEMBER, now=NOON),
    "a month before": lambda session, who: read_expenses(
        session, who, OCTOBER, direction=LineDirection.INCLUDED, search="звонок 999", now=NOON
    ),
    "tariff": lambda session, who: read_tariffs(session, who, now=NOON),
    "services": lambda session, who: read_options(session, who, search="", category="", now=NOON),
    "packages": lambda session, who: read_bundles(session, who, now=NOON),
    "orders": lambda session, who: read_orders(session, who, before=None, now=NOON),
    "top-up": lambda session, who: read_top_ups(session, who, now=NOON),
    "notices": lambda session, who: notices.list_notices(session, who, before=None, limit=20),
    "unread": lambda session, who: notices.count_unread(session, who),
}
MOST_QUERIES = 24


@pytest.fixture
def anna(session: Session) -> World:
    """Three months of usage, beside somebody else's."""
    retention.make_months(session, now=SINCE)
    for _ in range(2):
        world = World(session)
        for number in (-40, -10, 1, 20):
            world.use(day(1) + timedelta(days=number), "voice", 60, "intl_kz")
            world.use(day(1) + timedelta(days=number), "voice", 5)
    for page in PAGES.values():
        page(session, world.id)  # a plan version is read and compiled once a process
    session.expunge_all()
    return world


@both_engines
@pytest.mark.parametrize("name", PAGES)
def test_every_query_of_a_page_goes_through_an_index(session: Session, anna: World, name: str):
    asked = statements_of(session, lambda: PAGES[name](session, anna.id))

    assert 0 < len(asked) <= MOST_QUERIES
    for statement in asked:
        plan = plan_of(session, statement)
        assert [step for step in read_whole(plan) if not any(table in step for table in OFFER)] == [], plan


@pytest.mark.parametrize("engine_name", [pytest.param("postgres", marks=pytest.mark.postgres)])
@pytest.mark.parametrize(("name", "month"), [("expenses", "2026_11"), ("a month before", "2026_10")])
def test_a_months_page_looks_into_that_month(session: Session, anna: World, name: str, month: str):
    """Into the last hours of UTC's month before it, too: the operator's day begins earlier."""
    year, number = month.split("_")
    earlier = f"{year}_{int(number) - 1:02}"
    asked = statements_of(session, lambda: PAGES[name](session, anna.id))

    for statement in asked:
        plan = plan_of(session, statement)
        assert months_of(plan, "usage_record") <= {month, earlier}, plan
        if "JOIN ledger_transaction" not in statement[0]:  # there the moment comes from the transaction, row by row
            assert months_of(plan, "posting") <= {month, earlier}, plan
