"""Labels of handlers, and the start that refuses a handler without one."""

from types import SimpleNamespace

import pytest
import reflex as rx

from cabinet.domain.staff import Permission
from cabinet.ui import access
from cabinet.ui.access import Access, Who


def in_cabinet(function):
    function.__module__ = "cabinet.ui.offers.state"
    return function


def test_a_label_says_for_whom():
    assert access.of(access.public(lambda self: None)) == Access(Who.PUBLIC)
    assert access.of(access.subscriber(lambda self: None)) == Access(Who.SUBSCRIBER)
    assert access.of(access.staff(Permission.TICKETS)(lambda self: None)) == Access(Who.STAFF, Permission.TICKETS)
    assert access.of(access.staff()(lambda self: None)) == Access(Who.STAFF, None)
    assert access.of(lambda self: None) is None


@pytest.mark.parametrize("background", [True, False])
def test_a_label_survives_the_event_decorator_on_either_side(background):
    async def handler(self) -> None: ...

    above = access.subscriber(rx.event(background=background)(handler))
    assert access.of(above) == Access(Who.SUBSCRIBER)

    async def other(self) -> None: ...

    below = rx.event(background=background)(access.subscriber(other))
    assert access.of(below) == Access(Who.SUBSCRIBER)


def test_an_unlabelled_handler_is_named_and_the_start_refused():
    @in_cabinet
    def accept(self) -> None: ...

    with pytest.raises(access.UnlabelledHandlers, match=r"cabinet\.ui\.offers\.state\..*accept"):
        access.refuse_unlabelled([("state.accept", accept)])


def test_a_handler_of_a_library_of_components_is_refused_too():
    function = SimpleNamespace(__module__="reflex_grid.state", __qualname__="Grid.load")

    with pytest.raises(access.UnlabelledHandlers):
        access.refuse_unlabelled([("grid.load", function)])


def test_labelled_handlers_and_reflexs_own_are_accepted():
    access.refuse_unlabelled(
        [
            ("state.accept", access.public(in_cabinet(lambda self: None))),
            ("state.hydrate", rx.State.event_handlers["hydrate"].fn),
            ("state.setvar", rx.State.event_handlers["setvar"].fn),
        ]
    )
