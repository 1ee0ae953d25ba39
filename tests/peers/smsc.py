"""An SMS centre: Net::SMPP in a process of its own (`smsc.pl`)."""

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

from tests.peers.processes import needed, stop
from tests.servers import free_port
from tests.waiting import wait_until

SCRIPT = Path(__file__).with_name("smsc.pl")


class SmsCentre:
    """Does what it is told by `behave` (the words are in `smsc.pl`) and remembers what happened."""

    def __enter__(self) -> Self:
        needed("an SMPP server", "perl", "-MNet::SMPP", "-e", "1")
        self._folder = tempfile.TemporaryDirectory(prefix="cabinet-smsc-")
        self._log = Path(self._folder.name) / "log.jsonl"
        self._mode = Path(self._folder.name) / "mode"
        self.port = free_port()
        self.behave("ok")
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
        self._folder.cleanup()

    def start(self) -> None:
        """Listens, again after `stop`; what it knew of references is forgotten."""
        self._log.unlink(missing_ok=True)
        self._process = subprocess.Popen(["perl", SCRIPT, str(self.port), self._log, self._mode])
        wait_until(lambda: self.count("listening"), what="the SMS centre listens")

    def stop(self) -> None:
        """Nobody listens any more."""
        stop(self._process)

    def behave(self, mode: str) -> None:
        """From the next message or bind on."""
        written = self._mode.with_suffix(".new")
        written.write_text(mode)
        written.replace(self._mode)

    def events(self, name: str = "") -> list[dict[str, Any]]:
        """What happened, the oldest first; a line that is just being written is not there yet."""
        lines = self._log.read_text().splitlines(keepends=True) if self._log.exists() else []
        events = [json.loads(line) for line in lines if line.endswith("\n")]
        return [event for event in events if name in ("", event["event"])]

    def count(self, name: str) -> int:
        """How often something happened."""
        return len(self.events(name))

    @property
    def texts(self) -> list[tuple[str, str]]:
        """Number and text of what it took, parts one by one and without their headers."""
        return [(event["to"], text_of(event)) for event in self.events("message")]


def text_of(event: dict[str, Any]) -> str:
    """The text of a message or of a part of it."""
    raw = bytes.fromhex(event["text"] or event["payload"])
    return (raw[6:] if event["class"] & 0x40 else raw).decode("utf-16-be")
