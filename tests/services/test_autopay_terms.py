"""What a person types into the page of autopay."""

import pytest

from cabinet.domain.autopay import AutopayKind, AutopayNotSo, Terms
from cabinet.services import autopay

BY_FEE = Terms(AutopayKind.FEE, 100_000)
BY_BALANCE = Terms(AutopayKind.THRESHOLD, 100_000, threshold_kopecks=10_000, amount_kopecks=30_000)
ON_31 = Terms(AutopayKind.DAY, 100_000, amount_kopecks=30_000, day=31)


@pytest.mark.parametrize(
    ("typed", "terms"),
    [
        ({"kind": "fee", "ceiling": "1 000", "threshold": "x", "amount": "-1", "day": "32"}, BY_FEE),
        ({"kind": "threshold", "ceiling": "１０００", "threshold": "100", "amount": "300,00"}, BY_BALANCE),
        ({"kind": "day", "ceiling": "1000", "amount": "300", "day": " 31 "}, ON_31),
    ],
)
def test_terms_are_read_as_people_type_them(typed: dict, terms: Terms):
    assert autopay.read_terms(**typed) == terms


@pytest.mark.parametrize("sum_", ["", "0", "-1", "0,001", "1e5", "99,99", "сто", "1" * 12])
def test_a_sum_that_is_none_or_is_not_allowed_is_refused(sum_: str):
    with pytest.raises(AutopayNotSo) as refused:
        autopay.read_terms("threshold", ceiling="1000000", threshold="100", amount=sum_)

    assert refused.value.facts["field"] == "amount"


@pytest.mark.parametrize("day", ["", "0", "32", "-1", "1.5", "²", "001"])
def test_a_day_that_is_none_is_refused(day: str):
    with pytest.raises(AutopayNotSo):
        autopay.read_terms("day", ceiling="1000", amount="300", day=day)
