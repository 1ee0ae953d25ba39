"""Files that people attach: what is taken, what is drawn anew, and what is refused before and after it has come."""

import io
import zlib
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from cabinet.adapters import files
from cabinet.adapters.files import (
    FileEmpty,
    FileOfOtherKind,
    FileRefused,
    FileTooLarge,
    FileUnreadable,
    PictureTooLarge,
)
from cabinet.config import settings

PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CABINET_FILES_PATH", str(tmp_path))
    settings.cache_clear()
    return tmp_path


def stored(contents: bytes, name: str = "abcdef") -> Path:
    path = files.path_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents)
    return path


def picture(kind: str = "PNG", size: tuple[int, int] = (60, 40), **how: object) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", size, "red").save(held, kind, **how)
    return held.getvalue()


@pytest.mark.parametrize("name", ["снимок.png", "a.JPG", "a.b.pdf", "запись.mp4"])
def test_what_people_send_is_taken(name: str):
    files.check_promise(name, 10 * 2**20)


@pytest.mark.parametrize(
    ("name", "size", "refusal"),
    [
        ("пусто.png", 0, FileEmpty),
        ("кино.mp4", 10 * 2**20 + 1, FileTooLarge),
        ("кино.mp4", 5 * 2**30, FileTooLarge),
        ("счёт.pdf.exe", 100, FileOfOtherKind),
        ("страница.html", 100, FileOfOtherKind),
        ("рисунок.svg", 100, FileOfOtherKind),
        ("pdf", 100, FileOfOtherKind),
        ("", 100, FileOfOtherKind),
    ],
)
def test_what_is_not_taken_is_refused_before_its_first_byte(name: str, size: int, refusal: type):
    with pytest.raises(refusal):
        files.check_promise(name, size)


def test_a_file_too_large_says_how_large_and_what_to_do():
    with pytest.raises(FileTooLarge) as refused:
        files.check_promise("кино.mp4", 48 * 2**20)

    assert refused.value.text == "48 МБ — больше 10 МБ. Сократите запись или пришлите снимок."


@pytest.mark.parametrize(
    ("name", "contents"),
    [
        ("снимок.png", b"<html><script>alert(1)</script></html>"),
        ("снимок.png", picture("JPEG")),
        ("снимок.jpg", PDF),
        ("счёт.pdf", b"MZ\x90\x00 this program cannot be run"),
        ("счёт.pdf", picture()),
        ("кино.mp4", b"\x00" * 100),
        ("снимок.png", picture()[:60]),
        ("снимок.png", b"\x89PNG\r\n\x1a\n" + b"\x00" * 50),
    ],
)
def test_what_is_not_what_its_name_says_is_refused(name: str, contents: bytes):
    stored(contents)

    with pytest.raises(FileUnreadable):
        files.accept("abcdef", name)


def test_a_pdf_stays_as_it_is():
    path = stored(PDF)

    assert files.accept("abcdef", "счёт.pdf") == ("application/pdf", len(PDF))
    assert path.read_bytes() == PDF


def test_a_picture_is_drawn_anew_without_what_was_hidden_in_it():
    secret = PngImagePlugin.PngInfo()
    secret.add_text("Location", "55.75, 37.61")
    path = stored(picture(pnginfo=secret) + b"<?php system($_GET[0]); ?>")

    assert files.accept("abcdef", "снимок.png")[0] == "image/png"

    drawn = path.read_bytes()
    assert b"55.75" not in drawn
    assert b"php" not in drawn
    with Image.open(path) as seen:
        assert (seen.size, seen.info.get("Location")) == ((60, 40), None)


def test_where_a_photograph_was_taken_stays_behind_and_its_turn_is_kept():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    exif.get_ifd(0x8825)[2] = (55.0, 45.0, 0.0)
    path = stored(picture("JPEG", exif=exif))

    files.accept("abcdef", "фото.jpg")

    with Image.open(path) as seen:
        assert (seen.size, dict(seen.getexif())) == ((40, 60), {})


def test_a_bomb_of_a_picture_is_refused_before_it_is_drawn():
    def chunk(name: bytes, contents: bytes) -> bytes:
        return len(contents).to_bytes(4, "big") + name + contents + zlib.crc32(name + contents).to_bytes(4, "big")

    header = (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    body = zlib.compress(b"\x00" * 1_000_000)
    stored(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b""))

    with pytest.raises(PictureTooLarge):
        files.accept("abcdef", "бомба.png")


@pytest.mark.parametrize("kind", ["WEBP", "GIF"])
def test_other_pictures_become_png(kind: str):
    stored(picture(kind))

    assert files.accept("abcdef", f"a.{kind.lower()}")[0] == "image/png"


def test_a_refusal_is_a_fact_with_words():
    assert all(refusal.message for refusal in FileRefused.__subclasses__())
