"""Files of conversations: a row before the first byte, so that whatever is interrupted is found and cleared away.

Where the bytes lie is the matter of `adapters/files`; here is whose they are and who may have them.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, cast

from sqlalchemy import ColumnElement, delete, func
from sqlmodel import Session, col, select

from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.support import MOST_FILES, MessageKind
from cabinet.models.support import Attachment, Ticket, TicketMessage
from cabinet.services import limits

LONGEST_NAME = 100
FILES_PER_HOUR = 40
TAKEN_WITHIN = timedelta(hours=23)
LOOSE_FOR = timedelta(days=1)
AT_ONCE = 100


class TooManyFiles(CabinetError):
    """More than a message can take."""

    message = "К сообщению можно приложить не больше пяти файлов. Уберите лишние."


class FilesGone(CabinetError):
    """Sent too long ago, already in another message, or not by this owner."""

    message = "Файлы больше не хранятся. Приложите их снова."


class TooManyUploads(CabinetError):
    """More than anybody sends in an hour."""

    message = "Файлов за час было слишком много. Попробуйте позже."


class Owner(NamedTuple):
    """Who has sent a file: a subscriber, or a member of the staff."""

    subscriber_id: int | None = None
    staff_id: int | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A file that somebody may have; `size` in bytes."""

    id: int
    name: str
    stored_name: str
    media_type: str
    size: int

    @property
    def is_picture(self) -> bool:
        """Whether it is shown as a picture's sign."""
        return self.media_type.startswith("image/")


def begin(session: Session, owner: Owner, name: str, *, now: datetime) -> tuple[int, str]:
    """Writes down that a file is coming; returns its id and the name to store it by.

    Raises:
        TooManyUploads: more than 40 in an hour.
    """
    key = f"files-of:{'staff' if owner.staff_id else 'subscriber'}:{owner.staff_id or owner.subscriber_id}"
    if limits.hit(session, key, window=timedelta(hours=1), now=now).count > FILES_PER_HOUR:
        raise TooManyUploads
    row = Attachment(
        subscriber_id=owner.subscriber_id,
        staff_id=owner.staff_id,
        name=clean_name(name),
        stored_name=secrets.token_hex(16),
        created_at=now,
    )
    session.add(row)
    session.flush()
    return cast(int, row.id), row.stored_name


def finish(session: Session, file_id: int, *, media_type: str, size: int) -> File:
    """It is here, whole and looked at."""
    row = session.get(Attachment, file_id)
    if row is None:
        raise NotFound
    row.media_type, row.size, row.is_whole = media_type, size, True
    session.add(row)
    session.flush()
    return _file(row)


def take(session: Session, owner: Owner, file_ids: Sequence[int], message_id: int, *, now: datetime) -> None:
    """Gives files that the owner has sent to a message of the same owner.

    Raises:
        TooManyFiles: more than five.
        FilesGone: one of them is not the owner's, belongs to another message, or is about to be cleared away.
    """
    wanted = set(file_ids)
    if len(wanted) > MOST_FILES:
        raise TooManyFiles
    if not wanted:
        return
    rows = session.exec(
        select(Attachment)
        .where(
            col(Attachment.id).in_(wanted),
            _sent_by(owner),
            col(Attachment.message_id).is_(None),
            col(Attachment.is_whole).is_(True),
            Attachment.created_at > now - TAKEN_WITHIN,
        )
        .with_for_update()
    ).all()
    if len(rows) != len(wanted):
        raise FilesGone
    for row in rows:
        row.message_id = message_id
        session.add(row)
    session.flush()


def get_for_subscriber(session: Session, subscriber_id: int, file_id: int) -> File:
    """A file of one of the subscriber's conversations, or one just sent; not one of an internal note.

    Raises:
        NotFound: there is none, or it is someone else's.
    """
    row = session.exec(
        select(Attachment)
        .outerjoin(TicketMessage, col(TicketMessage.id) == col(Attachment.message_id))
        .outerjoin(Ticket, col(Ticket.id) == col(TicketMessage.ticket_id))
        .where(
            Attachment.id == file_id,
            col(Attachment.is_whole).is_(True),
            func.coalesce(col(Ticket.subscriber_id), col(Attachment.subscriber_id)) == subscriber_id,
            func.coalesce(col(TicketMessage.kind), MessageKind.QUESTION) != MessageKind.NOTE,
        )
    ).one_or_none()
    if row is None:
        raise NotFound
    return _file(row)


def get_for_staff(session: Session, staff_id: int, file_id: int) -> File:
    """A file of any conversation, or one that this member of the staff has just sent.

    Raises:
        NotFound: there is none.
    """
    row = session.exec(
        select(Attachment).where(
            Attachment.id == file_id,
            col(Attachment.is_whole).is_(True),
            col(Attachment.message_id).is_not(None) | (col(Attachment.staff_id) == staff_id),
        )
    ).one_or_none()
    if row is None:
        raise NotFound
    return _file(row)


def list_of(session: Session, message_ids: Sequence[int]) -> dict[int, list[File]]:
    """The files of these messages."""
    found: dict[int, list[File]] = {}
    if message_ids:
        query = select(Attachment).where(col(Attachment.message_id).in_(message_ids)).order_by(col(Attachment.id))
        for row in session.exec(query):
            found.setdefault(cast(int, row.message_id), []).append(_file(row))
    return found


def list_loose(session: Session, *, now: datetime, limit: int = AT_ONCE) -> list[str]:
    """Stored names of files that no message has taken for a day."""
    query = (
        select(Attachment.stored_name)
        .where(col(Attachment.message_id).is_(None), Attachment.created_at < now - LOOSE_FOR)
        .order_by(col(Attachment.created_at))
        .limit(limit)
    )
    return list(session.exec(query))


def forget(session: Session, stored_names: Sequence[str]) -> None:
    """Deletes the rows of files that are no longer stored and that no message has."""
    session.exec(
        delete(Attachment).where(col(Attachment.stored_name).in_(stored_names), col(Attachment.message_id).is_(None))
    )


def clean_name(name: str) -> str:
    """A name to be shown and to be saved by: no path, nothing that cannot be printed; its end stays."""
    name = name.replace("\\", "/").rpartition("/")[2]
    name = "".join(char for char in name if char.isprintable() and char not in '<>:"|?*\u202e\u202d').strip(" .")
    return name[-LONGEST_NAME:] or "file"


def _sent_by(owner: Owner) -> ColumnElement[bool]:
    if owner.staff_id is not None:
        return col(Attachment.staff_id) == owner.staff_id
    return col(Attachment.subscriber_id) == owner.subscriber_id


def _file(row: Attachment) -> File:
    return File(cast(int, row.id), row.name, row.stored_name, row.media_type, row.size)
