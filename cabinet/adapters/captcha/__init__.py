"""Proof of being a person: what the program asks of a captcha."""

from typing import Protocol

from cabinet.locales import Language


class CaptchaMaker(Protocol):
    """Makes letters and shows them to eye and ear. Rendering takes milliseconds: call it in a thread."""

    def letters(self, language: Language = "ru") -> str:
        """A new answer, in letters that a reader of the language can type."""

    def picture(self, letters: str) -> bytes:
        """A PNG that shows the letters on any background of the design, light or dark."""

    def speech(self, letters: str) -> bytes:
        """A WAV that says them."""
