"""Somebody in front of a cabinet that dies."""

from dataclasses import dataclass, field

import aiohttp

from benchmarks.cluster import Place, Process
from benchmarks.people import Browser, Person, by_code
from benchmarks.tabs import Tab, page


@dataclass
class Subscriber:
    """Somebody of the demo operator with a browser. `saw` is what was on the screen when something was wrong."""

    place: Place
    number: str
    person: Person = field(init=False)

    @property
    def id(self) -> int:
        """In the database."""
        return self.place.ask("SELECT id FROM subscriber WHERE msisdn = :msisdn", msisdn=f"7{self.number}")

    async def sign_in(self, web: Process | None = None) -> None:
        """By a code."""
        url = (web or self.place.web).url
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
            browser = Browser(client, url, self.place.url)
            await by_code(browser, self.number)
            self.person = Person(self.number, browser.cookies)

    async def open(self, route: str, web: Process | None = None) -> Tab:
        """A page of the cabinet."""
        return await Tab((web or self.place.web).url, self.person, self.place.url).open(page(route))

    def orders(self) -> int:
        """How many stand, undone ones left out."""
        return self.place.ask(
            'SELECT count(*) FROM "order" WHERE subscriber_id = :id AND undone_at IS NULL', id=self.id
        )


def dying(point: str, command: str = "serve") -> tuple[str, ...]:
    """The command of a web process that dies there, or of a worker of its own."""
    return "-m", "chaos.dying", point, command
