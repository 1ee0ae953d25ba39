"""The catalogue at the desk: who is on what, new versions, and taking off sale."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from cabinet import db
from cabinet.domain import catalogue
from cabinet.domain.catalogue import SoldKind
from cabinet.domain.catalogue_edit import EditWrong
from cabinet.domain.effects import OptionNotOffered, PlanNotOffered
from cabinet.domain.errors import NotFound
from cabinet.domain.staff import Role
from cabinet.models.staff import StaffAction
from cabinet.services import catalogue_desk, options, staff, tariffs
from cabinet.services.catalogue_desk import AlreadyPlanned, ChangedMeanwhile, Draft
from tests.conftest import NOON, both_engines
from tests.services.test_options import CATALOGUE, switched_on
from tests.services.test_orders import confirmed, given, moscow, store


@pytest.fixture
def shop(session: Session) -> Session:
    store(session, CATALOGUE)
    return session


def product(session: Session) -> int:
    hired = staff.add_member(session, login="product", name="Пётр", role=Role.PRODUCT, password_hash="x", now=NOON)
    return hired.staff_id


def sold(session: Session, code: str, kind: SoldKind = SoldKind.PLAN) -> catalogue_desk.Sold:
    return catalogue_desk.get_sold(session, kind, code, now=NOON)


def close(session: Session, code: str, kind: SoldKind = SoldKind.PLAN, version: int = 1) -> None:
    catalogue_desk.change_sale(session, product(session), kind, code, version, is_on_sale=False, now=NOON)


def load(session: Session, text: str = CATALOGUE) -> tariffs.Stored:
    return tariffs.store_catalogue(session, catalogue.parse(text, "test.yaml"), now=NOON)


def test_each_version_says_how_many_numbers_are_on_it(shop: Session):
    given(shop, "start")
    given(shop, "start")
    load(
        shop,
        CATALOGUE.replace(
            '{code: start, version: 1, name: Старт, fee: "300"', '{code: start, version: 2, name: Старт, fee: "350"'
        ),
    )
    anna = given(shop, "start", money=10_000)
    switched_on(shop, anna, "voicemail")

    start = sold(shop, "start")

    assert [(row.version, row.numbers) for row in start.versions] == [(2, 1), (1, 2)]
    assert start.numbers == 3
    assert sold(shop, "voicemail", SoldKind.OPTION).numbers == 1
    assert sold(shop, "max").numbers == 0


def test_what_is_off_sale_is_joined_by_nobody_and_kept_by_who_has_it(shop: Session):
    on_max, on_start = given(shop, "max", money=100_000), given(shop, "start", money=100_000)

    close(shop, "max")

    with pytest.raises(PlanNotOffered):
        tariffs.quote_switch(shop, on_start, "max", now=NOON)
    assert tariffs.get_mine(shop, on_max, now=NOON).plan.code == "max"
    assert not sold(shop, "max").is_on_sale


def test_a_service_goes_off_sale_and_back(shop: Session):
    anna, member = given(shop, money=10_000), product(shop)

    def change(*, is_on_sale: bool) -> None:
        catalogue_desk.change_sale(shop, member, SoldKind.OPTION, "voicemail", 1, is_on_sale=is_on_sale, now=NOON)

    change(is_on_sale=False)
    with pytest.raises(OptionNotOffered):
        options.quote_on(shop, anna, "voicemail", now=NOON)
    change(is_on_sale=True)

    switched_on(shop, anna, "voicemail")
    assert sold(shop, "voicemail", SoldKind.OPTION).is_on_sale


def test_what_a_colleague_has_done_already_is_told(shop: Session):
    close(shop, "max")

    with pytest.raises(ChangedMeanwhile):
        catalogue_desk.change_sale(shop, 1, SoldKind.PLAN, "max", 1, is_on_sale=False, now=NOON)
    with pytest.raises(ChangedMeanwhile):
        catalogue_desk.change_sale(shop, 1, SoldKind.PLAN, "start", 2, is_on_sale=False, now=NOON)


def test_nothing_is_sold_under_an_unknown_code(shop: Session):
    with pytest.raises(NotFound):
        sold(shop, "voicemail", SoldKind.BUNDLE)
    with pytest.raises(NotFound):
        catalogue_desk.change_sale(shop, 1, SoldKind.PLAN, "\x00", 1, is_on_sale=False, now=NOON)


def test_who_took_it_off_sale_is_written_down(shop: Session):
    close(shop, "max")

    action = shop.exec(select(StaffAction).where(StaffAction.kind == "sale_closed")).one()
    assert action.facts == {"sold": "plan", "code": "max", "version": 1}
    assert action.subscriber_id is None


def test_the_same_file_again_leaves_what_the_desk_has_decided(shop: Session):
    close(shop, "max")

    stored = load(shop)

    assert (stored.added, stored.archived_changed) == (0, 0)
    assert not sold(shop, "max").is_on_sale


def test_the_file_is_followed_when_it_says_something_else_than_before(shop: Session):
    close(shop, "max")
    archived = CATALOGUE.replace("name: Максимум,", "name: Максимум, archived: yes,")

    assert load(shop, archived).archived_changed == 0  # closed already
    assert load(shop).archived_changed == 1

    assert sold(shop, "max").is_on_sale


# --- new versions ----------------------------------------------------------------------------------------------------

TODAY, TOMORROW = "2026-11-23", "2026-11-24"
MIDNIGHT = moscow(2026, 11, 24)


def publish(session: Session, member: int, version: int = 1, *, starts_on: str = TODAY, **typed: str) -> Draft:
    return catalogue_desk.publish(
        session, member, SoldKind.PLAN, "start", version, {"fee": "350", "starts_on": starts_on} | typed, now=NOON
    )


def test_a_published_version_is_for_who_joins_and_the_others_keep_theirs(shop: Session):
    anna = given(shop, "start")

    drafted = publish(shop, product(shop))

    boris = given(shop, "start")
    assert drafted.numbers == 1
    assert tariffs.get_mine(shop, anna, now=NOON).fee_kopecks == 30_000
    assert tariffs.get_mine(shop, boris, now=NOON).fee_kopecks == 35_000
    assert [(row.version, row.numbers) for row in sold(shop, "start").versions] == [(2, 1), (1, 1)]


def test_a_planned_version_comes_on_sale_at_midnight_of_its_day_and_once(shop: Session):
    publish(shop, product(shop), starts_on=TOMORROW)

    assert catalogue_desk.publish_due(shop, now=MIDNIGHT - timedelta(seconds=1)) == 0
    waiting = sold(shop, "start")
    assert (waiting.newest.version, waiting.planned.version, waiting.planned.by) == (1, 2, "Пётр")
    assert catalogue_desk.publish_due(shop, now=MIDNIGHT) == 1
    assert catalogue_desk.publish_due(shop, now=MIDNIGHT) == 0

    assert sold(shop, "start").newest.version == 2
    assert sold(shop, "start").planned is None


def test_a_planned_version_that_was_withdrawn_never_comes(shop: Session):
    member = product(shop)
    publish(shop, member, starts_on=TOMORROW)

    catalogue_desk.withdraw(shop, member, SoldKind.PLAN, "start", 2, now=NOON)

    assert catalogue_desk.publish_due(shop, now=MIDNIGHT) == 0
    with pytest.raises(ChangedMeanwhile):
        catalogue_desk.withdraw(shop, member, SoldKind.PLAN, "start", 2, now=NOON)
    publish(shop, member)  # the place is free again


def test_while_one_version_waits_no_other_is_written(shop: Session):
    member = product(shop)
    publish(shop, member, starts_on=TOMORROW)

    with pytest.raises(AlreadyPlanned):
        publish(shop, member)


def test_what_the_file_brought_meanwhile_is_not_taken_back_by_a_planned_version(shop: Session):
    publish(shop, product(shop), starts_on=TOMORROW)
    load(
        shop,
        CATALOGUE.replace('start, version: 1, name: Старт, fee: "300"', 'start, version: 2, name: Старт, fee: "500"'),
    )

    catalogue_desk.publish_due(shop, now=MIDNIGHT)

    start = sold(shop, "start")
    assert (start.newest.version, start.newest.item.fee) == (2, 50_000)
    assert start.planned.is_overtaken


def test_who_edits_an_older_version_than_is_sold_is_told(shop: Session):
    member = product(shop)
    publish(shop, member)

    with pytest.raises(ChangedMeanwhile):
        publish(shop, member, fee="400")


def test_a_new_version_of_what_is_off_sale_is_off_sale_too(shop: Session):
    member = product(shop)
    catalogue_desk.change_sale(shop, member, SoldKind.PLAN, "start", 1, is_on_sale=False, now=NOON)

    publish(shop, member)

    assert not sold(shop, "start").is_on_sale
    assert sold(shop, "start").newest.version == 2


@pytest.mark.parametrize("day", ["2026-11-22", "2027-12-01", "", "завтра", "2026-02-30"])
def test_a_day_that_cannot_be_is_told_at_its_field(shop: Session, day: str):
    with pytest.raises(EditWrong) as wrong:
        publish(shop, product(shop), starts_on=day)

    assert list(wrong.value.faults) == ["starts_on"]
    assert sold(shop, "start").newest.version == 1


def test_the_file_that_has_not_followed_is_named_and_changes_nothing(shop: Session):
    publish(shop, product(shop))

    assert load(shop) == tariffs.Stored(0, 0, ("start",))
    assert sold(shop, "start").newest.item.fee == 35_000


def test_the_file_cannot_bring_something_else_under_a_published_number(shop: Session):
    publish(shop, product(shop))

    with pytest.raises(tariffs.VersionChanged):
        load(
            shop,
            CATALOGUE.replace(
                'start, version: 1, name: Старт, fee: "300"', 'start, version: 2, name: Старт, fee: "500"'
            ),
        )


def test_who_published_planned_and_withdrew_is_written_down(shop: Session):
    member = product(shop)
    publish(shop, member)
    publish(shop, member, version=2, starts_on=TOMORROW, fee="400")
    catalogue_desk.withdraw(shop, member, SoldKind.PLAN, "start", 3, now=NOON)

    actions = shop.exec(select(StaffAction).order_by(col(StaffAction.id))).all()
    assert [(action.kind, action.facts["version"]) for action in actions] == [
        ("version_published", 2),
        ("version_planned", 3),
        ("version_withdrawn", 3),
    ]


@both_engines
def test_of_two_who_publish_at_once_one_is_told(database: Engine):
    with db.transaction() as session:
        store(session, CATALOGUE)
        member = product(session)
    together = Barrier(2)

    def one(fee: str) -> str:
        together.wait()
        try:
            with db.transaction() as session:
                publish(session, member, fee=fee)
        except ChangedMeanwhile:
            return "told"
        return "published"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(one, ["350", "400"])) == ["published", "told"]
    with db.reading() as session:
        assert [row.version for row in sold(session, "start").versions] == [2, 1]


@both_engines
def test_two_workers_bring_a_planned_version_once(database: Engine):
    with db.transaction() as session:
        store(session, CATALOGUE)
        publish(session, product(session), starts_on=TOMORROW)
    together = Barrier(2)

    def one(_: int) -> int:
        together.wait()
        with db.transaction() as session:
            return catalogue_desk.publish_due(session, now=MIDNIGHT)

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(one, range(2))) == 1
    with db.reading() as session:
        assert [row.version for row in sold(session, "start").versions] == [2, 1]


# something new, from what there is


def create(session: Session, member: int, kind: SoldKind = SoldKind.PLAN, code: str = "start", **typed: str) -> Draft:
    usual = {"new_code": "start_plus", "name": "Старт плюс", "on_sale": "yes"}
    return catalogue_desk.create(session, member, kind, code, 1, usual | typed, now=NOON)


def test_something_new_is_joined_at_once_and_what_it_was_made_of_stays(shop: Session):
    anna = given(shop, "start", money=100_000)
    before = sold(shop, "start")

    create(shop, product(shop), fee="350")

    made = sold(shop, "start_plus")
    assert (made.newest.version, made.newest.item.fee, made.is_on_sale, made.numbers) == (1, 35_000, True, 0)
    assert sold(shop, "start") == before
    confirmed(shop, anna, tariffs.quote_switch(shop, anna, "start_plus", now=NOON))


def test_something_new_may_wait_off_sale(shop: Session):
    member, anna = product(shop), given(shop, "start", money=100_000)
    create(shop, member, on_sale="no")

    with pytest.raises(PlanNotOffered):
        tariffs.quote_switch(shop, anna, "start_plus", now=NOON)
    catalogue_desk.change_sale(shop, member, SoldKind.PLAN, "start_plus", 1, is_on_sale=True, now=NOON)
    assert tariffs.quote_switch(shop, anna, "start_plus", now=NOON)


def test_a_new_service_and_a_new_package_keep_what_has_no_field(shop: Session):
    member = product(shop)
    create(shop, member, SoldKind.OPTION, "super", new_code="super2", name="Ещё о звонках", price="20")
    create(shop, member, SoldKind.BUNDLE, "monthly", new_code="monthly2", name="+20 ГБ", gives="20")

    service, bundle = sold(shop, "super2", SoldKind.OPTION), sold(shop, "monthly2", SoldKind.BUNDLE)
    assert (service.newest.item.price_kopecks, service.newest.item.per, service.newest.item.requires) == (
        2_000,
        "day",
        ("caller",),
    )
    assert (bundle.newest.item.gives.amount, bundle.newest.item.recurring) == (20 * 2**30, True)


def test_who_made_something_new_is_written_down(shop: Session):
    create(shop, product(shop))

    (action,) = shop.exec(select(StaffAction)).all()
    assert (action.kind, action.facts) == (
        "item_created",
        {"sold": "plan", "code": "start_plus", "version": 1, "like": "start"},
    )


def test_something_new_of_a_version_that_is_not_sold_any_more_is_not_made(shop: Session):
    member = product(shop)
    publish(shop, member)

    with pytest.raises(ChangedMeanwhile):
        create(shop, member)


@both_engines
def test_of_two_with_one_new_code_one_is_told(database: Engine):
    with db.transaction() as session:
        store(session, CATALOGUE)
        member = product(session)
    together = Barrier(2)

    def one(name: str) -> str:
        together.wait()
        try:
            with db.transaction() as session:
                create(session, member, name=name)
        except EditWrong as wrong:
            return ", ".join(wrong.faults)
        return "made"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(one, ["Раз", "Два"])) == ["made", "new_code"]
