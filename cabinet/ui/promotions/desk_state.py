"""The state of the promotions' desk: the list, and the one that is made or changed."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

import reflex as rx

from cabinet import clock
from cabinet.db import in_read_session, in_session
from cabinet.domain.errors import CabinetError, NotFound
from cabinet.domain.promotions import TermsWrong
from cabinet.domain.staff import Permission
from cabinet.locales import language_of, name_in, translate
from cabinet.services import promotion_desk, staff, words
from cabinet.services.promotion_desk import Choices, DeskRow, SeriesRow
from cabinet.ui import access, guard
from cabinet.ui.promotions import desk_form, desk_views
from cabinet.ui.promotions.desk_form import FormView
from cabinet.ui.promotions.desk_views import Choice, DeskCardView, PreviewView, SeriesView

LONGEST_CODE = 40


class _Screen(NamedTuple):
    """Everything that the editor reads, from one snapshot of the database. `row` None: a new one."""

    row: DeskRow | None
    series: list[SeriesRow]
    choices: Choices
    english: dict[str, str]


class DeskOffersState(rx.State):
    """The list of all promotions."""

    is_ready: bool = False
    cards: list[DeskCardView] = []

    @access.staff(Permission.OFFERS)
    async def load(self):
        """Reads the promotions with their figures."""
        now, language = clock.now(), language_of(self.router.headers.cookie)
        rows = await in_read_session(promotion_desk.list_promotions, now=now)
        self.cards = [desk_views.card_view(row, now, language) for row in rows]
        self.is_ready = True


class DeskOfferState(rx.State):
    """The promotion that is made or changed. `key` is another one where the fields have to be filled anew."""

    is_ready: bool = False
    is_missing: bool = False
    is_new: bool = False
    key: int = 0
    form: FormView = FormView()
    card: DeskCardView = DeskCardView()
    series: list[SeriesView] = []
    preview: PreviewView = PreviewView()
    plans: list[Choice] = []
    regions: list[Choice] = []
    options: list[Choice] = []
    discounted: list[Choice] = []
    refusal: str = ""
    note: str = ""

    @access.staff(Permission.OFFERS)
    async def load(self):
        """Reads the promotion that the address names; without one a new one is made."""
        self.refusal = self.note = ""
        self.preview = PreviewView()
        await self._read(self.router.url.query_parameters.get("code", ""), fill=True)

    @access.staff(Permission.OFFERS)
    async def save(self, form: dict):
        """Keeps what was typed as the newest version; nobody sees it before it is published."""
        self.refusal = self.note = ""
        language = language_of(self.router.headers.cookie)
        try:
            if not isinstance(form, dict):
                raise TermsWrong("Заполните форму ещё раз.")
            code = self.form.code or str(form.get("code", "")).strip()[: LONGEST_CODE + 1]
            terms = desk_form.terms_of(form, clock.time_zone())
            english = desk_form.english_of(form, terms)
            await in_session(_save, guard.staff_id(self), code, terms, english, now=clock.now())
        except CabinetError as error:
            self.refusal = translate(error.message, language, **error.facts)
            return None
        if self.form.code:
            self.note = translate("Сохранено. Абоненты увидят это после публикации.", language)
            await self._read(code, fill=False)
            return None
        return rx.redirect(f"/staff/offers/edit/?code={code}")

    @access.staff(Permission.OFFERS)
    async def look(self):
        """Counts whom the newest version would be for, and what it would do for one of them."""
        language = language_of(self.router.headers.cookie)
        try:
            found = await in_read_session(promotion_desk.preview, self.form.code, now=clock.now())
        except NotFound:
            return
        self.preview = desk_views.preview_view(found, language)

    @access.staff(Permission.OFFERS)
    async def publish(self):
        """Subscribers see the newest version from its first day on."""
        await self._do(promotion_desk.publish, "promotion_published", "Опубликовано.")

    @access.staff(Permission.OFFERS)
    async def stop(self):
        """Nobody joins it any more."""
        await self._do(promotion_desk.stop, "promotion_stopped", "Остановлено. Кто участвует, своё получит.")

    @access.staff(Permission.OFFERS)
    async def make_codes(self, form: dict):
        """Makes a series of promo codes."""
        self.refusal = self.note = ""
        language = language_of(self.router.headers.cookie)
        try:
            if not isinstance(form, dict):
                raise TermsWrong("Заполните форму ещё раз.")
            asked = desk_form.series_of(form)
            ends_at = None
            if asked.last_on is not None:
                ends_at = datetime.combine(asked.last_on + timedelta(days=1), time.min, clock.time_zone())
            await in_session(_make_codes, guard.staff_id(self), self.form.code, asked, ends_at=ends_at, now=clock.now())
        except CabinetError as error:
            self.refusal = translate(error.message, language, **error.facts)
            return
        self.note = translate("Промокоды готовы.", language)
        await self._read(self.form.code, fill=False)

    async def _do(self, what: Callable[..., None], kind: str, done: str) -> None:
        self.refusal = self.note = ""
        language = language_of(self.router.headers.cookie)
        try:
            await in_session(_act, guard.staff_id(self), self.form.code, what, kind, now=clock.now())
        except CabinetError as error:
            self.refusal = translate(error.message, language, **error.facts)
            return
        self.note = translate(done, language)
        await self._read(self.form.code, fill=False)

    async def _read(self, code: str, *, fill: bool) -> None:
        now, language = clock.now(), language_of(self.router.headers.cookie)
        screen = await in_read_session(_read_screen, code[:LONGEST_CODE], now=now)
        self.is_new, self.is_missing = not code, bool(code) and screen.row is None
        choices = screen.choices
        self.plans = [Choice(f"plan:{code}", name_in(name, language)) for code, name in choices.plans.items()]
        self.regions = [Choice(f"region:{code}", name_in(name, language)) for code, name in choices.regions.items()]
        self.options = [Choice(code, name_in(name, language)) for code, name in choices.options.items()]
        discounted = [(f"option:{code}", name) for code, name in choices.paid_options.items()]
        discounted += [(f"bundle:{code}", name) for code, name in choices.bundles.items()]
        self.discounted = [Choice(value, name_in(name, language)) for value, name in discounted]
        self.card = desk_views.card_view(screen.row, now, language) if screen.row else DeskCardView()
        self.series = [desk_views.series_view(row, now, language) for row in screen.series]
        if fill:
            today = clock.local(now).date().isoformat()
            zone = clock.time_zone()
            row = screen.row
            self.form = (
                desk_form.form_of(row.code, row.terms, screen.english, zone) if row else FormView(starts_on=today)
            )
            self.key += 1
        self.is_ready = True


def _read_screen(session: Any, code: str, *, now: datetime) -> _Screen:
    row, series, english = None, list[SeriesRow](), dict[str, str]()
    try:
        if code:
            row = promotion_desk.get(session, code, now=now)
            series = promotion_desk.list_series(session, code)
            english = words.english_of(session, (row.terms.title, row.terms.teaser, row.terms.rules))
    except NotFound:
        row = None
    return _Screen(row, series, promotion_desk.list_choices(session), english)


def _save(session: Any, staff_id: int, code: str, terms: Any, english: dict[str, str], *, now: datetime) -> None:
    version = promotion_desk.save(session, code, terms, now=now)
    words.save(session, english, now=now)
    staff.record(session, staff_id, "promotion_saved", facts={"code": code, "version": version}, now=now)


def _act(session: Any, staff_id: int, code: str, what: Callable[..., None], kind: str, *, now: datetime) -> None:
    what(session, code, now=now)
    staff.record(session, staff_id, kind, facts={"code": code}, now=now)


def _make_codes(
    session: Any, staff_id: int, code: str, asked: desk_form.Series, *, ends_at: datetime | None, now: datetime
) -> None:
    series_id = promotion_desk.make_series(
        session,
        code,
        asked.name,
        count=asked.count,
        uses_each=asked.uses_each,
        word=asked.word,
        ends_at=ends_at,
        now=now,
    )
    facts = {"code": code, "series": series_id, "count": asked.count}
    staff.record(session, staff_id, "promo_codes_made", facts=facts, now=now)
