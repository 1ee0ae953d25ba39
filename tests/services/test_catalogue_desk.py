"""The catalogue at the desk: who is on what, and taking off sale."""

import pytest
from sqlmodel import Session, select

from cabinet.domain import catalogue
from cabinet.domain.catalogue import SoldKind
from cabinet.domain.effects import OptionNotOffered, PlanNotOffered
from cabinet.domain.errors import NotFound
from cabinet.domain.staff import Role
from cabinet.models.staff import StaffAction
from cabinet.services import catalogue_desk, options, staff, tariffs
from cabinet.services.catalogue_desk import ChangedMeanwhile
from tests.conftest import NOON
from tests.services.test_options import CATALOGUE, switched_on
from tests.services.test_orders import given, store


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
