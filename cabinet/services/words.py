"""English words of what the operator sells, beside the Russian ones: from the catalogue file and from the desk.

They are of no version: a version that was sold keeps its Russian words for ever, and their English may be corrected at
any time. Each process knows all of them (`locales.name_in`), so that a page asks for none.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from hashlib import sha256
from typing import Any
from unicodedata import category

from sqlalchemy import func
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from cabinet import db
from cabinet.beside import beside
from cabinet.bulk import is_among
from cabinet.domain.errors import CabinetError
from cabinet.locales import learn, stand_of_words
from cabinet.models.catalogue import EnglishWord

FOLLOW_SECONDS = 5.0
LONGEST = 4_000


class WordsWrong(CabinetError):
    message = "По-английски — обычный текст, не длиннее {most} знаков."


def store(session: Session, english: Mapping[str, str], *, now: datetime) -> None:
    """Keeps the words of the catalogue file. What the desk has put otherwise stays where the file says the same as
    before."""
    rows = _rows(session, english)
    for russian, text in english.items():
        row = rows.get(russian)
        if row is None:
            session.add(_row(russian, text, now, in_file=text))
        elif row.english_in_file != text:
            row.english = row.english_in_file = text
            row.changed_at = now
    session.flush()


def key_of(russian: str) -> str:
    """What the field of its English words is called in a form."""
    return f"en-{_digest(russian)[:16]}"


def save(session: Session, typed: Mapping[str, Any], *, now: datetime) -> int:
    """Keeps what was typed as the English of the Russian texts; an empty one is taken back, and what is no text has not
    come. Returns how many are different by it.

    Raises:
        WordsWrong: one of them is too long, or no plain text.
    """
    words = {russian: text.strip() for russian, text in typed.items() if russian and isinstance(text, str)}
    for word in words.values():
        if len(word) > LONGEST or any(category(sign) in ("Cc", "Cs") and sign != "\n" for sign in word):
            raise WordsWrong(most=LONGEST)
    rows = _rows(session, words)
    changed = 0
    for russian, text in words.items():
        row = rows.get(russian)
        if text == (row.english if row else ""):
            continue
        changed += 1
        if row is None:
            session.add(_row(russian, text, now))
        else:
            row.english, row.changed_at = text, now
    session.flush()
    catch_up(session)  # if it is not committed after all, the next look finds that out
    return changed


def english_of(session: Session, texts: Collection[str]) -> dict[str, str]:
    """The English words of these Russian texts; what has none is left out."""
    return {russian: row.english for russian, row in _rows(session, texts).items() if row.english}


def catch_up(session: Session) -> None:
    """Learns all words anew if any is different since the last time: one small query if none is."""
    stand = session.exec(select(func.count(), func.max(EnglishWord.changed_at)).select_from(EnglishWord)).one()
    if stand != stand_of_words():
        words = session.exec(select(EnglishWord.russian, EnglishWord.english).where(EnglishWord.english != "")).all()
        learn(dict(words), stand)


@asynccontextmanager
async def following() -> AsyncIterator[None]:
    """This process knows the words for as long as the block lasts: what another process brings, within five seconds."""
    await asyncio.to_thread(_look)
    async with beside(_follow()):
        yield


async def _follow() -> None:
    while True:
        await asyncio.sleep(FOLLOW_SECONDS)
        await asyncio.to_thread(_look)


def _look() -> None:
    with suppress(OperationalError), db.reading() as session:  # the database is away, which others say
        catch_up(session)


def _rows(session: Session, texts: Collection[str]) -> dict[str, EnglishWord]:
    digests = [_digest(text) for text in texts]
    rows = session.exec(select(EnglishWord).where(is_among(session, col(EnglishWord.digest), digests)))
    return {row.russian: row for row in rows}


def _row(russian: str, english: str, now: datetime, *, in_file: str = "") -> EnglishWord:
    return EnglishWord(
        digest=_digest(russian), russian=russian, english=english, english_in_file=in_file, changed_at=now
    )


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
