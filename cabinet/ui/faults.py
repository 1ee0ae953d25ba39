"""What a visitor sees when a handler of ours fails: a sentence with a number to name, never a trace."""

import secrets

import reflex as rx
import structlog
from reflex.event import EventSpec

from cabinet import metrics
from cabinet.domain.errors import CabinetError
from cabinet.ui import access

log = structlog.get_logger(__name__)

MAX_TEXT = 300
NO_PERMISSION = "У вашей роли нет права на это. Права даёт администратор."


class FaultState(rx.State):
    """The last failure of this page; `kit.toast(FaultState.text)` in the frame shows it. "" means none."""

    text: str = ""

    @access.public
    async def show(self, text: str) -> None:
        """Called by `report` through Reflex's queue. A browser that calls it talks to itself."""
        self.text = str(text)[:MAX_TEXT]

    @access.public
    async def dismiss(self) -> None:
        """The visitor has read it."""
        self.text = ""


_SHOW = FaultState.event_handlers["show"]


def report(exception: Exception) -> EventSpec:
    """Reflex's handler of exceptions of handlers: writes them down under a number, tells the visitor that number.

    Errors made for the subscriber (`CabinetError`) that a page forgot to catch are told in their own words.
    """
    if isinstance(exception, CabinetError):
        log.warning("a page did not catch an error meant for the subscriber", error=type(exception).__name__)
        return _SHOW(exception.message)
    reference = secrets.token_hex(4).upper()
    metrics.FAULTS.labels("handler").inc()
    log.error("handler failed", reference=reference, exc_info=exception)
    return _SHOW(f"Не получилось выполнить действие. Попробуйте ещё раз. Номер ошибки: {reference}")


def report_of_page(exception: Exception) -> None:
    """Reflex's handler of faults in the scripts of a page, told by a browser: anything may be in them."""
    metrics.FAULTS.labels("page").inc()
    log.warning("fault in a page", told=str(exception)[:2000])
