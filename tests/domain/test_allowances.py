from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cabinet.domain.allowances import Allowance, draw, in_drawing_order

NOON = datetime(2026, 11, 23, 9, tzinfo=UTC)
HOME = frozenset({"home"})


def package(id=1, remaining=100, *, kind="voice", begins=-1, days=30, scope="", is_unlimited=False):
    return Allowance(
        id, kind, 100, remaining, NOON + timedelta(days=begins), NOON + timedelta(days=days), scope, is_unlimited
    )


def test_the_package_that_expires_first_is_drawn_first():
    late, soon = package(1, days=30), package(2, days=3)

    draws, missed = draw(in_drawing_order([late, soon]), "voice", HOME, True, NOON, 60)

    assert (draws, missed) == ([(2, 60)], 0)
    assert (soon.remaining, late.remaining) == (40, 100)


def test_of_two_that_expire_together_the_limited_one_goes_first():
    general, limited = package(1), package(2, scope="home")

    assert in_drawing_order([general, limited]) == [limited, general]


def test_of_two_alike_the_older_goes_first():
    assert [allowance.id for allowance in in_drawing_order([package(2), package(1)])] == [1, 2]


def test_what_one_package_lacks_the_next_gives():
    packages = [package(1, remaining=10), package(2, remaining=0), package(3, remaining=20)]

    assert draw(packages, "voice", HOME, True, NOON, 45) == ([(1, 10), (3, 20)], 15)
    assert [allowance.remaining for allowance in packages] == [0, 0, 0]


def test_a_package_serves_from_its_first_moment_and_not_at_its_last():
    begins_now, ends_now = package(1, begins=0), package(2, days=0)

    assert draw([ends_now, begins_now], "voice", HOME, True, NOON, 60) == ([(1, 60)], 0)


def test_a_package_of_another_kind_is_left_alone():
    assert draw([package(kind="data")], "voice", HOME, True, NOON, 60) == ([], 60)


def test_an_unlimited_package_never_becomes_less():
    unlimited = package(is_unlimited=True, remaining=0)

    assert draw([unlimited], "voice", HOME, True, NOON, 10**12) == ([(1, 10**12)], 0)
    assert unlimited.remaining == 0


def test_a_limited_package_serves_only_its_zone_and_what_is_rated_like_it():
    abroad = package(scope="intl")

    assert draw([abroad], "voice", HOME, True, NOON, 60) == ([], 60)
    assert draw([abroad], "voice", frozenset({"intl_kz", "intl"}), False, NOON, 60) == ([(1, 60)], 0)


def test_a_general_package_does_not_serve_where_packages_do_not_count():
    assert draw([package()], "voice", HOME, False, NOON, 60) == ([], 60)


packages = st.lists(
    st.builds(
        package,
        id=st.integers(1, 10**6),
        remaining=st.integers(0, 1000),
        kind=st.sampled_from(["voice", "data"]),
        begins=st.integers(-3, 3),
        days=st.integers(-3, 3),
        scope=st.sampled_from(["", "home", "intl"]),
        is_unlimited=st.booleans(),
    ),
    max_size=8,
    unique_by=lambda allowance: allowance.id,
)


@given(packages, st.booleans(), st.integers(1, 3000))
def test_nothing_is_drawn_that_was_not_there(allowances, is_covered, units):
    before = {allowance.id: allowance.remaining for allowance in allowances}
    by_id = {allowance.id: allowance for allowance in allowances}

    draws, missed = draw(in_drawing_order(allowances), "voice", HOME, is_covered, NOON, units)

    assert sum(taken for _, taken in draws) + missed == units
    assert missed >= 0
    taken_of = dict(draws)
    assert len(taken_of) == len(draws)
    for id, allowance in by_id.items():
        taken = 0 if allowance.is_unlimited else taken_of.get(id, 0)
        assert allowance.remaining == before[id] - taken >= 0
    for id, taken in draws:
        assert taken > 0
        assert by_id[id].kind == "voice"
        assert by_id[id].valid_from <= NOON < by_id[id].valid_until


@given(packages, st.lists(st.integers(1, 500), min_size=1, max_size=6))
def test_many_small_draws_take_what_one_large_one_takes(allowances, parts):
    ordered = in_drawing_order(allowances)
    copies = [Allowance(**{name: getattr(a, name) for name in Allowance.__slots__}) for a in ordered]

    _, at_once = draw(copies, "voice", HOME, True, NOON, sum(parts))
    one_by_one = sum(draw(ordered, "voice", HOME, True, NOON, part)[1] for part in parts)

    assert one_by_one == at_once
    assert ordered == copies
