"""The search of the help centre, without a browser: what the server writes into the built page."""

import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from cabinet import db
from cabinet.http import help, pages
from cabinet.services import help_votes

PAGE = """<html lang="{language}"><input name="q" data-fill="q" type="search"/>
<div data-slot="results" class="empty:hidden"></div><main>{all}</main>
<template data-part="found"><section>{heading} «{{query}}»<ul>{{rows}}</ul></section></template>
<template data-part="nothing"><p>{none} «{{query}}».</p></template>
<template data-part="row"><li><a href="{{address}}">{{title}}<i>{{lead}}</i></a></li></template></html>"""
RUSSIAN = PAGE.format(language="ru", all="Все вопросы", heading="По запросу", none="Ничего не нашли по слову")
ENGLISH = PAGE.format(language="en", all="All questions", heading="Results for", none="Nothing found for")


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """The routes over a build of three pages."""
    for name, text in {
        "help": RUSSIAN,
        "en/help": ENGLISH,
        "help/code-refused": "Код не подходит",
        "en/help/code-refused": "The code doesn’t work",
    }.items():
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / name / "index.html").write_text(text)
    monkeypatch.setattr(pages, "static_dir", lambda: tmp_path)
    return TestClient(Starlette(routes=help.routes), follow_redirects=False)


def results(text: str) -> str:
    """What stands in the slot."""
    return re.search(r'data-slot="results"[^>]*>(.*?)</div>', text, re.DOTALL)[1]


def test_without_a_question_the_page_is_as_it_was_built(client: TestClient):
    for address in ("/help", "/help/", "/help/?q=", "/help/?q=%20%00"):
        assert client.get(address).text == RUSSIAN


def test_what_was_found_stands_in_the_page(client: TestClient):
    answer = client.get("/help/", params={"q": "смс не приходит"})

    assert answer.headers["content-type"].startswith("text/html")
    assert 'href="/help/sms-does-not-come/">SMS с кодом не приходит<i>Подождите минуту' in results(answer.text)
    assert "По запросу «смс не приходит»" in results(answer.text)
    assert 'data-fill="q" value="смс не приходит"' in answer.text


def test_nothing_found_says_so_and_keeps_the_categories(client: TestClient):
    answer = client.get("/help/", params={"q": "роумнгквзр"})

    assert results(answer.text) == "<p>Ничего не нашли по слову «роумнгквзр».</p>"
    assert "Все вопросы" in answer.text


@pytest.mark.parametrize(
    "query", ['<script>alert("1")</script>', '"><img src=x onerror=alert(1)>', "{rows}", "{title}", r"\1\g<0>", "%_'"]
)
def test_what_was_typed_is_only_text(client: TestClient, query: str):
    text = client.get("/help/", params={"q": f"{query} пароль"}).text

    assert "<script" not in text
    assert "<img" not in text
    assert text.count("<li>") == results(text).count("<li>") + 1  # the rows, and the one in the page's own part


def test_a_long_question_is_cut(client: TestClient):
    text = client.get("/help/", params={"q": "пароль " * 1000}).text

    assert len(text) < len(RUSSIAN) + 10_000
    assert "/help/forgotten-password/" in results(text)


def test_english_is_searched_in_english(client: TestClient):
    answer = client.get("/help/", params={"q": "forgot password"}, headers={"Cookie": "lang=en"})

    assert "Results for «forgot password»" in results(answer.text)
    assert "Forgotten password" in results(answer.text)


def test_a_language_that_was_asked_for_is_remembered(client: TestClient):
    answer = client.get("/help/code-refused/?lang=en")

    assert answer.text == "The code doesn’t work"
    assert "lang=en" in answer.headers["set-cookie"]
    assert client.get("/help/code-refused").text == "The code doesn’t work"


@pytest.mark.parametrize("name", ["no-such", "..", "..%2fen", "%2e%2e%2f%2e%2e", "Code-Refused", "a" * 5000, "%00"])
def test_a_name_of_no_article_is_not_found(client: TestClient, name: str):
    assert client.get(f"/help/{name}/").status_code == 404


ARTICLE = '<html><main>Код</main><p data-slot="thanks" role="status"></p></html>'


def test_a_vote_is_counted_and_thanked_without_scripts(client: TestClient, database, tmp_path: Path):
    (tmp_path / "help" / "code-refused" / "index.html").write_text(ARTICLE)
    pages._template.cache_clear()

    first = client.post("/help/code-refused/helped", data={"answer": "yes"})
    client.post("/help/code-refused/helped", data={"answer": "no"})

    assert (first.status_code, first.headers["location"]) == (303, "/help/code-refused/?helped=yes#helped")
    assert "Спасибо, рады, что помогло.</p>" in client.get(first.headers["location"]).text
    with db.reading() as session:
        [vote] = help_votes.list_votes(session)
    assert (vote.helped, vote.not_helped) == (1, 1)


@pytest.mark.parametrize(
    ("name", "answer"), [("no-such", "yes"), ("code-refused", "maybe"), ("code-refused", ""), ("..", "yes")]
)
def test_what_is_no_vote_is_not_found(client: TestClient, database, name: str, answer: str):
    assert client.post(f"/help/{name}/helped", data={"answer": answer}).status_code in (404, 405)


def test_an_address_that_votes_all_day_is_not_counted(client: TestClient, database):
    for _ in range(25):
        client.post("/help/code-refused/helped", data={"answer": "no"})

    with db.reading() as session:
        assert help_votes.list_votes(session)[0].not_helped == 20
