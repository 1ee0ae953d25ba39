"""The frame around pages, and the list of pages that the composition root registers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import reflex as rx
from reflex.app import default_error_boundary
from reflex.style import color_mode, set_color_mode

from cabinet.config import settings
from cabinet.ui import kit
from cabinet.ui.bell import BellState
from cabinet.ui.desk.state import DeskState
from cabinet.ui.faults import FaultState
from cabinet.ui.i18n import IS_ENGLISH, is_english, only_in, t
from cabinet.ui.kit import Text, recipes
from cabinet.ui.page_state import PageState

Access = Literal["public", "subscriber", "staff"]


@dataclass(frozen=True)
class Page:
    """A page as it is registered: `access` says who may load it."""

    route: str
    title: str | Callable[[], Text]
    access: Access
    build: Callable[[], rx.Component]
    on_load: Any = None
    is_static: bool = False


PAGES: list[Page] = []


def cabinet_page(
    route: str, title: str | Callable[[], Text], access: Access, on_load: Any = None, is_static: bool = False
) -> Callable[[Callable[[], rx.Component]], Callable[[], rx.Component]]:
    """Registers the decorated function as a page; `title` is Russian and goes through `t`, or makes the text itself.

    A static page has no State and is served without React: see `DesignTokensPlugin.post_build`.
    """

    def register(build: Callable[[], rx.Component]) -> Callable[[], rx.Component]:
        PAGES.append(Page(route, title, access, build, on_load, is_static))
        return build

    return register


def add_pages(app: rx.App) -> None:
    """Hands the registered pages to Reflex. A static page has a twin under `/en`, English alone, that the server
    sends in its place to those who read English."""
    for page in PAGES:
        on_load = _on_load(page)
        app.add_page(page.build, route=page.route, title=_full_title(page.title), image="/icon.svg", on_load=on_load)
        if page.is_static:
            with only_in("en"):
                app.add_page(page.build(), route=f"/en{page.route}", title=_full_title(page.title), image="/icon.svg")


def _on_load(page: Page) -> Any:
    """What the page reads, with the bell after it, or who is at the desk before it."""
    own = page.on_load if isinstance(page.on_load, list) else [] if page.on_load is None else [page.on_load]
    match page.access:
        case "subscriber":
            return [*own, BellState.load]
        case "staff":
            return [DeskState.load, *own]
        case _:
            return page.on_load


def _full_title(title: str | Callable[[], Text]) -> Text:
    brand = settings().brand_name
    text = t(title) if isinstance(title, str) else title()
    return f"{text} — {brand}" if isinstance(text, str) else rx.Var.create(f"{text} — {brand}")


@dataclass(frozen=True)
class Section:
    """A line of the navigation. Only what works is listed."""

    title: str
    to: str
    icon: str


_NUMBER = [
    Section("Тариф", "/tariff/", "sliders"),
    Section("Услуги", "/services/", "list_checks"),
    Section("Пакеты", "/packages/", "package"),
]
"""What the number has: on a phone the tabs of the first one."""

RAIL: list[tuple[str, list[Section]]] = [
    (
        "Мой номер",
        [
            Section("Главная", "/", "home"),
            Section("Расходы", "/expenses/", "chart"),
            Section("Пополнить", "/topup/", "wallet"),
            Section("Автоплатёж", "/autopay/", "repeat"),
        ],
    ),
    ("Связь", [*_NUMBER, Section("Акции", "/offers/", "offer")]),
    ("Помощь", [Section("Поддержка", "/support/", "message"), Section("Справка", "/help/", "help")]),
]
"""The side rail from 1024 px: groups with their sections; the profile stands below them."""

BAR: list[Section] = [
    Section("Главная", "/", "home"),
    Section("Расходы", "/expenses/", "chart"),
    Section("Тариф", "/tariff/", "sliders"),
    Section("Акции", "/offers/", "offer"),
    Section("Помощь", "/support/", "message"),
]
"""The bottom bar of a phone, in the order of the design: Главная, Расходы, Тариф, Акции, Помощь. The profile is the
avatar in the header."""

_RAIL_LINK = (
    "flex min-h-11 items-center gap-3 rounded-md px-3 text-sm font-medium hover:bg-sunken "
    "aria-[current=page]:bg-brand-soft aria-[current=page]:font-semibold aria-[current=page]:text-brand-ink"
)
_BAR_LINK = (
    "flex h-16 flex-col items-center justify-center gap-1 text-[clamp(13px,3.9vw,0.8125rem)] font-medium "
    "text-muted "
    "aria-[current=page]:font-semibold aria-[current=page]:text-brand-ink"
)
BODY = "min-h-dvh bg-bg font-sans text-base text-ink antialiased in-data-stale:pb-14"


APP_WRAPS = {
    (55, "ErrorBoundary"): lambda stateful: default_error_boundary(**({} if stateful else {"on_error": rx.noop()})),
}
"""What Reflex puts around every page, without its own banner of a lost connection: `frame` has ours."""


def head() -> list[rx.Component]:
    """What every page has in its head."""
    return [
        rx.el.meta(name="viewport", content="width=device-width, initial-scale=1, viewport-fit=cover"),
        rx.el.meta(name="theme-color", content="#f6f3f2", custom_attrs={"media": "(prefers-color-scheme: light)"}),
        rx.el.meta(name="theme-color", content="#110d0d", custom_attrs={"media": "(prefers-color-scheme: dark)"}),
        rx.el.script(src="/fresh.js", async_=True),
        rx.el.link(rel="icon", href="/icon.svg", type="image/svg+xml"),
        rx.el.link(rel="manifest", href="/manifest.webmanifest"),
        *(
            rx.el.link(
                rel="preload",
                href=f"/fonts/onest-{script}.woff2",
                type="font/woff2",
                cross_origin="anonymous",
                custom_attrs={"as": "font"},
            )
            for script in ("cyrillic", "latin")
        ),
    ]


def frame(
    *children: Any,
    here: str,
    title: Text,
    of: type[PageState],
    back: str = "",
    is_task: bool = False,
) -> rx.Component:
    """A page of a signed-in subscriber: rail or bar, header, content.

    `here` is the address of the section (as in `RAIL`), `title` the heading of the page (seen on every page but the
    dashboard, whose header shows the number), `of` says whose it is and of when. `back` is the page that this one hangs
    off.
    `is_task`: a page for one thing to do is narrow.
    """
    width = "max-w-[34rem] px-4 lg:mx-0 lg:max-w-[38rem]" if is_task else "max-w-[40rem] px-4 lg:max-w-none"
    return rx.el.div(
        skip_link(),
        rx.el.div(
            _rail(here, of),
            rx.el.div(
                _header(here, title, of, back),
                rx.el.main(
                    *children,
                    id="main",
                    tab_index=-1,
                    class_name=f"mx-auto {width} outline-none lg:px-0",
                ),
                class_name="pb-24 lg:pb-12",
            ),
            class_name="lg:mx-auto lg:grid lg:max-w-[76rem] lg:grid-cols-[15rem_minmax(0,1fr)] lg:gap-8 lg:px-6",
        ),
        _bar(back or here),
        kit.owner(of.number),
        kit.refresher(BellState.load),
        kit.update_strip("bottom-16"),
        kit.offline_strip(of.read_at),
        kit.toast(FaultState.text),
        class_name=BODY,
    )


def sign_in_frame(*children: Any) -> rx.Component:
    """A page of a stranger: one column, and from 1024 px the brand gradient beside it."""
    aside = rx.el.aside(
        kit.signal_arcs("-bottom-24 -left-24 size-[40rem]"),
        rx.el.p(t("Баланс, расходы и тариф — в одном месте"), class_name="relative max-w-[26rem] text-2xl font-bold"),
        rx.el.p(
            t("Видно, за что списали деньги, и можно сразу всё поправить."),
            class_name="relative mt-3 max-w-[26rem] text-lg",
        ),
        class_name=f"{recipes.HERO} hidden p-12 lg:flex lg:flex-col lg:justify-end",
    )
    return rx.el.div(
        skip_link(),
        rx.el.div(
            aside,
            rx.el.div(
                rx.el.header(
                    rx.el.span(
                        brand_mark(), settings().brand_name, class_name="flex items-center gap-3 text-lg font-bold"
                    ),
                    language_link(),
                    class_name="flex min-h-20 flex-wrap items-center justify-between gap-x-3",
                ),
                rx.el.main(*children, id="main", tab_index=-1, class_name="outline-none"),
                class_name="mx-auto flex min-h-dvh w-full max-w-[28rem] flex-col px-5 pb-8 lg:justify-center",
            ),
            class_name="min-h-dvh lg:grid lg:grid-cols-[minmax(0,1fr)_minmax(0,1.1fr)]",
        ),
        kit.update_strip(),
        rx.el.script(src="/sign_in.js", async_=True),
        class_name=BODY,
    )


def desk_sign_in_frame(*children: Any) -> rx.Component:
    """The page where the staff signs in: one column, nothing of the subscribers'."""
    return rx.el.div(
        skip_link(),
        rx.el.div(
            rx.el.header(
                rx.el.span(
                    brand_mark(),
                    rx.el.span(
                        rx.el.b(settings().brand_name, class_name="block"),
                        rx.el.span(t("рабочее место"), class_name="block text-xs text-muted"),
                        class_name="leading-tight",
                    ),
                    class_name="flex items-center gap-3",
                ),
                language_link(),
                class_name="flex min-h-20 flex-wrap items-center justify-between gap-x-3",
            ),
            rx.el.main(*children, id="main", tab_index=-1, class_name="outline-none"),
            class_name="mx-auto flex min-h-dvh w-full max-w-[28rem] flex-col px-5 pb-8 lg:justify-center",
        ),
        kit.update_strip(),
        rx.el.script(src="/sign_in.js", async_=True),
        class_name=BODY,
    )


def public_frame(*children: Any, title: Text, back: str, back_label: Text, is_heading: bool = True) -> rx.Component:
    """A page for everybody, signed in or not: it knows nobody, so its header has the way back and the language.

    `title` is the heading of the page, unless the page has a better one of its own.
    """
    heading = rx.el.h1 if is_heading else rx.el.p
    return rx.el.div(
        skip_link(),
        rx.el.header(
            rx.el.div(
                kit.icon_link("arrow_left", back_label, back, class_name="-ml-2.5"),
                heading(title, class_name="min-w-0 flex-1 text-lg font-bold lg:text-2xl"),
                language_link(),
                class_name="mx-auto flex min-h-16 max-w-[38rem] items-center gap-3 lg:h-20",
            ),
            class_name="sticky top-0 z-10 bg-bg/95 px-4 lg:static",
        ),
        rx.el.main(*children, id="main", tab_index=-1, class_name="mx-auto max-w-[38rem] px-4 pb-12 outline-none"),
        kit.update_strip(),
        rx.el.script(src="/sign_in.js", async_=True),
        class_name=BODY,
    )


def brand_mark() -> rx.Component:
    """The sign before the name, in the brand colour."""
    return kit.drawing(
        '<rect width="36" height="36" rx="11" fill="var(--c-brand)"/><g fill="none" stroke="#fff" stroke-width="3" '
        'stroke-linecap="round"><path d="M10 25.5a1 1 0 0 1 .01 0"/><path d="M10 18.2a7.6 7.6 0 0 1 7.4 7.4"/>'
        '<path d="M10 10.5a15.2 15.2 0 0 1 15.2 15.1"/></g>',
        "0 0 36 36",
        "size-9 shrink-0",
    )


def language_link() -> rx.Component:
    """The other language's own name; works as a plain link too."""

    def link(language: str, name: str) -> rx.Component:
        return kit.link_action(
            name, f"?lang={language}", "globe", lang=language, href_lang=language, data_lang=language
        )

    english = is_english()
    if isinstance(english, bool):
        return link("ru", "Русский") if english else link("en", "English")
    return rx.cond(english, link("ru", "Русский"), link("en", "English"))


def language_choice(class_name: str = "") -> rx.Component:
    """The language as a setting, for the profile: links, so that the page comes anew in the other language."""

    def link(language: str, name: str, current: rx.Var[bool]) -> rx.Component:
        return kit.anchor(
            name,
            href=f"?lang={language}",
            lang=language,
            href_lang=language,
            data_lang=language,
            aria_current=rx.cond(current, "page", "false"),
            class_name=recipes.SEGMENT_LINK_IN_CARD,
        )

    return rx.el.nav(
        rx.el.p(t("Язык"), class_name="text-sm font-semibold"),
        rx.el.div(
            link("ru", "Русский", ~IS_ENGLISH),
            link("en", "English", IS_ENGLISH),
            class_name=f"mt-2 {recipes.SEGMENTS}",
        ),
        aria_label=t("Язык"),
        class_name=class_name,
    )


def number_tabs(here: str) -> rx.Component:
    """The tariff, services and packages as tabs at the top of each of their pages; `here` as in `frame`."""
    return rx.el.nav(
        *(
            kit.page_link(
                t(section.title), to=section.to, class_name=recipes.SEGMENT_LINK, **_current(section.to == here)
            )
            for section in _NUMBER
        ),
        aria_label=t("Связь"),
        class_name=f"{recipes.SEGMENTS} mb-5 dark:bg-surface lg:hidden",
    )


def theme_choice(class_name: str = "") -> rx.Component:
    """Light, dark or as the system; kept by the browser and applied before the first paint."""
    raw: rx.Var[str] = rx.Var("rawColorMode", _var_type=str, _var_data=color_mode._get_all_var_data())
    return kit.segmented_choice(
        t("Тема"),
        "theme",
        [
            (t("Светлая"), "sun", raw == "light", set_color_mode("light")),
            (t("Тёмная"), "moon", raw == "dark", set_color_mode("dark")),
            (t("Авто"), "monitor", raw == "system", set_color_mode("system")),
        ],
        class_name,
    )


def skip_link() -> rx.Component:
    """The first thing to tab to: past the navigation."""
    return kit.anchor(
        t("К содержанию"),
        href="#main",
        class_name="sr-only focus:not-sr-only focus:absolute focus:top-4 focus:left-4 focus:z-50 focus:rounded-md "
        "focus:bg-surface focus:px-4 focus:py-3 focus:font-semibold",
    )


def _rail(here: str, of: type[PageState]) -> rx.Component:
    groups: list[rx.Component] = []
    for heading, sections in RAIL:
        groups.append(rx.el.p(t(heading), class_name="px-3 pt-5 pb-1.5 text-xs font-semibold text-muted"))
        groups.append(rx.el.ul(*(rx.el.li(_section_link(section, here, _RAIL_LINK)) for section in sections)))
    return rx.el.aside(
        kit.page_link(
            brand_mark(),
            settings().brand_name,
            to="/",
            class_name="flex min-h-11 items-center gap-3 px-3 text-lg font-bold",
        ),
        rx.el.nav(*groups, aria_label=t("Разделы")),
        kit.page_link(
            _avatar(of.initial),
            rx.el.span(
                rx.el.span(t("Профиль"), class_name="sr-only"),
                rx.el.span(of.name, class_name="block text-sm font-semibold"),
                rx.el.span(of.number, class_name="block text-xs whitespace-nowrap text-muted"),
                class_name="leading-tight",
            ),
            to="/profile/",
            class_name="mt-auto flex min-h-14 items-center gap-3 rounded-md px-3 hover:bg-sunken "
            "aria-[current=page]:bg-brand-soft",
            **_current(here == "/profile/"),
        ),
        class_name="sticky top-0 hidden h-dvh flex-col overflow-y-auto py-5 lg:flex",
    )


def _header(here: str, title: Text, of: type[PageState], back: str) -> rx.Component:
    if here == "/":
        heading = [
            rx.el.p(
                rx.el.span(t("Мой номер"), class_name="block text-xs text-muted"),
                rx.el.span(of.number, class_name="block min-h-6 font-semibold"),
                class_name="min-w-0 flex-1 leading-tight",
            ),
            rx.el.h1(_words(title), class_name="sr-only"),
        ]
    else:
        heading = [rx.el.h1(_words(title), class_name="min-w-0 flex-1 text-lg font-bold lg:text-2xl")]
    return rx.el.header(
        rx.el.div(
            _back(back) if back else rx.el.span(brand_mark(), class_name="lg:hidden"),
            *heading,
            _bell(),
            kit.page_link(
                _avatar(of.initial),
                to="/profile/",
                aria_label=rx.Var.create(f"{t('Профиль')}: {of.name}"),
                class_name="inline-flex size-11 items-center justify-center rounded-full",
            ),
            class_name="mx-auto flex min-h-16 max-w-[40rem] items-center gap-3 lg:h-20 lg:max-w-none",
        ),
        class_name="sticky top-0 z-10 border-b border-transparent bg-bg/95 px-4 lg:static lg:px-0",
    )


def _bell() -> rx.Component:
    """A dot where something is unread; how much of it, its name says."""
    return kit.page_link(
        kit.icon("bell", "size-6"),
        rx.cond(
            BellState.unread,
            rx.el.span(class_name="absolute top-2 right-2.5 size-2.5 rounded-full border-2 border-bg bg-brand"),
            rx.fragment(),
        ),
        to="/notices/",
        aria_label=rx.cond(BellState.unread, BellState.unread, t("Уведомления")),
        title=BellState.unread,
        class_name=f"{recipes.ICON_BUTTON} relative -mr-1",
    )


def _words(title: Text) -> Text:
    """A title that comes with the state is in words already."""
    return t(title) if isinstance(title, str) else title


def _back(to: str) -> rx.Component:
    return kit.page_link(
        kit.icon("arrow_left", "size-6"), to=to, aria_label=t("Назад"), class_name=f"{recipes.ICON_BUTTON} -ml-2.5"
    )


def _bar(here: str) -> rx.Component:
    if here in [section.to for section in _NUMBER]:
        here = _NUMBER[0].to
    return rx.el.nav(
        rx.el.ul(
            *(
                rx.el.li(_section_link(section, here, _BAR_LINK, icon_size="size-6"), class_name="flex-1")
                for section in BAR
            ),
            class_name="mx-auto flex max-w-[40rem]",
        ),
        aria_label=t("Основное меню"),
        class_name="fixed inset-x-0 bottom-0 z-20 border-t border-line bg-surface pb-[env(safe-area-inset-bottom)] "
        "lg:hidden",
    )


def _section_link(section: Section, here: str, class_name: str, icon_size: str = "size-5") -> rx.Component:
    return kit.page_link(
        kit.icon(section.icon, icon_size),
        t(section.title),
        to=section.to,
        class_name=class_name,
        **_current(section.to == here),
    )


def _avatar(initial: Text) -> rx.Component:
    return rx.el.span(
        initial,
        aria_hidden="true",
        class_name="flex size-9 shrink-0 items-center justify-center rounded-full bg-ink text-sm font-semibold text-bg",
    )


def _current(is_current: bool) -> dict[str, str]:
    return {"aria_current": "page"} if is_current else {}
