"""Versions of the catalogue in the database, plans compiled from them, and who is on what."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from cabinet.domain.catalogue import Catalogue, NotSoldInRegion, UnknownSetting, parse
from cabinet.domain.errors import NotFound
from cabinet.domain.rating import Usage, rate
from cabinet.models.catalogue import BundleVersion, OptionVersion, PlanVersion
from cabinet.models.subscribers import Subscriber, SubscriberStatus
from cabinet.models.tariffs import PlanSubscription
from cabinet.services import subscribers, tariffs
from tests.conftest import NOON, both_engines, count

CATALOGUE = """
default_region: moscow
regions: {moscow: Москва, perm: Пермь}
categories: {calls: Звонки}
zones: {home: Домашний регион}
rates:
  - {kind: voice, price: 2 per min}
  - {kind: sms, price: 3 per SMS}
  - {kind: data, price: 35 per GB}
plans:
  - {code: simple, version: 1, name: Простой, fee: "300", allowances: [500 min]}
  - code: local
    version: 1
    name: Пермский
    fee_by_region: {perm: "250"}
    settings:
      - code: minutes
        name: Минуты
        default: few
        steps:
          - {code: few, name: 100 минут, gives: [100 min], price: "0"}
          - {code: many, name: 1000 минут, gives: [1000 min], price: "150"}
options:
  - {code: caller-id, version: 1, name: Определитель, category: calls, price: 49 per month}
bundles:
  - {code: gb5, version: 1, name: 5 ГБ, gives: 5 GB, price: "150"}
"""


def catalogue(old: str = "", new: str = "") -> Catalogue:
    """The catalogue above, with one thing written otherwise."""
    assert old in CATALOGUE
    return parse(CATALOGUE.replace(old, new), "test.yaml")


def take_on(session: Session, number: int = 1, **more: object) -> int:
    facts = {"name": "Анна", "region": "moscow", "plan_code": "simple", "activated_at": NOON, "now": NOON} | more
    return subscribers.create(session, account_number=f"A{number}", msisdn=f"7916000000{number}", **facts)


def subscription_of(session: Session, subscriber_id: int) -> PlanSubscription:
    found = tariffs.get_subscription(session, subscriber_id, NOON)
    assert found is not None
    return found


# --- the catalogue ---------------------------------------------------------------------------------------------------


@both_engines
def test_a_catalogue_stored_twice_is_stored_once(session: Session):
    first = tariffs.store_catalogue(session, catalogue(), now=NOON)
    second = tariffs.store_catalogue(session, catalogue(), now=NOON + timedelta(days=1))

    assert (first.added, first.archived_changed) == (4, 0)
    assert (second.added, second.archived_changed) == (0, 0)
    assert [count(session, table) for table in ("plan_version", "option_version", "bundle_version")] == [2, 1, 1]
    assert {row.loaded_at for row in session.exec(select(PlanVersion))} == {NOON}


@both_engines
@pytest.mark.parametrize(
    ("old", "new", "code"),
    [('fee: "300"', 'fee: "301"', "simple"), ("49 per month", "50 per month", "caller-id"), ("5 GB", "6 GB", "gb5")],
)
def test_what_was_sold_cannot_become_something_else(session: Session, old: str, new: str, code: str):
    tariffs.store_catalogue(session, catalogue(), now=NOON)

    with pytest.raises(tariffs.VersionChanged) as refusal:
        tariffs.store_catalogue(session, catalogue(old, new), now=NOON)

    assert refusal.value.facts == {"code": code, "version": 1}


def test_a_new_version_stands_beside_the_old_one(session: Session):
    tariffs.store_catalogue(session, catalogue(), now=NOON)
    old = tariffs.current_version(session, "simple")

    stored = tariffs.store_catalogue(
        session, catalogue('code: simple, version: 1, name: Простой, fee: "300"',
                           'code: simple, version: 2, name: Простой, fee: "330"'), now=NOON,
    )  # fmt: skip

    new = tariffs.current_version(session, "simple")
    assert stored.added == 1
    assert (new.plan.version, new.plan.fee) == (2, 33_000)
    assert tariffs.get_plan(session, old.plan_version_id).plan.fee == 30_000


@both_engines
def test_closing_for_joining_is_no_other_version(session: Session):
    tariffs.store_catalogue(session, catalogue(), now=NOON)
    closed = catalogue("name: Простой", "name: Простой, archived: yes")

    assert tariffs.store_catalogue(session, closed, now=NOON).archived_changed == 1
    assert tariffs.current_version(session, "simple").is_archived
    assert tariffs.store_catalogue(session, catalogue(), now=NOON).archived_changed == 1
    assert not tariffs.current_version(session, "simple").is_archived


def test_options_and_bundles_can_be_read_back(session: Session):
    loaded = catalogue()
    tariffs.store_catalogue(session, loaded, now=NOON)

    for table, item in ((OptionVersion, loaded.options["caller-id"]), (BundleVersion, loaded.bundles["gb5"])):
        kept = session.exec(select(table)).one()
        assert type(item).model_validate(kept.content) == item
        assert kept.digest == item.digest()


# --- plans -----------------------------------------------------------------------------------------------------------


@both_engines
def test_a_plan_comes_back_ready_for_rating(session: Session):
    loaded = catalogue()
    tariffs.store_catalogue(session, loaded, now=NOON)

    facts = tariffs.current_version(session, "simple")

    assert facts.plan == loaded.plans["simple"]
    call = Usage("r1", "voice", "out", "home", NOON, 61)
    assert rate(call, facts.rates, [], {}).charge_kopecks == 400  # two begun minutes


def test_a_plan_is_compiled_once(session: Session):
    tariffs.store_catalogue(session, catalogue(), now=NOON)

    first = tariffs.current_version(session, "simple")

    assert tariffs.get_plan(session, first.plan_version_id).rates is first.rates


def test_a_plan_of_another_database_under_the_same_id_is_not_mixed_up(session: Session):
    tariffs.store_catalogue(session, catalogue(), now=NOON)
    facts = tariffs.current_version(session, "simple")
    other = catalogue('fee: "300"', 'fee: "999"').plans["simple"]

    for name in session.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
        session.execute(text(f"DROP TRIGGER {name}"))
    row = session.get_one(PlanVersion, facts.plan_version_id)
    row.content, row.digest = other.content(), other.digest()
    session.flush()

    assert tariffs.get_plan(session, facts.plan_version_id).plan.fee == 99_900


def test_an_unknown_plan_is_not_found(session: Session):
    with pytest.raises(tariffs.PlanNotFound):
        tariffs.current_version(session, "simple")
    with pytest.raises(tariffs.PlanNotFound):
        tariffs.get_plan(session, 4_242)


# --- who is on what --------------------------------------------------------------------------------------------------


@both_engines
def test_a_subscriber_is_taken_on_with_accounts_and_a_plan(session: Session):
    tariffs.store_catalogue(session, catalogue(), now=NOON)

    anna = take_on(session, region="perm", plan_code="local", settings={"minutes": "many"}, credit_limit_kopecks=700)

    subscription = subscription_of(session, anna)
    assert subscription.settings == {"minutes": "many"}
    assert subscription.anchor_day == 23
    assert subscription.next_fee_at == datetime(2026, 11, 22, 21, tzinfo=UTC)  # 23 November in Moscow
    assert session.execute(text("SELECT max(credit_limit_kopecks) FROM account")).scalar() == 700
    assert count(session, "account") >= 3


def test_settings_not_chosen_are_kept_as_they_are_today(session: Session):
    tariffs.store_catalogue(session, catalogue(), now=NOON)

    anna = take_on(session, region="perm", plan_code="local")

    assert subscription_of(session, anna).settings == {"minutes": "few"}


def test_the_anchor_is_the_local_day(session: Session):
    tariffs.store_catalogue(session, catalogue(), now=NOON)

    late_evening = datetime(2026, 11, 20, 22, tzinfo=UTC)  # 01:00 of the 21st in Moscow
    anna = take_on(session, activated_at=late_evening)

    assert subscription_of(session, anna).anchor_day == 21


@both_engines
def test_a_number_or_an_account_number_is_given_once(session: Session):
    tariffs.store_catalogue(session, catalogue(), now=NOON)
    take_on(session, 1)

    for twice in ({"account_number": "A1", "msisdn": "79169999999"}, {"account_number": "A9", "msisdn": "79160000001"}):
        with pytest.raises(subscribers.NumberTaken):
            subscribers.create(
                session, name="", region="moscow", plan_code="simple", activated_at=NOON, now=NOON, **twice
            )
    assert count(session, "subscriber") == 1


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"plan_code": "magic"}, tariffs.PlanNotFound),
        ({"plan_code": "local"}, NotSoldInRegion),
        ({"settings": {"minutes": "many"}}, UnknownSetting),
        ({"plan_code": "local", "region": "perm", "settings": {"minutes": "none"}}, UnknownSetting),
    ],
)
def test_a_plan_that_cannot_be_had_so_is_refused(session: Session, more: dict, error: type[Exception]):
    tariffs.store_catalogue(session, catalogue(), now=NOON)
    with pytest.raises(error):
        take_on(session, **more)


@both_engines
def test_a_subscriber_has_one_plan_at_a_time(session: Session):
    tariffs.store_catalogue(session, catalogue(), now=NOON)
    anna = take_on(session)

    with pytest.raises(tariffs.AlreadySubscribed):
        tariffs.subscribe(session, anna, "simple", started_at=NOON, now=NOON)
    with pytest.raises(NotFound):
        tariffs.subscribe(session, 4_242, "simple", started_at=NOON, now=NOON)


@both_engines
def test_the_subscription_of_a_moment_is_found(session: Session):
    tariffs.store_catalogue(session, catalogue(), now=NOON)
    anna = take_on(session)
    first = subscription_of(session, anna)
    first.ended_at = NOON + timedelta(days=10)
    session.flush()
    second = tariffs.subscribe(session, anna, "simple", started_at=NOON + timedelta(days=10), now=NOON)

    def found(days: int) -> PlanSubscription | None:
        return tariffs.get_subscription(session, anna, NOON + timedelta(days=days))

    assert [found(-1), found(0), found(9), found(10), found(99)] == [None, first, first, second, second]


@both_engines
def test_only_an_active_subscriber_is_found_by_number(session: Session):
    tariffs.store_catalogue(session, catalogue(), now=NOON)
    anna = take_on(session)

    found = subscribers.find_active_by_msisdn(session, "79160000001")
    assert found is not None
    assert found.id == anna
    assert subscribers.find_active_by_msisdn(session, "79160000002") is None
    assert subscribers.get(session, anna).name == "Анна"

    session.get_one(Subscriber, anna).status = SubscriberStatus.BLOCKED
    session.flush()
    assert subscribers.find_active_by_msisdn(session, "79160000001") is None
