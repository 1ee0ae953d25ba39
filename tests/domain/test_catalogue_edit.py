"""A new version from the fields of the desk: only what was typed is changed, and nothing wrong gets through."""

import pytest

from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import Plan, parse
from cabinet.domain.catalogue_edit import EditWrong, NothingChanged, fields_of, next_version
from tests.services.test_options import CATALOGUE as WITH_OPTIONS
from tests.services.test_orders import CATALOGUE

OFFER = parse(CATALOGUE, "test.yaml")
SHOP = parse(WITH_OPTIONS, "test.yaml")
REGIONS = {"moscow": "Москва", "spb": "Петербург"}
GIGABYTE = 2**30


def start() -> Plan:
    return SHOP.plans["start"]


def changed(**typed: str) -> Plan:
    made = next_version(start(), {key.replace("__", ":"): text for key, text in typed.items()}, REGIONS)
    assert isinstance(made, Plan)
    return made


def faults(**typed: str) -> dict[str, str]:
    with pytest.raises(EditWrong) as wrong:
        changed(**typed)
    return wrong.value.faults


@pytest.mark.parametrize("item", [*OFFER.plans.values(), *SHOP.options.values(), *SHOP.bundles.values()])
def test_fields_as_they_stand_are_no_new_version(item):
    with pytest.raises(NothingChanged):
        next_version(item, fields_of(item, REGIONS), REGIONS)


def test_only_what_was_typed_is_changed_and_the_number_is_the_next():
    made = changed(fee="350,50", gives__voice__="600")

    assert (made.version, made.fee, made.name) == (2, 35_050, "Старт")
    grants = {grant.kind: grant.amount for grant in made.allowances}
    assert grants == {UsageKind.VOICE: 600 * 60, UsageKind.DATA: 10 * GIGABYTE}
    assert (made.rates, made.zones, made.switching) == (start().rates, start().zones, start().switching)


def test_a_region_has_a_fee_of_its_own_or_the_common_one():
    dearer = changed(fee__spb="400")

    assert (dearer.fee_for("spb"), dearer.fee_for("moscow")) == (40_000, 30_000)
    again = next_version(dearer, {"fee:spb": ""}, REGIONS)
    assert again.fee_for("spb") == 30_000


@pytest.mark.parametrize(("text", "amount"), [("безлимит", None), ("0,5", GIGABYTE // 2), ("1 000", 1000 * GIGABYTE)])
def test_gigabytes_are_read_as_people_write_them(text: str, amount: int | None):
    grants = {grant.kind: grant.amount for grant in changed(gives__data__=text).allowances}

    assert grants[UsageKind.DATA] == amount


def test_an_empty_package_is_none():
    assert [grant.kind for grant in changed(gives__data__="").allowances] == [UsageKind.VOICE]


def test_a_price_outside_the_packages_changes_alone():
    made = changed(rate__voice__out__home="2,50")

    prices = {(rate.kind, rate.zone): rate.price_kopecks for rate in made.rates}
    assert prices[UsageKind.VOICE, "home"] == 250
    assert prices[UsageKind.DATA, "home"] == 3_500


@pytest.mark.parametrize("text", ["-1", "1,234", "сто", "1e3", "NaN", "9999999999", "\x00"])
def test_a_sum_that_is_none_is_told_at_its_field(text: str):
    assert list(faults(fee=text)) == ["fee"]


@pytest.mark.parametrize("text", ["0", "-5", "0.0000000001", "много", "Infinity", "1e9", "99999999"])
def test_a_quantity_that_is_none_is_told_at_its_field(text: str):
    assert list(faults(gives__data__=text)) == ["gives:data:"]


def test_all_faults_are_told_together():
    assert set(faults(name="", fee="x", rate__voice__out__home="0")) == {"name", "fee", "rate:voice:out:home"}


def test_a_tariff_keeps_a_fee_somewhere():
    assert "fee" in faults(fee="")


def test_a_package_of_what_has_no_price_is_refused():
    assert list(faults(gives__sms__="50")) == ["gives:sms:"]


def test_a_service_and_a_package_change_their_price():
    voicemail, bundle = SHOP.options["voicemail"], next(iter(SHOP.bundles.values()))

    assert next_version(voicemail, {"price": "59"}, REGIONS).price_kopecks == 5_900
    assert next_version(bundle, {"price": "1,50"}, REGIONS).price == 150
