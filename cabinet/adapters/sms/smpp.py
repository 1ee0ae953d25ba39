"""An SMS centre by SMPP 3.4: one connection of this process, bound both ways, with a window of unanswered messages.

`smpplib` makes and reads the packets. Texts are UCS-2; a long one goes in parts. Whatever can be taken for the same
message again is the same when it is tried again: the number of the parts' set and `user_message_reference`, by which a
centre that honours it knows a repetition.
"""

import logging
import re
import select
import socket
import ssl
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from smpplib import client as smpp_client
from smpplib import consts, exceptions, smpp

from cabinet import clock
from cabinet.adapters.pauses import LONGEST_SECONDS, Pause, Rate
from cabinet.adapters.sending import Answer, Message, Receipt, Verdict
from cabinet.config import Concatenation, Settings

log = structlog.get_logger(__name__)
logging.getLogger("smpplib").setLevel(logging.ERROR)  # it tells every packet, with texts and the password in hex

AT_ONCE = 200
BATCH_SECONDS = 2.0  # after that nothing new is begun: a code that has come meanwhile is to overtake the rest
ENQUIRE_SECONDS = 30.0
UNITS = 70  # of UTF-16 in one message
UNITS_IN_PART = 67  # beside the header of a part
UNITS_IN_PAYLOAD = 500

_THROTTLED = {consts.SMPP_ESME_RTHROTTLED, consts.SMPP_ESME_RMSGQFUL}
_MESSAGE_REFUSED = {
    consts.SMPP_ESME_RINVMSGLEN,
    consts.SMPP_ESME_RINVDSTADR,
    consts.SMPP_ESME_RINVNUMDESTS,
    consts.SMPP_ESME_RINVDSTTON,
    consts.SMPP_ESME_RINVDSTNPI,
    consts.SMPP_ESME_RX_P_APPN,
    consts.SMPP_ESME_RX_R_APPN,
}
# Every message would be answered so: the settings do not suit the centre, and a person must look.
_SETTINGS_REFUSED = {
    consts.SMPP_ESME_RINVCMDID,
    consts.SMPP_ESME_RINVBNDSTS,
    consts.SMPP_ESME_RINVPRTFLG,
    consts.SMPP_ESME_RINVREGDLVFLG,
    consts.SMPP_ESME_RINVSRCADR,
    consts.SMPP_ESME_RINVSERTYP,
    consts.SMPP_ESME_RINVESMCLASS,
    consts.SMPP_ESME_RINVSRCTON,
    consts.SMPP_ESME_RINVSRCNPI,
    consts.SMPP_ESME_RINVSYSTYP,
    consts.SMPP_ESME_RINVOPTPARSTREAM,
    consts.SMPP_ESME_ROPTPARNOTALLWD,
    consts.SMPP_ESME_RINVPARLEN,
    consts.SMPP_ESME_RINVOPTPARAMVAL,
}
_FINAL_STATES = {b"DELIVRD": True, b"EXPIRED": False, b"DELETED": False, b"UNDELIV": False, b"REJECTD": False}
_RECEIPT_ID = re.compile(rb"\bid:(\S+)", re.IGNORECASE)
_RECEIPT_STATE = re.compile(rb"\bstat:(\w+)", re.IGNORECASE)
_IS_RECEIPT = 0x04  # in esm_class of deliver_sm


class _Lost(Exception):
    """There is no connection any more; the text says why."""


@dataclass(slots=True)
class _Task:
    """A message on its way: its parts, how many have gone and how many of these are unanswered."""

    message: Message
    parts: list[dict[str, Any]]
    gone: int = 0
    unanswered: int = 0
    verdict: Verdict | None = None
    reason: str = ""
    gateway_id: str | None = None

    @property
    def is_over(self) -> bool:
        return not self.unanswered and (self.verdict is not None or self.gone == len(self.parts))

    def answer(self, otherwise: Verdict = Verdict.SENT, reason: str = "") -> Answer:
        return Answer(self.message.reference, self.verdict or otherwise, self.gateway_id or None, self.reason or reason)


@dataclass(slots=True)
class _Batch:
    """What was handed over together, and what of it the centre has not answered, by sequence number."""

    waiting: deque[_Task]
    unanswered: dict[int, tuple[_Task, float]] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    is_open: bool = True

    def take_answers(self) -> list[Answer]:
        taken, self.answers = self.answers, []
        return taken


class _Client(smpp_client.Client):
    """Knows IPv6 and checks the name in a certificate."""

    def connect(self) -> None:
        connected = socket.create_connection((self.host, self.port), timeout=self.timeout)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._ssl_context is not None:
            connected = self._ssl_context.wrap_socket(connected, server_hostname=self.host)
        self._socket = connected
        self.state = consts.SMPP_CLIENT_STATE_OPEN

    @property
    def has_input(self) -> bool:
        """Whether something can be read without waiting."""
        return self.wait(0)

    def wait(self, seconds: float) -> bool:
        """Until something can be read (True), at most so long."""
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return True
        return bool(select.select([self._socket], [], [], max(seconds, 0))[0])


class SmppGateway:
    """See the module; the connection is made when it is needed and again when it is lost."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._timeout = float(settings.sms_timeout_seconds)
        self._lock = threading.RLock()
        self._client: _Client | None = None
        self._pause = Pause()
        self._rate = Rate(settings.sms_rate)
        self._receipts: list[Receipt] = []
        self._heard_at = self._asked_at = 0.0

    def room(self) -> int:
        with self._lock:
            if self._pause.is_on:
                return 0
            try:
                client = self._connected()
                self._listen(client, None)
                self._enquire(client)
            except _Lost as lost:
                self._lose(str(lost))
                return 0
            room = self._rate.room()
            return AT_ONCE if room is None else min(room, AT_ONCE)

    def send(self, messages: Sequence[Message]) -> Iterator[Answer]:
        with self._lock:
            yield from self._send(messages)

    def receipts(self) -> list[Receipt]:
        with self._lock:
            taken, self._receipts = self._receipts, []
            return taken

    def close(self) -> None:
        """Says good-bye to the centre."""
        with self._lock:
            if self._client is not None:
                try:
                    self._client.send_pdu(smpp.make_pdu("unbind", client=self._client))
                except (exceptions.ConnectionError, OSError):
                    log.debug("the sms centre had gone already")
            self._disconnect()

    # --- a batch ------------------------------------------------------------------------------------------------------

    def _send(self, messages: Sequence[Message]) -> Iterator[Answer]:
        batch = _Batch(deque(_Task(message, self._parts(message)) for message in messages))
        reason = ""
        try:
            client = self._connected()
            until = time.monotonic() + BATCH_SECONDS
            while (batch.waiting and batch.is_open) or batch.unanswered:
                self._submit(client, batch, until)
                if not batch.unanswered:
                    break
                self._listen(client, batch)
                yield from batch.take_answers()
        except _Lost as lost:
            reason = str(lost)
            self._lose(reason)
        yield from batch.take_answers()
        # A task with several unanswered parts stands there several times.
        for task in {id(task): task for task, _ in batch.unanswered.values()}.values():
            yield task.answer(Verdict.FAILED, reason)
        unanswered = {id(task) for task, _ in batch.unanswered.values()}
        for task in batch.waiting:
            if id(task) not in unanswered and not task.is_over:
                yield task.answer(Verdict.LEFT, reason)

    def _submit(self, client: _Client, batch: _Batch, until: float) -> None:
        """Fills the window. A message that was begun is finished, whatever the time."""
        while batch.waiting and batch.is_open and len(batch.unanswered) < self._settings.sms_window:
            task = batch.waiting[0]
            if task.verdict is not None:  # an earlier part was not taken: the others are of no use
                batch.waiting.popleft()
                continue
            if not task.gone and (time.monotonic() > until or self._rate.room() == 0):
                batch.is_open = False
                return
            packet = smpp.make_pdu("submit_sm", client=client, **task.parts[task.gone])
            batch.unanswered[packet.sequence] = task, time.monotonic()
            task.gone += 1
            task.unanswered += 1
            self._rate.take()
            if task.gone == len(task.parts):
                batch.waiting.popleft()
            self._write(client, packet)

    def _listen(self, client: _Client, batch: _Batch | None) -> None:
        """Reads what has come; with a batch, waits for the first answer.

        Raises:
            _Lost: the connection has gone, or an answer takes too long.
        """
        if batch is not None:
            oldest = min(sent_at for _, sent_at in batch.unanswered.values())
            if not client.wait(oldest + self._timeout - time.monotonic()):
                raise _Lost("no answer")
        while client.has_input:
            packet = self._read(client)
            self._heard_at, self._asked_at = time.monotonic(), 0.0
            match packet.command:
                case "submit_sm_resp" | "generic_nack":
                    if batch is not None and (found := batch.unanswered.pop(packet.sequence, None)):
                        self._judge(found[0], packet, batch)
                        if found[0].is_over:
                            batch.answers.append(found[0].answer())
                case "deliver_sm":
                    self._take_receipt(packet)
                    self._reply(client, packet, "deliver_sm_resp")
                case "enquire_link":
                    self._reply(client, packet, "enquire_link_resp")
                case "unbind":
                    self._reply(client, packet, "unbind_resp")
                    raise _Lost("the centre said good-bye")

    def _judge(self, task: _Task, packet: Any, batch: _Batch) -> None:
        task.unanswered -= 1
        status = packet.status
        if status == consts.SMPP_ESME_ROK:
            self._pause.forget()
            task.gateway_id = _text(getattr(packet, "message_id", b""))
            return
        task.reason = f"0x{status:X} {consts.DESCRIPTIONS.get(status, '')}".strip()
        if status in _THROTTLED or status in _SETTINGS_REFUSED:
            if batch.is_open:
                wrong_settings = status in _SETTINGS_REFUSED
                tell = log.error if wrong_settings else log.warning
                tell("the sms centre takes no more for now", reason=task.reason, is_misconfigured=wrong_settings)
                self._pause.begin(LONGEST_SECONDS if wrong_settings else 0)
            batch.is_open = False
            task.verdict = task.verdict or Verdict.LEFT
        else:
            task.verdict = Verdict.REFUSED if status in _MESSAGE_REFUSED else task.verdict or Verdict.FAILED

    def _take_receipt(self, packet: Any) -> None:
        if not (packet.esm_class or 0) & _IS_RECEIPT:
            return  # somebody answered an SMS: nobody reads that
        text = packet.short_message or b""
        named = getattr(packet, "receipted_message_id", None) or _first(_RECEIPT_ID, text)
        is_delivered = _FINAL_STATES.get(_first(_RECEIPT_STATE, text).upper())
        if named and is_delivered is not None:
            self._receipts.append(Receipt(_text(named), is_delivered))

    # --- packets ------------------------------------------------------------------------------------------------------

    def _parts(self, message: Message) -> list[dict[str, Any]]:
        number = zlib.crc32(message.reference.encode())
        texts = split(message.text, UNITS, UNITS_IN_PART)
        how = self._settings.sms_concatenation
        if how is Concatenation.PAYLOAD and len(texts) > 1:
            texts = split(message.text, UNITS_IN_PAYLOAD, UNITS_IN_PAYLOAD)
        parts = []
        for index, text in enumerate(texts, start=1):
            part: dict[str, Any] = {
                "short_message": text,
                "source_addr": self._settings.sms_sender,
                "destination_addr": message.recipient,
                "dest_addr_ton": consts.SMPP_TON_INTL,
                "dest_addr_npi": consts.SMPP_NPI_ISDN,
                "data_coding": consts.SMPP_ENCODING_ISO10646,
                "registered_delivery": consts.SMPP_SMSC_DELIVERY_RECEIPT_BOTH,
                "validity_period": _validity(message),
                "esm_class": consts.SMPP_MSGMODE_DEFAULT,
                **_sender_type(self._settings.sms_sender),
            }
            if self._settings.sms_send_reference:
                part["user_message_reference"] = (number + index - 1) & 0xFFFF
            if how is Concatenation.PAYLOAD and len(texts) == 1 and len(text) > 2 * UNITS:
                part["message_payload"] = part.pop("short_message")
            elif len(texts) > 1 and how is Concatenation.SAR:
                part |= {
                    "sar_msg_ref_num": number & 0xFFFF,
                    "sar_total_segments": len(texts),
                    "sar_segment_seqnum": index,
                }
            elif len(texts) > 1:
                part["short_message"] = bytes((5, 0, 3, number & 0xFF, len(texts), index)) + text
                part["esm_class"] = consts.SMPP_GSMFEAT_UDHI
            parts.append(part)
        return parts

    def _read(self, client: _Client) -> Any:
        try:
            return client.read_pdu()
        except (exceptions.ConnectionError, OSError) as error:
            raise _Lost("the line was dropped") from error
        except Exception as error:  # bytes that are no packet: nothing that follows could be trusted
            raise _Lost(f"not SMPP: {type(error).__name__}") from error

    def _write(self, client: _Client, packet: Any) -> None:
        try:
            client.send_pdu(packet)
        except (exceptions.ConnectionError, OSError) as error:
            raise _Lost("the line was dropped") from error

    def _reply(self, client: _Client, packet: Any, command: str) -> None:
        reply = smpp.make_pdu(command, client=client, sequence=packet.sequence)
        reply.sequence = packet.sequence
        self._write(client, reply)

    # --- the connection -----------------------------------------------------------------------------------------------

    def _connected(self) -> _Client:
        if self._client is not None:
            return self._client
        context = ssl.create_default_context() if self._settings.sms_tls else None
        client = _Client(
            self._settings.sms_host,
            self._settings.sms_port,
            timeout=self._timeout,
            logger_name="smpplib.client",
            ssl_context=context,
            allow_unknown_opt_params=True,
        )
        try:
            client.connect()
            client.bind_transceiver(
                system_id=self._settings.sms_user,
                password=self._settings.sms_password.get_secret_value(),
                system_type=self._settings.sms_system_type,
            )
        except exceptions.PDUError as refusal:
            _hang_up(client)
            raise _Lost(f"not let in: {consts.DESCRIPTIONS.get(refusal.args[-1], refusal.args[-1])}") from refusal
        except (exceptions.ConnectionError, OSError) as error:
            _hang_up(client)
            raise _Lost("no connection") from error
        except Exception as error:
            _hang_up(client)
            raise _Lost(f"not SMPP: {type(error).__name__}") from error
        self._heard_at, self._asked_at = time.monotonic(), 0.0
        self._client = client
        log.info("bound to the sms centre", host=self._settings.sms_host, port=self._settings.sms_port)
        return client

    def _enquire(self, client: _Client) -> None:
        now = time.monotonic()
        if self._asked_at and now - self._asked_at > self._timeout:
            raise _Lost("no answer to enquire_link")
        if not self._asked_at and now - self._heard_at > ENQUIRE_SECONDS:
            self._write(client, smpp.make_pdu("enquire_link", client=client))
            self._asked_at = now

    def _lose(self, reason: str) -> None:
        self._disconnect()
        self._pause.begin()
        log.warning("no connection to the sms centre", reason=reason, host=self._settings.sms_host)

    def _disconnect(self) -> None:
        if self._client is not None:
            _hang_up(self._client)
            self._client = None


def split(text: str, units: int, units_in_part: int) -> list[bytes]:
    """The text in UTF-16, whole when it has at most `units`, otherwise in parts; no letter is cut in two."""
    encoded = text.encode("utf-16-be")
    if len(encoded) <= 2 * units:
        return [encoded]
    parts, start = [], 0
    while start < len(encoded):
        end = start + 2 * units_in_part
        if end < len(encoded) and 0xD8 <= encoded[end - 2] <= 0xDB:  # the first half of a pair
            end -= 2
        parts.append(encoded[start:end])
        start = end
    return parts


def _validity(message: Message) -> str | None:
    """How long the centre may try, as SMPP writes a span: years, months, days … and `R`."""
    if message.expires_at is None:
        return None
    left = max(int((message.expires_at - clock.now()).total_seconds()), 1)
    days, left = divmod(min(left, 27 * 86_400), 86_400)
    return f"0000{days:02}{left // 3600:02}{left // 60 % 60:02}{left % 60:02}000R"


def _sender_type(sender: str) -> dict[str, int]:
    if not sender.isdigit():
        return {"source_addr_ton": consts.SMPP_TON_ALNUM, "source_addr_npi": consts.SMPP_NPI_UNK}
    if len(sender) < 7:  # a short number
        return {"source_addr_ton": consts.SMPP_TON_NWSPEC, "source_addr_npi": consts.SMPP_NPI_UNK}
    return {"source_addr_ton": consts.SMPP_TON_INTL, "source_addr_npi": consts.SMPP_NPI_ISDN}


def _hang_up(client: _Client) -> None:
    client.state = consts.SMPP_CLIENT_STATE_OPEN  # or it complains that it was bound
    client.disconnect()


def _first(pattern: re.Pattern[bytes], text: bytes) -> bytes:
    found = pattern.search(text)
    return found[1] if found else b""


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode("ascii", "replace")[:80]
