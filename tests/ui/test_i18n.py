"""Both languages are complete, and a page can be built in either."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
import reflex as rx

from cabinet.locales import english, language_of, translate
from cabinet.ui.i18n import only_in, t

CODE = Path(__file__).parents[2] / "cabinet"
PLACE = re.compile(r"\{(\w+)\}")


def texts_of_pages() -> set[str]:
    """Every literal given to `t` or `translate`."""
    calls = [
        node
        for file in (CODE / "ui").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("t", "translate") and node.args
    ]
    return {call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)}


def test_every_text_of_a_page_is_translated():
    missing = sorted(texts_of_pages() - english().keys())

    assert missing == []


def test_no_text_is_translated_twice():
    texts = re.findall(r'^msgid "(.+)"$', (CODE / "locales" / "en.po").read_text(encoding="utf-8"), re.MULTILINE)

    assert [text for text, number in Counter(texts).items() if number > 1] == []


def test_both_languages_have_the_same_places():
    for russian, translation in english().items():
        assert sorted(PLACE.findall(russian)) == sorted(PLACE.findall(translation)), russian


def test_a_text_is_filled_in_the_language_asked_for():
    text = "Шестая цифра отправит код сама. Код действует {minutes} минут."

    assert translate(text, minutes=15).endswith("Код действует 15 минут.")
    assert translate(text, "en", minutes=15).endswith("The code is valid for 15 minutes.")


def test_an_untranslated_text_stays_russian():
    assert translate("Такого текста нет в словаре", "en") == "Такого текста нет в словаре"


@pytest.mark.parametrize(
    ("cookies", "language"),
    [("", "ru"), ("sid=1; lang=en", "en"), ("lang=ru", "ru"), ("notlang=en", "ru"), ("lang=english", "ru")],
)
def test_the_language_comes_from_its_cookie(cookies, language):
    assert language_of(cookies) == language


def test_a_text_of_a_page_holds_both_languages_and_the_switch():
    text = t("Войти")

    assert isinstance(text, rx.Var)
    assert "Sign in" in str(text)
    assert "useEnglish" in str(text._get_all_var_data())


@pytest.mark.parametrize(("language", "expected"), [("ru", "Войти"), ("en", "Sign in")])
def test_a_page_of_one_language_holds_plain_texts(language, expected):
    with only_in(language):
        assert t("Войти") == expected
