"""The embedded captcha: letters for the eye and for the ear."""

import io
import wave

import pytest
from PIL import Image, ImageFont

from cabinet.adapters.captcha.embedded import FONTS, HERE, LENGTH, SPOKEN, EmbeddedCaptcha, _voice

MAKER = EmbeddedCaptcha()


def luminance(color: tuple[int, ...]) -> float:
    parts = [part / 255 for part in color[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("language", "look_alikes"),
    [("ru", "АВЕЁКМНОРСТУХЗЧЪЬЫЩЙПabcdefghijklmnopqrstuvwxyz0123456789"), ("en", "BCEGHIMNOQSUVАЛ0123456789")],
)
def test_letters_are_five_and_have_no_look_alikes(language, look_alikes):
    seen = {letter for _ in range(300) for letter in MAKER.letters(language)}
    assert seen == set(SPOKEN[language])
    assert not seen & set(look_alikes)
    assert len(MAKER.letters(language)) == LENGTH == 5


def test_answers_do_not_repeat():
    assert len({MAKER.letters() for _ in range(200)}) > 190


@pytest.mark.parametrize(
    ("background", "turned"), [((0xF1, 0xED, 0xEC), False), ((0x2A, 0x25, 0x24), True)], ids=["light", "dark"]
)
def test_the_picture_is_seen_on_both_backgrounds(background, turned):
    picture = Image.open(io.BytesIO(MAKER.picture("ЖФЛДШ")))
    assert (picture.format, picture.mode) == ("PNG", "RGBA")
    ink = max(picture.get_flattened_data(), key=lambda pixel: pixel[3])
    assert ink[3] == 255
    assert contrast(tuple(255 - part for part in ink[:3]) if turned else ink, background) >= 12
    shares = [pixel[3] > 128 for pixel in picture.get_flattened_data()]
    assert 0.1 < sum(shares) / len(shares) < 0.6, "letters, and room around them"


@pytest.mark.parametrize("language", ["ru", "en"])
def test_each_letter_has_a_shape_of_its_own(language):
    shapes = [ImageFont.truetype(HERE / FONTS[language], 40).getmask(letter).getbbox() for letter in SPOKEN[language]]
    assert all(shapes)
    assert len({MAKER.picture(letter * 5) for letter in SPOKEN[language]}) == len(SPOKEN[language])


def test_one_answer_is_drawn_and_spoken_differently_each_time():
    assert MAKER.picture("ЖФЛДШ") != MAKER.picture("ЖФЛДШ")
    assert MAKER.speech("ЖФЛДШ") != MAKER.speech("ЖФЛДШ")


@pytest.mark.parametrize("letters", ["ЖФЛДШ", "RKWFZ"])
def test_the_speech_is_a_sound_of_some_ten_seconds(letters):
    with wave.open(io.BytesIO(MAKER.speech(letters))) as sound:
        seconds = sound.getnframes() / sound.getframerate()
        assert (sound.getnchannels(), sound.getframerate()) == (1, 8000)
        assert 6 < seconds < 15


def test_every_letter_has_a_voice():
    letters = [letter for alphabet in SPOKEN.values() for letter in alphabet]
    assert len({_voice(letter) for letter in letters}) == len(letters) == 24
