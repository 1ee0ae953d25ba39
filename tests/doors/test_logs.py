"""Read last: what all the attacks, and the browser tests before them, have left in the site's log."""

import re

from tests.doors.visitors import SECRETS, Visitor
from tests.site import Site

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?")


async def test_no_code_password_cookie_or_whole_number_is_in_the_log(site: Site, number: str):
    password = "Совсем-новый пароль 4711"
    async with Visitor(site) as visitor:
        await visitor.sign_in(number)
        await visitor.post("/auth/profile/password", password=password)
        await visitor.post("/auth/sign-out")
        await visitor.post("/auth/password", number=number, password=password)
        await visitor.get(f"/login/code/?code=123454&number={number}&token={'aB1' * 15}")
        await visitor.get(f"/nope/79{number[1:]}/{next(iter(SECRETS))}")
        async with visitor.tab() as tab:
            await tab.send("no.such.handler", code="123454", password=password, number=f"7{number}")
            await tab.emit(f"password={password} code 123454 {number}")
            await tab.emit(["event", password, "code: 123454"])
    written = _MOMENT.sub("", site.log.read_text(encoding="utf-8"))
    words = {*re.findall(r"[0-9A-Za-z_-]+", written), *re.findall(r"[0-9A-Za-z]+", written)}
    printed = "\n".join(line for line in written.splitlines() if not line.startswith("Demo numbers: "))
    numbers = set(re.findall(r"(?<![\w.])\+?[78]?9\d{9}(?!\w)", printed))

    assert "request" in written
    assert len(SECRETS) > 10
    assert words & {*SECRETS, "123454"} == set()
    assert password not in written
    assert numbers == set()


def test_nothing_failed_that_the_site_did_not_expect(site: Site):
    """No handler and no request ended in a fault of ours, whatever was sent."""
    written = site.log.read_text(encoding="utf-8")
    failed = [line for line in written.splitlines() if "handler failed" in line or "request failed" in line]

    assert failed == []
