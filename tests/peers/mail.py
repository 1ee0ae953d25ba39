"""A mail server: aiosmtpd in a thread, with a certificate of its own."""

import ssl
import subprocess
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from tests.servers import free_port

USER, PASSWORD = "cabinet", "mail secret"


class Post(Controller):
    """Keeps the letters; `refusals` answers the next commands DATA or RCPT instead, an empty one drops the line."""

    def __init__(self, folder: Path, *, has_tls: bool = True, from_the_start: bool = False) -> None:
        self.letters: list[EmailMessage] = []
        self.connections = 0
        self.refuse_data: list[str] = []
        self.refuse_recipient: list[str] = []
        self.certificate = folder / "certificate.pem"
        context = _context(self.certificate) if has_tls else None
        options: dict[str, Any] = {"authenticator": _check, "auth_required": True, "auth_require_tls": has_tls}
        if context is not None and not from_the_start:
            options |= {"tls_context": context, "require_starttls": True}
        if from_the_start:
            options |= {"auth_require_tls": False, "ssl_context": context}
        super().__init__(self, hostname="localhost", port=free_port(), **options)

    async def handle_EHLO(self, server: SMTP, session: Any, envelope: Any, hostname: str, responses: Any) -> Any:
        """Counts who comes."""
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server: SMTP, session: Any, envelope: Any, address: str, _options: Any) -> str:
        """Takes every address unless told otherwise."""
        if self.refuse_recipient:
            return self.refuse_recipient.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        """Takes the letter unless told otherwise."""
        if self.refuse_data:
            said = self.refuse_data.pop(0)
            if said.startswith("taken, then"):
                self._keep(envelope)
            if said.endswith("drop"):
                server.transport.abort()
            return said
        self._keep(envelope)
        return "250 OK"

    def _keep(self, envelope: Any) -> None:
        letter = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)


def _check(_server: object, _session: object, _envelope: object, _mechanism: str, data: Any) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right)


def _context(certificate: Path) -> ssl.SSLContext:
    key = certificate.with_name("key.pem")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
