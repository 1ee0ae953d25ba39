"""Attacks on the running production build: everything here knows what a stranger knows, and tries it."""

import asyncio
import inspect
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cabinet.domain.staff import Role
from cabinet.services import demo
from cabinet.ui import access, guard
from tests.doors.visitors import SECRETS, Visitor
from tests.site import Site

LAST = "test_logs.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this folder has its mark; the log is read when everything has been written into it."""
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here:
            item.add_marker(pytest.mark.doors)
    items.sort(key=lambda item: item.path == here / LAST)


@dataclass(frozen=True)
class Handler:
    """A registered handler: its full name, its label and what it takes besides the State."""

    name: str
    label: access.Access | None
    arguments: tuple[str, ...]

    @property
    def state(self) -> str:
        return self.name.rpartition(".")[0]

    @property
    def short(self) -> str:
        return self.name.rpartition(".")[2]


@pytest.fixture(scope="session")
def handlers() -> list[Handler]:
    """The registry of the application, Reflex's own handlers too."""
    import cabinet.cabinet  # noqa: F401  registers everything

    return [
        Handler(name, access.of(function), tuple(inspect.signature(function).parameters)[1:])
        for name, function in guard.handlers()
        if not function.__module__.startswith("tests.")
    ]


@dataclass(frozen=True)
class Subscriber:
    """Somebody signed in: the number and the cookies of the browser."""

    number: str
    cookie: str


def given_signed_in(site: Site, number: str) -> Subscriber:
    async def sign_in() -> Subscriber:
        async with Visitor(site) as visitor:
            await visitor.sign_in(number)
            return Subscriber(number, visitor.cookie)

    return asyncio.run(sign_in())


@pytest.fixture(scope="session")
def anna(site: Site, spare_numbers: Iterator[str]) -> Subscriber:
    """Signed in all the time; whose data others are after. Tests do not sign her out."""
    return given_signed_in(site, next(spare_numbers))


@pytest.fixture(scope="session")
def boris(site: Site, spare_numbers: Iterator[str]) -> Subscriber:
    """Signed in all the time, and curious."""
    return given_signed_in(site, next(spare_numbers))


@dataclass(frozen=True)
class Member:
    """Somebody of the staff, signed in."""

    role: Role
    cookie: str


@pytest.fixture(scope="session")
def members(site: Site) -> list[Member]:
    """One of the demo's staff of each role, signed in all the time."""

    async def sign_in(login: str, role: Role) -> Member:
        async with Visitor(site) as visitor:
            await visitor.sign_in_staff(login)
            return Member(role, visitor.cookie)

    return [asyncio.run(sign_in(login, role)) for login, _, role in demo.STAFF]


@pytest.fixture(scope="session")
def crowd(site: Site, spare_numbers: Iterator[str]) -> list[str]:
    """Fifty subscribers for attacks that need many: each may be sent five codes in all."""
    numbers = list(itertools.islice(spare_numbers, 50))
    SECRETS.update(numbers)
    return numbers
