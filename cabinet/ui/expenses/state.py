"""The state of the expenses: a month, its statement a page at a time, and the lines that were opened.

What is shown is the month of the address; filters are of the screen and begin anew with every month that is opened.
"""

import re
from datetime import date, datetime
from typing import Any, NamedTuple

import reflex as rx
import structlog

from cabinet import clock
from cabinet.db import in_read_session
from cabinet.domain.errors import NotFound
from cabinet.domain.spending import Category
from cabinet.locales import Language, translate
from cabinet.services import expenses, subscribers
from cabinet.services.expenses import LineDirection, LinesPage, Month, NoSuchMonth
from cabinet.ui import access, formats, guard
from cabinet.ui.expenses import views
from cabinet.ui.expenses.views import ChipView, ExplanationView, MonthView
from cabinet.ui.page_state import PageState, PageView

log = structlog.get_logger(__name__)

PAGE = 20
LONGEST_SEARCH = 100
LONGEST_ID = 24
MOST_OPENED = 30  # explanations kept on the screen; one dropped is read again when its line is opened again

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_DIRECTIONS = {"out": LineDirection.OUT, "in": LineDirection.IN, "included": LineDirection.INCLUDED}


class _Screen(NamedTuple):
    """Everything that opening a month reads, from one snapshot of the database."""

    name: str
    msisdn: str
    month: Month
    lines: LinesPage


class ExpensesState(PageState, rx.State):
    """What the expenses show. Figures stay on the screen while newer ones are read, and when reading fails."""

    note: str = ""
    month: MonthView = MonthView()
    search: str = ""
    categories: list[str] = []
    direction: str = ""
    chips: list[ChipView] = []
    filtered: str = ""
    found: str = ""
    not_found: str = ""
    not_kept: str = ""
    opened: int = 0
    page: PageView = PageView()
    explanations: dict[str, ExplanationView] = {}

    _before: str | None = None
    _last_on: date | None = None

    @access.subscriber
    async def load(self):
        """Opens the month of the address; of an address with no such month, the present one with a note."""
        await self._load()

    async def _load(self) -> None:
        now, language = clock.now(), self._language()
        asked = self.router.url.query_parameters.get("month")
        month_on = clock.local(now).date().replace(day=1) if asked is None else _month_on(asked)
        self.note = "" if month_on else translate("Такого месяца нет. Показываем текущий.", language)
        self._clear_filters()
        try:
            await self._open(month_on or clock.local(now).date(), now, language)
        except NoSuchMonth as refusal:
            self.note = _outside(refusal, month_on, language)
            await self._open(clock.local(now).date(), now, language)

    @access.subscriber
    async def refresh(self):
        """Reads the shown month again: the button, a page that was out of sight, a connection that came back.

        A statement of several pages stays as it is, or it would shrink under the reader.
        """
        now, language = clock.now(), self._language()
        month_on = _month_on(self.month.value) or clock.local(now).date()
        if self.page.number > 1:
            await self._open(month_on, now, language, with_lines=False)
        else:
            await self._open(month_on, now, language)

    @access.subscriber
    async def find(self, search: str):
        """Filters the statement by words or a number; at most 100 characters."""
        if type(search) is not str or len(search) > LONGEST_SEARCH:
            return
        self.search = formats.typed(search, LONGEST_SEARCH).strip()
        await self._show_lines()

    @access.subscriber
    async def show_only(self, category: str):
        """Filters the statement by one category; the same one again: by none."""
        if type(category) is str and category in set(Category):
            self.categories = [] if self.categories == [category] else [category]
            await self._show_lines()

    @access.subscriber
    async def switch_category(self, category: str):
        """Adds a category to the filter, or takes it out."""
        if type(category) is str and category in set(Category):
            others = [one for one in self.categories if one != category]
            self.categories = others if category in self.categories else [*others, category]
            await self._show_lines()

    @access.subscriber
    async def switch_direction(self, direction: str):
        """Only money out, only money in, only what packages covered; the same one again: all money."""
        if type(direction) is str and direction in _DIRECTIONS:
            self.direction = "" if self.direction == direction else direction
            await self._show_lines()

    @access.subscriber
    async def show_all(self):
        """Takes every filter off."""
        self._clear_filters()
        await self._show_lines()

    @access.subscriber
    async def show_more(self, number: int):
        """The page after page `number`, if that is the last one shown."""
        if not self.month.value:  # the state was lost
            await self._load()
        elif type(number) is int and number == self.page.number and self._before is not None:
            await self._show_lines(is_first=False)

    @access.subscriber
    async def explain(self, line_id: str):
        """Reads why a line is what it is; a second time nothing is read."""
        if type(line_id) is not str or len(line_id) > LONGEST_ID:
            return
        known = self.explanations.get(line_id)
        if known is not None and known.is_known:
            return
        language, subscriber_id = self._language(), guard.subscriber_id(self)
        try:
            found = await in_read_session(expenses.explain_line, subscriber_id, line_id)
            view = views.explanation_view(found, clock.now(), language)
        except NotFound as refusal:
            view = ExplanationView(why=translate(refusal.text, language), is_known=False)
        except Exception:
            log.exception("a line could not be explained")
            text = translate("Не получилось загрузить. Закройте строку и откройте снова.", language)
            view = ExplanationView(why=text, is_known=False)
        kept = [(key, one) for key, one in self.explanations.items() if key != line_id]
        self.explanations = dict([*kept[1 - MOST_OPENED :], (line_id, view)])

    async def _open(self, month_on: date, now: datetime, language: Language, *, with_lines: bool = True) -> None:
        """Reads the month and the first page of its statement. Raises NoSuchMonth; other failures are shown."""
        subscriber_id = guard.subscriber_id(self)
        try:
            screen = await in_read_session(_read_screen, subscriber_id, month_on, now=now, **self._filters())
        except NoSuchMonth:
            raise
        except Exception:
            # The screen must say so: an exception that leaves a handler sends no change of it.
            log.exception("the expenses could not be read")
            self.has_failed = True
            return
        self.has_failed = False
        self._greet(screen.name, screen.msisdn)
        self.month = views.month_view(screen.month, language)
        self.chips = views.chip_views(screen.month, language)
        self._say_when(now, language)
        if with_lines:
            self._put(screen.lines, now, language)
        self.is_ready = True

    async def _show_lines(self, *, is_first: bool = True) -> None:
        """Reads a page of the statement: the first one, or the one after what is shown."""
        now, language, subscriber_id = clock.now(), self._language(), guard.subscriber_id(self)
        month_on = _month_on(self.month.value)
        if month_on is None:  # nothing was opened, or the state was lost
            await self._load()
            return
        try:
            lines = await in_read_session(
                expenses.list_lines,
                subscriber_id,
                month_on,
                before=None if is_first else self._before,
                limit=PAGE,
                now=now,
                **self._filters(),
            )
        except Exception:
            log.exception("the statement could not be read")
            self.has_failed = True
            return
        self.has_failed = False
        self._put(lines, now, language, is_first=is_first)

    def _put(self, lines: LinesPage, now: datetime, language: Language, *, is_first: bool = True) -> None:
        rows = views.row_views(lines.lines, None if is_first else self._last_on, now, language)
        self.page = self.page.turned(rows, is_first=is_first, is_end=lines.is_end)
        self._before = lines.next_before
        self._last_on = clock.local(lines.lines[-1].happened_at).date() if lines.lines else None
        self.not_kept = "" if lines.is_usage_kept else translate(views.NOT_KEPT, language)
        self.filtered = views.filter_name(self.categories, self.direction, language)
        if is_first:
            self.found, self.not_found = views.found_sentences(
                len(rows), lines.is_end, self.search, self.filtered, self.month, language
            )

    def _filters(self) -> dict[str, Any]:
        direction = _DIRECTIONS.get(self.direction)
        if direction is None and not self.search:
            direction = LineDirection.MONEY  # what cost nothing would hide the money; who searches means everything
        return {
            "search": self.search,
            "categories": frozenset(Category(one) for one in self.categories),
            "direction": direction,
        }

    def _clear_filters(self) -> None:
        self.search, self.categories, self.direction = "", [], ""
        self.opened += 1  # the field of the search begins anew with it


def _read_screen(session: Any, subscriber_id: int, month_on: date, *, now: datetime, **filters: Any) -> _Screen:
    subscriber = subscribers.get(session, subscriber_id)
    month = expenses.get_month(session, subscriber_id, month_on, now=now)
    lines = expenses.list_lines(session, subscriber_id, month_on, limit=PAGE, now=now, **filters)
    return _Screen(subscriber.name, subscriber.msisdn, month, lines)


def _month_on(text: str) -> date | None:
    """The first day of the month of the address, `2026-10`; None for anything else."""
    found = _MONTH.fullmatch(text)
    if found is None or found[1] == "0000":
        return None
    return date(int(found[1]), int(found[2]), 1)


def _outside(refusal: NoSuchMonth, month_on: date | None, language: Language) -> str:
    first_on = refusal.facts["first_month_on"]
    if isinstance(first_on, date) and month_on is not None and month_on < first_on:
        return translate(
            "Тогда номер ещё не работал: первый месяц — {month}. Показываем текущий.",
            language,
            month=views.month_title(first_on, language).lower()
            if language == "ru"
            else views.month_title(first_on, language),
        )
    return translate("Этот месяц ещё не начался. Показываем текущий.", language)
