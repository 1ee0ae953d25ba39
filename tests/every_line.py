"""Every line of everyone's statement is computed again from its explanation, and the months from the lines."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlmodel import Session

from cabinet import clock
from cabinet.domain.rating import Reason, Rounding
from cabinet.services import expenses
from cabinet.services.expenses import Line, LineExplanation

_ROUNDED_TO = {
    Rounding.EXACT: 1,
    Rounding.MINUTE: 60,
    Rounding.KILOBYTE: 1024,
    Rounding.MEGABYTE: 1024 * 1024,
}
_COST_NOTHING = {Reason.NOTHING_USED, Reason.INCOMING_FREE, Reason.ON_NET, Reason.ZERO_RATED, Reason.FREE}


def recomputed(explanation: LineExplanation) -> int:
    """Kopecks of the line, from what a subscriber is told and from nothing else; the steps in between are checked."""
    if explanation.paid_kopecks is not None:
        amount = explanation.paid_kopecks
    elif explanation.reason is not None:
        amount = -_of_usage(explanation)
    else:
        amount = -sum(part.kopecks for part in explanation.parts)
    return -amount if explanation.reversed_line_id else amount


def _of_usage(told: LineExplanation) -> int:
    quantity, block = told.quantity, told.block
    if told.reason in _COST_NOTHING:
        return 0
    if told.rounding == Rounding.SECOND_AFTER_FIRST_MINUTE:
        billed = max(quantity, 60)
    else:
        billed = _blocks(quantity, _ROUNDED_TO[told.rounding]) * _ROUNDED_TO[told.rounding]
    assert billed == told.billed_quantity
    missed = billed - sum(draw.units for draw in told.draws)
    assert missed == told.missed_quantity
    assert all(draw.allowance_name and draw.units > 0 for draw in told.draws)
    blocks = _blocks(missed, block)
    if told.counter_before is not None:
        assert told.counter_after == told.counter_before + missed
        blocks = _blocks(told.counter_after, block) - _blocks(told.counter_before, block)
    assert blocks == told.blocks
    full = blocks * told.price_kopecks
    if told.cap is None:
        return full
    assert told.cap.full_kopecks == full > told.cap.left_kopecks >= 0
    return told.cap.left_kopecks


def _blocks(units: int, size: int) -> int:
    whole, rest = divmod(units, size)
    return whole + (rest > 0)


def lines_of(session: Session, subscriber_id: int, month_on: date, *, now: datetime, **wanted) -> list[Line]:
    """All of a month's lines, page by page."""
    wanted = {"limit": 1_000} | wanted
    page = expenses.list_lines(session, subscriber_id, month_on, now=now, **wanted)
    lines = list(page.lines)
    while not page.is_end:
        page = expenses.list_lines(session, subscriber_id, month_on, now=now, before=page.next_before, **wanted)
        lines += page.lines
    return lines


def months_of(session: Session, subscriber_id: int, *, now: datetime) -> Iterator[expenses.Month]:
    """From the last one back to the first."""
    month_on = clock.local(now).date().replace(day=1)
    while True:
        month = expenses.get_month(session, subscriber_id, month_on, now=now)
        yield month
        if month_on == month.first_month_on:
            return
        month_on = (month_on - timedelta(days=1)).replace(day=1)


def check_everyone(session: Session, subscriber_ids: list[int], *, now: datetime) -> Counter[str]:
    """Checks every line and every month of these subscribers; returns how many lines there were, by source."""
    seen: Counter[str] = Counter()
    for subscriber_id in subscriber_ids:
        for month in months_of(session, subscriber_id, now=now):
            lines = lines_of(session, subscriber_id, month.month_on, now=now)
            explanations = expenses.explain_lines(session, subscriber_id, [line.id for line in lines])
            by_day, by_category = Counter[date](), Counter[str]()
            for line, explanation in zip(lines, explanations, strict=True):
                assert explanation.line == line
                assert recomputed(explanation) == line.amount_kopecks, explanation
                if line.category is not None:
                    by_day[clock.local(line.happened_at).date()] -= line.amount_kopecks
                    by_category[line.category] -= line.amount_kopecks
            days = [month.month_on + timedelta(days=number) for number in range(len(month.days))]
            assert [by_day[day] for day in days] == list(month.days)
            assert {one.category: one.kopecks for one in month.categories if one.kopecks} == +by_category
            assert month.spent_kopecks == by_category.total()
            seen.update(str(line.source) for line in lines)
    return seen
