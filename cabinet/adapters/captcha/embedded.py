"""The embedded captcha: five letters of the reader's language, drawn by the `captcha` library or spoken over noise.

An alphabet has no look-alikes, the Cyrillic one none among Latin letters and digits either, and each letter is spoken
with a word that begins with it: «жэ, жук».
"""

import io
import math
import os
import secrets
import wave
from functools import cache
from pathlib import Path

from captcha.image import ImageCaptcha
from PIL import Image, ImageDraw

from cabinet.locales import Language

HERE = Path(__file__).parent
SPOKEN: dict[Language, dict[str, str]] = {
    "ru": {
        "Б": "be",
        "Г": "ge",
        "Д": "de",
        "Ж": "zhe",
        "И": "i",
        "Л": "el",
        "Ф": "ef",
        "Ц": "tse",
        "Ш": "sha",
        "Э": "e",
        "Ю": "yu",
        "Я": "ya",
    },
    "en": {
        "D": "d_en",
        "F": "f_en",
        "J": "j_en",
        "K": "k_en",
        "L": "l_en",
        "P": "p_en",
        "R": "r_en",
        "T": "t_en",
        "W": "w_en",
        "X": "x_en",
        "Y": "y_en",
        "Z": "z_en",
    },
}
FONTS: dict[Language, str] = {"ru": "onest-bold-letters.ttf", "en": "onest-bold-latin.ttf"}
LENGTH = 5

SIZE = (420, 128)  # twice the size on the page, for dense screens
MARGIN = 12
INK = (0, 0, 0)  # the page turns it white on dark backgrounds
LIBRARY_INK = 129  # the library takes a letter's mask from its brightness times 1.97

SAMPLES_A_SECOND = 8_000
SILENCE = 128
NOISE = 9  # of 127
DECOY = 0.16  # the loudness of the reversed voice behind the letters

_NOISE_TABLE = bytes(SILENCE - NOISE + byte % (2 * NOISE + 1) for byte in range(256))


class EmbeddedCaptcha:
    """Needs nothing but this folder."""

    def letters(self, language: Language = "ru") -> str:
        """Five of twelve letters: a guess is right once in 250 000 times."""
        return "".join(secrets.choice(list(SPOKEN[language])) for _ in range(LENGTH))

    def picture(self, letters: str) -> bytes:
        """Transparent, with lines through the letters."""
        made = _drawer(_language_of(letters)).create_captcha_image(letters, (LIBRARY_INK,) * 3, (0, 0, 0)).convert("L")
        drawn = made.point([min(255, level * 255 // LIBRARY_INK) for level in range(256)])
        drawn = drawn.crop(drawn.getbbox())
        drawn.thumbnail((SIZE[0] - 2 * MARGIN, SIZE[1]))  # the library may set the last letter on the very edge
        mask = Image.new("L", SIZE)
        mask.paste(drawn, ((SIZE[0] - drawn.width) // 2, (SIZE[1] - drawn.height) // 2))
        for _ in range(2):
            _draw_wave(mask)
        picture = Image.new("RGBA", SIZE, (*INK, 0))
        picture.putalpha(mask)
        out = io.BytesIO()
        picture.save(out, format="png")
        return out.getvalue()

    def speech(self, letters: str) -> bytes:
        """About ten seconds; each letter at its own pace, with a stranger's voice behind it."""
        body = bytearray(_noise(SAMPLES_A_SECOND // 2))
        for letter in letters:
            body += _spoken(letter)
            body += _noise(SAMPLES_A_SECOND // 3 + secrets.randbelow(SAMPLES_A_SECOND // 2))
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(1)
            file.setframerate(SAMPLES_A_SECOND)
            file.writeframes(bytes(body))
        return out.getvalue()


def _language_of(letters: str) -> Language:
    return "en" if letters.isascii() else "ru"


@cache
def _drawer(language: Language) -> ImageCaptcha:
    drawer = ImageCaptcha(SIZE[0] * 2, SIZE[1], fonts=[str(HERE / FONTS[language])], font_sizes=(72, 80, 88))
    drawer.character_rotate = (-20, 20)
    drawer.character_offset_dx, drawer.character_offset_dy = (0, 8), (0, 12)
    drawer.character_warp_dx = drawer.character_warp_dy = (0.05, 0.15)
    drawer.word_offset_dx, drawer.word_space_probability = 0.05, 0.25
    return drawer


def _draw_wave(mask: Image.Image) -> None:
    """A line through the picture, as in the design."""
    width, height = SIZE
    middle = height // 4 + secrets.randbelow(height // 2)
    swing = height // 8 + secrets.randbelow(height // 6)
    turns, start = 1 + secrets.randbelow(100) / 80, secrets.randbelow(628) / 100
    points = [(x, middle + swing * math.sin(start + turns * 2 * math.pi * x / width)) for x in range(0, width + 6, 6)]
    ImageDraw.Draw(mask).line(points, fill=120, width=4, joint="curve")


@cache
def _voice(letter: str) -> bytes:
    with wave.open(str(HERE / "letters" / f"{SPOKEN[_language_of(letter)][letter]}.wav")) as file:
        return file.readframes(-1)


def _spoken(letter: str) -> bytes:
    voice = _at_pace(_voice(letter), 0.9 + secrets.randbelow(26) / 100)
    decoy = _at_pace(
        _voice(secrets.choice(list(SPOKEN[_language_of(letter)])))[::-1], 0.8 + secrets.randbelow(40) / 100
    )
    decoy = (decoy * (len(voice) // len(decoy) + 1))[: len(voice)]
    loud = 0.75 + secrets.randbelow(25) / 100
    return bytes(
        min(255, max(0, noise + int((mine - SILENCE) * loud + (other - SILENCE) * DECOY)))
        for mine, other, noise in zip(voice, decoy, _noise(len(voice)), strict=True)
    )


def _at_pace(voice: bytes, pace: float) -> bytes:
    return bytes(voice[int(index * pace)] for index in range(int(len(voice) / pace)))


def _noise(length: int) -> bytes:
    return os.urandom(length).translate(_NOISE_TABLE)
