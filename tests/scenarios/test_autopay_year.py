"""A year of somebody whose fee is due on the 31st, with autopay: refusals, a month's limit, the 29th of February."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from sqlmodel import select

from cabinet import clock, db
from cabinet.domain.autopay import AutopayKind, AutopayState, PauseReason, Terms
from cabinet.domain.payments import Refusal, TopUpState
from cabinet.models.billing import FeeCharge
from cabinet.models.top_ups import TopUp
from cabinet.services import audit, autopay
from tests.conftest import both_engines
from tests.services.test_autopay import Bank, World
from tests.services.test_orders import moscow

pytestmark = both_engines

FEE = 30_000  # kopecks a month
BEFORE_THE_FEE = Terms(AutopayKind.FEE, 65_000)
BELOW_100 = Terms(AutopayKind.THRESHOLD, 50_000, threshold_kopecks=10_000, amount_kopecks=FEE)
ON_THE_31ST = Terms(AutopayKind.DAY, 100_000, amount_kopecks=FEE, day=31)
OK, NO = TopUpState.SUCCEEDED, TopUpState.REFUSED


class Year(World):
    """Time that passes by the hours at which something may be due."""

    def __init__(self) -> None:
        super().__init__(Bank(), since=moscow(2027, 3, 31, 12), money=0)
        self.now = moscow(2027, 3, 31, 12)

    def lives_until(self, year: int, month: int, day: int) -> None:
        """To that noon; the ledger is whole at each month's end."""
        end = moscow(year, month, day, 12)
        while self.now < end:
            local = clock.local(self.now)
            hour = next((hour for hour in (10, 14) if hour > local.hour), 24)
            after = datetime(local.year, local.month, local.day) + timedelta(hours=hour)
            self.now = min(moscow(after.year, after.month, after.day, after.hour), end)
            if self._is_worth_a_look(clock.local(self.now).date()):
                self.work(self.now)
            if local.day == 1 and hour == 10:
                with db.reading() as session:
                    assert audit.run_audit(session).faults == []

    def _is_worth_a_look(self, day: date) -> bool:
        """Around the fee, a retry of three days after it, and where a chapter begins."""
        return day.day >= 27 or day.day in (1, 2, 3, 4, 5, 6, 10, 11, 15, 16)

    def payments_of(self, year: int, month: int) -> list[tuple[str, int, TopUpState]]:
        """Of that month: when, as `30 10:00`, kopecks and what became of it."""
        with db.reading() as session:
            rows = session.exec(select(TopUp).order_by(TopUp.id)).all()
        found = [(clock.local(row.created_at), row) for row in rows]
        return [
            (f"{at:%d %H:%M}", row.amount_kopecks, row.state)
            for at, row in found
            if (at.year, at.month) == (year, month)
        ]

    def fees(self) -> list[date]:
        """The first days of the periods that are paid."""
        with db.reading() as session:
            starts = session.exec(select(FeeCharge.period_start_at).order_by(FeeCharge.period_start_at))
            return [clock.local(start).date() for start in starts]


@pytest.fixture
def year(database: object) -> Iterator[Year]:
    yield Year()
    with db.reading() as session:
        assert audit.run_audit(session).faults == []


def test_a_year_with_autopay(year: Year):
    # Spring: exactly what lacks, the morning before the fee, which is clamped to the month's end.
    year.rule(BEFORE_THE_FEE, year.now)
    year.lives_until(2027, 6, 15)
    assert year.payments_of(2027, 4) == [("29 10:00", FEE, OK)]
    assert year.payments_of(2027, 5) == [("30 10:00", FEE, OK)]
    assert year.main() == 0

    # June: refused twice, paid after four hours and a day more; the number stood for fourteen hours.
    year.bank.refusal = Refusal.INSUFFICIENT_FUNDS
    year.lives_until(2027, 6, 30)
    year.bank.refusal = None
    year.lives_until(2027, 7, 15)
    assert year.payments_of(2027, 6) == [("29 10:00", FEE, NO), ("29 14:00", FEE, NO), ("30 14:00", FEE, OK)]

    # July: the bank has had enough after the fourth refusal, and so have we; in August the card is good again.
    year.bank.refusal = Refusal.LIMIT_EXCEEDED
    year.lives_until(2027, 8, 5)
    july = [("30 10:00", FEE, NO), ("30 14:00", FEE, NO), ("31 14:00", FEE, NO)]
    assert year.payments_of(2027, 7) == july
    assert year.payments_of(2027, 8) == [("03 14:00", FEE, NO)]
    assert (year.row().state, year.row().pause_reason) == (AutopayState.PAUSED, PauseReason.REFUSED)
    year.bank.refusal = None
    with db.transaction() as session:
        autopay.resume(session, year.me, now=year.now)
    year.lives_until(2027, 9, 30)
    assert year.payments_of(2027, 8) == [("03 14:00", FEE, NO), ("05 14:00", FEE, OK), ("30 10:00", FEE, OK)]
    assert year.payments_of(2027, 9) == [("29 10:00", FEE, OK)]

    # Autumn: below 100 ₽, 500 ₽ a month at most: the second payment of a month waits for the next one, and the fee too.
    year.rule(BELOW_100, year.now)
    year.lives_until(2027, 10, 10)
    year.spend(FEE - 5_000)
    year.lives_until(2027, 12, 15)
    assert [year.payments_of(2027, month) for month in (10, 11, 12)] == [[("01 00:00", FEE, OK)]] * 3
    assert sum("лимит месяца 500 ₽" in text for text in year.sms()) == 4  # September's 300 ₽ count too

    # Winter: by the 31st of the month, in the leap year's February by the 29th.
    year.rule(ON_THE_31ST, year.now)
    year.lives_until(2028, 4, 1)
    assert year.payments_of(2027, 12)[-1] == ("31 10:00", FEE, OK)
    assert year.payments_of(2028, 1) == [("31 10:00", FEE, OK)]
    assert year.payments_of(2028, 2) == [("29 10:00", FEE, OK)]
    assert year.payments_of(2028, 3) == [("31 10:00", FEE, OK)]

    # And whatever happened: each month has its fee, once, and no try was made twice.
    first_days = [date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31), date(2027, 6, 30), date(2027, 7, 31)]
    first_days += [date(2027, 8, 31), date(2027, 9, 30), date(2027, 10, 31), date(2027, 11, 30), date(2027, 12, 31)]
    first_days += [date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 31)]
    assert year.fees() == first_days
    assert len({order.key for order in year.bank.orders}) == len(year.bank.orders)
