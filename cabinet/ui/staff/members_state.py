"""Who works here, for administrators. Passwords and keys are given at the command line: secrets are no State."""

from dataclasses import dataclass

import reflex as rx

from cabinet import clock, connections
from cabinet.db import in_read_session, in_session
from cabinet.domain.errors import CabinetError
from cabinet.domain.staff import Permission
from cabinet.locales import language_of, translate
from cabinet.services import staff
from cabinet.ui import access, formats, guard
from cabinet.ui.desk.state import role_name


@dataclass
class MemberView:
    """A line of the list. `is_me`: who looks at it cannot dismiss themselves."""

    id: int
    name: str
    second: str
    is_active: bool
    is_me: bool


class MembersState(rx.State):
    """The list; `refusal` says why the last change could not be made."""

    is_ready: bool = False
    members: list[MemberView] = []
    refusal: str = ""
    note: str = ""

    @access.staff(Permission.STAFF)
    async def load(self):
        """Reads the list for the page that was opened."""
        self.refusal = self.note = ""
        await self._read()

    @access.staff(Permission.STAFF)
    async def dismiss(self, member_id: int):
        """Ends a member's sessions and lets them sign in no more."""
        await self._change(member_id, is_active=False)

    @access.staff(Permission.STAFF)
    async def take_back(self, member_id: int):
        """Lets a dismissed member sign in again, with the password and key they had."""
        await self._change(member_id, is_active=True)

    async def _change(self, member_id: object, *, is_active: bool) -> None:
        language = language_of(self.router.headers.cookie)
        self.refusal = self.note = ""
        if type(member_id) is not int or not 0 < member_id < 2**63:
            return
        try:
            ended = await in_session(
                staff.set_active, guard.staff_id(self), member_id, is_active=is_active, now=clock.now()
            )
        except CabinetError as error:
            self.refusal = translate(error.message, language, **error.facts)
        else:
            connections.end_of_staff(*ended)
            done = translate("Сотрудник снова может войти.", language)
            self.note = done if is_active else translate("Доступ закрыт, сеансы завершены.", language)
        await self._read()

    async def _read(self) -> None:
        language, now = language_of(self.router.headers.cookie), clock.now()
        found = await in_read_session(staff.list_members)
        today = clock.local(now).date()
        self.members = [
            MemberView(
                id=one.staff_id,
                name=one.name,
                second=" · ".join(
                    (
                        one.login,
                        role_name(one.role, language),
                        translate(
                            "с {day}",
                            language,
                            day=formats.date_only(clock.local(one.created_at).date(), today, language),
                        ),
                    )
                ),
                is_active=one.is_active,
                is_me=one.staff_id == guard.staff_id(self),
            )
            for one in found
        ]
        self.is_ready = True
