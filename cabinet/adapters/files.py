"""The folder of files: what people attach arrives here in pieces, is looked at, and is given out again.

A file is known by a name that we have made; what its owner calls it never comes near a path. Pictures are drawn anew:
what was hidden in them, and where they were taken, stays behind.
"""

from pathlib import Path

import puremagic
from PIL import Image, ImageOps

from cabinet.config import settings
from cabinet.domain.errors import CabinetError

MOST_PIXELS = 30_000_000  # of a telephone 12 million; a bomb has billions
LONGEST_SIDE = 4_000  # what is larger is made smaller
_MEGABYTE = 2**20

_PICTURES = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP", "gif": "GIF"}
_OTHERS = {
    "pdf": ("application/pdf", {".pdf"}),
    "mp4": ("video/mp4", {".mp4", ".m4v", ".mov", ".m4a", ".3gp"}),
    "mov": ("video/quicktime", {".mov", ".mp4", ".m4v"}),
    "webm": ("video/webm", {".webm", ".mkv"}),
}
"""By the end of the name: the media type, and what the first bytes may be taken for."""


class FileRefused(CabinetError):
    """A file that is not taken; each reason says what to do."""


class FileTooLarge(FileRefused):
    message = "{size} МБ — больше {most} МБ. Сократите запись или пришлите снимок."


class FileEmpty(FileRefused):
    message = "Файл пустой. Выберите другой."


class FileOfOtherKind(FileRefused):
    message = "Такой файл не примем. Пришлите снимок экрана (PNG, JPEG), PDF или видео (MP4)."


class FileUnreadable(FileRefused):
    message = "Файл не читается: внутри не то, что написано в имени. Сохраните его заново или пришлите снимок."


class PictureTooLarge(FileRefused):
    message = "В снимке слишком много точек. Уменьшите его и пришлите снова."


def check_promise(name: str, size: int) -> None:
    """What can be said before the first byte: by the end of the name and the promised number of bytes.

    Raises:
        FileOfOtherKind, FileEmpty, FileTooLarge
    """
    if _end_of(name) not in _PICTURES | _OTHERS:
        raise FileOfOtherKind
    if size <= 0:
        raise FileEmpty
    most = settings().file_most_megabytes
    if size > most * _MEGABYTE:
        raise FileTooLarge(size=-(-size // _MEGABYTE), most=most)


def path_of(stored_name: str) -> Path:
    """Where a file lies: in one of 256 folders, so that none grows too long."""
    return settings().files_path / stored_name[:2] / stored_name


def accept(stored_name: str, name: str) -> tuple[str, int]:
    """Looks at a file that has arrived, draws it anew where it is a picture; returns its media type and size.

    Raises:
        FileUnreadable: it is not what the end of its name says.
        PictureTooLarge: it would fill the memory.
    """
    path, end = path_of(stored_name), _end_of(name)
    if end in _PICTURES:
        media_type = _redraw(path, _PICTURES[end])
    else:
        media_type, taken_for = _OTHERS[end]
        if _kind_of(path) not in taken_for:
            raise FileUnreadable
    return media_type, path.stat().st_size


def delete(stored_name: str) -> None:
    """The file is gone, whether it was there or not."""
    path_of(stored_name).unlink(missing_ok=True)


def _redraw(path: Path, kind: str) -> str:
    try:
        with Image.open(path, formats=[kind]) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise PictureTooLarge
            picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a large JPEG is never drawn whole
            picture.seek(0)  # of one that moves, the first
            drawn = ImageOps.exif_transpose(picture)
            has_holes = drawn.mode in ("RGBA", "LA", "PA") or "transparency" in drawn.info
            drawn = drawn.convert("RGBA" if has_holes and kind != "JPEG" else "RGB")
            drawn.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    except Image.DecompressionBombError:
        raise PictureTooLarge from None
    except FileRefused:
        raise
    except Exception as error:  # whatever a decoder thinks of bytes that a stranger has made
        raise FileUnreadable from error
    drawn.info.clear()
    if kind == "JPEG":
        drawn.save(path, "JPEG", quality=88, optimize=True)
        return "image/jpeg"
    drawn.save(path, "PNG")
    return "image/png"


def _kind_of(path: Path) -> str:
    try:
        return puremagic.from_file(str(path)).lower()
    except (puremagic.PureError, ValueError, OSError):
        return ""


def _end_of(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""
