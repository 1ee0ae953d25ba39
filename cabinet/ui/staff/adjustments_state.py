"""Corrections of balances: those that wait for a second person, and what was decided."""

from collections.abc import Callable
from typing import Any

import reflex as rx

from cabinet import clock
from cabinet.db import in_read_session, in_session
from cabinet.domain.errors import CabinetError
from cabinet.domain.staff import Permission
from cabinet.locales import language_of, translate
from cabinet.services import adjustments
from cabinet.ui import access, guard
from cabinet.ui.staff.views import AdjustmentView, adjustment_views


class AdjustmentsState(rx.State):
    """What waits and what was decided; `refusal` says why the last decision could not be carried out."""

    is_ready: bool = False
    waiting: list[AdjustmentView] = []
    decided: list[AdjustmentView] = []
    refusal: str = ""
    note: str = ""

    @access.staff(Permission.ADJUST)
    async def load(self):
        """Reads the lists for the page that was opened."""
        self.refusal = self.note = ""
        await self._read()

    @access.staff(Permission.ADJUST)
    async def refresh(self):
        """Reads them again."""
        await self._read()

    @access.staff(Permission.APPROVE)
    async def approve(self, adjustment_id: int):
        """Carries out what a colleague has proposed."""
        await self._decide(adjustments.approve, adjustment_id, "Корректировка выполнена.")

    @access.staff(Permission.ADJUST)
    async def decline(self, adjustment_id: int):
        """Declines what a colleague has proposed, or takes back one's own."""
        await self._decide(adjustments.decline, adjustment_id, "Корректировка отклонена.")

    async def _decide(self, decide: Callable[..., None], adjustment_id: Any, done: str) -> None:
        language = language_of(self.router.headers.cookie)
        self.refusal = self.note = ""
        if type(adjustment_id) is not int or not 0 < adjustment_id < 2**63:
            return
        try:
            await in_session(decide, guard.staff_id(self), adjustment_id, now=clock.now())
        except CabinetError as error:
            self.refusal = translate(error.message, language, **error.facts)
        else:
            self.note = translate(done, language)
        await self._read()

    async def _read(self) -> None:
        language, staff_id, now = language_of(self.router.headers.cookie), guard.staff_id(self), clock.now()
        waiting = await in_read_session(adjustments.list_adjustments, is_waiting=True)
        decided = await in_read_session(adjustments.list_adjustments, is_waiting=False)
        self.waiting = adjustment_views(waiting, staff_id, now, language)
        self.decided = adjustment_views(decided, staff_id, now, language)
        self.is_ready = True
