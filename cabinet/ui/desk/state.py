"""Who is at the desk, for the frame of its pages."""

import reflex as rx

from cabinet.domain.staff import PERMISSIONS, Role
from cabinet.locales import language_of, translate
from cabinet.ui import access, guard

_ROLES = {
    Role.AGENT: "Оператор",
    Role.SUPERVISOR: "Старший смены",
    Role.PRODUCT: "Продукт",
    Role.ADMINISTRATOR: "Администратор",
}


def role_name(role: Role, language: str) -> str:
    """What the role is called."""
    return translate(_ROLES[role], "en" if language == "en" else "ru")


class DeskState(rx.State):
    """Who is signed in and what to show them; what they may do the guard decides, whatever is shown."""

    is_ready: bool = False
    login: str = ""
    name: str = ""
    role: str = ""
    permissions: list[str] = []

    @access.staff()
    async def load(self):
        """Reads who is at the desk; `shell.add_pages` calls it for every page of the staff."""
        member = guard.staff(self)
        self.login, self.name = member.login, member.name
        self.role = role_name(member.role, language_of(self.router.headers.cookie))
        self.permissions = sorted(PERMISSIONS[member.role])
        self.is_ready = True
