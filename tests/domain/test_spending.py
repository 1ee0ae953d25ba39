"""What money went on."""

import pytest

from cabinet.domain.spending import Category, category_of, category_of_usage, is_income


@pytest.mark.parametrize(
    ("usage_kind", "zone", "category"),
    [
        ("voice", "home", Category.CALLS),
        ("voice", "on_net", Category.CALLS),
        ("voice", "international_cards", Category.CALLS),
        ("voice", "intl", Category.CALLS_ABROAD),
        ("voice", "intl_kz", Category.CALLS_ABROAD),
        ("voice", "roaming", Category.ROAMING),
        ("data", "roaming_europe", Category.ROAMING),
        ("sms", "roaming", Category.ROAMING),
        ("sms", "home", Category.SMS),
        ("sms", "intl_kz", Category.SMS),
        ("data", "home", Category.INTERNET),
        ("data", "messengers", Category.INTERNET),
        ("fax", "home", Category.OTHER),
    ],
)
def test_usage_is_of_the_category_that_its_kind_and_zone_tell(usage_kind: str, zone: str, category: Category):
    assert category_of_usage(usage_kind, zone) == category
    assert category_of("usage", {"kind": usage_kind, "zone": zone, "quantity": 1}) == category


@pytest.mark.parametrize(
    ("kind", "category"),
    [
        ("plan_fee", Category.PLAN_FEE),
        ("option_fee", Category.SERVICES),
        ("bundle", Category.PACKAGES),
        ("fine", Category.OTHER),
    ],
)
def test_what_is_no_usage_is_of_the_category_of_its_kind(kind: str, category: Category):
    assert category_of(kind, {"kind": "voice", "zone": "home"}) == category


def test_usage_that_says_nothing_of_itself_is_something_else():
    assert category_of("usage", {}) == Category.OTHER


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ("operator:fees", True),
        ("operator:usage", True),
        ("operator:anything", True),
        ("operator:gateway", False),
        ("operator:opening", False),
        ("subscriber:1:main", False),
    ],
)
def test_the_operator_earns_what_comes_to_its_accounts_of_income(account: str, expected: bool):
    assert is_income(account) is expected
