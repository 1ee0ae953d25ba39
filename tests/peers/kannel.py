"""Kannel from Debian's packages: takes our messages by HTTP and hands them to an SMS centre by SMPP."""

import subprocess
import tempfile
from pathlib import Path
from typing import Self

import httpx

from tests.peers.processes import needed, stop
from tests.peers.smsc import SmsCentre
from tests.servers import free_port
from tests.waiting import wait_until

USER, PASSWORD = "cabinet", "kannel & secret"


class Kannel:
    """bearerbox and smsbox in front of the centre."""

    def __init__(self, centre: SmsCentre) -> None:
        self._centre = centre

    def __enter__(self) -> Self:
        bearerbox, smsbox = needed("Kannel", "bearerbox"), needed("Kannel", "smsbox")
        self._folder = tempfile.TemporaryDirectory(prefix="cabinet-kannel-")
        self._admin_port, boxes_port, self.port = free_port(), free_port(), free_port()
        folder = Path(self._folder.name)
        config = folder / "kannel.conf"
        config.write_text(f"""
group = core
admin-port = {self._admin_port}
admin-password = admin
admin-allow-ip = "127.0.0.1"
smsbox-port = {boxes_port}
box-allow-ip = "127.0.0.1"
log-file = {folder}/bearerbox.log

group = smsc
smsc = smpp
host = 127.0.0.1
port = {self._centre.port}
smsc-username = kannel
smsc-password = secret
system-type = ""
transceiver-mode = true
source-addr-autodetect = true
reconnect-delay = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {self.port}
log-file = {folder}/smsbox.log

group = sendsms-user
username = {USER}
password = "{PASSWORD}"
concatenation = true
max-messages = 10
""")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
        self._processes = [subprocess.Popen([bearerbox, "-v", "4", str(config)], **quiet)]
        try:
            wait_until(self._is_up, what="bearerbox listens")
            self._processes.append(subprocess.Popen([smsbox, "-v", "4", str(config)], **quiet))
            wait_until(lambda: _answers(f"http://127.0.0.1:{self.port}/"), what="smsbox listens")
            wait_until(lambda: self._centre.count("bind"), what="Kannel is bound to the centre")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        for process in reversed(self._processes):
            stop(process)
        self._folder.cleanup()

    @property
    def template(self) -> str:
        """What an operator would write into `CABINET_SMS_URL`."""
        return (
            f"http://127.0.0.1:{self.port}/cgi-bin/sendsms?username={{user}}&password={{password}}&from={{from}}"
            "&to={to}&text={text}&coding=2&charset=UTF-8&validity={minutes}"
        )

    def _is_up(self) -> bool:
        return _answers(f"http://127.0.0.1:{self._admin_port}/status.txt?password=admin")


def _answers(address: str) -> bool:
    try:
        httpx.get(address, trust_env=False)
    except httpx.HTTPError:
        return False
    return True
