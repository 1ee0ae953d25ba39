"""Questions in a line."""

import pytest

from cabinet.domain.support import subject_of


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("Списали 70 ₽ за звонок. Почему?", "Списали 70 ₽ за звонок"),
        ("Почему списали?\nОбъясните", "Почему списали?"),
        ("одно " * 30, "одно одно одно одно одно одно одно одно одно одно одно одно одно одно…"),
    ],
)
def test_a_subject_is_the_first_sentence(text: str, subject: str):
    assert subject_of(text) == subject
