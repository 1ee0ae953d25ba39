"""Many people signed in at once, through the doors that everybody uses."""

import asyncio
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks.sites import CABINET, DJANGO, CannotMeasure, Kind, Site
from benchmarks.yardsticks import small_cabinet

AT_ONCE = 8
PATIENCE_SECONDS = 30


class CannotSignIn(CannotMeasure):
    """The site did not let a person in."""


@dataclass
class Person:
    """Whoever has signed in, with the cookies of that browser."""

    number: str
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def cookie(self) -> str:
        """The `Cookie` header."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())


class Browser:
    """A browser without a screen: keeps cookies and does not follow redirects."""

    def __init__(self, client: aiohttp.ClientSession, url: str, origin: str = "") -> None:
        self.client = client
        self._url, self._origin = url, origin or url
        self.cookies: dict[str, str] = {}

    async def get(self, path: str) -> aiohttp.ClientResponse:
        return await self._ask("GET", path, None)

    async def post(self, path: str, **form: str) -> aiohttp.ClientResponse:
        return await self._ask("POST", path, form)

    async def _ask(self, method: str, path: str, form: dict[str, str] | None) -> aiohttp.ClientResponse:
        headers = {"Origin": self._origin, "Cookie": "; ".join(f"{n}={v}" for n, v in self.cookies.items())}
        async with self.client.request(
            method, f"{self._url}{path}", data=form, headers=headers, allow_redirects=False
        ) as answer:
            await answer.read()
        self.cookies |= {name: morsel.value for name, morsel in answer.cookies.items()}
        return answer


def numbers(kind: Kind, folder: Path, count: int) -> list[str]:
    """So many different subscribers; fewer when the site has fewer."""
    if kind is not CABINET:
        return [small_cabinet.number_of(person) for person in range(1, min(count, small_cabinet.PEOPLE) + 1)]
    with closing(sqlite3.connect(folder / f"{kind.key}.db")) as connection:
        rows = connection.execute(
            "SELECT substr(msisdn, 2) FROM subscriber WHERE status = 'active' ORDER BY id LIMIT ?", (count,)
        )
        return [row[0] for row in rows]


async def sign_in_all(site: Site, wanted: Sequence[str]) -> list[Person]:
    """Everybody through the front door: code from the phone, or number and password at the yardsticks.

    Raises:
        CannotSignIn: one of them was not let in.
    """
    gate = asyncio.Semaphore(AT_ONCE)
    enter = by_code if site.kind is CABINET else by_password

    async def one(client: aiohttp.ClientSession, number: str) -> Person:
        async with gate:
            browser = Browser(client, site.url)
            await enter(browser, number)
            return Person(number, browser.cookies)

    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
        return await asyncio.gather(*(one(client, number) for number in wanted))


async def codes_of(browser: Browser, number: str) -> list[str]:
    """The codes that a phone got, oldest first; it gets other messages too."""
    messages = (await (await browser.get("/demo/state.json")).json())["sms"]
    found = (re.search(r"(?<!\d)\d{6}(?!\d)", sms["text"]) for sms in messages if sms["to"].endswith(number))
    return [code[0] for code in found if code]


async def by_code(browser: Browser, number: str) -> None:
    """The letters and the code are read where automatic tests read them."""
    known = len(await codes_of(browser, number))
    await ask_for_code(browser, number)
    for _ in range(PATIENCE_SECONDS * 10):
        codes = await codes_of(browser, number)
        if len(codes) > known:
            break
        await asyncio.sleep(0.1)
    else:
        raise CannotSignIn(f"no code came for {number}")
    await enter_code(browser, number, codes[-1])


async def ask_for_code(browser: Browser, number: str) -> None:
    """The first page: the number, and the letters of the picture."""
    await browser.get(CABINET.first_page)
    await browser.get("/auth/captcha.png")
    letters = (await (await browser.get("/demo/state.json")).json())["captcha"]
    await browser.post("/auth/code", number=number, captcha=letters)


async def enter_code(browser: Browser, number: str, code: str) -> None:
    """The second page.

    Raises:
        CannotSignIn: it did not open the cabinet.
    """
    await browser.post("/auth/verify", code=code)
    if not any(name.endswith("sid") for name in browser.cookies):
        raise CannotSignIn(f"the code of {number} was refused")


async def by_password(browser: Browser, number: str) -> None:
    """The yardsticks' only way; Django's token comes with the form."""
    await browser.get("/login")
    token = browser.cookies.get("csrftoken", "")
    await browser.post("/login", number=number, password=small_cabinet.PASSWORD, csrfmiddlewaretoken=token)
    if not any(name in browser.cookies for name in ("sid", "sessionid")):
        raise CannotSignIn(f"{number} was refused")


async def give_password(site: Site) -> dict[str, str]:
    """Sets the password of the subscriber whom the web benchmark signs in.

    Returns the cookie by which the browser is known: from an unknown one a password alone does not open the cabinet.
    """
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
        browser = Browser(client, site.url)
        await by_code(browser, site.kind.number)
        answer = await browser.post("/auth/welcome", password=site.kind.password)
        if answer.status != 303 or answer.headers["Location"].startswith("/welcome"):
            raise CannotSignIn(f"the password was refused: {answer.status} {answer.headers.get('Location')}")
        return {name: value for name, value in browser.cookies.items() if name.endswith("device")}


def token_header(kind: Kind, person: Person) -> dict[str, str]:
    """What a yardstick's own script sends with a toggle."""
    return {"X-CSRFToken": person.cookies["csrftoken"]} if kind is DJANGO else {}
