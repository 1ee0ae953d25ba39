"""Signing in with what is not one's own: guessing, racing, replaying, and asking who is a subscriber."""

import asyncio
import random
import re
import sqlite3
import statistics
import time
from contextlib import closing
from typing import Any

import httpx
import pytest

from cabinet.services.sign_in import TRIES
from tests.doors.visitors import SECRETS, Visitor
from tests.site import Site

CODES_PER_HOUR = 5


def rows(site: Site, query: str, *values: Any) -> list[tuple]:
    with closing(sqlite3.connect(site.database)) as connection:
        return connection.execute(query, values).fetchall()


def open_sessions(site: Site, number: str) -> int:
    query = "SELECT count(*) FROM auth_session JOIN subscriber ON subscriber.id = subscriber_id WHERE msisdn = ?"
    return rows(site, query, f"7{number}")[0][0]


def failures_of(site: Site, number: str) -> list[int]:
    return [row[0] for row in rows(site, "SELECT failures FROM one_time_code WHERE msisdn = ?", f"7{number}")]


def wrong(code: str) -> list[str]:
    """Fifty codes, none of them right."""
    return [f"{(int(code) + step) % 10**6:06}" for step in range(1, 51)]


async def test_two_connections_with_the_same_code_open_one_session_a_hundred_times(site: Site, crowd: list[str]):
    before = {number: open_sessions(site, number) for number in crowd[:20]}
    opened = []

    async def race(number: str) -> None:
        async with Visitor(site) as one, Visitor(site) as two:
            for _ in range(5):  # from the second time on it is a known browser: no letters
                code = await one.receive_code(number)
                two.http.cookies.update(one.http.cookies)
                answers = await asyncio.gather(*(each.post("/auth/verify", code=code) for each in (one, two)))
                opened.append(sum("sid" in answer.cookies for answer in answers))
                if "sid" in two.http.cookies:
                    one.http.cookies.update(two.http.cookies)
                for each in (one, two):
                    if "sid" in each.http.cookies:
                        each.http.cookies.delete("sid")

    for start in range(0, len(before), 5):
        await asyncio.gather(*(race(number) for number in crowd[start : start + 5]))

    assert opened == [1] * 100
    assert {open_sessions(site, number) - count for number, count in before.items()} == {5}


@pytest.mark.parametrize("connections", [1, 50])
async def test_fifty_wrong_guesses_at_once_are_five_tries(site: Site, number: str, connections: int):
    async with Visitor(site) as visitor:
        code = await visitor.receive_code(number)
        limits = httpx.Limits(max_connections=connections)
        async with httpx.AsyncClient(
            base_url=site.url, headers=visitor.http.headers, limits=limits, timeout=30
        ) as many:
            many.cookies.update(visitor.http.cookies)
            await asyncio.gather(*(many.post("/auth/verify", data={"code": guess}) for guess in wrong(code)))
        answer = await visitor.post("/auth/verify", code=code)

        assert "sid" not in answer.cookies
        assert failures_of(site, number) == [TRIES]
        assert not await visitor.is_in()
    assert open_sessions(site, number) == 0


async def test_guessing_from_many_browsers_freezes_the_number_for_strangers_alone(site: Site, number: str):
    """Each browser has a code of its own; what is counted is the number."""
    async with Visitor(site) as owner:
        await owner.sign_in(number)
        for _ in range(3):
            async with Visitor(site) as thief:
                code = await thief.receive_code(number)
                await asyncio.gather(*(thief.post("/auth/verify", code=guess) for guess in wrong(code)[:10]))
        async with Visitor(site) as thief:
            answer = await thief.ask_for_code(number)
            assert answer.headers["location"] == "/login/"
        await owner.post("/auth/sign-out")
        await owner.sign_in(number)  # the browser that its owner has signed in with before

        assert await owner.is_in()


async def test_the_code_of_one_number_opens_no_other(site: Site, spare_numbers):
    mine, yours = next(spare_numbers), next(spare_numbers)
    async with Visitor(site) as thief, Visitor(site) as owner:
        code = await thief.receive_code(mine)
        await thief.receive_code(yours)  # the same browser now waits for the code of the other number
        answer = await thief.post("/auth/verify", code=code, number=mine, msisdn=f"7{mine}")
        assert "sid" not in answer.cookies
        await owner.receive_code(yours)
        answer = await owner.post("/auth/verify", code=code)
        assert "sid" not in answer.cookies
    assert open_sessions(site, mine) == open_sessions(site, yours) == 0


async def test_a_code_read_over_the_shoulder_is_worth_nothing_in_another_browser(site: Site, number: str):
    async with Visitor(site) as owner, Visitor(site) as thief:
        code = await owner.receive_code(number)
        await thief.get("/login/")
        answer = await thief.post("/auth/verify", code=code)
        assert "sid" not in answer.cookies
        answer = await owner.post("/auth/verify", code=code)
        assert "sid" in answer.cookies
        again = await owner.post("/auth/verify", code=code)
        assert "sid" not in again.cookies


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "1e5   ", "-12345", "٠" * 5, "0" * 16_000, "%00" * 6]
)
async def test_what_is_no_code_is_no_fault_and_no_try(site: Site, crowd: list[str], code: str):
    async with Visitor(site) as visitor:
        await visitor.get("/login/")
        answer = await visitor.post("/auth/verify", code=code)

        assert answer.status_code in (303, 413)
        assert "sid" not in answer.cookies


async def test_letters_open_one_door_once(site: Site, spare_numbers):
    first, second = next(spare_numbers), next(spare_numbers)
    async with Visitor(site) as visitor, Visitor(site) as another:
        letters = await visitor.letters()
        answers = await asyncio.gather(
            *(visitor.post("/auth/code", number=number, captcha=letters) for number in (first, second))
        )
        assert sorted(answer.headers["location"] for answer in answers) == ["/login/", "/login/code/"]
        again = await visitor.post("/auth/code", number=second, captcha=letters)
        assert again.headers["location"] == "/login/"
        letters = await visitor.letters()
        await another.get("/login/")
        stolen = await another.post("/auth/code", number=second, captcha=letters)
        assert stolen.headers["location"] == "/login/"
        await visitor.post("/auth/code", number=second, captcha="АБВГД")
        late = await visitor.post("/auth/code", number=second, captcha=letters)  # a wrong answer used them up
        assert late.headers["location"] == "/login/"


async def test_a_number_is_sent_five_codes_an_hour_wherever_they_are_asked_from(site: Site, number: str):
    """From many browsers at many addresses, and a forged `X-Forwarded-For` makes no new one."""
    for turn in range(CODES_PER_HOUR + 3):
        async with Visitor(site) as visitor:
            if turn % 2:
                visitor.http.headers["X-Forwarded-For"] = f"10.0.0.{turn}, {visitor.address}"
            await visitor.ask_for_code(number)
            await asyncio.gather(*(visitor.post("/auth/resend") for _ in range(3)))
    async with Visitor(site) as reader:
        asked = len(rows(site, "SELECT id FROM one_time_code WHERE msisdn = ?", f"7{number}"))
        assert asked == CODES_PER_HOUR
        assert len(await reader.codes_of(number)) <= CODES_PER_HOUR


async def test_ten_presses_from_ten_addresses_send_one_code(site: Site, number: str):
    async with Visitor(site) as visitor:
        await visitor.receive_code(number)
        await asyncio.gather(
            *(visitor.post("/auth/resend", headers={"X-Forwarded-For": f"203.0.113.{host}"}) for host in range(10))
        )

        assert len(await visitor.codes_of(number)) == 1


def shape(answer: httpx.Response) -> tuple[Any, ...]:
    """All of an answer but what is new in each: the request's id, the moment, random tokens."""
    own = {"x-request-id", "date", "set-cookie"}
    headers = tuple(sorted((name, value) for name, value in answer.headers.items() if name not in own))
    cookies = tuple(sorted((name, len(value)) for name, value in answer.cookies.items()))
    text = re.sub(r"9\d\d[\s\xa0-]?\d{3}-?\d{2}-?\d{2}|\d\d-\d\d|\b\d:\d\d\b", "number", answer.text)
    return answer.status_code, headers, cookies, len(answer.content), text


def slower_share(first: list[float], second: list[float]) -> float:
    """How often one of the first took longer than one of the second: 0.5 when nothing tells them apart."""
    pairs = [(one > two) + (one == two) / 2 for one in first for two in second]
    return sum(pairs) / len(pairs)


def told(what: str, known: list[float], unknown: list[float]) -> str:
    return (
        f"{what}: known {statistics.median(known) * 1000:.1f} ms, unknown {statistics.median(unknown) * 1000:.1f} ms"
        f" (medians of {len(known)} and {len(unknown)}), known slower in {slower_share(known, unknown):.0%} of pairs"
    )


async def test_known_and_unknown_numbers_get_the_same_two_hundred_answers(
    site: Site, crowd: list[str], record_property
):
    """Times are told, not judged: that the same statements run for both is held by tests/services."""
    samples = [(number, True) for number in crowd] * 2 + [(f"9995{step:06}", False) for step in range(100)]
    random.Random(7).shuffle(samples)
    SECRETS.update(number for number, _ in samples)
    shapes: dict[str, set[Any]] = {"asked": set(), "page": set(), "wrong": set(), "told": set()}
    times: dict[bool, list[float]] = {True: [], False: []}
    for start in range(0, len(samples), 10):
        visitors = [Visitor(site) for _ in range(10)]
        pictures = await asyncio.gather(*(visitor.letters() for visitor in visitors))
        for (number, is_known), visitor, letters in zip(samples[start:], visitors, pictures, strict=False):
            async with visitor:
                visitor.http.headers["Accept-Encoding"] = "identity"  # packed, a page's length depends on its digits
                started = time.perf_counter()
                answer = await visitor.post("/auth/code", number=number, captcha=letters)
                times[is_known].append(time.perf_counter() - started)
                shapes["asked"].add(shape(answer))
                shapes["page"].add(shape(await visitor.get("/login/code/")))
                shapes["wrong"].add(shape(await visitor.post("/auth/verify", code="000000")))
                shapes["told"].add(shape(await visitor.get("/login/code/")))

    summary = told("asking for a code", times[True], times[False])
    record_property("times", summary)
    print(f"\n{summary}")  # noqa: T201  shown by `pytest -s`, and wherever the test fails
    assert {name: len(seen) for name, seen in shapes.items()} == {"asked": 1, "page": 1, "wrong": 1, "told": 1}


async def test_wrong_passwords_of_known_and_unknown_numbers_are_answered_alike(
    site: Site, crowd: list[str], record_property
):
    """A few only: each costs a real bcrypt, for nobody's password too."""
    shapes: set[Any] = set()
    times: dict[bool, list[float]] = {True: [], False: []}
    for step in range(5):
        for number, is_known in ((crowd[step], True), (f"9996{step:06}", False)):
            SECRETS.update((number, "верный пароль лошади"))
            async with Visitor(site) as visitor:
                visitor.http.headers["Accept-Encoding"] = "identity"
                await visitor.get("/login/password/")
                started = time.perf_counter()
                answer = await visitor.post("/auth/password", number=number, password="верный пароль лошади")
                times[is_known].append(time.perf_counter() - started)
                shapes.add((shape(answer), shape(await visitor.get("/login/password/"))))

    summary = told("a wrong password", times[True], times[False])
    record_property("times", summary)
    print(f"\n{summary}")  # noqa: T201
    assert len(shapes) == 1
