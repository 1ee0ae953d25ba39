"""The embedded gateway: messages lie in the database, and the demo phone shows them."""

from collections.abc import Iterator, Sequence

from sqlmodel import col, select

from cabinet import clock, db
from cabinet.adapters.sending import Answer, Message, Receipt, Verdict
from cabinet.models.demo import DemoSms

AT_ONCE = 100


class DemoPhone:
    """Delivers at once, SMS and letters alike."""

    def room(self) -> int:
        """Always."""
        return AT_ONCE

    def send(self, messages: Sequence[Message]) -> Iterator[Answer]:
        """Keeps the messages; each reference once."""
        references = [message.reference for message in messages]
        with db.transaction() as session:
            known = set(session.exec(select(DemoSms.reference).where(col(DemoSms.reference).in_(references))))
            session.add_all(
                DemoSms(
                    reference=message.reference,
                    recipient=message.recipient,
                    text="\n".join(filter(None, (message.subject, message.text))),
                    sent_at=clock.now(),
                )
                for message in messages
                if message.reference not in known
            )
        yield from (Answer(reference, Verdict.SENT) for reference in references)

    def receipts(self) -> list[Receipt]:
        """It says nothing."""
        return []
