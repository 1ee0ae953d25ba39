"""A mail server by SMTP: one connection for a batch of letters."""

import hashlib
import smtplib
import ssl
import time
from collections import deque
from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, parseaddr

import structlog

from cabinet import clock
from cabinet.adapters.pauses import LONGEST_SECONDS, Pause
from cabinet.adapters.sending import Answer, Message, Receipt, Verdict
from cabinet.config import Settings, SmtpSecurity

log = structlog.get_logger(__name__)

AT_ONCE = 50
BATCH_SECONDS = 10.0


class MailServer:
    """Letters are plain text; their Message-ID comes from the reference, so that a repetition can be known as one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pause = Pause()

    def room(self) -> int:
        return 0 if self._pause.is_on else AT_ONCE

    def send(self, messages: Sequence[Message]) -> Iterator[Answer]:
        waiting = deque(messages)
        until = time.monotonic() + BATCH_SECONDS
        reason = ""
        try:
            server = self._connected()
        except (smtplib.SMTPException, OSError) as error:
            reason = self._rest_after(error)
        else:
            while waiting and not reason and time.monotonic() < until:
                message = waiting.popleft()
                try:
                    answer = self._send_one(server, message)
                except (smtplib.SMTPException, OSError) as error:
                    reason = self._rest_after(error)
                    answer = Answer(message.reference, Verdict.FAILED, reason=reason)
                yield answer
            _hang_up(server)
        for message in waiting:
            yield Answer(message.reference, Verdict.LEFT, reason=reason)

    def receipts(self) -> list[Receipt]:
        """Letters that come back are for the operator's own mailbox."""
        return []

    def _connected(self) -> smtplib.SMTP:
        chosen = self._settings
        is_tls = chosen.smtp_security is SmtpSecurity.TLS
        context = ssl.create_default_context()
        server: smtplib.SMTP
        if is_tls:
            server = smtplib.SMTP_SSL(
                chosen.smtp_host, chosen.smtp_port, timeout=chosen.smtp_timeout_seconds, context=context
            )
        else:
            server = smtplib.SMTP(chosen.smtp_host, chosen.smtp_port, timeout=chosen.smtp_timeout_seconds)
        try:
            if chosen.smtp_security is SmtpSecurity.STARTTLS:
                server.starttls(context=context)  # raises where the server has none: never in the clear instead
            if chosen.smtp_user:
                _log_in(server, chosen.smtp_user, chosen.smtp_password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server

    def _send_one(self, server: smtplib.SMTP, message: Message) -> Answer:
        """One letter.

        Raises:
            SMTPException, OSError: the connection is of no use any more, and nobody knows whether the letter has gone.
        """
        try:
            server.send_message(self._letter(message))
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
            status = _status(error)
            if status == 421:  # it closes the connection
                raise
            verdict = Verdict.REFUSED if 500 <= status < 600 else Verdict.FAILED
            return Answer(message.reference, verdict, reason=f"SMTP {status}")
        self._pause.forget()
        return Answer(message.reference, Verdict.SENT)

    def _letter(self, message: Message) -> EmailMessage:
        name, address = parseaddr(self._settings.smtp_from)
        letter = EmailMessage()
        letter["From"] = formataddr((name or self._settings.brand_name, address))
        letter["To"] = message.recipient
        letter["Subject"] = message.subject or self._settings.brand_name
        letter["Date"] = format_datetime(clock.now())
        known_by = hashlib.sha256(message.reference.encode()).hexdigest()[:32]
        letter["Message-ID"] = f"<{known_by}@{address.rpartition('@')[2]}>"
        letter["Auto-Submitted"] = "auto-generated"
        letter.set_content(message.text)
        return letter

    def _rest_after(self, error: Exception) -> str:
        """Leaves the server alone for a while and returns the reason."""
        is_misconfigured = isinstance(
            error,
            smtplib.SMTPAuthenticationError
            | smtplib.SMTPNotSupportedError
            | smtplib.SMTPSenderRefused
            | ssl.SSLCertVerificationError,
        )
        self._pause.begin(LONGEST_SECONDS if is_misconfigured else 0)
        tell = log.error if is_misconfigured else log.warning
        tell("no connection to the mail server", reason=type(error).__name__, is_misconfigured=is_misconfigured)
        return type(error).__name__


def _log_in(server: smtplib.SMTP, user: str, password: str) -> None:
    try:
        server.login(user, password)
    except smtplib.SMTPServerDisconnected as error:  # some hang up on a wrong password
        raise smtplib.SMTPAuthenticationError(535, b"hung up") from error


def _status(error: smtplib.SMTPException) -> int:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return int(next(iter(error.recipients.values()))[0])
    return int(error.smtp_code) if isinstance(error, smtplib.SMTPResponseException) else 0


def _hang_up(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except (smtplib.SMTPException, OSError):
        server.close()
