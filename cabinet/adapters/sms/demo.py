"""The embedded gateway: messages lie in the database, and the demo phone shows them."""

from sqlmodel import select

from cabinet import clock, db
from cabinet.models.demo import DemoSms


class DemoPhone:
    """Delivers at once."""

    def send(self, recipient: str, text: str, reference: str) -> None:
        """Keeps the message; the same reference once."""
        with db.transaction() as session:
            if session.exec(select(DemoSms.id).where(DemoSms.reference == reference)).first() is None:
                session.add(DemoSms(reference=reference, recipient=recipient, text=text, sent_at=clock.now()))
