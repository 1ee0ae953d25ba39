"""Sums that people type to top up."""

import pytest

from cabinet.services import top_ups
from cabinet.services.top_ups import AmountNotAllowed


@pytest.mark.parametrize(
    ("typed", "kopecks"),
    [
        ("100,50", 10_050),
        (" 1 000 ", 100_000),
        ("１００", 10_000),
        ("10", 1_000),
        ("15000", 1_500_000),
        ("10.5", 1_050),
    ],
)
def test_a_sum_as_people_type_it(typed: str, kopecks: int):
    assert top_ups.read_amount(typed) == kopecks


@pytest.mark.parametrize(
    "typed",
    ["", "0", "-1", "−1", "0,001", "1e5", "9,99", "15000,01", "15 001", "10,505", "NaN", "сто", "1" * 400, "٣٤٠", None],
)
def test_a_sum_that_is_not_allowed_is_refused_in_words(typed: object):
    with pytest.raises(AmountNotAllowed) as refusal:
        top_ups.read_amount(typed)  # type: ignore[arg-type]

    assert refusal.value.text == "Можно от 10 до 15\u00a0000 ₽. Измените сумму."
