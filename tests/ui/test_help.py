"""An article's Markdown becomes the kit's HTML and nothing else."""

import pytest

from cabinet.ui.help.markdown import to_html


def test_a_list_a_strong_word_and_a_link():
    html = to_html("1. Войдите [по паролю](/login/password/)\n2. **Важно**")

    assert html.startswith('<ol class="')
    assert 'href="/login/password/"' in html
    assert ">Важно</strong>" in html
    assert html.count("<p class=") == 2  # each line of a list is a paragraph


def test_headings_go_under_the_heading_of_their_page():
    assert to_html("## Дальше", 3).startswith("<h3 class=")
    assert to_html("# Дальше").startswith("<h2 class=")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "текст <img src=x onerror=alert(1)>",
        "<div onclick=x>\n\nтекст\n\n</div>",
        "![картинка](http://example.org/x.png)",
        "[ссылка](javascript:alert(1))",
        "[ссылка](data:text/html,x)",
        '[ссылка](/x "onmouseover=alert(1)")',
    ],
)
def test_html_pictures_and_scripts_stay_text(text: str):
    html = to_html(text)

    assert not any(tag in html for tag in ("<script", "<img", "<div", 'href="javascript', 'href="data'))
    assert " onerror=alert(1)>" not in html
    assert ' onmouseover="' not in html


def test_a_line_does_not_end_with_a_short_word_or_a_number():
    assert "Код в\u00a0телефоне 15\u00a0мин\u00a0— и\u00a0всё" in to_html("Код в телефоне 15 мин — и всё")
