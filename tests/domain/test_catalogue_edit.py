"""A new version from the fields of the desk: only what was typed is changed, and nothing wrong gets through."""

import pytest

from cabinet.config import settings
from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import Plan, Switching, SwitchTime, load, parse
from cabinet.domain.catalogue_edit import EditWrong, NothingChanged, controls_of, copy_of, fields_of, next_version
from cabinet.domain.rating import Direction
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


# zones, rules of switching, steps

DEMO = load(settings().catalogue_path)
SVOBODA, VERSHINA = DEMO.plans["svoboda"], DEMO.plans["vershina"]


def edited(plan: Plan = SVOBODA, **typed: str) -> Plan:
    made = next_version(plan, {key.replace("__", ":"): text for key, text in typed.items()}, DEMO.regions)
    assert isinstance(made, Plan)
    return made


def wrong(plan: Plan = SVOBODA, **typed: str) -> dict[str, str]:
    with pytest.raises(EditWrong) as refused:
        edited(plan, **typed)
    return refused.value.faults


def minute_to(plan: Plan, zone: str) -> tuple[int, int, bool] | None:
    """Kopecks of how many seconds, and whether the package is spent there."""
    rule = plan.compile().rules.get((UsageKind.VOICE, Direction.OUT, zone))
    return (rule.price_kopecks, rule.block, rule.is_covered) if rule else None


@pytest.mark.parametrize("plan", DEMO.plans.values(), ids=DEMO.plans)
def test_a_shipped_tariff_with_its_fields_as_they_stand_is_no_new_version(plan: Plan):
    with pytest.raises(NothingChanged):
        next_version(plan, fields_of(plan, DEMO.regions) | controls_of(plan), DEMO.regions)


def test_a_zone_gets_a_price_of_its_own_by_the_rules_of_the_one_it_was_like():
    assert minute_to(SVOBODA, "landline") == (250, 60, True)

    made = edited(rate__voice__out__landline="1,50")

    assert (minute_to(made, "landline"), minute_to(made, "home")) == ((150, 60, True), (250, 60, True))


def test_a_zone_without_its_own_price_takes_that_of_the_one_it_is_like():
    assert minute_to(SVOBODA, "intl_kz") == (1000, 60, False)

    assert minute_to(edited(rate__voice__out__intl_kz=""), "intl_kz") == (4500, 60, False)


@pytest.mark.parametrize("word", ["бесплатно", "free", "Free"])
def test_a_price_may_be_free_and_be_asked_again(word: str):
    free = edited(rate__voice__out__intl_kz=word)

    assert fields_of(free, {})["rate:voice:out:intl_kz"] == "бесплатно"
    assert free.rate_in(UsageKind.VOICE, Direction.OUT, "intl_kz").free
    assert minute_to(edited(free, rate__voice__out__intl_kz="9"), "intl_kz") == (900, 60, False)


def test_what_no_zone_has_a_price_for_gets_one_for_the_usual_unit():
    made = edited(rate__data__out__intl="100")

    rule = made.compile().rules[UsageKind.DATA, Direction.OUT, "intl"]
    assert (rule.price_kopecks, rule.block) == (10_000, GIGABYTE)


def test_the_home_zone_keeps_a_price_and_a_package_its_zone_one():
    assert list(wrong(rate__voice__out__home="")) == ["rate:voice:out:home"]
    assert list(wrong(VERSHINA, rate__data__out__roaming="")) == ["gives:data:roaming"]


def test_rules_of_switching_are_changed_one_by_one():
    made = edited(switching__price="150", switching__joins="now", switching__keep_leftovers="yes")

    assert made.switching == Switching(price=15_000, joins=(SwitchTime.NOW,), keep_leftovers=True)


@pytest.mark.parametrize(
    "field", ["switching:joins", "switching:first_period", "switching:refund_unused_fee", "default:internet"]
)
def test_what_is_not_on_the_list_is_refused(field: str):
    assert list(wrong(**{field.replace(":", "__"): "sometimes"})) == [field]


def test_a_step_is_taken_away_and_another_added_where_its_price_belongs():
    made = edited(
        keep__internet__15gb="no",
        new__internet__name="100 ГБ",
        new__internet__price="300",
        new__internet__gives__data__="100",
    )

    internet = made.settings[0]
    assert [(step.name, step.price) for step in internet.steps] == [
        ("5 ГБ", 6_000),
        ("35 ГБ", 27_000),
        ("100 ГБ", 30_000),
        ("60 ГБ", 40_000),
    ]
    added = internet.steps[2]
    assert (added.code, [grant.amount for grant in added.gives]) == ("v2-svoboda", [100 * GIGABYTE])
    assert made.settings[1] == SVOBODA.settings[1]


@pytest.mark.parametrize(
    ("typed", "fields"),
    [
        ({"keep__internet__35gb": "no"}, ["default:internet"]),
        (dict.fromkeys((f"keep__internet__{step}" for step in ("5gb", "15gb", "60gb")), "no"), None),
        ({"new__internet__name": "100 ГБ"}, ["new:internet:price"]),
        ({"new__internet__price": "10"}, ["new:internet:name"]),
        (
            {"new__internet__name": "x", "new__internet__price": "1", "new__internet__gives__data__": "0"},
            ["new:internet:gives:data:"],
        ),
    ],
)
def test_what_makes_no_setting_is_told_at_its_field(typed: dict[str, str], fields: list[str] | None):
    expected = fields or [f"keep:internet:{step}" for step in ("5gb", "15gb", "60gb")]

    assert sorted(wrong(**typed)) == sorted(expected)


def test_another_step_to_begin_with_may_replace_the_one_that_is_taken_away():
    made = edited(keep__internet__35gb="no", default__internet="15gb")

    assert (made.settings[0].default, len(made.settings[0].steps)) == ("15gb", 3)


def test_a_copy_has_a_code_and_a_name_of_its_own_and_is_a_first_version():
    typed = {"new_code": "svoboda_plus", "name": "Свобода плюс", "fee": "210", "on_sale": "no"}

    made = copy_of(SVOBODA, typed, DEMO.regions, DEMO.plans)

    assert (made.code, made.version, made.name, made.archived) == ("svoboda_plus", 1, "Свобода плюс", True)
    assert made.content() == SVOBODA.content() | {"code": "svoboda_plus", "name": "Свобода плюс", "fee": 21_000}


@pytest.mark.parametrize("code", ["", "legkiy", "С", "a b", "x" * 41, "-a", "A", None, ["x"]])
def test_a_code_that_is_none_or_taken_is_refused_with_the_name_of_before(code: object):
    with pytest.raises(EditWrong) as refused:
        copy_of(SVOBODA, {"new_code": code, "on_sale": "maybe"}, DEMO.regions, DEMO.plans)

    assert set(refused.value.faults) == {"new_code", "name", "on_sale"}
