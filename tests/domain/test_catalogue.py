import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.domain.allowances import UsageKind
from cabinet.domain.catalogue import (
    Bundle,
    CatalogueError,
    Grant,
    NotSoldInRegion,
    Option,
    OptionPeriod,
    Plan,
    UnknownSetting,
    load,
    parse,
    parse_quantity,
)
from cabinet.domain.periods import PeriodUnit

SHIPPED = Path(__file__).parents[2] / "cabinet" / "catalogues"

GOOD = """\
default_region: moskva
regions: {moskva: Москва, spb: Петербург}
categories: {calls: Звонки}
zones:
  home: Россия
  on_net: {name: Своя сеть, like: home}
rates:
  - {kind: voice, price: 2.50 per min}
  - {kind: data, price: 35 per GB, summed: yes}
plans:
  - code: start
    version: 1
    name: Старт
    fee: 200.50
    fee_by_region: {spb: 150}
    allowances: [100 min]
    settings:
      - code: internet
        name: Интернет
        default: 5gb
        steps:
          - {code: 5gb, name: 5 ГБ, gives: [5 GB], price: 60}
          - {code: more, name: 10 ГБ и 50 мин, gives: [10 GB, 50 min], price: 99.90}
options:
  - {code: voicemail, version: 1, name: Голосовая почта, category: calls, price: 49 per month}
  - {code: melody, version: 2, name: Мелодия, category: calls, price: free, requires: [voicemail]}
bundles:
  - {code: gb_5, version: 1, name: +5 ГБ, gives: 5 GB, price: 120}
"""


def catalogue(text=GOOD):
    return parse(text, "shop.yaml")


def faults_of(old, new):
    """What is said of the good file with `old` replaced by `new`."""
    assert old in GOOD
    with pytest.raises(CatalogueError) as refused:
        catalogue(GOOD.replace(old, new, 1))
    return str(refused.value).splitlines()


# quantities


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("500 min", (UsageKind.VOICE, 30_000)),
        ("30 s", (UsageKind.VOICE, 30)),
        ("1.5 min", (UsageKind.VOICE, 90)),
        ("50 SMS", (UsageKind.SMS, 50)),
        ("35 GB", (UsageKind.DATA, 35 * 2**30)),
        ("0.5 GB", (UsageKind.DATA, 2**29)),
        ("300 MB", (UsageKind.DATA, 300 * 2**20)),
        ("KB", (UsageKind.DATA, 1024)),
        ("unlimited GB", (UsageKind.DATA, None)),
    ],
)
def test_a_quantity_is_read_with_its_unit(text, quantity):
    assert parse_quantity(text) == quantity


@pytest.mark.parametrize(
    "text", ["", "500", "500 мин", "5 parsecs", "-5 GB", "0 min", "0.5 SMS", "1e3 MB", "GB 5", "5  GB"]
)
def test_what_is_no_quantity_is_refused(text):
    with pytest.raises(ValueError, match="quantity"):
        parse_quantity(text)


# what a good file means


def test_the_fee_is_that_of_the_region_with_the_chosen_steps():
    plan = catalogue().plans["start"]

    assert plan.fee_for("moskva") == 20_050 + 6_000
    assert plan.fee_for("spb") == 15_000 + 6_000
    assert plan.fee_for("spb", {"internet": "more"}) == 15_000 + 9_990


def test_steps_add_to_what_the_plan_gives():
    plan = catalogue().plans["start"]

    assert plan.grants_for({"internet": "more"}) == (
        Grant(kind=UsageKind.VOICE, amount=150 * 60),
        Grant(kind=UsageKind.DATA, amount=10 * 2**30),
    )


def test_unlimited_with_anything_is_unlimited():
    plan = catalogue(GOOD.replace("[100 min]", "[100 min, unlimited GB]")).plans["start"]

    assert Grant(kind=UsageKind.DATA, amount=None) in plan.grants_for()


@pytest.mark.parametrize("settings", [{"internet": "99gb"}, {"minutes": "5gb"}])
def test_an_unknown_setting_is_refused(settings):
    with pytest.raises(UnknownSetting):
        catalogue().plans["start"].fee_for("moskva", settings)


def test_a_plan_without_a_general_fee_is_sold_only_where_it_has_one():
    plan = catalogue(GOOD.replace("    fee: 200.50\n", "")).plans["start"]

    assert plan.is_sold_in("spb")
    assert not plan.is_sold_in("moskva")
    with pytest.raises(NotSoldInRegion):
        plan.fee_for("moskva")


def test_a_plan_overrides_the_prices_of_the_file():
    own = GOOD.replace("    settings:", "    rates: [{kind: voice, price: 1 per min}]\n    settings:")
    rules = catalogue(own).plans["start"].compile().rules

    assert rules["voice", "out", "on_net"].price_kopecks == 100
    assert rules["data", "out", "home"].price_kopecks == 3_500


def test_prices_of_options_say_how_often_they_are_asked():
    def option(price):
        return catalogue(GOOD.replace("49 per month", price)).options["voicemail"]

    assert (option("49 per month").price_kopecks, option("49 per month").per) == (4_900, OptionPeriod.MONTH)
    assert (option("1.50 per day").price_kopecks, option("1.50 per day").per) == (150, OptionPeriod.DAY)
    assert (option("100 once").price_kopecks, option("100 once").per) == (10_000, OptionPeriod.ONCE)
    assert option("free").price_kopecks == 0


def test_yaml_never_guesses_what_a_text_is():
    # "no" is a code, 1.10 keeps its zero, 5e3 is no number
    read = catalogue(GOOD.replace("spb", "no").replace("200.50", "1.10"))

    assert read.regions["no"] == "Петербург"
    assert read.plans["start"].fee == 110


# versions


def test_a_version_survives_storage_to_the_last_field():
    read = load(SHIPPED / "demo.yaml")
    for model, versions in ((Plan, read.plans), (Option, read.options), (Bundle, read.bundles)):
        for version in versions.values():
            stored = model.model_validate(json.loads(json.dumps(version.content())))
            assert stored == version.model_copy(update={"archived": False})
            assert stored.digest() == version.digest()


def test_a_stored_plan_is_rated_the_same():
    for plan in load(SHIPPED / "demo.yaml").plans.values():
        assert Plan.model_validate(plan.content()).compile() == plan.compile()


@pytest.mark.parametrize(
    ("old", "new"),
    [("200.50", "200.51"), ("Старт", "Финиш"), ("2.50 per min", "2.51 per min"), ("price: 60", "price: 61")],
)
def test_any_change_of_what_is_sold_changes_the_digest(old, new):
    assert catalogue(GOOD.replace(old, new)).plans["start"].digest() != catalogue().plans["start"].digest()


@pytest.mark.parametrize(
    ("old", "new"),
    [("name: Старт", "name: Старт\n    archived: yes"), ("200.50", "'200.5'"), ("[100 min]", "[6000 s]")],
)
def test_closing_a_plan_or_writing_it_another_way_does_not(old, new):
    assert catalogue(GOOD.replace(old, new)).plans["start"].digest() == catalogue().plans["start"].digest()


# bad files


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("fee: 200.50", "fee: -5", "shop.yaml:14: a price cannot be negative: -5"),
        ("fee: 200.50", "fee: 200.505", "shop.yaml:14: not an amount in roubles with at most two decimals: '200.505'"),
        ("fee: 200.50", "fee: 2e2", "shop.yaml:14: not an amount in roubles with at most two decimals: '2e2'"),
        ("fee: 200.50", "fee: [1]", "shop.yaml:14: Input should be a valid integer, not ['1']"),
        ("    fee: 200.50\n    fee_by_region: {spb: 150}\n", "", "shop.yaml:11: a plan needs a fee, or fees by region"),
        ("    name: Старт\n", "", "shop.yaml:11: 'name' is required"),
        ("    name: Старт", "    nmae: Старт", "shop.yaml:13: unknown key 'nmae'"),
        ("version: 1\n", "version: 0\n", "shop.yaml:12: Input should be greater than or equal to 1, not '0'"),
        ("version: 1\n", "version: one\n", "shop.yaml:12: not a whole number: 'one'"),
        ("{spb: 150}", "{sbp: 150}", "shop.yaml:15: 'sbp' is none of the regions"),
        ("[100 min]", "[100 sheep]", "shop.yaml:16: not a quantity: '100 sheep'"),
        ("[100 min]", "[{amount: 1 GB, scope: mars}]", "shop.yaml:16: 'mars' is none of the zones"),
        ("[100 min]", "[50 SMS]", "shop.yaml:11: plan 'start' gives sms but has no price of it in zone 'home'"),
        ("default: 5gb", "default: 7gb", "shop.yaml:18: the default '7gb' is none of the steps 5gb, more"),
        ("code: more", "code: 5gb", "shop.yaml:18: two steps have the same code"),
        ("price: 2.50 per min", "price: 2.50", "shop.yaml:8: write the price as"),
        ("price: 2.50 per min", "price: 2.50 per GB", "shop.yaml:8: a price of voice cannot be per GB"),
        ("2.50 per min", "2.50 per min, rounding: hour", "shop.yaml:8: Input should be 'exact', 'minute'"),
        ("2.50 per min", "2.50 per min, rounding: kilobyte", "shop.yaml:8: voice cannot be rounded by kilobyte"),
        ("2.50 per min", "2.50 per min, covered: maybe", "shop.yaml:8: write yes or no, not 'maybe'"),
        (
            "kind: data, price: 35 per GB",
            "kind: voice, price: 3 per min",
            "shop.yaml:9: voice out in 'home' has a price on line 8",
        ),
        ("like: home", "like: moon", "shop.yaml:6: 'moon' is none of the zones"),
        ("like: home", "like: on_net", "shop.yaml:6: 'on_net' is rated like itself"),
        ("  home: Россия", "  away: Россия", "shop.yaml:4: there has to be a zone 'home'"),
        ("default_region: moskva", "default_region: mars", "shop.yaml:1: 'mars' is none of the regions"),
        ("default_region: moskva\n", "", "shop.yaml:1: None is none of the regions"),
        ("category: calls, price: 49", "category: cals, price: 49", "shop.yaml:25: 'cals' is none of the categories"),
        ("49 per month", "49 per moon", "shop.yaml:25: Input should be 'day', 'month' or 'once', not 'moon'"),
        ("[voicemail]", "[melody]", "shop.yaml:26: 'melody' names itself"),
        ("[voicemail]", "[], conflicts: [fax]", "shop.yaml:26: 'fax' is none of the options"),
        (
            "[voicemail]",
            "[voicemail], conflicts: [voicemail]",
            "shop.yaml:26: 'voicemail' is both required and in conflict",
        ),
        ("[voicemail]", "[], included_in: [finish]", "shop.yaml:26: 'finish' is none of the plans"),
        ("code: melody", "code: voicemail", "shop.yaml:26: 'voicemail' is already used on line 25"),
        ("code: melody", "code: Melody!", "shop.yaml:26: String should match pattern"),
        (
            "gives: 5 GB",
            "gives: 5 GB, lasts_days: 0",
            "shop.yaml:28: Input should be greater than or equal to 1, not '0'",
        ),
        ("bundles:", "packages:", "shop.yaml:27: unknown key 'packages'"),
        ("    version: 1\n", "    version: 1\n    code: twice\n", "shop.yaml:13: 'code' is written twice"),
        ("regions: {moskva", "regions: &r {moskva", None),
        ("categories: {calls: Звонки}", "categories: *r", "shop.yaml:3: not YAML: found undefined alias"),
        ("plans:\n", "plans: [\n", "shop.yaml:11: not YAML: expected"),
        ("name: Старт", "name: 'Старт", "not YAML: "),
        ("name: Старт", "name: \x07", "shop.yaml:13: a character that YAML forbids"),
        ("name: Старт", "name:", "shop.yaml:13: Input should be a valid string, not None"),
    ],
)
def test_a_bad_file_is_refused_with_its_line_and_reason(old, new, fault):
    if fault is None:
        assert catalogue(GOOD.replace(old, new)).regions == catalogue().regions
    else:
        assert any(fault in line for line in faults_of(old, new)), faults_of(old, new)


def test_every_fault_is_told_at_once_in_the_order_of_the_file():
    with pytest.raises(CatalogueError) as refused:
        catalogue(GOOD.replace("fee: 200.50", "fee: free").replace("gives: 5 GB, price: 120", "gives: 5, price: -1"))

    assert str(refused.value).splitlines() == [
        "shop.yaml:14: not an amount in roubles with at most two decimals: 'free'",
        "shop.yaml:28: not a quantity: '5'; write 500 min, 30 s, 50 SMS, 35 GB or unlimited GB",
        "shop.yaml:28: a price cannot be negative: -1",
    ]


def test_a_fault_of_one_item_is_not_told_again_by_those_that_name_it():
    faults = faults_of("price: 49 per month", "price: 49 per moon")

    assert len(faults) == 1


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "shop.yaml:1: a catalogue is a mapping"),
        ("- a list", "shop.yaml:1: a catalogue is a mapping"),
        ("just text", "shop.yaml:1: a catalogue is a mapping"),
        ("a: 1\n---\nb: 2", "shop.yaml:2: not YAML"),
        ("a: &x [1]\nb: *x", "aliases (*name) are not supported here"),
        ("a: &x [*x]", "aliases (*name) are not supported here"),
        ("[" * 100_000, "shop.yaml:1: nested too deeply"),
        ("? [a]\n: b", "shop.yaml:1: a key has to be plain text"),
    ],
)
def test_what_is_no_catalogue_at_all_is_refused(text, fault):
    with pytest.raises(CatalogueError) as refused:
        catalogue(text)
    assert fault in str(refused.value)


@pytest.mark.parametrize("section", ["regions", "categories", "zones", "rates", "plans", "options", "bundles"])
@pytest.mark.parametrize("value", ["text", "[1]", "{a: {b: c}}", "[[]]", "[{code: [1]}]", "{[]: 1}"])
def test_a_section_of_the_wrong_shape_is_refused(section, value):
    with pytest.raises(CatalogueError):
        catalogue(f"default_region: moskva\n{section}: {value}")


@given(st.text(max_size=200))
def test_no_text_brings_anything_but_a_refusal(text):
    with pytest.raises(CatalogueError):
        catalogue(text)


@given(st.integers(0, len(GOOD) - 1), st.sampled_from(["", "\n", ":", "-", "[", "'", "  ", "#", "\t", "*", "&a ", "{"]))
def test_a_slip_of_the_pen_is_read_or_refused(place, slip):
    try:
        catalogue(GOOD[:place] + slip + GOOD[place + 1 :])
    except CatalogueError as refusal:
        told = refusal.faults
    else:
        return
    assert told
    assert all(fault.line >= 1 and fault.reason for fault in told)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CatalogueError, match=r"shop\.yaml:1: cannot be read: No such file"):
        load(tmp_path / "shop.yaml")


def test_a_file_in_another_encoding_is_refused_by_its_line(tmp_path):
    (tmp_path / "shop.yaml").write_bytes(b"a: 1\nb: \xcc\xee\xf1\xea\xe2\xe0")

    with pytest.raises(CatalogueError, match=r"shop\.yaml:2: not text in UTF-8"):
        load(tmp_path / "shop.yaml")


def test_a_huge_file_is_not_read(tmp_path):
    (tmp_path / "shop.yaml").write_bytes(b"#" * (2**22 + 1))

    with pytest.raises(CatalogueError, match="a catalogue has at most"):
        load(tmp_path / "shop.yaml")


def test_a_byte_order_mark_is_no_fault(tmp_path):
    (tmp_path / "shop.yaml").write_text(GOOD, "utf-8-sig")

    assert load(tmp_path / "shop.yaml") == catalogue()


# the catalogues that come with the program


def test_the_demo_operator_sells_every_shape_of_plan():
    demo = load(SHIPPED / "demo.yaml")
    plans = demo.plans.values()

    assert 8 <= len(plans) <= 10
    assert any(plan.settings for plan in plans)
    assert any(plan.period == PeriodUnit.DAY for plan in plans)
    assert any(plan.archived for plan in plans)
    assert any(plan.for_devices for plan in plans)
    assert any(plan.on_net_unlimited for plan in plans)
    assert any(plan.zero_rated for plan in plans)
    assert len(demo.options) >= 20
    assert len(demo.bundles) >= 10
    assert all(plan.is_sold_in(demo.default_region) for plan in plans)


def test_the_plan_of_the_dashboard_is_as_designed():
    plan = load(SHIPPED / "demo.yaml").plans["svoboda"]

    assert plan.fee_for("moskva") == 65_000
    assert plan.fee_for("moskva", {"calls": "300min"}) == 59_000
    assert {(grant.kind, grant.amount) for grant in plan.grants_for()} == {
        (UsageKind.DATA, 35 * 2**30),
        (UsageKind.VOICE, 500 * 60),
        (UsageKind.SMS, 50),
    }
    assert plan.compile().rules["voice", "out", "intl_kz"].price_kopecks == 1_000


def test_the_test_operator_has_the_two_plans_of_its_data():
    plans = load(SHIPPED / "megaline.yaml").plans
    rules = {code: plan.compile().rules for code, plan in plans.items()}
    prices = {
        code: [rules[code][kind, "out", "home"].price_kopecks for kind in ("voice", "sms", "data")] for code in plans
    }

    assert prices == {"surf": [3, 3, 1_000], "ultimate": [1, 1, 700]}
    assert {code: plan.fee_for("all") for code, plan in plans.items()} == {"surf": 2_000, "ultimate": 7_000}
    assert [grant.amount for grant in plans["surf"].grants_for()] == [500 * 60, 50, 15_360 * 2**20]
    assert [grant.amount for grant in plans["ultimate"].grants_for()] == [3_000 * 60, 1_000, 30_720 * 2**20]
