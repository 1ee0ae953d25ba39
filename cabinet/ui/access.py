"""Who may call a handler: the label that every handler of every State carries.

Every public method of a State can be called by any browser with any arguments, so a handler without a label is refused
by the guard, and the application does not start with one.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from cabinet.domain.staff import Permission

H = TypeVar("H", bound=Callable[..., Any])

_LABEL = "_cabinet_access"


class Who(StrEnum):
    """Whom a handler serves."""

    PUBLIC = "public"
    SUBSCRIBER = "subscriber"
    STAFF = "staff"


@dataclass(frozen=True)
class Access:
    """A handler's label; `permission` is for staff only, None there: any member."""

    who: Who
    permission: Permission | None = None


class UnlabelledHandlers(Exception):
    """There are handlers that nobody decided about; the text names them."""


def public(handler: H) -> H:
    """Anybody may call it, signed in or not."""
    return _label(handler, Access(Who.PUBLIC))


def subscriber(handler: H) -> H:
    """Only a signed-in subscriber; others are sent to the sign-in page and the handler does not run."""
    return _label(handler, Access(Who.SUBSCRIBER))


def staff(permission: Permission | None = None) -> Callable[[H], H]:
    """Only a member of the staff with this permission; None: any member."""

    def label(handler: H) -> H:
        return _label(handler, Access(Who.STAFF, permission))

    return label


def of(handler: Any) -> Access | None:
    """The label of a handler's function, if it has one."""
    return getattr(handler, _LABEL, None)


def refuse_unlabelled(handlers: Iterable[tuple[str, Any]]) -> None:
    """Checks (name, function) of all registered handlers but Reflex's own, which the guard knows by name.

    Raises:
        UnlabelledHandlers: a handler of ours, or of a library of components, has no label.
    """
    names = [
        f"{function.__module__}.{function.__qualname__}"
        for _, function in handlers
        if of(function) is None and not _is_reflex_own(function)
    ]
    if names:
        raise UnlabelledHandlers(
            "These handlers have no access label (@access.public, @access.subscriber, @access.staff): "
            + ", ".join(sorted(set(names)))
        )


def _label(handler: H, access: Access) -> H:
    # On the function, so that it stands above and below @rx.event alike and mixins carry it along.
    setattr(handler, _LABEL, access)
    return handler


def _is_reflex_own(function: Any) -> bool:
    return function.__module__.split(".")[0] in ("reflex", "reflex_base", "reflex_components_core")
