"""The articles of the help centre are complete, and found by the words that people use."""

import re
from pathlib import Path

import pytest

from cabinet.config import ROOT
from cabinet.services import help as articles
from cabinet.services.help import HelpError, find, load

OURS = ROOT / "cabinet" / "help"
FACTS = articles.facts()


def slugs(query: str, language: str = "ru") -> list[str]:
    return [article.slug for article in find(load(OURS, language, FACTS), query)]


def all_articles(language: str) -> list[articles.Article]:
    return [article for section in load(OURS, language, FACTS) for article in section.articles]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A help centre of one article."""
    (tmp_path / "en").mkdir()
    (tmp_path / "sections.yaml").write_text("- {code: main, title: Главное, english: Main, icon: key}\n")
    (tmp_path / "one.md").write_text(
        "---\ntitle: Первая\nsection: main\norder: 10\nsearch: слово\n---\nКод живёт {code_minutes} мин.\n"
    )
    return tmp_path


# --- what is found ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("смс не приходит", "sms-does-not-come"),
        ("почему не приходит SMS с кодом?", "sms-does-not-come"),
        ("код неверный", "code-refused"),
        ("нет полей для входа", "no-sign-in-fields"),
        ("не могу зайти", "no-sign-in-fields"),
        ("справочный сайт", "no-sign-in-fields"),
        ("сайт долго грузится", "slow-loading"),
        ("забыла пароль", "forgotten-password"),
        ("ТЕЛЕФОН УКРАЛИ", "lost-phone"),
        ("потеряла симку", "lost-phone"),
        ("капча", "letters-unreadable"),
        ("мошенники звонят", "unexpected-code"),
        ("куда делись деньги", "charges"),
        ("абонентка", "monthly-fee"),
        ("тариф", "read-tariff"),
        ("гигабайтов", "allowances"),
        ("контакты", "contacts"),
    ],
)
def test_people_find_what_they_mean(query: str, first: str):
    assert first in slugs(query)[:2]


@pytest.mark.parametrize(
    ("one", "other"),
    [("пароль", "ПАРОЛЕМ"), ("истёк код", "истек код"), ("пароль", "парол"), ("пароль", "парлоь"), ("код", "код код")],
)
def test_form_case_yo_an_unfinished_word_and_a_slip_make_no_difference(one: str, other: str):
    assert slugs(one) == slugs(other) != []


@pytest.mark.parametrize("query", ["", "   ", "?!", "%", "_", "'; --", "квазар", "qqqqqq", "\x00", "😀", "ёёё"])
def test_nonsense_finds_nothing(query: str):
    assert slugs(query) == []


def test_a_word_of_every_article_does_not_bring_them_all():
    assert len(slugs("код")) < len(all_articles("ru")) // 2


def test_english_words_find_english_articles():
    assert slugs("forgot my password", "en")[0] == "forgotten-password"
    assert slugs("text message not received", "en")[0] == "sms-does-not-come"


def test_a_query_is_cut_and_made_one_line():
    assert articles.cleaned("  смс\n\x00не\u202e приходит ") == "смс не приходит"
    assert len(articles.cleaned("я" * 10_000)) == articles.MAX_QUERY


# --- our own articles ------------------------------------------------------------------------------------------------


def test_every_article_is_translated():
    assert [article.slug for article in all_articles("en") if article.language != "en"] == []


@pytest.mark.parametrize("language", ["ru", "en"])
def test_links_between_articles_lead_somewhere(language: str):
    known = {article.address for article in all_articles(language)}
    links = {link for article in all_articles(language) for link in re.findall(r"\((/help/[^)]*)\)", article.text)}

    assert links
    assert links - known == set()


def test_the_articles_that_the_sign_in_pages_lead_to_exist():
    code = "".join(file.read_text() for file in (ROOT / "cabinet" / "ui" / "sign_in").glob("*.py"))
    named = set(re.findall(r'what_to_do\("([^"]+)"|"/help/([\w-]+)/"', code))
    wanted = {name for pair in named for name in pair if name}

    assert len(wanted) == 6
    assert wanted - {article.slug for article in all_articles("ru")} == set()


def test_an_article_says_what_the_operator_has_set(folder: Path):
    (section,) = load(folder, "ru", {"code_minutes": 7})

    assert section.articles[0].text == "Код живёт 7 мин."


def test_an_article_without_a_translation_stays_russian(folder: Path):
    (section,) = load(folder, "en", FACTS)

    assert (section.title, section.articles[0].title, section.articles[0].language) == ("Main", "Первая", "ru")


def test_the_lead_is_the_first_line_without_markup(folder: Path):
    head = (folder / "one.md").read_text().partition("Код")[0]
    (folder / "one.md").write_text(f"{head}1. **Подождите** и [проверьте](/login/) номер.\n2. Дальше\n")

    assert load(folder, "ru", FACTS)[0].articles[0].lead == "Подождите и проверьте номер."


# --- files that cannot be used ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("two.md", "Просто текст", "front matter"),
        ("two.md", "---\ntitle: Б\n---\nТекст", "front matter: order, search, section, title"),
        ("two.md", "---\ntitle: [\n---\nТекст", "not YAML"),
        ("two.md", "---\ntitle: Б\nsection: none\norder: 1\nsearch: а\n---\nТекст", "section 'none'"),
        ("two.md", "---\ntitle: Б\nsection: main\norder: первая\nsearch: а\n---\nТекст", "whole number"),
        ("two.md", "---\ntitle: Б\nsection: main\norder: 1\nsearch: а\n---\n\n", "no text"),
        ("two.md", "---\ntitle: Б\nsection: main\norder: 1\nsearch: а\n---\n{secret_key}", "{secret_key} is not known"),
        ("Вторая.md", "---\ntitle: Б\nsection: main\norder: 1\nsearch: а\n---\nТекст", "Latin"),
        ("en/two.md", "---\ntitle: B\nsearch: b\n---\nText", "no Russian article"),
        ("sections.yaml", "- {code: main}", "has to be a list of sections"),
    ],
)
def test_a_wrong_file_is_named_with_the_reason(folder: Path, name: str, text: str, reason: str):
    (folder / name).write_text(text)

    with pytest.raises(HelpError, match=re.escape(reason)) as error:
        load(folder, "en", FACTS)

    assert name in error.value.text


def test_a_folder_without_sections_is_named(tmp_path: Path):
    with pytest.raises(HelpError, match=r"sections\.yaml: cannot be read"):
        load(tmp_path, "ru", FACTS)
