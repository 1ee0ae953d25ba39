"""States of pages that were left, in Reflex's own memory."""

from types import SimpleNamespace

import reflex as rx

from cabinet.ui import access, left_pages
from tests.sockets import running


def states() -> SimpleNamespace:
    class ScreenState(rx.State):
        shown: int = 0

        @access.public
        async def show(self) -> None:
            self.shown += 1

    return SimpleNamespace(Screen=ScreenState)


def look_twice(app: rx.App) -> None:
    left = left_pages.forget(app, app.state_manager, ())
    left_pages.forget(app, app.state_manager, left)


async def test_the_state_of_a_page_that_was_left_is_forgotten_and_that_of_an_open_one_is_not(database):
    async with running(states) as (world, page):
        left, opened = await world.visit(), await world.visit()
        for tab in (left, opened):
            await tab.call(page.Screen.show)
        await left.close()

        look_twice(world.app)

        assert len(world.app.state_manager.states) == 1
        await opened.call(page.Screen.show)
        assert opened.value(page.Screen, "shown") == 2


async def test_a_page_whose_connection_was_lost_for_a_moment_finds_its_state(database):
    async with running(states) as (world, page):
        tab = await world.visit(token="of-a-tab")
        await tab.call(page.Screen.show)
        await tab.close()

        left_pages.forget(world.app, world.app.state_manager, ())

        back = await world.visit(token="of-a-tab")
        await back.call(page.Screen.show)
        assert back.value(page.Screen, "shown") == 2


async def test_a_page_that_comes_back_to_a_forgotten_state_begins_anew(database):
    async with running(states) as (world, page):
        tab = await world.visit(token="of-a-tab")
        await tab.call(page.Screen.show)
        await tab.close()
        look_twice(world.app)

        back = await world.visit(token="of-a-tab")
        assert back.value(page.Screen, "shown") == 0
        await back.call(page.Screen.show)

        assert back.value(page.Screen, "shown") == 1
